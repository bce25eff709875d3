/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Step 6 of lib/domain/README.md, Publish: the compiler and the versions that a package is built with, chosen by the client or
 * found by the server.
 */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "tests/support/refusal.h"
#include "tests/support/shell.h"

static struct server *server;

#define GROUND                                                                                                                 \
    { "ground", ">=1.0.0 <3.0.0" }
#define REQUEST(name, more) REFUSAL_REQUEST(name, "1.0.0", "v1.0.0", REFUSAL_LOCATION("purescript-" name) more)
#define COMPILER(version) ", \"compiler\": \"" version "\""
#define RESOLUTIONS(versions) ", \"resolutions\": {" versions "}"

/* The words that clients search for. */
#define NO_PLAN "Could not produce valid dependencies for manifest.\n"

static const struct refusal refusals[] = {
    {.holds = "a_dependency_must_be_registered",
     .package = {"hopeful", "1.0.0", .dependencies = {{"not-registered", ">=1.0.0 <2.0.0"}}},
     .sentence = NO_PLAN
     "hopeful@1.0.0 has unsatisfied dependencies: no version in the registry index fits not-registered >=1.0.0 <2.0.0."},
    {.holds = "every_unsatisfied_dependency_is_named",
     .package = {"too-new", "1.0.0",
                 .dependencies = {{"ground", ">=7.0.0 <8.0.0"}, {"old-only", ">=1.0.0 <2.0.0"}, {"zero", ">=0.0.0 <0.1.0"}}},
     .sentence =
         NO_PLAN "too-new@1.0.0 has unsatisfied dependencies: no version in the registry index fits ground >=7.0.0 <8.0.0, "
                 "zero >=0.0.0 <0.1.0."},
    {.holds = "dependencies_must_agree",
     .package = {"torn", "1.0.0", .dependencies = {{"wants-old", ">=1.0.0 <2.0.0"}, {"wants-new", ">=1.0.0 <2.0.0"}}},
     .sentence = "Could not produce valid dependencies for manifest.\nNo version of wants-old can be used within\n  >=1.0.0 (a "
                 "declared dependency)\n  <2.0.0 (a declared dependency)\n- 1.0.0 wants ground >=1.0.0 <2.0.0, which must be\n "
                 " >=2.0.0 (wanted by wants-new@1.0.0)\n  <3.0.0 (wanted by wants-new@1.0.0)"},
    {.holds = "dependencies_must_build_with_the_compiler_asked_for",
     .package = {"modern", "1.0.0", .dependencies = {{"old-only", ">=1.0.0 <2.0.0"}}},
     .sentence = "Could not produce valid dependencies for manifest.\nNo version of old-only can be used within\n  >=1.0.0 (a "
                 "declared dependency)\n  <2.0.0 (a declared dependency)\n- 1.0.0 wants the compiler >=0.15.14 <0.15.15, which "
                 "must be\n  >=0.15.15 (asked for)\n  <0.15.16 (asked for)"},
    {.holds = "a_version_cannot_be_built_with_another_version_of_itself",
     .package = {"looped", "2.0.0", .dependencies = {{"loops", ">=1.0.0 <2.0.0"}}},
     .sentence = "Could not produce valid dependencies for manifest.\nlooped@2.0.0 cannot be built with another version of "
                 "itself, but the plan has looped@1.0.0 (wanted by loops@1.0.0)."},
    {.holds = "resolutions_leave_the_package_itself_out",
     .package = {"looped", "2.1.0", .pragma = NULL},
     .request = REFUSAL_REQUEST("looped", "2.1.0", "v2.1.0",
                                REFUSAL_LOCATION("purescript-looped") COMPILER("0.15.15") RESOLUTIONS("\"looped\": \"1.0.0\"")),
     .sentence = "Could not produce valid dependencies for manifest.\nlooped@2.1.0 cannot be built with another version of "
                 "itself, but the plan has looped@1.0.0."},
    {.holds = "a_compiler_must_be_supported",
     .package = {"ancient", "1.0.0", .pragma = NULL},
     .request = REQUEST("ancient", COMPILER("0.11.7")),
     .sentence = "Compiler 0.11.7 is not supported. Supported compilers: 0.15.14, 0.15.15."},
    {.holds = "resolutions_must_have_every_dependency",
     .package = {"unresolved", "1.0.0", .dependencies = {GROUND}},
     .request = REQUEST("unresolved", COMPILER("0.15.15") RESOLUTIONS("")),
     .sentence =
         NO_PLAN "The resolutions do not fit the manifest:\n  ground is missing, a dependency with range >=1.0.0 <3.0.0"},
    {.holds = "resolutions_must_be_in_range",
     .package = {"overresolved", "1.0.0", .dependencies = {{"ground", ">=1.0.0 <2.0.0"}}},
     .request = REQUEST("overresolved", COMPILER("0.15.15") RESOLUTIONS("\"ground\": \"2.0.0\"")),
     .sentence = NO_PLAN "The resolutions do not fit the manifest:\n  ground@2.0.0 is outside its range >=1.0.0 <2.0.0"},
    {.holds = "resolutions_must_be_registered",
     .package = {"misresolved", "1.0.0", .dependencies = {GROUND}},
     .request = REQUEST("misresolved", COMPILER("0.15.15") RESOLUTIONS("\"ground\": \"1.0.9\", \"nobody\": \"1.0.0\"")),
     .sentence =
         NO_PLAN "The resolutions do not fit the manifest:\n  ground@1.0.9 is not in the registry\n  nobody@1.0.0 is not in "
                 "the registry"},
    {.holds = "resolutions_must_leave_a_compiler",
     .package = {"divided", "1.0.0", .dependencies = {{"old-only", ">=1.0.0 <2.0.0"}, GROUND}},
     .request = REQUEST("divided", RESOLUTIONS("\"ground\": \"2.0.0\", \"old-only\": \"1.0.0\"")),
     .sentence = "Could not produce valid dependencies for manifest.\nNo version of old-only can be used within\n  >=1.0.0 (a "
                 "declared dependency)\n  <1.0.1 (a declared dependency)\n- 1.0.0 wants the compiler >=0.15.14 <0.15.15, which "
                 "must be\n  >=0.15.15 (wanted by ground@2.0.0)\n  <0.15.16 (wanted by ground@2.0.0)"},
    {.holds = "resolutions_are_package_names",
     .package = {"named", "1.0.0", .pragma = NULL},
     .request = REQUEST("named", RESOLUTIONS("\"Ground\": \"1.0.0\"")),
     .sentence = "\"Ground\" is not a package name: its letters must be lower-case."},
    {.holds = "resolutions_are_versions",
     .package = {"versioned", "1.0.0", .pragma = NULL},
     .request = REQUEST("versioned", RESOLUTIONS("\"ground\": \">=1.0.0 <2.0.0\"")),
     .sentence =
         "\">=1.0.0 <2.0.0\" is not a version: it must be MAJOR.MINOR.PATCH, as in 1.0.3, with nothing before or after."},
    {.holds = "a_dependency_that_is_not_in_the_resolutions_is_not_there",
     .package = {"forgetful", "1.0.0", .dependencies = {{"wants-old", ">=1.0.0 <2.0.0"}}},
     .request = REQUEST("forgetful", COMPILER("0.15.15") RESOLUTIONS("\"wants-old\": \"1.0.0\"")),
     .sentence = "forgetful@1.0.0 does not compile with compiler 0.15.15: 1 error, shown above.",
     .words_above = {"Module Flow.Ground was not found."}},
};

/* Two versions of one package, two packages that need different ones of them, and one package that only the older compiler is
 * known to build. */
static void start(void) {
    const struct package packages[] = {
        {"ground", "1.0.0", .pragma = NULL},
        {"ground", "2.0.0", .pragma = NULL},
        {"wants-old", "1.0.0", .dependencies = {{"ground", ">=1.0.0 <2.0.0"}}},
        {"wants-new", "1.0.0", .dependencies = {{"ground", ">=2.0.0 <3.0.0"}}},
        {"looped", "1.0.0", .pragma = NULL},
        {"loops", "1.0.0", .dependencies = {{"looped", ">=1.0.0 <2.0.0"}}},
    };
    const struct package old_only = {"old-only", "1.0.0", .pragma = NULL};
    server = server_start(&(struct server_options){.has_git_server = true});
    const char *sources = arena_format(&server->arena, "%s/sources", server->folder);
    for (size_t i = 0; i < sizeof packages / sizeof packages[0]; i++)
        server_expect_published(server, &packages[i]);
    package_push(sources, &old_only);
    server_expect_success(server, server_publish(server, REQUEST("old-only", COMPILER("0.15.14"))).id);
}

/* ---- Accepted plans ---- */

static const struct plan {
    struct package package;
    const char *request, *line;
} plans[] = {
    /* the newest versions, for the requested compiler */
    {.package = {"plain", "1.0.0", .dependencies = {GROUND}},
     .request = REQUEST("plain", COMPILER("0.15.15")),
     .line = "INFO Building with compiler 0.15.15 and ground@2.0.0."},
    {.package = {"deep", "1.0.0", .dependencies = {{"wants-old", ">=1.0.0 <2.0.0"}}},
     .request = REQUEST("deep", COMPILER("0.15.15")),
     .line = "INFO Building with compiler 0.15.15 and ground@1.0.0, wants-old@1.0.0."},
    {.package = {"alone", "1.0.0", .pragma = NULL},
     .request = REQUEST("alone", COMPILER("0.15.14")),
     .line = "INFO Building with compiler 0.15.14 and no other packages."},
    /* the server finds the compiler if none is requested */
    {.package = {"finding", "1.0.0", .dependencies = {{"old-only", ">=1.0.0 <2.0.0"}}},
     .request = REQUEST("finding", ""),
     .line = "INFO Building with compiler 0.15.14 and old-only@1.0.0."},
    /* the client's own versions are used, and may include unneeded ones */
    {.package = {"resolved", "1.0.0", .dependencies = {GROUND}},
     .request = REQUEST("resolved", COMPILER("0.15.15") RESOLUTIONS("\"ground\": \"1.0.0\", \"wants-old\": \"1.0.0\"")),
     .line = "INFO Building with compiler 0.15.15 and ground@1.0.0, wants-old@1.0.0."},
    {.package = {"half-resolved", "1.0.0", .dependencies = {{"old-only", ">=1.0.0 <2.0.0"}}},
     .request = REQUEST("half-resolved", RESOLUTIONS("\"old-only\": \"1.0.0\"")),
     .line = "INFO Building with compiler 0.15.14 and old-only@1.0.0."},
    {.package = {"needless", "1.0.0", .pragma = NULL},
     .request = REQUEST("needless", COMPILER("0.15.15") RESOLUTIONS("")),
     .line = "INFO Building with compiler 0.15.15 and no other packages."},
};

static void a_plan_is_found_or_taken(void **state) {
    (void)state;
    for (const struct plan *plan = plans; plan < plans + sizeof plans / sizeof plans[0]; plan++) {
        package_push(arena_format(&server->arena, "%s/sources", server->folder), &plan->package);
        json_t *job = server_wait_for_job(server, server_publish(server, plan->request).id);
        const char *log = server_log_text(server, job);
        if (!json_is_true(json_object_get(job, "success")) || strstr(log, plan->line) == NULL)
            fail_msg("no \"%s\" in:\n%s", plan->line, log);
        json_decref(job);
    }
}

int main(void) {
    const struct CMUnitTest others[] = {cmocka_unit_test(a_plan_is_found_or_taken)};
    return REFUSALS_RUN(server, start, refusals, others);
}
