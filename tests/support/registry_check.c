/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/registry_check.h"

#include "tests/support/cmocka_all.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "tests/support/git/bare_repository.h"
#include "tests/support/shell.h"

char *registry_snapshot(struct server *server) {
    return shell_output(&server->arena,
                        "cd '%s' && git -C " REGISTRY_REPO " for-each-ref && git -C " INDEX_REPO " for-each-ref && "
                        "mkdir -p storage && find storage -type f -exec sha256sum {} + | sort",
                        server->folder);
}

static const char *repository_path(struct server *server, const char *repo) {
    return arena_format(&server->arena, "%s/%s", server->folder, repo);
}

char *registry_file(struct server *server, const char *repo, const char *path) {
    return bare_repository_read(repository_path(server, repo), path, &server->arena);
}

static json_t *parse(const char *bytes, size_t length, const char *what) {
    json_t *json = bytes == NULL ? NULL : json_loadb(bytes, length, JSON_REJECT_DUPLICATES, NULL);
    if (json == NULL) fail_msg("no JSON in %s: %s", what, bytes == NULL ? "it is not there" : bytes);
    return json;
}

static json_t *read_metadata(struct server *server, const char *path) {
    const char *bytes = registry_file(server, REGISTRY_REPO, path);
    return parse(bytes, bytes == NULL ? 0 : strlen(bytes), path);
}

json_t *registry_published(struct server *server, const char *name, const char *version) {
    json_t *metadata = read_metadata(server, arena_format(&server->arena, "metadata/%s.json", name));
    json_t *entry = json_object_get(json_object_get(metadata, "published"), version);
    if (entry == NULL) fail_msg("%s@%s is not published", name, version);
    json_incref(entry);
    json_decref(metadata);
    return entry;
}

void registry_write(struct server *server, const char *repo, const char *path, const char *content) {
    bare_repository_write(repository_path(server, repo), path, content, "someone");
}

/* ---- Agreement: three sorted lists of NAME@VERSION ---- */

static int compare_lines(const void *left, const void *right) {
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* The lines of a text in order, each with its line break. Releases the text. */
static const char *sorted(struct server *server, struct text *lines) {
    size_t count = 0;
    char **list = memory_alloc((lines->length + 1) * sizeof *list), *text = arena_copy(&server->arena, text_view(lines));
    for (char *rest = NULL, *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
        list[count++] = line;
    qsort(list, count, sizeof *list, compare_lines);
    struct text out = {0};
    for (size_t i = 0; i < count; i++)
        text_append_format(&out, "%s\n", list[i]);
    const char *copy = arena_copy(&server->arena, text_view(&out));
    text_release(&out);
    text_release(lines);
    free(list);
    return copy;
}

static void check_tarball(struct server *server, const char *name, const char *version, const json_t *entry) {
    char hash[SHA256_SRI_MAX];
    int64_t size_bytes = 0;
    struct error err;
    char *path = arena_format(&server->arena, "%s/storage/%s/%s.tar.gz", server->folder, name, version);
    if (hash_sha256_sri_file(path, hash, &size_bytes, &err) != STATUS_OK) fail_msg("%s", err.message);
    assert_string_equal(hash, server_job_text(entry, "hash"));
    assert_int_equal(size_bytes, json_integer_value(json_object_get(entry, "bytes")));
}

static const char *list_metadata(struct server *server) {
    struct text lines = {0};
    char **paths = bare_repository_list(repository_path(server, REGISTRY_REPO), &server->arena);
    for (; *paths != NULL; paths++) {
        if (!text_starts_with(*paths, "metadata/")) continue;
        json_t *metadata = read_metadata(server, *paths);
        char *name = arena_copy(&server->arena, *paths + strlen("metadata/"));
        name[strlen(name) - strlen(".json")] = '\0';
        const char *version;
        const json_t *entry;
        json_object_foreach(json_object_get(metadata, "published"), version, entry) {
            text_append_format(&lines, "%s@%s\n", name, version);
            check_tarball(server, name, version, entry);
        }
        json_decref(metadata);
    }
    return sorted(server, &lines);
}

static const char *list_index(struct server *server) {
    struct text lines = {0};
    char **paths = bare_repository_list(repository_path(server, INDEX_REPO), &server->arena);
    for (; *paths != NULL; paths++) {
        if (strcmp(*paths, "README.md") == 0 || strcmp(*paths, "config.json") == 0) continue;
        char *rest = NULL, *manifests = registry_file(server, INDEX_REPO, *paths);
        for (char *line = strtok_r(manifests, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
            json_t *manifest = parse(line, strlen(line), "a line of the index");
            text_append_format(&lines, "%s@%s\n", server_job_text(manifest, "name"), server_job_text(manifest, "version"));
            json_decref(manifest);
        }
    }
    return sorted(server, &lines);
}

static const char *list_storage(struct server *server) {
    return shell_output(&server->arena,
                        "cd '%s' && mkdir -p storage && cd storage && find . -type f | sed -E "
                        "'s,^\\./([a-z0-9-]+)/([0-9.]+)\\.tar\\.gz$,\\1@\\2,' | LC_ALL=C sort",
                        server->folder);
}

void registry_expect_consistency(struct server *server) {
    /* A commit that is pushed while fsck reads (a build's compiler, say) can look like one whose parent is missing. Real damage
     * is found every time. */
    shell_run("cd '%s' && check() { git -C " REGISTRY_REPO " fsck --strict && git -C " INDEX_REPO " fsck --strict; } && "
              "{ check || { sleep 1; check; } || { sleep 3; check; }; } 2>&1",
              server->folder);
    const char *metadata = list_metadata(server);
    assert_string_equal(list_index(server), metadata);
    assert_string_equal(list_storage(server), metadata);
    const char *left_behind =
        shell_output(&server->arena, "cd '%s' && find " REGISTRY_REPO " " INDEX_REPO " -name '*.lock' -o -name 'pack_git2_*'",
                     server->folder);
    assert_string_equal(left_behind, "");
}

/* ---- Commits ---- */

#define UUID_PATTERN "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"

/* Checks each commit but the first, `subject` being a pattern without groups; returns `SUBJECT` lines and `ID` lines, sorted.
 */
static void check_commits(struct server *server, const char *repo, const char *subject, const char **subjects,
                          const char **ids) {
    const char *by = "pacchettibotti <pacchettibotti@purescript.org>";
    char *pattern = arena_format(&server->arena, "^\n?%s\n%s\n(%s)\n\nJob ID: (" UUID_PATTERN ")\n$", by, by, subject);
    char *log = shell_output(&server->arena,
                             "cd '%s/%s' && git log --format='%%an <%%ae>%%n%%cn <%%ce>%%n%%B%%x1e' "
                             "$(git rev-list --max-parents=0 HEAD)..HEAD",
                             server->folder, repo);
    regex_t expression;
    assert_int_equal(regcomp(&expression, pattern, REG_EXTENDED), 0);
    struct text subject_lines = {0}, id_lines = {0};
    for (char *rest = NULL, *commit = strtok_r(log, "\x1e", &rest); commit != NULL; commit = strtok_r(NULL, "\x1e", &rest)) {
        regmatch_t found[3];
        if (strcmp(commit, "\n") == 0) break; /* after the last one */
        if (regexec(&expression, commit, 3, found, 0) != 0)
            fail_msg("%s: a commit that is not as it should be:\n%s", repo, commit);
        text_append_format(&subject_lines, "%.*s\n", (int)(found[1].rm_eo - found[1].rm_so), commit + found[1].rm_so);
        text_append_format(&id_lines, "%.*s\n", (int)(found[2].rm_eo - found[2].rm_so), commit + found[2].rm_so);
    }
    regfree(&expression);
    *subjects = sorted(server, &subject_lines);
    *ids = sorted(server, &id_lines);
}

void registry_expect_one_commit_each(struct server *server) {
    const char *metadata_subjects, *metadata_ids, *index_subjects, *index_ids;
    check_commits(server, REGISTRY_REPO, "Update metadata for [a-z0-9-]+", &metadata_subjects, &metadata_ids);
    check_commits(server, INDEX_REPO, "Update manifest for [a-z0-9-]+@[0-9.]+", &index_subjects, &index_ids);
    assert_string_equal(index_ids, metadata_ids);
    char *path = arena_format(&server->arena, "%s/list-ids", server->folder);
    write_file(path, index_ids);
    assert_string_equal(shell_output(&server->arena, "uniq -d '%s'; rm '%s'", path, path), "");

    struct text expected_index = {0}, expected_metadata = {0};
    char *published = arena_copy(&server->arena, list_metadata(server));
    for (char *rest = NULL, *line = strtok_r(published, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        text_append_format(&expected_index, "Update manifest for %s\n", line);
        text_append_format(&expected_metadata, "Update metadata for %.*s\n", (int)strcspn(line, "@"), line);
    }
    assert_string_equal(index_subjects, sorted(server, &expected_index));
    assert_string_equal(metadata_subjects, sorted(server, &expected_metadata));
}
