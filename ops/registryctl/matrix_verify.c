/* SPDX-License-Identifier: BSD-3-Clause
 *
 * `registryctl matrix --verify N`: successful builds are repeated twice, once with the build store and once from nothing, and
 * both must give the same result. build-matrix chooses them and makes their jobs; here their states are polled until all have
 * ended.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/base/number.h"
#include "lib/base/text.h"
#include "lib/domain/matrix/verdict.h"
#include "ops/registryctl/command.h"
#include "ops/registryctl/gateway.h"
#include "ops/registryctl/matrix.h"
#include "ops/registryctl/service_line.h"

enum {
    ASKED_AT_ONCE = 100,
    PATIENCE_MS = 3600000, /* without a build that ends */
};

/* The number of builds with each outcome. */
struct findings {
    size_t same, differ, fail, untold;
};

/* Prints a line for a build that has ended, and counts it. */
static void print_build(const json_t *build, struct findings *findings) {
    const char *verdict = gateway_text(build, "verdict"), *error = gateway_text(build, "error"), *word = "untold";
    if (text_equal(verdict, verdict_text(VERDICT_SUCCEEDED))) {
        word = "same";
        findings->same++;
    } else if (text_equal(verdict, verdict_text(VERDICT_DIFFERS))) {
        word = "DIFFERS";
        findings->differ++;
    } else if (text_equal(verdict, verdict_text(VERDICT_FAILED_TO_COMPILE))) {
        word = "FAILS";
        findings->fail++;
    } else {
        findings->untold++;
    }
    printf("%-8s %s@%s with %s, job %s%s%s\n", word, gateway_text(build, "name"), gateway_text(build, "version"),
           gateway_text(build, "compiler"), gateway_text(build, "jobId"), *error ? ": " : "", error);
    fflush(stdout);
}

/* The first ASKED_AT_ONCE ids of `waiting`, from which they are borrowed. */
static struct record_job_id_list list_first(const json_t *waiting, struct arena *arena) {
    size_t all = json_array_size(waiting), count = all < ASKED_AT_ONCE ? all : ASKED_AT_ONCE;
    struct record_job_id *ids = arena_alloc(arena, (count + 1) * sizeof *ids);
    for (size_t i = 0; i < count; i++)
        ids[i].id = json_string_value(json_array_get(waiting, i));
    return (struct record_job_id_list){ids, count};
}

/* Queries the first waiting jobs, and removes those that have ended: the answer is in the order of the query. */
static enum status look(struct service_line *line, json_t *waiting, struct findings *findings, struct error *err) {
    struct arena arena = {0};
    json_t *builds = NULL;
    const struct message request = {.tag = MESSAGE_build_states_query, .build_states_query.jobs = list_first(waiting, &arena)};
    enum status status = service_line_ask(line, &request, &builds, err);
    for (size_t i = json_array_size(builds); !status && i > 0; i--) {
        const json_t *build = json_array_get(builds, i - 1);
        const char *state = gateway_text(build, "state");
        if (!text_equal(state, "succeeded") && !text_equal(state, "failed")) continue;
        print_build(build, findings);
        json_array_remove(waiting, i - 1);
    }
    json_decref(builds);
    arena_release(&arena);
    return status;
}

static enum status await_all(struct service_line *line, json_t *waiting, struct findings *findings, struct error *err) {
    enum status status = STATUS_OK;
    int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
    for (size_t left; !status && (left = json_array_size(waiting)) > 0;) {
        status = look(line, waiting, findings, err);
        if (status || json_array_size(waiting) == 0) break;
        if (json_array_size(waiting) < left) until_ms = clock_monotonic_ms() + PATIENCE_MS;
        if (clock_monotonic_ms() >= until_ms)
            status = error_set(err, STATUS_TIMEOUT,
                               "%zu builds do not end. Check with `registryctl workers` that there is a build worker.",
                               json_array_size(waiting));
        else
            clock_sleep_ms(MATRIX_POLL_MS);
    }
    return status;
}

enum status matrix_verify(struct service_line *line, struct invocation *call, const char *count, const char *compiler,
                          struct error *err) {
    int64_t number;
    json_t *waiting = NULL;
    struct findings found = {0};
    if (!number_parse_within(&number, count, 1, INT64_MAX))
        return wrong_call(call, err, "--verify must be the number of builds, 1 or more, but it is \"%s\".", count);
    const struct message request = {.tag = MESSAGE_matrix_verify, .matrix_verify = {.count = number, .compiler = compiler}};
    enum status status = service_line_ask(line, &request, &waiting, err);
    size_t all = json_array_size(waiting);
    if (!status) {
        printf("%zu builds are made twice: with the build store, and without it.\n", all);
        fflush(stdout);
        status = await_all(line, waiting, &found, err);
    }
    if (!status)
        printf("%zu are the same, %zu differ, %zu fail both ways, %zu gave no result.\n", found.same, found.differ, found.fail,
               found.untold);
    if (!status && found.same < all) call->exit_status = 1;
    json_decref(waiting);
    return status;
}
