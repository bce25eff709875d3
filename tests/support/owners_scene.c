/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/owners_scene.h"

#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "tests/support/registry_check.h"
#include "tests/support/shell.h"

enum { SETTINGS_MAX = 16 };

void owners_scene_start(struct owners_scene *scene, const struct server_options *options) {
    *scene = (struct owners_scene){.folder = "/tmp/registry-owners-XXXXXX"};
    assert_non_null(mkdtemp(scene->folder));
    static const char ed25519[] = "-t ed25519";
    scene->owner = owner_key_make(&scene->arena, scene->folder, "owner", ed25519, "me@example.org");
    scene->stranger = owner_key_make(&scene->arena, scene->folder, "stranger", ed25519, "pacchettibotti");
    scene->pacchettibotti = owner_key_make(&scene->arena, scene->folder, "bot", ed25519, "pacchettibotti@purescript.org");
    const char *all[SETTINGS_MAX] = {0};
    size_t count = 0;
    for (; options->settings != NULL && options->settings[count] != NULL; count++) {
        assert_true(count + 3 < SETTINGS_MAX);
        all[count] = options->settings[count];
    }
    const char *encoded = shell_output(&scene->arena, "base64 -w0 '%s.pub'", scene->pacchettibotti.path);
    all[count++] = arena_format(&scene->arena, "PACCHETTIBOTTI_ED25519_PUB=%s", encoded);
    encoded = shell_output(&scene->arena, "base64 -w0 '%s'", scene->pacchettibotti.path);
    all[count] = arena_format(&scene->arena, "PACCHETTIBOTTI_ED25519=%s", encoded);
    struct server_options with_key = *options;
    with_key.settings = all;
    scene->server = server_start(&with_key);
}

void owners_scene_stop(struct owners_scene *scene) {
    server_stop(scene->server);
    shell_run("rm -rf '%s'", scene->folder);
    arena_release(&scene->arena);
}

int owners_scene_tear_down(void **state) {
    owners_scene_stop(*state);
    return 0;
}

const char *owners_of(struct owners_scene *scene, const struct owner_key_pair *key) {
    return arena_format(&scene->arena, "[%s]", key->json);
}

void owners_scene_publish(struct owners_scene *scene, const char *name, const char *version, const char *owners) {
    const struct package package = {.name = name, .version = version, .owners = owners};
    server_expect_published(scene->server, &package);
}

const char *unpublish_payload(struct owners_scene *scene, const char *name, const char *version) {
    return arena_format(&scene->server->arena, "{\"name\":\"%s\",\"version\":\"%s\",\"reason\":\"It was not \\\"done\\\".\"}",
                        name, version);
}

const char *transfer_payload(struct owners_scene *scene, const char *name, const char *repository) {
    const char *slash = strchr(repository, '/');
    return arena_format(&scene->server->arena,
                        "{\"name\":\"%s\",\"newLocation\":{\"githubOwner\":\"%.*s\",\"githubRepo\":\"%s\"}}", name,
                        (int)(slash - repository), repository, slash + 1);
}

struct server_accepted owners_scene_send(struct owners_scene *scene, const char *route, const char *payload,
                                         const struct owner_key_pair *key) {
    struct arena *arena = &scene->server->arena;
    return server_post(scene->server, route, signed_request_body(arena, payload, owner_key_sign(arena, key, payload)));
}

const char *owners_scene_expect_done(struct owners_scene *scene, const char *route, const char *payload,
                                     const struct owner_key_pair *key) {
    struct server_accepted accepted = owners_scene_send(scene, route, payload, key);
    assert_true(accepted.created);
    server_expect_success(scene->server, accepted.id);
    return accepted.id;
}

const char *owners_scene_expect_refused(struct owners_scene *scene, const char *route, const char *payload,
                                        const char *signature, const char *const *words) {
    struct server *server = scene->server;
    char *before = registry_snapshot(server);
    struct server_accepted accepted = server_post(server, route, signed_request_body(&server->arena, payload, signature));
    assert_true(accepted.created);
    json_t *job = server_wait_for_job(server, accepted.id);
    const char *sentence = server_last_error(server, job);
    for (; *words != NULL; words++)
        if (strstr(sentence, *words) == NULL) fail_msg("there is no \"%s\" in: %s", *words, sentence);
    json_decref(job);
    assert_string_equal(registry_snapshot(server), before);
    return accepted.id;
}

json_t *owners_scene_metadata(struct owners_scene *scene, const char *name) {
    const char *path = arena_format(&scene->server->arena, "metadata/%s.json", name);
    const char *bytes = registry_file(scene->server, REGISTRY_REPO, path);
    json_t *metadata = bytes == NULL ? NULL : json_loads(bytes, 0, NULL);
    if (metadata == NULL) fail_msg("no JSON in %s: %s", path, bytes);
    return metadata;
}

void owners_scene_write_metadata(struct owners_scene *scene, const char *name, const json_t *metadata) {
    char *text = json_dumps(metadata, JSON_INDENT(2));
    registry_write(scene->server, REGISTRY_REPO, arena_format(&scene->server->arena, "metadata/%s.json", name),
                   arena_format(&scene->server->arena, "%s\n", text));
    free(text);
}

void owners_scene_backdate(struct owners_scene *scene, const char *name, const char *version, int64_t published_ms) {
    json_t *metadata = owners_scene_metadata(scene, name);
    char time[TIME_TEXT_MAX];
    time_print(published_ms, time);
    json_t *entry = json_object_get(json_object_get(metadata, "published"), version);
    assert_int_equal(json_object_set_new(entry, "publishedTime", json_string(time)), 0);
    owners_scene_write_metadata(scene, name, metadata);
    json_decref(metadata);
}

void owners_scene_set_readonly(struct owners_scene *scene, enum server_program program, bool is_readonly) {
    const char **place = scene->server->environments[program];
    while (*place != NULL && strcmp(*place, "READONLY=true") != 0)
        place++;
    server_terminate(scene->server, program);
    *place = is_readonly ? "READONLY=true" : NULL; /* it is the last one */
    server_start_program(scene->server, program);
}
