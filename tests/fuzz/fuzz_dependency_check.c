/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads the input as the module graph that a compiler printed for a stranger's modules. Every package reported as unused is
 * among the declared dependencies, none of those reported as missing is, and both lists are sorted.
 */
#include "lib/base/json.h"
#include "lib/source/dependency_check.h"
#include "tests/fuzz/fuzz.h"

static const char *const declared[] = {"arrays", "prelude"};
enum { DECLARED_COUNT = sizeof declared / sizeof declared[0] };

static bool is_declared(const char *name) {
    for (size_t i = 0; i < DECLARED_COUNT; i++)
        if (text_equal(declared[i], name)) return true;
    return false;
}

static void check_names(const char *const *names, size_t count, bool must_be_declared) {
    for (size_t i = 0; i < count; i++) {
        assert(is_declared(names[i]) == must_be_declared && !text_equal(names[i], "effect"));
        assert(i == 0 || strcmp(names[i - 1], names[i]) < 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct arena arena = {0};
    struct dependency_findings findings;
    struct error err = {0};
    json_t *graph = NULL;
    if (!json_read(&graph, (const char *)bytes, length, "It", NULL) &&
        !dependency_findings_make(&findings, &arena, graph, "effect", declared, DECLARED_COUNT, &err)) {
        check_names(findings.unused, findings.unused_count, true);
        check_names(findings.missing, findings.missing_count, false);
        bool is_fine = findings.unused_count + findings.missing_count == 0;
        assert((dependency_findings_check(&findings, &err) == STATUS_OK) == is_fine);
    }
    assert(text_is_utf8(err.message, strlen(err.message)));
    json_decref(graph);
    arena_release(&arena);
    return 0;
}
