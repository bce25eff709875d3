/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/http/call.h"

#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/http2_streams.h"
#include "services/gateway/http/loop.h"
#include "services/gateway/http/request_form.h"
#include "services/gateway/stream/log_wait.h"
#include "services/gateway/stream/reader.h"

static const char busy_message[] = "The registry is very busy: try again in a few seconds.";
static atomic_uint_fast64_t call_number;

static void free_call(struct call *call) {
    call->loop->calls--;
    atomic_fetch_sub(&call->gateway->answer_bytes, call->answer_bytes);
    atomic_fetch_sub(&call->client->answer_bytes, call->answer_bytes);
    atomic_fetch_sub(&call->client->requests, 1);
    clients_drop(call->gateway->clients, call->client);
    if (call->answer.file >= 0) close(call->answer.file);
    text_release(&call->answer.body);
    kept_answer_release(call->answer.kept);
    arena_release(&call->arena);
    free(call);
}

/* Called when h2o disposes the request: the answer was sent, or the client disconnected. */
static void forget_request(void *hook) {
    struct call *call = *(struct call **)hook;
    call->req = NULL;
    if (call->reader) reader_release(call);
    log_wait_stop(call);
    connection_end_call(call->connection, call->is_answered);
    h2o_timeout_unlink(&call->retry_timer);
    atomic_store(&call->is_gone, true);
    if (call->is_away && call->withdraw && call->withdraw(call)) call->is_away = false;
    if (!call->is_away) free_call(call);
}

static void submit(struct call *call);

static void retry(h2o_timeout_entry_t *entry) {
    struct call *call = H2O_STRUCT_FROM_MEMBER(struct call, retry_timer, entry);
    submit(call);
}

/* Sets the client: the connection's, or the one that a trusted proxy names in X-Forwarded-For. */
static void find_client(struct call *call) {
    const char *forwarded_for = call->connection->is_of_proxy ? call_request_header(call, "x-forwarded-for") : NULL;
    if (forwarded_for) {
        struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
        char address[CLIENT_ADDRESS_MAX];
        h2o_conn_t *conn = call->req->conn;
        conn->callbacks->get_peername(conn, (struct sockaddr *)&peer);
        client_address_find(call->gateway->proxies, (struct sockaddr *)&peer, forwarded_for, address);
        call->client = clients_take(call->gateway->clients, address);
    } else {
        call->client = clients_keep(call->connection->client);
    }
    call->address = call->client->address;
    atomic_fetch_add(&call->client->requests, 1);
}

static struct call *create_call(struct loop *loop, struct gateway *gateway, h2o_req_t *req) {
    struct call *call = memory_alloc(sizeof *call);
    call->gateway = gateway;
    call->loop = loop;
    call->req = req;
    call->number = atomic_fetch_add(&call_number, 1) + 1;
    call->started_ms = clock_monotonic_ms();
    call->answer.file = -1;
    call->is_head = h2o_memis(req->method.base, req->method.len, H2O_STRLIT("HEAD"));
    call->retry_timer.cb = retry;
    loop->calls++;
    call->connection = connection_of(req);
    call->is_public = call->connection->is_public;
    connection_begin_call(call->connection);
    find_client(call);
    struct call **hook = h2o_mem_alloc_shared(&req->pool, sizeof *hook, forget_request);
    *hook = call;
    return call;
}

/* ---- Before the route's function ---- */

static bool admit_rate(struct call *call) {
    int64_t retry_after_s = 0;
    if (call->route->has_token) return true;
    if (rate_limit_take(call->gateway->post_limit, call->address, call->started_ms, &retry_after_s)) return true;
    answer_header(&call->answer, "retry-after", arena_format(&call->arena, "%" PRId64, retry_after_s));
    call_fail(
        call, STATUS_TOO_MANY, NULL,
        arena_format(&call->arena, "Too many requests from %s: try again in %" PRId64 " s.", call->address, retry_after_s));
    return false;
}

static bool admit_length(struct call *call) {
    size_t length = http2_body_length(call->req);
    if (length <= call->route->body_limit_bytes) return true;
    call_fail(call, STATUS_TOO_LARGE, NULL,
              arena_format(&call->arena, "The request's body has %zu bytes, but %s accepts at most %zu.", length,
                           call->route->path, call->route->body_limit_bytes));
    return false;
}

/* Checks rate and length of a POST; answers it and returns false if a limit is exceeded, else copies the body. The bodies of
 * other methods are ignored. */
static bool admit_body(struct call *call) {
    if (call->route->method != METHOD_POST) return true;
    if (!admit_rate(call) || !admit_length(call)) return false;
    const h2o_iovec_t *entity = &call->req->entity;
    call->body = arena_copy_bytes(&call->arena, entity->base ? entity->base : "", entity->len);
    call->body_length = entity->len;
    return true;
}

/* Copies the path's parameters. Answers 404 and returns false if one is not UTF-8 or has a NUL byte. */
static bool copy_parameters(struct call *call, const struct route_match *match) {
    for (size_t i = 0; i < ROUTE_PARAMETERS_MAX && match->parameters[i].start; i++) {
        if (!text_is_utf8(match->parameters[i].start, match->parameters[i].length)) {
            call_fail(call, STATUS_NOT_FOUND, NULL, "There is nothing at this address.");
            return false;
        }
        call->parameters[i] = arena_copy_bytes(&call->arena, match->parameters[i].start, match->parameters[i].length);
    }
    return true;
}

static bool parse_query(struct call *call) {
    h2o_req_t *req = call->req;
    struct error err;
    size_t start = req->query_at == SIZE_MAX ? req->path.len : req->query_at + 1;
    enum status status =
        query_parse(&call->query, call->route->parameters, req->path.base + start, req->path.len - start, &call->arena, &err);
    if (status) call_fail_with(call, &err);
    return status == STATUS_OK;
}

static void refuse_unknown(struct call *call, const struct route_match *match) {
    if (!match->other_methods) {
        call_fail(call, STATUS_NOT_FOUND, NULL, "There is nothing at this address.");
        return;
    }
    const char *allowed = match->other_methods == METHOD_POST  ? "POST, OPTIONS"
                          : match->other_methods == METHOD_GET ? "GET, HEAD, OPTIONS"
                                                               : "GET, HEAD, POST, OPTIONS";
    answer_header(&call->answer, "allow", allowed);
    call_fail(call, STATUS_METHOD_NOT_ALLOWED, NULL,
              arena_format(&call->arena, "This address supports %s, but not %.*s.", allowed, (int)call->req->method.len,
                           call->req->method.base));
}

static void answer_options(struct call *call) {
    call->answer.http_status = 204;
    answer_header(&call->answer, "access-control-allow-headers", "Content-Type, Authorization, Last-Event-ID");
    answer_header(&call->answer, "access-control-max-age", "86400");
    call_send(call);
}

/* Answers a malformed request and returns false. Over HTTP/1 the connection is closed, because if the length of the request is
 * ambiguous, so is the start of the next one. */
static bool admit_form(struct call *call) {
    struct error err;
    h2o_req_t *req = call->req;
    enum status status = request_form_check(req, &err);
    if (!status) return true;
    if (status == STATUS_UNSUPPORTED) answer_header(&call->answer, "accept-encoding", "identity");
    if (status == STATUS_INVALID && req->version < 0x200) {
        req->http1_is_persistent = 0;
        connection_linger(req);
    }
    call_fail_with(call, &err);
    return false;
}

static bool admit_request(struct call *call) {
    bool is_of_proxy = call->connection->is_of_proxy && call->client == call->connection->client; /* without X-Forwarded-For */
    if (!call->connection->is_public || is_of_proxy ||
        atomic_load(&call->client->requests) <= call->gateway->settings->gateway_requests_per_address)
        return true;
    call_fail(call, STATUS_BUSY, NULL,
              arena_format(&call->arena,
                           "Too many requests from %s are being answered: try again when some of them have ended.",
                           call->address));
    return false;
}

void call_start(struct loop *loop, struct gateway *gateway, enum port port, h2o_req_t *req) {
    struct call *call = create_call(loop, gateway, req);
    if (!admit_form(call) || !admit_request(call)) return;
    if (h2o_memis(req->method.base, req->method.len, H2O_STRLIT("OPTIONS"))) {
        answer_options(call);
        return;
    }
    struct route_match match;
    router_find(port, req->method.base, req->method.len, req->path_normalized.base, req->path_normalized.len, &match);
    call->route = match.route;
    if (!match.route)
        refuse_unknown(call, &match);
    else if (admit_body(call) && copy_parameters(call, &match) && parse_query(call))
        match.route->start(call);
}

/* ---- Leaving the loop's thread and coming back ---- */

void call_leave(struct call *call, bool (*withdraw)(struct call *call)) {
    assert(!call->is_away);
    call->is_away = true;
    call->withdraw = withdraw;
}

void call_return(struct call *call) {
    h2o_multithread_send_message(&call->loop->receiver, &call->message);
}

/* store_task.run, on a thread of the pool. A call that was queued for longer than OUTAGE_WAIT_MS fails with STATUS_BUSY without
 * being tried. */
static void run_work(struct store_task *task, struct job_store *store) {
    struct call *call = H2O_STRUCT_FROM_MEMBER(struct call, task, task);
    struct error err;
    if (atomic_load(&call->is_gone)) {
        call_return(call);
        return;
    }
    call->next = CALL_SENDS;
    text_clear(&call->answer.body);
    kept_answer_release(call->answer.kept);
    call->answer.kept = NULL;
    call->answer.header_count = 0;
    int64_t queued_ms = clock_monotonic_ms() - call->tried_ms;
    call->tried_ms += queued_ms;
    call->status =
        queued_ms > OUTAGE_WAIT_MS ? error_set(&err, STATUS_BUSY, "%s", busy_message) : call->work(call, store, &err);
    if (call->status) {
        call->failure_path = err.path[0] ? arena_copy(&call->arena, err.path) : NULL;
        call->failure_message = arena_copy(&call->arena, err.message);
    }
    call_return(call);
}

static bool withdraw_from_pool(struct call *call) {
    return store_executor_withdraw(call->gateway->pool, &call->task);
}

/* Fails for a cause that passes. */
static void fail_for_now(struct call *call, enum status status, const char *message) {
    if (!reader_put_off(call)) call_fail(call, status, NULL, message);
}

static void submit(struct call *call) {
    call->tried_ms = clock_monotonic_ms();
    call_leave(call, withdraw_from_pool);
    if (store_executor_submit(call->gateway->pool, &call->task)) return;
    call->is_away = false;
    fail_for_now(call, STATUS_BUSY, busy_message);
}

void call_work(struct call *call, enum status (*work)(struct call *call, struct job_store *store, struct error *err)) {
    call->work = work;
    call->task.run = run_work;
    call->task.lane = store_executor_lane(call->gateway->pool, call->address);
    call->asked_ms = clock_monotonic_ms();
    submit(call);
}

bool call_run(struct call *call, void (*run)(struct store_task *task, struct job_store *store),
              void (*go_on)(struct call *call)) {
    call->task.run = run;
    call->go_on = go_on;
    call_leave(call, withdraw_from_pool);
    call->is_away = store_executor_submit(call->gateway->pool, &call->task);
    return call->is_away;
}

/* True for failures of Redis that are retried. */
static bool is_outage(enum status status) {
    return status == STATUS_UNAVAILABLE || status == STATUS_TIMEOUT;
}

/* True after an outage if another try, as long as the last one, would end within OUTAGE_WAIT_MS. */
static bool may_try_again(const struct call *call) {
    int64_t now_ms = clock_monotonic_ms();
    return is_outage(call->status) && now_ms - call->asked_ms + (now_ms - call->tried_ms) < OUTAGE_WAIT_MS;
}

/* Answers with the failure. The cause of an outage or internal error is logged, not shown to the client. */
static void fail_after_work(struct call *call) {
    enum status status = call->status;
    if (status == STATUS_BUSY) {
        fail_for_now(call, status, call->failure_message);
        return;
    }
    if (!is_outage(status) && status != STATUS_INTERNAL) {
        call_fail(call, status, call->failure_path, call->failure_message);
        return;
    }
    log_line(LOG_WARN, "request_failed", log_field("request", call->number), log_field("route", call->route->path),
             log_field("error", call->failure_message));
    if (status == STATUS_INTERNAL)
        call_fail(call, status, NULL, "An internal error occurred in the registry. Its operators can see the cause.");
    else
        fail_for_now(call, STATUS_UNAVAILABLE,
                     "The registry cannot process this request at the moment. Nothing is lost: try again in a few seconds.");
}

static bool has_room_for_answer(struct call *call) {
    int64_t bytes = call->answer_bytes = (int64_t)answer_view(&call->answer)->length;
    int64_t all = atomic_fetch_add(&call->gateway->answer_bytes, bytes) + bytes;
    int64_t clients = atomic_fetch_add(&call->client->answer_bytes, bytes) + bytes;
    return all <= ANSWER_BYTES_MAX && (clients <= ANSWER_BYTES_PER_ADDRESS || clients == bytes);
}

void call_send_made(struct call *call) {
    if (has_room_for_answer(call)) {
        call_send(call);
        return;
    }
    call->answer.header_count = 0; /* those of the answer that is dropped, such as its coding */
    call_fail(call, STATUS_BUSY, NULL, busy_message);
}

static void wait_for_log(struct call *call) {
    if (call->req->version < 0x200) call->connection->poll = call;
    log_wait_start(call);
}

void call_end_wait(struct call *call) {
    reader_end(call);
    if (!log_wait_stop(call)) return;
    call->req->http1_is_persistent = 0;
    call_send_made(call);
}

void call_resume(struct call *call) {
    call->is_away = false;
    if (!call->req) {
        free_call(call);
    } else if (call->is_answered) {
        call->go_on(call);
    } else if (may_try_again(call)) {
        h2o_timeout_link(call->loop->context.loop, &call->loop->context.hundred_ms_timeout, &call->retry_timer);
    } else if (call->status) {
        fail_after_work(call);
    } else if (call->next == CALL_WAITS_FOR_LOG) {
        wait_for_log(call);
    } else if (call->next == CALL_WORKS_AGAIN) {
        call_work(call, call->work);
    } else if (call->next == CALL_GOES_ON) {
        call->go_on(call);
    } else {
        call_send_made(call);
    }
}
