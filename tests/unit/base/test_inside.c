/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include "lib/base/inside.h"
#include "lib/base/text.h"

static int keep_places(void **state) {
    (void)state;
    inside_keep("STATE_DIR", "/srv/registry/", true);
    inside_keep("WORK_DIR", "/srv/registry/work", true);
    inside_keep("MATRIX_DIR", "var/matrix", true);
    inside_keep("SHORT", "var", true);
    inside_keep("REDIS_URL", "redis://me:pass@10.1.2.3:6380/1", false);
    inside_keep("PUBLISH_ADDRESS", "ipc:///srv/registry/publish.ipc", false);
    inside_keep("TRANSFER_ADDRESS", "tcp://transfer:9102", false);
    inside_keep("BUILD_MATRIX_ADDRESS", "tcp://matrix", false);
    inside_keep("GITHUB_GIT_URL", "file:///srv/mirror", false);
    inside_keep("BUILD_DOWNLOAD_URL", "http://gateway:9000", false);
    inside_keep("S3_API_URL", "http://me:word@cache:8080/tarballs", false);
    inside_keep("SERVICE_ADDRESS", "tls+tcp://worker:9103", false);
    inside_keep("OTHER_URL", "redis://:se/cret@store:6381", false);
    inside_keep("GITHUB_API_URL", "https://10.0.0.1:8443", false);
    inside_keep("REGISTRY_REPO", "https://github.com/purescript/registry.git", false);
    inside_keep("S3_BUCKET", "purescript-registry", false);
    inside_keep("HEALTHCHECKS_URL", NULL, false);
    return 0;
}

static void places_are_shown_by_the_names_of_their_settings(void **state) {
    (void)state;
    static const struct {
        const char *text, *shown;
    } rows[] = {
        {"cannot create the folder /srv/registry/work/runs/1: No space left on device",
         "cannot create the folder [WORK_DIR]/runs/1: No space left on device"},
        {"/srv/registry/storage cannot be written to.", "[STATE_DIR]/storage cannot be written to."},
        {"It is in /srv/registry.", "It is in [STATE_DIR]."},
        {"\"/srv/registry/work\" and '/srv/registry/work'", "\"[WORK_DIR]\" and '[WORK_DIR]'"},
        {"Redis at 10.1.2.3:6380 is away: Connection refused", "Redis at [REDIS_URL] is away: Connection refused"},
        {"redis://me:pass@10.1.2.3:6380/1", "[REDIS_URL]"},
        {"ipc:///srv/registry/publish.ipc does not answer", "[PUBLISH_ADDRESS] does not answer"},
        {"tcp://transfer:9102 (transfer:9102)", "[TRANSFER_ADDRESS] ([TRANSFER_ADDRESS])"},
        {"There is no tag in file:///srv/mirror/o/r.git.", "There is no tag in [GITHUB_GIT_URL]/o/r.git."},
        {"/srv/mirror/o/r.git: not found", "[GITHUB_GIT_URL]/o/r.git: not found"},
        {"http://gateway:9000/a/1.0.0.tar.gz: Failed to connect to gateway port 9000 after 1 ms",
         "[BUILD_DOWNLOAD_URL]/a/1.0.0.tar.gz: Failed to connect to [BUILD_DOWNLOAD_URL] after 1 ms"},
        {"http://me:word@cache:8080/tarballs/a", "[S3_API_URL]/a"},
        {"at me:word@cache:8080", "at [S3_API_URL]"},
        {"tls+tcp://worker:9103 is not worker port 9103", "[SERVICE_ADDRESS] is not [SERVICE_ADDRESS]"},
        {"redis://:se/cret@store:6381 at store:6381", "[OTHER_URL] at [OTHER_URL]"},
        {"var/matrix/clone", "[MATRIX_DIR]/clone"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct text text = {0};
        text_append(&text, rows[i].text);
        inside_blank(&text);
        assert_string_equal(text_view(&text), rows[i].shown);
        text_release(&text);
    }
}

static void similar_texts_stay(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "/srv/registry-2 and /srv/registrywork, my/srv/registry",
        "var x = matrix; transfer; gateway",
        "10.1.2.3:63801",
        "https://github.com/purescript/registry.git",
        "purescript-registry",
        "https://10.0.0.1:8443 and 10.0.0.1:8443",
        "src/srv/registry.purs: http://gateway/",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct text text = {0};
        text_append(&text, texts[i]);
        inside_blank(&text);
        assert_string_equal(text_view(&text), texts[i]);
        text_release(&text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_are_shown_by_the_names_of_their_settings),
        cmocka_unit_test(similar_texts_stay),
    };
    return cmocka_run_group_tests(tests, keep_places, NULL);
}
