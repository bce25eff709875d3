/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/package/bounds.h"

#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/text.h"
#include "lib/domain/job/operation.h"

static enum status refuse_others(const struct manifest *manifest, const char *version, const struct text *others,
                                 struct error *err) {
    return error_set_at(
        err, STATUS_REFUSED, "dependencies",
        "%s@%s does not depend on %s. Only the ranges of its existing dependencies can change: adding one needs a new release.",
        manifest->name, version, text_view(others));
}

enum status bounds_change(struct manifest *out, const struct manifest *manifest, const struct revise_request *request,
                          struct arena *arena, struct error *err) {
    char version[VERSION_TEXT_MAX];
    struct text others = {0};
    bool is_changed = false;
    version_print(manifest->version, version);
    for (size_t i = 0; i < request->dependency_count; i++) {
        const char *name = request->dependencies[i].name;
        if (!dependencies_find(manifest->dependencies, manifest->dependency_count, name))
            text_append_format(&others, "%s%s", others.length ? ", " : "", name);
    }
    *out = *manifest;
    out->dependencies = arena_alloc(arena, manifest->dependency_count * sizeof out->dependencies[0]);
    for (size_t i = 0; i < manifest->dependency_count; i++) {
        const struct dependency *now = &manifest->dependencies[i];
        const struct dependency *asked = dependencies_find(request->dependencies, request->dependency_count, now->name);
        out->dependencies[i] = *now;
        if (asked) out->dependencies[i].range = asked->range;
        is_changed = is_changed || !range_equal(out->dependencies[i].range, now->range);
    }
    enum status status = STATUS_OK;
    if (others.length)
        status = refuse_others(manifest, version, &others, err);
    else if (!is_changed)
        status = error_set_at(err, STATUS_REFUSED, "dependencies", "%s@%s already has these bounds: nothing would change.",
                              manifest->name, version);
    text_release(&others);
    return status;
}

bool bounds_are_looser(const struct manifest *before, const struct manifest *after) {
    for (size_t i = 0; i < before->dependency_count; i++) {
        struct range range = after->dependencies[i].range;
        if (!range_equal(range_union(before->dependencies[i].range, range), range)) return false;
    }
    return true;
}
