/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/text.h"
#include "lib/domain/registry/metadata.h"

#define HASH "sha256-7lCHYwunVwzixcL1tXZY566HDucncD9bkDiDuxA0YPs="
#define TIME "\"2017-03-25T22:32:31.000Z\""
#define LOCATION "\"location\":{\"githubOwner\":\"o\",\"githubRepo\":\"r\"}"
#define ENTRY(compilers)                                                                                                       \
    "{\"bytes\":7,\"compilers\":[" compilers "],\"hash\":\"" HASH "\",\"publishedTime\":" TIME ",\"ref\":\"\"}"
#define GONE "{\"publishedTime\":" TIME ",\"reason\":\"broken\",\"unpublishedTime\":" TIME "}"

static struct arena arena;

static int release_arena(void **state) {
    (void)state;
    arena_release(&arena);
    return 0;
}

static struct metadata parsed(const char *text) {
    struct metadata metadata;
    struct error err = {0};
    if (metadata_parse(&metadata, text, strlen(text), &arena, &err)) fail_msg("%s: %s", err.path, err.message);
    return metadata;
}

static void assert_prints(const struct metadata *metadata, const char *expected) {
    struct text text = {0};
    metadata_append_file(&text, metadata);
    assert_string_equal(text_view(&text), expected);
    text_release(&text);
}

static const char full_file[] = "{\n"
                                "  \"aboutAll\": [\n"
                                "    {\n"
                                "      \"new\": true\n"
                                "    }\n"
                                "  ],\n"
                                "  \"location\": {\n"
                                "    \"githubOwner\": \"o\",\n"
                                "    \"githubRepo\": \"r\"\n"
                                "  },\n"
                                "  \"owners\": [\n"
                                "    {\n"
                                "      \"id\": \"me\",\n"
                                "      \"keytype\": \"k\",\n"
                                "      \"public\": \"p\"\n"
                                "    }\n"
                                "  ],\n"
                                "  \"published\": {\n"
                                "    \"1.0.0\": {\n"
                                "      \"bytes\": 7,\n"
                                "      \"compilers\": [\n"
                                "        \"0.14.9\",\n"
                                "        \"0.15.10\"\n"
                                "      ],\n"
                                "      \"hash\": \"" HASH "\",\n"
                                "      \"publishedTime\": \"2017-03-25T22:32:31.000Z\"\n"
                                "    },\n"
                                "    \"1.0.1\": {\n"
                                "      \"bytes\": 7,\n"
                                "      \"checked\": {},\n"
                                "      \"compilers\": [\n"
                                "        \"0.15.10\"\n"
                                "      ],\n"
                                "      \"hash\": \"" HASH "\",\n"
                                "      \"publishedTime\": \"2017-03-25T22:32:31.120Z\",\n"
                                "      \"ref\": \"v1.0.1\",\n"
                                "      \"revision\": 2,\n"
                                "      \"zeal\": [\n"
                                "        \"a\"\n"
                                "      ]\n"
                                "    }\n"
                                "  },\n"
                                "  \"unpublished\": {\n"
                                "    \"0.9.0\": {\n"
                                "      \"by\": \"me\",\n"
                                "      \"publishedTime\": \"2017-03-25T22:32:31.000Z\",\n"
                                "      \"reason\": \"broken\",\n"
                                "      \"unpublishedTime\": \"2017-03-26T22:32:31.000Z\"\n"
                                "    }\n"
                                "  }\n"
                                "}\n";

/* `ref` kept or left out as read, a revision, and unknown fields, in each kind of object. */
static void a_file_prints_as_it_was_read(void **state) {
    (void)state;
    struct metadata metadata = parsed(full_file);
    assert_int_equal(metadata.published_count, 2);
    assert_null(metadata.published[0].ref);
    assert_int_equal(metadata.published[1].revision, 2);
    assert_int_equal(metadata.unpublished_count, 1);
    assert_prints(&metadata, full_file);
}

static void times_of_old_files_get_three_digits(void **state) {
    (void)state;
    static const char *const times[][2] = {
        {"2017-03-25T22:32:31Z", "2017-03-25T22:32:31.000Z"},
        {"2017-03-25T22:32:31.1Z", "2017-03-25T22:32:31.100Z"},
        {"2017-03-25T22:32:31.12Z", "2017-03-25T22:32:31.120Z"},
    };
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        const char *source =
            arena_format(&arena,
                         "{" LOCATION ",\"published\":{\"1.0.0\":{\"bytes\":7,\"compilers\":[\"0.15.0\"],\"hash\":\"" HASH
                         "\",\"publishedTime\":\"%s\"}},\"unpublished\":{}}",
                         times[i][0]);
        struct metadata metadata = parsed(source);
        struct text text = {0};
        metadata_append_file(&text, &metadata);
        assert_non_null(strstr(text_view(&text), times[i][1]));
        text_release(&text);
    }
}

static void versions_and_compilers_come_sorted_and_once(void **state) {
    (void)state;
    struct metadata metadata = parsed("{" LOCATION ",\"published\":{\"10.0.0\":" ENTRY(
        "\"0.15.10\",\"0.15.2\",\"0.15.10\"") ",\"9.0.0\":" ENTRY("\"0.15.0\"") "},\"unpublished\":{}}");
    assert_int_equal(metadata.published[0].version.major, 9);
    const struct published_version *ten = metadata_find_published(&metadata, (struct version){10, 0, 0});
    assert_int_equal(ten->compiler_count, 2);
    assert_int_equal(ten->compilers[0].patch, 2);
}

static void a_version_has_the_compilers_that_are_listed_for_it(void **state) {
    (void)state;
    const struct metadata metadata = parsed(
        "{" LOCATION ",\"published\":{\"1.0.0\":" ENTRY("\"0.15.2\",\"0.15.10\"") "},\"unpublished\":{\"2.0.0\":" GONE "}}");
    const struct version one = {1, 0, 0}, two = {2, 0, 0}, compiler = {0, 15, 10};
    assert_true(metadata_has_compiler(&metadata, one, compiler));
    assert_false(metadata_has_compiler(&metadata, one, (struct version){0, 15, 3}));
    assert_false(metadata_has_compiler(&metadata, two, compiler));
    assert_false(metadata_has_compiler(NULL, one, compiler));
}

static void a_bad_field_is_named_by_its_path(void **state) {
    (void)state;
    static const struct {
        const char *text, *path;
    } rows[] = {
        {"[]", ""},
        {"{}", "location"},
        {"{" LOCATION "}", "published"},
        {"{" LOCATION ",\"published\":{}}", "unpublished"},
        {"{" LOCATION ",\"owners\":[],\"published\":{},\"unpublished\":{}}", "owners"},
        {"{" LOCATION ",\"published\":{\"1.0\":" ENTRY("\"0.15.0\"") "},\"unpublished\":{}}", "published"},
        {"{" LOCATION ",\"published\":{\"1.0.0\":{}},\"unpublished\":{}}", "published.1.0.0.bytes"},
        {"{" LOCATION ",\"published\":{\"1.0.0\":{\"bytes\":-1}},\"unpublished\":{}}", "published.1.0.0.bytes"},
        {"{" LOCATION ",\"published\":{\"1.0.0\":" ENTRY("") "},\"unpublished\":{}}", "published.1.0.0.compilers"},
        {"{" LOCATION ",\"published\":{\"1.0.0\":" ENTRY("7") "},\"unpublished\":{}}", "published.1.0.0.compilers"},
        {"{" LOCATION
         ",\"published\":{\"1.0.0\":{\"bytes\":1,\"compilers\":[\"0.15.0\"],\"hash\":\"md5-x\"}},\"unpublished\":{}}",
         "published.1.0.0.hash"},
        {"{" LOCATION ",\"published\":{\"1.0.0\":" ENTRY("\"0.15.0\"") "},\"unpublished\":{\"1.0.0\":" GONE "}}",
         "unpublished"},
        {"{" LOCATION ",\"published\":{},\"unpublished\":{\"1.0.0\":{\"publishedTime\":\"now\"}}}",
         "unpublished.1.0.0.publishedTime"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct metadata metadata;
        struct error err = {0};
        assert_int_equal(metadata_parse(&metadata, rows[i].text, strlen(rows[i].text), &arena, &err), STATUS_INVALID);
        assert_string_equal(err.path, rows[i].path);
    }
}

static struct published_version new_version(struct version version) {
    static struct version compilers[] = {{0, 15, 15}};
    return (struct published_version){
        .version = version, .size_bytes = 7, .compilers = compilers, .compiler_count = 1, .hash = HASH, .ref = ""};
}

static void versions_are_added_in_order_and_only_once(void **state) {
    (void)state;
    struct metadata metadata = {.location = {LOCATION_GITHUB, "o", "r", NULL, NULL}};
    static const uint32_t majors[] = {5, 1, 9, 3};
    for (size_t i = 0; i < sizeof majors / sizeof *majors; i++) {
        struct published_version version = new_version((struct version){majors[i], 0, 0});
        assert_int_equal(metadata_add_published(&metadata, &version, &arena, NULL), STATUS_OK);
        assert_int_equal(metadata_add_published(&metadata, &version, &arena, NULL), STATUS_REFUSED);
    }
    assert_int_equal(metadata.published_count, 4);
    for (size_t i = 1; i < metadata.published_count; i++)
        assert_true(version_compare(metadata.published[i - 1].version, metadata.published[i].version) < 0);
}

static void a_compiler_is_added_in_order_and_once(void **state) {
    (void)state;
    struct metadata metadata = {.location = {LOCATION_GITHUB, "o", "r", NULL, NULL}};
    struct version version = {1, 0, 0};
    struct published_version entry = new_version(version);
    assert_int_equal(metadata_add_published(&metadata, &entry, &arena, NULL), STATUS_OK);
    static const uint32_t patches[] = {10, 2, 15, 10, 16};
    for (size_t i = 0; i < sizeof patches / sizeof *patches; i++)
        assert_int_equal(metadata_add_compiler(&metadata, version, (struct version){0, 15, patches[i]}, &arena, NULL),
                         STATUS_OK);
    const struct published_version *found = metadata_find_published(&metadata, version);
    static const uint32_t expected[] = {2, 10, 15, 16};
    assert_int_equal(found->compiler_count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(found->compilers[i].patch, expected[i]);
    assert_int_equal(metadata_add_compiler(&metadata, (struct version){2, 0, 0}, version, &arena, NULL), STATUS_NOT_FOUND);
}

static void unpublishing_moves_a_version_for_good(void **state) {
    (void)state;
    struct metadata metadata = parsed("{" LOCATION ",\"published\":{\"1.0.0\":" ENTRY("\"0.15.0\"") ",\"2.0.0\":" ENTRY(
        "\"0.15.0\"") "},\"unpublished\":{}}");
    struct version version = {1, 0, 0};
    struct error err = {0};
    int64_t published_ms = metadata.published[0].published_ms;
    assert_int_equal(metadata_unpublish(&metadata, version, "broken", published_ms + 5, &arena, NULL), STATUS_OK);
    assert_null(metadata_find_published(&metadata, version));
    assert_int_equal(metadata.published_count, 1);
    assert_int_equal(metadata_find_unpublished(&metadata, version)->published_ms, published_ms);
    assert_int_equal(metadata_find_unpublished(&metadata, version)->unpublished_ms, published_ms + 5);
    assert_int_equal(metadata_unpublish(&metadata, version, "again", 1, &arena, &err), STATUS_REFUSED);
    assert_int_equal(metadata_unpublish(&metadata, (struct version){3, 0, 0}, "none", 1, &arena, &err), STATUS_NOT_FOUND);
    struct published_version entry = new_version(version);
    assert_int_equal(metadata_add_published(&metadata, &entry, &arena, &err), STATUS_REFUSED);
}

static void a_package_with_no_versions_prints_empty_maps(void **state) {
    (void)state;
    struct metadata metadata = {.location = {LOCATION_GIT, NULL, NULL, "https://a.b/c.git", NULL}};
    assert_prints(&metadata, "{\n  \"location\": {\n    \"gitUrl\": \"https://a.b/c.git\"\n  },\n  \"published\": {},\n"
                             "  \"unpublished\": {}\n}\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_prints_as_it_was_read),
        cmocka_unit_test(times_of_old_files_get_three_digits),
        cmocka_unit_test(versions_and_compilers_come_sorted_and_once),
        cmocka_unit_test(a_version_has_the_compilers_that_are_listed_for_it),
        cmocka_unit_test(a_bad_field_is_named_by_its_path),
        cmocka_unit_test(versions_are_added_in_order_and_only_once),
        cmocka_unit_test(a_compiler_is_added_in_order_and_once),
        cmocka_unit_test(unpublishing_moves_a_version_for_good),
        cmocka_unit_test(a_package_with_no_versions_prints_empty_maps),
    };
    return cmocka_run_group_tests(tests, NULL, release_arena);
}
