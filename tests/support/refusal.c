/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/refusal.h"

#include "tests/support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "tests/support/registry_check.h"
#include "tests/support/shell.h"

const char *refusal_sentence(struct server *server, const char *request, const char **log) {
    struct http_response response = {0};
    server_call(server, "POST", "/api/v1/publish", request, &response);
    json_t *answer = json_loads(text_view(&response.body), 0, NULL);
    const char *sentence;
    *log = "";
    if (response.status == 400) {
        sentence = arena_copy(&server->arena, server_job_text(answer, "message"));
    } else {
        json_t *job = server_wait_for_job(server, arena_copy(&server->arena, server_job_text(answer, "jobId")));
        sentence = server_last_error(server, job);
        *log = server_log_text(server, job);
        json_decref(job);
    }
    json_decref(answer);
    http_response_release(&response);
    return sentence;
}

static const char *list_work(struct server *server) {
    return shell_output(&server->arena, "cd '%s/work' && find runs tarballs -mindepth 1 2>/dev/null || true", server->folder);
}

static bool has_no_work(void *context) {
    return list_work(context)[0] == '\0';
}

void refusal_expect_no_work(struct server *server) {
    if (!wait_until(has_no_work, server, PATIENCE_MS)) fail_msg("left at work: %s", list_work(server));
}

static void expect_words(const char *const *words, size_t count, const char *text, const char *log) {
    for (size_t i = 0; i < count && words[i] != NULL; i++)
        if (strstr(text, words[i]) == NULL) fail_msg("\"%s\" is not in: %s\n%s", words[i], text, log);
}

void refusal_expect(struct server *server, const struct refusal *refusal) {
    if (!refusal->is_there_already) package_push(arena_format(&server->arena, "%s/sources", server->folder), &refusal->package);
    char *before = registry_snapshot(server);
    const char *request = refusal->request != NULL ? refusal->request : package_request(&server->arena, &refusal->package),
               *log;
    const char *sentence = refusal_sentence(server, request, &log);
    if (refusal->sentence != NULL && strcmp(sentence, refusal->sentence) != 0)
        fail_msg("it says:   %s\ninstead of: %s\n%s", sentence, refusal->sentence, log);
    expect_words(refusal->words, sizeof refusal->words / sizeof refusal->words[0], sentence, log);
    expect_words(refusal->words_above, sizeof refusal->words_above / sizeof refusal->words_above[0], log, log);
    assert_string_equal(registry_snapshot(server), before);
    refusal_expect_no_work(server);
}

/* ---- A test program of refusals ---- */

static const struct refusals *running; /* cmocka passes no argument to a group's setup and teardown */

static int start_group(void **state) {
    (void)state;
    running->start();
    return 0;
}

static int stop_group(void **state) {
    (void)state;
    registry_expect_consistency(*running->server);
    server_stop(*running->server);
    return 0;
}

static void expect_row(void **state) {
    refusal_expect(*running->server, *state);
}

int refusals_run(const struct refusals *refusals) {
    size_t count = refusals->row_count + refusals->other_count;
    struct CMUnitTest *tests = memory_alloc(count * sizeof *tests);
    for (size_t i = 0; i < refusals->row_count; i++) {
        const struct refusal *row = &refusals->rows[i];
        tests[i] = (struct CMUnitTest){.name = row->holds, .test_func = expect_row, .initial_state = (void *)row};
    }
    if (refusals->other_count > 0) memcpy(tests + refusals->row_count, refusals->others, refusals->other_count * sizeof *tests);
    running = refusals;
    int failed = test_run_group("refusals", tests, count, start_group, stop_group);
    free(tests);
    return failed;
}
