/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Readers of Server-Sent Events, any number on one thread. Each keeps to the rules of EventSource: it goes on after the id of its
 * last whole event, waits as long as the last `retry` said, comes back whenever a stream ends or a connection fails, stays away
 * after 204, and gives up (here: the program ends) at any other answer.
 */
#include "tests/chaos/chaos_streams.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "tests/support/cmocka_all.h"

enum {
    RETRY_MS = 300, /* before the gateway has said anything; browsers take longer */
    TICK_MS = 10,
    SLOW_TICK_MS = 100,
    SLOW_WINDOW = 4096, /* of a slow reader's socket */
    RECEIVE_MAX = 64 * 1024,
    EVENTS_MAX = 256,
};

enum reader_state { READER_WAITS, READER_CONNECTS, READER_ASKED, READER_STREAMS, READER_ENDED };

struct stream_reader {
    struct stream_round *round;
    struct stream_job *job;
    enum reader_state state;
    bool is_slow;
    bool has_end;
    int socket;
    int64_t due_ms; /* monotonic: when a waiting one connects, or a slow one reads */
    int retry_ms;
    int lines;         /* the number of the last one */
    char cursor[64];   /* "": none */
    struct text input; /* received, not yet decoded */
    struct text body;  /* decoded, not yet a whole event */
    size_t chunk_left; /* of the chunk that is being received */
};

/* The event that is being read; texts are in the body. */
struct stream_event {
    const char *name, *id, *data, *retry;
};

/* ---- The text of lines ---- */

static unsigned mix(unsigned value) {
    value = (value ^ value >> 16) * 0x45d9f3bu;
    value = (value ^ value >> 16) * 0x45d9f3bu;
    return value ^ value >> 16;
}

/* Most lines are short, one in ten has some kilobytes. */
void stream_line_print(struct text *out, const struct stream_job *job, int number) {
    unsigned random = mix((unsigned)job->number * 1000003u + (unsigned)number);
    size_t length = random % 10 == 0 ? 1000 + random % 7000 : random % 200;
    text_clear(out);
    text_append_format(out, "line %d of job %d → ", number, job->number);
    for (size_t i = 0; i < length; i++) {
        random = random * 1664525u + 1013904223u;
        text_append_character(out, (char)('a' + (random >> 24) % 26));
    }
}

/* ---- Events ---- */

static void __attribute__((noreturn)) give_up(const struct stream_reader *reader, const char *why, const char *what) {
    fprintf(stderr, "a reader of job %d (%s) after line %d, cursor %s: %s: %.300s\n", reader->job->number, reader->job->id,
            reader->lines, reader->cursor, why, what);
    abort();
}

/* The line must be the next one, with exactly its text. */
static void take_line(struct stream_reader *reader, const struct stream_event *event) {
    static struct text expected, line;
    if (reader->lines == reader->job->lines) give_up(reader, "more lines than were written", event->data);
    stream_line_print(&line, reader->job, ++reader->lines);
    text_clear(&expected);
    text_append_format(&expected, "\"message\":\"%s\",\"jobId\":\"%s\"", text_view(&line), reader->job->id);
    if (!strstr(event->data, text_view(&expected))) give_up(reader, "this is not the line", event->data);
    if (!*event->id) give_up(reader, "a line without a cursor", event->data);
    struct samples *delays = reader->round->delays;
    if (delays && !reader->is_slow)
        delays->values[delays->count++] = (double)(clock_monotonic_us() - reader->job->written_us[reader->lines - 1]) / 1000;
}

static void take_end(struct stream_reader *reader, const struct stream_event *event) {
    char lines[32];
    snprintf(lines, sizeof lines, "\"lines\":%d}", reader->job->lines);
    if (reader->lines != reader->job->lines) give_up(reader, "lines are missing at the end", event->data);
    if (!strstr(event->data, "\"state\":\"succeeded\"") || !strstr(event->data, lines)) give_up(reader, "the end", event->data);
    reader->has_end = true;
}

/* After the end nothing comes but `retry`, where the gateway cannot see that the reader has all. */
static void take_event(struct stream_reader *reader, const struct stream_event *event) {
    if (reader->has_end && (*event->name || *event->id)) give_up(reader, "an event after the end", event->name);
    if (*event->retry) reader->retry_ms = atoi(event->retry);
    if (*event->id) snprintf(reader->cursor, sizeof reader->cursor, "%s", event->id);
    if (strcmp(event->name, "log") == 0)
        take_line(reader, event);
    else if (strcmp(event->name, "end") == 0)
        take_end(reader, event);
    else if (strcmp(event->name, "slow") == 0)
        atomic_fetch_add(&reader->round->counts->slow, 1);
    else if (*event->name && strcmp(event->name, "job") != 0)
        give_up(reader, "an event that is not known", event->name);
}

/* Takes the fields of one event, whose lines end with '\n'. */
static void parse_event(struct stream_reader *reader, char *at) {
    struct stream_event event = {"", "", "", ""};
    const struct {
        const char *name;
        const char **value;
    } fields[] = {{"event: ", &event.name}, {"id: ", &event.id}, {"data: ", &event.data}, {"retry: ", &event.retry}};
    for (char *end; *at; at = end) {
        end = strchr(at, '\n');
        if (!end) give_up(reader, "a field without its end", at);
        *end++ = '\0';
        bool is_known = *at == ':';
        for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
            if (!text_starts_with(at, fields[i].name)) continue;
            *fields[i].value = at + strlen(fields[i].name);
            is_known = true;
        }
        if (!is_known) give_up(reader, "a field that is not known", at);
    }
    take_event(reader, &event);
}

static void drop_start(struct text *text, size_t length) {
    memmove(text->bytes, text->bytes + length, text->length - length + 1);
    text->length -= length;
}

/* Takes all whole events. */
static void parse_events(struct stream_reader *reader) {
    size_t begin = 0;
    if (reader->body.length == 0) return;
    for (char *end; (end = strstr(reader->body.bytes + begin, "\n\n"));) {
        size_t next = (size_t)(end - reader->body.bytes) + 2;
        end[1] = '\0';
        parse_event(reader, reader->body.bytes + begin);
        begin = next;
    }
    drop_start(&reader->body, begin);
}

/* ---- One connection ---- */

/* Waits, and then comes back; or has ended. */
static void disconnect(struct stream_reader *reader, enum reader_state next) {
    if (reader->socket >= 0) close(reader->socket);
    if (reader->state == READER_STREAMS && !reader->has_end) atomic_fetch_add(&reader->round->counts->broken, 1);
    reader->socket = -1;
    reader->state = next;
    reader->due_ms = clock_monotonic_ms() + reader->retry_ms;
    reader->chunk_left = 0;
    text_clear(&reader->input);
    text_clear(&reader->body); /* the part of an event is lost, as in browsers */
}

static void take_head(struct stream_reader *reader) {
    char *end = reader->input.length ? strstr(reader->input.bytes, "\r\n\r\n") : NULL;
    if (!end) return;
    int status = reader->input.length > 12 ? atoi(reader->input.bytes + strlen("HTTP/1.1 ")) : 0;
    if (status == 204 && reader->has_end) {
        disconnect(reader, READER_ENDED);
        atomic_fetch_add(&reader->round->ended_readers, 1);
        return;
    }
    if (status != 200 || !strstr(reader->input.bytes, "transfer-encoding: chunked"))
        give_up(reader, "an answer that ends an EventSource for good", reader->input.bytes);
    drop_start(&reader->input, (size_t)(end - reader->input.bytes) + 4);
    reader->state = READER_STREAMS;
    atomic_fetch_add(&reader->round->counts->connections, 1);
    atomic_fetch_add(&reader->round->open_readers, 1);
}

/* Moves the chunks that are there from the input to the body. False: the last one has come. */
static bool decode_chunks(struct stream_reader *reader) {
    struct text *input = &reader->input;
    size_t at = 0;
    bool goes_on = true;
    while (goes_on && at < input->length) {
        if (reader->chunk_left > 0) { /* with the line break after it */
            size_t length = input->length - at < reader->chunk_left ? input->length - at : reader->chunk_left;
            size_t data = reader->chunk_left <= 2 ? 0 : length < reader->chunk_left - 2 ? length : reader->chunk_left - 2;
            text_append_bytes(&reader->body, input->bytes + at, data);
            reader->chunk_left -= length;
            at += length;
            continue;
        }
        const char *end = strstr(input->bytes + at, "\r\n");
        if (!end) break;
        size_t length = strtoul(input->bytes + at, NULL, 16);
        at = (size_t)(end - input->bytes) + 2;
        goes_on = length > 0;
        reader->chunk_left = length + 2;
    }
    if (input->length) drop_start(input, at);
    return goes_on;
}

/* Takes up to `limit` bytes. */
static void receive(struct stream_reader *reader, size_t limit) {
    char bytes[RECEIVE_MAX];
    ssize_t length = recv(reader->socket, bytes, limit, 0);
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (length <= 0) {
        disconnect(reader, READER_WAITS);
        return;
    }
    text_append_bytes(&reader->input, bytes, (size_t)length);
    if (reader->state == READER_ASKED) take_head(reader);
    if (reader->state != READER_STREAMS) return;
    bool goes_on = decode_chunks(reader);
    parse_events(reader);
    if (!goes_on) disconnect(reader, READER_WAITS);
}

static void fail_to_connect(struct stream_reader *reader) {
    atomic_fetch_add(&reader->round->counts->refused, 1);
    disconnect(reader, READER_WAITS);
}

static void start_to_connect(struct stream_reader *reader, int poller) {
    int port = atomic_load(reader->round->port);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event wanted = {.events = EPOLLOUT, .data.ptr = reader};
    int window = SLOW_WINDOW;
    if (port == 0) {
        fail_to_connect(reader);
        return;
    }
    reader->socket = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (reader->socket < 0) give_up(reader, "no socket", strerror(errno));
    if (reader->is_slow) setsockopt(reader->socket, SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
    if (connect(reader->socket, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS)
        fail_to_connect(reader);
    else if (epoll_ctl(poller, EPOLL_CTL_ADD, reader->socket, &wanted) < 0)
        give_up(reader, "epoll", strerror(errno));
    else
        reader->state = READER_CONNECTS;
}

static void ask(struct stream_reader *reader, int poller) {
    struct text request = {0};
    struct epoll_event wanted = {.events = reader->is_slow ? 0 : EPOLLIN, .data.ptr = reader};
    text_append_format(&request, "GET /api/v1/jobs/%s/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n",
                       reader->job->id);
    if (reader->cursor[0]) text_append_format(&request, "Last-Event-ID: %s\r\n", reader->cursor);
    text_append(&request, "\r\n");
    ssize_t sent = send(reader->socket, text_view(&request), request.length, MSG_NOSIGNAL);
    bool is_sent = sent == (ssize_t)request.length && epoll_ctl(poller, EPOLL_CTL_MOD, reader->socket, &wanted) == 0;
    text_release(&request);
    reader->state = READER_ASKED;
    reader->due_ms = clock_monotonic_ms();
    if (!is_sent) fail_to_connect(reader);
}

/* ---- All of them ---- */

/* What is due by time: a connection, or the next bytes of a slow one. */
static void go_on(struct stream_reader *reader, int poller) {
    if (reader->state == READER_ENDED || clock_monotonic_ms() < reader->due_ms) return;
    if (reader->state == READER_WAITS && atomic_load(&reader->job->is_accepted)) {
        start_to_connect(reader, poller);
    } else if (reader->is_slow && (reader->state == READER_ASKED || reader->state == READER_STREAMS)) {
        reader->due_ms = clock_monotonic_ms() + SLOW_TICK_MS;
        receive(reader, atomic_load(&reader->job->is_ended) ? RECEIVE_MAX : SLOW_BYTES * SLOW_TICK_MS / 1000);
    }
}

/* Breaks a connection off wherever it is: the bytes in the sockets, and the part of an event, are lost. */
static void cut_one(struct stream_round *round, struct stream_reader *readers) {
    int first = (int)((unsigned)rand_r(&round->seed) % (unsigned)round->reader_count);
    for (int i = 0; i < round->reader_count; i++) {
        struct stream_reader *reader = &readers[(first + i) % round->reader_count];
        if (reader->state != READER_ASKED && reader->state != READER_STREAMS) continue;
        disconnect(reader, READER_WAITS);
        atomic_fetch_sub(round->cuts_due, 1);
        return;
    }
}

static struct stream_reader *make_readers(struct stream_round *round) {
    struct stream_reader *readers = memory_alloc((size_t)round->reader_count * sizeof *readers);
    for (int i = 0; i < round->reader_count; i++) {
        int delay_ms = round->start_ms ? (int)((unsigned)rand_r(&round->seed) % (unsigned)round->start_ms) : 0;
        readers[i] = (struct stream_reader){.round = round,
                                            .job = &round->jobs[i % round->job_count],
                                            .is_slow = i < round->slow_count,
                                            .socket = -1,
                                            .due_ms = clock_monotonic_ms() + delay_ms,
                                            .retry_ms = RETRY_MS};
    }
    return readers;
}

static void free_readers(struct stream_reader *readers, int count) {
    for (int i = 0; i < count; i++) {
        text_release(&readers[i].input);
        text_release(&readers[i].body);
    }
    free(readers);
}

void *stream_readers_run(void *context) {
    struct stream_round *round = context;
    struct stream_reader *readers = make_readers(round);
    struct epoll_event events[EVENTS_MAX];
    int poller = epoll_create1(EPOLL_CLOEXEC);
    assert_true(poller >= 0);
    int64_t tick_ms = 0;
    while (atomic_load(&round->ended_readers) < round->reader_count) {
        int count = epoll_wait(poller, events, EVENTS_MAX, TICK_MS);
        for (int i = 0; i < count; i++) {
            struct stream_reader *reader = events[i].data.ptr;
            if (reader->state == READER_CONNECTS)
                ask(reader, poller);
            else if (reader->state == READER_ASKED || reader->state == READER_STREAMS)
                receive(reader, RECEIVE_MAX);
        }
        if (clock_monotonic_ms() - tick_ms < TICK_MS) continue;
        tick_ms = clock_monotonic_ms();
        for (int i = 0; i < round->reader_count; i++)
            go_on(&readers[i], poller);
        if (atomic_load(round->cuts_due) > 0) cut_one(round, readers);
    }
    close(poller);
    free_readers(readers, round->reader_count);
    return NULL;
}
