/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Publications that are refused, one row for each rule (services/publish/README.md, What is refused), in the order of the
 * checks. Each fails with a sentence that tells the author what to change, as the last line of its log, and leaves no trace in
 * repositories, storage and WORK_DIR. All sentences: tests/flow/.
 */
#include "tests/store/publish/publish_scene.h"

#define LOCATION(repo) "\"location\":{\"githubOwner\":\"flow\",\"githubRepo\":\"" repo "\"}"
#define MORE_LOCATION(repo) "," LOCATION(repo)
#define MANIFEST(name, more)                                                                                                   \
    "{\"name\":\"" name "\",\"version\":\"1.0.0\",\"license\":\"BSD-3-Clause\"," LOCATION("purescript-" name) "," more "}"
#define PLAIN_MANIFEST(name, more) MANIFEST(name, more "\"ref\":\"v1.0.0\",\"dependencies\":{}")
#define GROUND                                                                                                                 \
    {                                                                                                                          \
        { "ground", ">=1.0.0 <2.0.0" }                                                                                         \
    }

struct refused {
    struct package package;
    const char *more; /* fields of a request without location and compiler (short_request()); NULL: the default request */
    const char *words;
    const char *line; /* in an earlier line; NULL: not checked */
    const char *ref;  /* of such a request; NULL: vVERSION */
};

static const struct refused rows[] = {
    /* location */
    {.package = {"unplaced", "1.0.0", .pragma = NULL},
     .more = "",
     .words = "There is no package named unplaced in the registry. To register it, add the"},
    {.package = {"ground", "1.5.0", .pragma = NULL},
     .more = MORE_LOCATION("purescript-elsewhere"),
     .words = "To move a package, request a transfer first."},
    {.package = {"ground", "1.5.0", .pragma = NULL},
     .more = ",\"location\":{\"githubOwner\":\"flow\",\"githubRepo\":\"purescript-ground\",\"subdir\":\"core\"}",
     .words = "is registered at github.com/flow/purescript-ground, but the request has github.com/flow/purescript-ground "
              "(folder core)"},
    {.package = {"intruder", "1.0.0", .pragma = NULL},
     .more = MORE_LOCATION("PureScript-Ground"),
     .words = "belongs to the package ground"},
    {.package = {"intruder", "1.0.0", .pragma = NULL},
     .more = ",\"location\":{\"gitUrl\":\"https://github.com/FLOW/purescript-ground.git\"}",
     .words = "belongs to the package ground"},
    {.package = {"metadata", "1.0.0", .pragma = NULL},
     .words = "The name \"metadata\" is reserved and can never be published."},

    /* source */
    {.package = {"refless", "1.0.0", .pragma = NULL},
     .more = MORE_LOCATION("purescript-refless"),
     .words = "named 'v9.9.9'",
     .ref = "v9.9.9"},
    {.package = {"refless", "1.0.0", .pragma = NULL},
     .more = MORE_LOCATION("purescript-refless"),
     .words = "looks like a commit id",
     .ref = "0123456789012345678901234567890123456789"},
    {.package = {"refless", "1.0.0", .pragma = NULL},
     .more = ",\"location\":{\"githubOwner\":\"flow\",\"githubRepo\":\"purescript-refless\",\"subdir\":\"not-there\"}",
     .words = "There is no folder 'not-there' in the repository."},
    {.package = {"homeless", "1.0.0", .pragma = NULL},
     .more = MORE_LOCATION("purescript-nothing-here"),
     .words = "purescript-nothing-here"},
    {.package = {"srcless", "1.0.0", .files = {{"src/Main.purs", NULL}}},
     .words = "The package has no .purs file in its folder src/."},

    /* manifest */
    {.package = {"bare", "1.0.0", .files = {{"purs.json", NULL}}}, .words = "purs.json"},
    {.package = {"dhall", "1.0.0", .files = {{"purs.json", NULL}, {"spago.dhall", "{=}"}}}, .words = "spago.dhall"},
    {.package = {"named", "1.0.0", .files = {{"purs.json", PLAIN_MANIFEST("other", "")}}}, .words = "\"other\""},
    {.package = {"younger", "1.1.0", .files = {{"purs.json", PLAIN_MANIFEST("younger", "")}}}, .words = "1.0.0"},
    {.package = {"loose", "1.0.0",
                 .files = {{"purs.json", MANIFEST("loose", "\"ref\":\"v1.0.0\",\"dependencies\":{\"ground\":\"1.0.0\"}")}}},
     .words = "1.0.0"},
    {.package = {"tagged", "1.0.0", .files = {{"purs.json", MANIFEST("tagged", "\"ref\":\"v0.9.0\",\"dependencies\":{}")}}},
     .words = "v0.9.0"},
    {.package = {"globs", "1.0.0", .files = {{"purs.json", PLAIN_MANIFEST("globs", "\"includeFiles\":[\"+(a|b)\"],")}}},
     .words = "+(a|b)"},

    /* license */
    {.package = {"licensed", "1.0.0", .files = {{"package.json", "{\"license\":\"GPL-3.0-only\"}"}}}, .words = "GPL-3.0-only"},
    {.package = {"licensed", "1.0.0", .files = {{"bower.json", "{\"license\":[\"BSD-3-Clause\",\"MIT\"]}"}}}, .words = "MIT"},

    /* version */
    {.package = {"ground", "1.0.0", .pragma = NULL},
     .more = "",
     .words = "ground@1.0.0 is already published, and a published version cannot be published again."},
    {.package = {"ground", "2.0.0", .pragma = NULL},
     .more = "",
     .words = "ground@2.0.0 was unpublished, and an unpublished version cannot be published again."},
    {.package = {"indexed", "1.0.0", .dependencies = GROUND},
     .words = "already in the index with another manifest, and an entry is never replaced."},

    /* plan */
    {.package = {"hopeful", "1.0.0", .dependencies = {{"not-registered", ">=1.0.0 <2.0.0"}}},
     .words =
         "Could not produce valid dependencies for manifest.\nhopeful@1.0.0 has unsatisfied dependencies: no version in the "
         "registry index fits not-registered >=1.0.0 <2.0.0."},
    {.package = {"ancient", "1.0.0", .pragma = NULL},
     .more = ",\"compiler\":\"0.11.7\"" MORE_LOCATION("purescript-ancient"),
     .words = "0.15.14, 0.15.15."},
    {.package = {"unresolved", "1.0.0", .dependencies = GROUND},
     .more = ",\"resolutions\":{}" MORE_LOCATION("purescript-unresolved"),
     .words =
         "Could not produce valid dependencies for manifest.\nThe resolutions do not fit the manifest:\n  ground is missing"},
    {.package = {"misresolved", "1.0.0", .dependencies = GROUND},
     .more = ",\"resolutions\":{\"ground\":\"1.0.9\"}" MORE_LOCATION("purescript-misresolved"),
     .words = "ground@1.0.9 is not in the registry"},
    {.package = {"ground", "1.5.0", .dependencies = {{"above", ">=1.0.0 <2.0.0"}}},
     .more = "",
     .words =
         "ground@1.5.0 cannot be built with another version of itself, but the plan has ground@1.0.0 (wanted by above@1.0.0)."},
    {.package = {"torn", "1.0.0", .dependencies = {{"above", ">=1.0.0 <2.0.0"}}},
     .more = ",\"compiler\":\"0.15.14\"" MORE_LOCATION("purescript-torn"),
     .words = "Could not produce valid dependencies for manifest.\n"},

    /* modules */
    {.package = {"headless", "1.0.0", .files = {{"src/Main.purs", "this is no module\n"}}},
     .words = "The module header does not parse"},
    {.package = {"mainly", "1.0.0", .files = {{"src/Main.purs", "module Main where\n"}}}, .words = "a module called Main"},
    {.package = {"testing", "1.0.0", .files = {{"src/Test.purs", "module Test.Main where\n"}}},
     .words = "a module called Test.Main"},
    {.package = {"marked", "1.0.0", .files = {{"src/Main.purs", "\xEF\xBB\xBFmodule Marked where\n"}}},
     .words = "byte order mark"},
    {.package = {"folded", "1.0.0", .files = {{"src/Data.purs/Notes.txt", "notes\n"}}}, .words = "src/Data.purs"},
    {.package = {"clashing", "1.0.0", .dependencies = GROUND, .files = {{"src/Main.purs", "module Flow.Ground where\n"}}},
     .words = "ground@1.0.0"},

    /* imports */
    {.package = {"lazy", "1.0.0", .dependencies = GROUND, .files = {{"src/Main.purs", "module Flow.Lazy where\n"}}},
     .words = "that no module imports from (unused): ground"},
    {.package = {"borrowing", "1.0.0", .dependencies = {{"above", ">=1.0.0 <2.0.0"}},
                 .files = {{"src/Main.purs", "module Flow.Borrowing where\n\nimport Flow.Above\nimport Flow.Ground\n"}}},
     .words = "that the manifest does not declare (missing): ground"},

    /* compiler */
    {.package = {"broken", "1.0.0", .pragma = "fail It is broken."},
     .words = "broken@1.0.0 does not compile with compiler 0.15.15: 1 error, shown above.",
     .line = "It is broken."},
    {.package = {"outside", "1.0.0",
                 .files = {{"src/Main.purs", "module Flow.Outside where\n\nimport Flow.Bench\n"},
                           {"bench/Bench.purs", "module Flow.Bench where\n"}}},
     .more = /* this file is not packed */
     NULL,
     .words = "outside@1.0.0 does not compile with compiler 0.15.15: 1 error, shown above.",
     .line =
         "WARN The imports could not be read, so the dependencies are left as declared; the compiler will report the cause."},
    {.package = {"deadly", "1.0.0", .pragma = "die .registry/deadly-1.0.0/src/Main.purs: This is odd."},
     .words = "src/Main.purs: This is odd."},
};

/* The state before. */
static void publish_ground(struct publish_scene *p) {
    static const struct package ground = {"ground", "1.0.0", .pragma = NULL},
                                above = {"above", "1.0.0", .dependencies = GROUND},
                                indexed = {"indexed", "1.0.0", .pragma = NULL};
    struct fixture *f = &p->s.f;
    publish_package(p, &ground);
    publish_package(p, &above);
    list_version(&p->s, &(struct listed_version){.name = "ground", .version = "2.0.0"});
    struct metadata metadata = read_metadata(&p->s, "ground");
    assert_ok(metadata_unpublish(&metadata, (struct version){.major = 2}, "A mistake.", clock_now_ms(), &f->arena, &f->err));
    write_metadata(&p->s, "ground", &metadata);
    write_index_file(&p->s, "ground", package_index_line(&f->arena, &ground));
    write_index_file(&p->s, "indexed", package_index_line(&f->arena, &indexed));
}

static struct job_request request_for(struct publish_scene *p, const struct refused *row) {
    const struct package *package = &row->package;
    if (!row->more) return request_of(p, package);
    if (!row->ref) return short_request(p, package, row->more);
    return publish_job(package->name, package->version,
                       arena_format(&p->s.f.arena, "{\"name\":\"%s\",\"version\":\"%s\",\"ref\":\"%s\"%s}", package->name,
                                    package->version, row->ref, row->more));
}

static void a_broken_rule_is_refused_and_leaves_no_trace(void **state) {
    struct publish_scene *p = *state;
    publish_ground(p);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct package *package = &rows[i].package;
        bool was_stored = is_stored(p, package->name, package->version);
        push_source(p, package);
        const struct job_request request = request_for(p, &rows[i]);
        const struct job job = run_to_refusal(&p->s, &request, rows[i].words);
        if (rows[i].line) expect_line(&p->s, job.id, rows[i].line);
        assert_null(job.record);
        assert_int_equal(is_stored(p, package->name, package->version), was_stored);
    }
    expect_no_work(p);
}

/* ---- Size ---- */

/* Letters that gzip compresses to three quarters at best. */
static const char *make_letters(struct arena *arena, size_t length) {
    char *letters = arena_alloc(arena, length + 1);
    uint32_t number = 1;
    for (size_t i = 0; i < length; i++) {
        number = number * 1664525 + 1013904223;
        letters[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[number >> 26];
    }
    return letters;
}

static void a_tarball_of_more_than_two_megabytes_is_refused_and_a_large_one_warned_of(void **state) {
    struct publish_scene *p = *state;
    struct package package = {"large", "1.0.0", .files = {{"src/Notes.txt", make_letters(&p->s.f.arena, 2800000)}}};
    push_source(p, &package);
    const struct job_request request = request_of(p, &package);
    run_to_refusal(&p->s, &request, "more than 2000000 are not allowed");
    package.files[0].content = make_letters(&p->s.f.arena, 300000);
    expect_line(&p->s, publish_package(p, &package).id, "bytes, more than the recommended 200000. Consider excludeFiles.");
}

/* ---- Requests ---- */

static void a_payload_that_is_no_request_is_refused(void **state) {
    struct publish_scene *p = *state;
    const struct job_request request = publish_job("any", "1.0.0", "{\"name\":\"any\",\"version\":\"1.0.0\"}");
    run_to_refusal(&p->s, &request, "ref");
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        publish_test(a_broken_rule_is_refused_and_leaves_no_trace),
        publish_test(a_tarball_of_more_than_two_megabytes_is_refused_and_a_large_one_warned_of),
        publish_test(a_payload_that_is_no_request_is_refused),
    };
    return cmocka_run_group_tests(tests, start_publish, stop_publish);
}
