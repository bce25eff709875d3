/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/monitor/status_board.h"

#include <jansson.h>
#include <stdlib.h>

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/service/message/message_client.h"
#include "lib/store/job/job_store.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"
#include "services/gateway/monitor/readiness.h"
#include "services/gateway/monitor/shared_answer.h"
#include "services/gateway/web/page.h"
#include "services/gateway/web/status_page.h"

enum { SET_TIMEOUT_MS = 1000 };

/* Used by the thread of `answers` only. */
struct status_board {
    struct gateway *gateway;
    struct shared_answer *answers;
    struct job_store *store;
    struct text page; /* that was made last */
};

static json_t *read_json(const char *text) {
    json_t *json = NULL;
    return json_read(&json, text, strlen(text), "The answer", NULL) == STATUS_OK ? json : NULL;
}

/* NULL: the service does not answer. */
static json_t *read_latest_set(struct gateway *gateway, struct arena *arena) {
    const struct message request = {.tag = MESSAGE_set_page_query, .set_page_query = {.limit = 1}};
    struct message answer;
    struct error err;
    enum status status = message_client_ask(gateway->services[SERVICE_PACKAGE_SET], &request, MESSAGE_json_answer,
                                            SET_TIMEOUT_MS, arena, &answer, &err);
    return status ? NULL : read_json(answer.json_answer.json);
}

/* NULL: there is none that Redis still has, or it does not answer. */
static const struct job *read_last_publication(struct job_store *store, struct arena *arena) {
    const struct job_filter filter = {.descending = true,
                                      .has_kind = true,
                                      .kind = JOB_KIND_PUBLISH,
                                      .has_state = true,
                                      .state = JOB_STATE_SUCCEEDED,
                                      .include_finished = true,
                                      .limit = 1};
    struct job_list list;
    struct error err;
    return job_store_list(store, &filter, arena, &list, &err) || list.count == 0 ? NULL : &list.jobs[0];
}

static void make_page(void *context) {
    struct status_board *board = context;
    struct arena arena = {0};
    struct text readiness = {0};
    struct error err;
    struct registry_state state = {.now_ms = clock_now_ms()};
    readiness_check_public(board->gateway->readiness, &readiness);
    json_t *checks = read_json(readiness.bytes), *sets = read_latest_set(board->gateway, &arena);
    state.readiness = checks;
    state.sets = sets;
    state.has_counts = job_store_count(board->store, &state.counts, &err) == STATUS_OK;
    state.publication = read_last_publication(board->store, &arena);
    text_clear(&board->page);
    status_page_write(&board->page, &state);
    json_decref(checks);
    json_decref(sets);
    text_release(&readiness);
    arena_release(&arena);
}

static void fill_answer(void *context, struct call *call) {
    const struct status_board *board = context;
    page_answer(call, &board->page, call->work_data);
}

enum status status_board_create(struct status_board **out, struct gateway *gateway, struct error *err) {
    struct status_board *board = memory_alloc(sizeof *board);
    *out = board;
    board->gateway = gateway;
    enum status status = job_store_create(&board->store, gateway->settings->redis_url, STORE_TIMEOUT_MS, err);
    if (status) return status;
    const struct shared_answer_maker maker = {"status", make_page, fill_answer, board};
    return shared_answer_create(&board->answers, &maker, err);
}

void status_board_answer(struct status_board *board, struct call *call) {
    shared_answer_give(board->answers, call);
}

void status_board_free(struct status_board *board) {
    if (!board) return;
    shared_answer_free(board->answers);
    job_store_free(board->store);
    text_release(&board->page);
    free(board);
}
