/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/store/job/matrix_build.h"

#include <stdio.h>

#include "lib/base/hash.h"
#include "lib/base/text.h"

static const char *copy_version(struct version version, struct arena *arena) {
    char text[VERSION_TEXT_MAX];
    version_print(version, text);
    return arena_copy(arena, text);
}

void matrix_build_request(struct job_request *out, const struct matrix_build *build, struct arena *arena) {
    struct text payload = {0};
    package_versions_append_json(&payload, build->plan);
    *out = (struct job_request){.kind = JOB_KIND_MATRIX,
                                .payload = arena_copy(arena, text_view(&payload)),
                                .package = build->package,
                                .version = copy_version(build->version, arena),
                                .compiler = copy_version(build->compiler, arena),
                                .actor = "anonymous",
                                .purpose = build->purpose};
    if (build->job_id)
        snprintf(out->id, sizeof out->id, "%s", build->job_id);
    else
        hash_random_uuid(out->id);
    text_release(&payload);
}

enum status matrix_build_accept(struct job_store *store, const struct matrix_build *build, struct job_accepted *out,
                                struct error *err) {
    struct arena arena = {0};
    struct job_request request;
    matrix_build_request(&request, build, &arena);
    enum status status = job_store_accept(store, &request, NULL, out, err);
    arena_release(&arena);
    return status;
}
