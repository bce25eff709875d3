/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/stream/reader.h"

#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/clock.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"
#include "services/gateway/http/clients.h"
#include "services/gateway/http/connection.h"
#include "services/gateway/http/loop.h"
#include "services/gateway/stream/event_text.h"
#include "services/gateway/stream/hub.h"
#include "services/gateway/stream/log_wait.h"
#include "services/gateway/stream/reader_parts.h"

static struct reader *reader_of(const struct call *call) {
    return call->reader;
}

static struct feed_place *place_of(const struct reader *reader) {
    return &reader->feed->places[reader->call->loop->index];
}

/* ---- Reading from the store: on a thread that may block ---- */

static void begin_stream(struct call *call);

/* call->work: the first chunk. A client that already has the end is told not to come back (204). */
static enum status read_first(struct call *call, struct job_store *store, struct error *err) {
    struct reader *reader = reader_of(call);
    struct arena arena = {0}; /* the call's lives as long as the stream */
    enum status status = reader_read_chunk(reader, store, &arena, err);
    arena_release(&arena);
    call->next = CALL_GOES_ON;
    call->go_on = begin_stream;
    if (status || !reader->has_all) return status;
    text_clear(&call->answer.body);
    call->answer.http_status = 204;
    call->next = CALL_SENDS;
    return STATUS_OK;
}

static void pump(struct reader *reader);
static void pause_stream(struct reader *reader, const char *reason, const char *message);

/* The store has no more lines of the reader's level: it has all of them up to the line that the feed had before. */
static void pass_lower_lines(struct reader *reader) {
    if (reader->position.time_ms >= reader->seen_ms) return;
    reader->position.time_ms = reader->seen_ms;
    reader->position.ordinal = 0;
}

/* After a read by the store executor. */
static void come_back(struct call *call) {
    struct reader *reader = reader_of(call);
    reader->is_away = false;
    if (call->status) reader->must_pause = true;
    if (!call->status && !reader->has_more) pass_lower_lines(reader);
    pump(reader);
}

/* store_task.run: the next chunk. */
static void read_next(struct store_task *task, struct job_store *store) {
    struct call *call = H2O_STRUCT_FROM_MEMBER(struct call, task, task);
    struct reader *reader = reader_of(call);
    struct arena arena = {0};
    struct error err;
    call->status = STATUS_OK;
    if (!atomic_load(&call->is_gone)) call->status = reader_read_chunk(reader, store, &arena, &err);
    arena_release(&arena);
    call_return(call);
}

/* store_task.run: makes a new feed ready. If that fails, the hub finds the feed by itself. */
static void wake_hub(struct store_task *task, struct job_store *store) {
    struct call *call = H2O_STRUCT_FROM_MEMBER(struct call, task, task);
    struct error err;
    if (!atomic_load(&call->is_gone) && hub_wake(store, reader_of(call)->job_id, &err))
        log_line(LOG_DEBUG, "log_wait_failed", log_field("error", err.message));
    call->status = STATUS_OK;
    call_return(call);
}

static void try_again(h2o_timeout_entry_t *entry) {
    pump(H2O_STRUCT_FROM_MEMBER(struct reader, retry_timer, entry));
}

static void leave_for(struct reader *reader, void (*run)(struct store_task *task, struct job_store *store)) {
    struct loop *loop = reader->call->loop;
    reader->is_away = call_run(reader->call, run, come_back);
    if (!reader->is_away && !h2o_timeout_is_linked(&reader->retry_timer))
        h2o_timeout_link(loop->context.loop, &loop->context.hundred_ms_timeout, &reader->retry_timer);
}

/* ---- Sending ---- */

static void drop_held(struct reader *reader) {
    for (size_t i = 0; i < reader->held_count; i++)
        feed_item_drop(reader->held[i]);
    reader->held_count = 0;
}

static void send_parts(struct reader *reader, h2o_iovec_t *parts, size_t count, bool is_last) {
    reader->is_sending = true;
    reader->is_over = is_last;
    reader->sent_ms = clock_monotonic_ms();
    h2o_send(reader->call->req, parts, count, is_last ? H2O_SEND_STATE_FINAL : H2O_SEND_STATE_IN_PROGRESS);
}

static void send_body(struct reader *reader, bool is_last) {
    struct text *body = &reader->call->answer.body;
    h2o_iovec_t part = {body->bytes, body->length};
    send_parts(reader, &part, body->length ? 1 : 0, is_last);
}

/* h2o_generator.proceed: the client has taken what was sent, or the kernel has. */
static void proceed(h2o_generator_t *generator, h2o_req_t *req) {
    (void)req;
    struct call *call = H2O_STRUCT_FROM_MEMBER(struct call, generator, generator);
    struct reader *reader = reader_of(call);
    reader->is_sending = false;
    reader->took_ms = clock_monotonic_ms() - reader->sent_ms;
    drop_held(reader);
    text_release(&call->answer.body);
    pump(reader);
}

static void send_items(struct reader *reader) {
    h2o_iovec_t parts[READER_ITEMS_MAX];
    size_t count = 0;
    bool is_end = false;
    for (size_t i = 0; i < reader->held_count; i++) {
        const struct feed_item *item = reader->held[i];
        if (item->kind == FEED_END) is_end = true;
        if (item->length[reader->filter.form])
            parts[count++] = h2o_iovec_init(feed_item_bytes(item, reader->filter.form), item->length[reader->filter.form]);
    }
    send_parts(reader, parts, count, is_end);
}

/* Sends the last part of a stream that its client can go on with. */
static void pause_stream(struct reader *reader, const char *reason, const char *message) {
    struct text *body = &reader->call->answer.body;
    text_clear(body);
    if (reader->filter.form == FEED_EVENTS) event_append_pause(body, reason, message, READER_RETRY_MS);
    send_body(reader, true);
}

/* ---- What comes next ---- */

static void follow(struct reader *reader) {
    struct call *call = reader->call;
    bool is_new;
    reader->feed = hub_follow(call->gateway->hub, reader->job_id, &is_new);
    struct feed_place *place = place_of(reader);
    place->receiver = &call->loop->feed_receiver;
    h2o_linklist_insert(&place->readers, &reader->in_place);
    atomic_fetch_add(&place->reader_count, 1);
    if (is_new) leave_for(reader, wake_hub);
}

/* Reads on from the store. A reader that was at the newest line is there again since many lines came at once, or since its client
 * is slow. */
static void read_on(struct reader *reader) {
    bool is_slow = reader->is_live && reader->took_ms >= READER_SLOW_MS;
    if (is_slow && reader->filter.form == FEED_EVENTS) {
        pause_stream(reader, "slow", "This reader is slower than the log is written. It can go on after its last line.");
        return;
    }
    reader->seen_ms = reader->feed ? feed_last_ms(reader->feed) : 0;
    leave_for(reader, read_next);
}

static void take_from_feed(struct reader *reader) {
    switch (feed_take(reader->feed, &reader->position, &reader->filter, READER_CHUNK_BYTES, reader->held, READER_ITEMS_MAX,
                      &reader->held_count)) {
    case FEED_HAS_ITEMS:
        reader->is_live = true;
        send_items(reader);
        return;
    case FEED_HAS_NONE: reader->is_live = reader->position.number > 0; return;
    case FEED_IS_LOST: pause_stream(reader, NULL, NULL); return;
    case FEED_IS_PAST: reader->position.number = 0; read_on(reader);
    }
}

static bool may_send(const struct reader *reader) {
    return reader->is_begun && !reader->is_sending && !reader->is_away && !reader->is_over;
}

/* Sends the lines that are there, if nothing is being sent; else arranges for them to come. */
static void pump(struct reader *reader) {
    if (!may_send(reader)) return;
    if (reader->call->answer.body.length || reader->is_complete)
        send_body(reader, reader->is_complete);
    else if (reader->must_pause)
        pause_stream(reader, NULL, NULL);
    else if (reader->has_more)
        read_on(reader);
    else if (!reader->feed)
        follow(reader);
    if (reader->feed && may_send(reader)) take_from_feed(reader);
}

/* ---- Begin and end ---- */

/* The kernel takes little more than it can send at once: else a slow client's backlog, up to megabytes, would be there. */
static void limit_backlog(const struct connection *connection) {
    int bytes = READER_CHUNK_BYTES;
    setsockopt(connection->descriptor, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof bytes);
}

/* call->go_on: the first chunk is there. */
static void begin_stream(struct call *call) {
    struct reader *reader = reader_of(call);
    call->answer.content_type = reader->filter.form == FEED_EVENTS ? "text/event-stream" : "text/plain; charset=utf-8";
    answer_header(&call->answer, "cache-control", "no-store, no-transform");
    answer_header(&call->answer, "x-accel-buffering", "no");
    limit_backlog(call->connection);
    if (call->req->version < 0x200) call->connection->poll = call;
    reader->is_begun = true;
    call_begin_stream(call, proceed);
    if (call->is_head)
        send_parts(reader, NULL, 0, true);
    else
        pump(reader);
}

/* Is there room for this reader, which is counted already? Behind a proxy without X-Forwarded-For, clients cannot be told apart. */
static bool admit(const struct call *call) {
    const struct settings *settings = call->gateway->settings;
    bool is_of_proxy = call->connection->is_of_proxy && call->client == call->connection->client;
    return atomic_load(&call->gateway->readers) <= settings->gateway_readers &&
           (is_of_proxy || !call->is_public || atomic_load(&call->client->readers) <= settings->gateway_readers_per_address);
}

static void count_reader(struct call *call, int by) {
    atomic_fetch_add(&call->gateway->readers, by);
    atomic_fetch_add(&call->client->readers, by);
}

void reader_start(struct call *call, const char *job_id, const struct feed_filter *filter, struct log_cursor after) {
    struct reader *reader = arena_alloc(&call->arena, sizeof *reader);
    call->reader = reader;
    reader->call = call;
    reader->job_id = job_id;
    reader->filter = *filter;
    reader->position.time_ms = after.time_ms;
    reader->position.ordinal = after.ordinal;
    reader->retry_timer.cb = try_again;
    reader->must_pause = atomic_load(&call->gateway->is_draining);
    h2o_linklist_insert(&call->loop->readers, &reader->in_loop);
    count_reader(call, 1);
    if (admit(call)) {
        call_work(call, read_first);
        return;
    }
    answer_header(&call->answer, "retry-after", "10");
    call_fail(call, STATUS_BUSY, NULL,
              "Too many logs are being followed: try again in a few seconds, or ask for the lines without following them.");
}

void reader_end(struct call *call) {
    struct reader *reader = reader_of(call);
    if (!reader) return;
    reader->must_pause = true;
    pump(reader);
}

bool reader_put_off(struct call *call) {
    struct reader *reader = reader_of(call);
    if (!reader || reader->filter.form != FEED_EVENTS) return false;
    reader->must_pause = true;
    text_clear(&call->answer.body);
    begin_stream(call);
    return true;
}

void reader_release(struct call *call) {
    struct reader *reader = reader_of(call);
    h2o_timeout_unlink(&reader->retry_timer);
    h2o_linklist_unlink(&reader->in_loop);
    count_reader(call, -1);
    drop_held(reader);
    if (!reader->feed) return;
    h2o_linklist_unlink(&reader->in_place);
    atomic_fetch_sub(&place_of(reader)->reader_count, 1);
    hub_leave(reader->feed);
    reader->feed = NULL;
}

/* ---- The loop ---- */

static void pump_link(h2o_linklist_t *link) {
    pump(H2O_STRUCT_FROM_MEMBER(struct reader, in_place, link));
}

static void take_feeds(h2o_multithread_receiver_t *receiver, h2o_linklist_t *messages) {
    (void)receiver;
    while (!h2o_linklist_is_empty(messages)) {
        struct feed_place *place = H2O_STRUCT_FROM_MEMBER(struct feed_place, message.link, messages->next);
        struct feed *feed = place->feed;
        h2o_linklist_unlink(&place->message.link);
        atomic_store(&place->is_told, false);
        loop_visit(&place->readers, pump_link);
        log_waits_check(place);
        feed_drop(feed);
    }
}

void readers_open(struct loop *loop) {
    h2o_linklist_init_anchor(&loop->readers);
    h2o_linklist_init_anchor(&loop->log_waits);
    h2o_multithread_register_receiver(loop->context.queue, &loop->feed_receiver, take_feeds);
}

void readers_close(struct loop *loop) {
    h2o_multithread_unregister_receiver(loop->context.queue, &loop->feed_receiver);
}

static void end_link(h2o_linklist_t *link) {
    reader_end(H2O_STRUCT_FROM_MEMBER(struct reader, in_loop, link)->call);
}

void readers_end(struct loop *loop) {
    loop_visit(&loop->readers, end_link);
}

static void beat_link(h2o_linklist_t *link) {
    struct reader *reader = H2O_STRUCT_FROM_MEMBER(struct reader, in_loop, link);
    bool is_due = clock_monotonic_ms() - reader->sent_ms >= READER_HEARTBEAT_MS;
    if (!is_due || !may_send(reader) || reader->filter.form != FEED_EVENTS) return;
    h2o_iovec_t comment = h2o_iovec_init(H2O_STRLIT(":\n\n"));
    send_parts(reader, &comment, 1, false);
}

void readers_pass_second(struct loop *loop) {
    loop_visit(&loop->readers, beat_link);
}
