/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Requests and answers are packet lines: each row of text follows its length in four hex digits (which counts them; 0000 ends
 * the rows), as in git's protocol-common and pack-protocol:
 *
 *   GET  …/info/refs      # service=git-receive-pack, 0000, then the refs; the first is followed by the remote's capabilities
 *   POST …/receive-pack   FROM TO REF\0wanted capabilities, FROM TO REF, 0000, the pack
 *                         unpack ok | unpack REASON, then for each ref ok REF | ng REF REASON, 0000
 */
#include "lib/tools/git/git_push.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/tools/git/git_http.h"

enum { LENGTH_DIGITS = 4, READ_BYTES = 16384, ID_TEXT_MAX = GIT_OID_HEXSZ + 1 };

struct git_pusher {
    char *url;
    struct git_session session;
    git_smart_subtransport *transport; /* NULL: not connected */
    bool is_introduced;                /* the remote's capabilities were read */
    bool is_atomic;                    /* it can move several refs together or not at all */
};

struct git_pusher *git_pusher_create(const char *url) {
    struct git_pusher *pusher = memory_alloc(sizeof *pusher);
    pusher->url = memory_copy_text(url);
    return pusher;
}

static void disconnect(struct git_pusher *pusher) {
    if (pusher->transport) pusher->transport->close(pusher->transport);
    if (pusher->transport) pusher->transport->free(pusher->transport);
    pusher->transport = NULL;
    pusher->is_introduced = false;
}

void git_pusher_free(struct git_pusher *pusher) {
    if (!pusher) return;
    disconnect(pusher);
    free(pusher->url);
    free(pusher);
}

/* ---- One request ---- */

static int read_all(git_smart_subtransport_stream *stream, struct text *answer) {
    size_t length;
    do {
        int code = stream->read(stream, text_reserve(answer, READ_BYTES), READ_BYTES, &length);
        if (code < 0) return code;
        answer->length += length;
        answer->bytes[answer->length] = '\0';
    } while (length > 0);
    return 0;
}

/* Sends one request and reads the whole answer. `head` and `body` may be NULL. */
static enum status ask(struct git_pusher *pusher, git_smart_service_t service, const struct text *head, const struct text *body,
                       struct text *answer, struct error *err) {
    git_smart_subtransport_stream *stream = NULL;
    int code = pusher->transport ? 0 : git_http_create(&pusher->transport, NULL, &pusher->session);
    if (code == 0) code = pusher->transport->action(&stream, pusher->transport, pusher->url, service);
    if (code == 0 && head) code = stream->write(stream, head->bytes, head->length);
    if (code == 0 && body) code = stream->write(stream, body->bytes, body->length);
    if (code == 0) code = read_all(stream, answer);
    if (stream) stream->free(stream);
    if (code == 0) return STATUS_OK;
    const struct error *failure = &pusher->session.failure;
    if (failure->status) return error_set(err, failure->status, "%s", failure->message);
    return git_transport_failure(code, "The push could not be made", err);
}

/* ---- Rows ---- */

/* The next row without its line break, in place; NULL at the end, or if it is malformed. */
static char *next_row(struct text *answer, size_t *at) {
    unsigned char decoded[LENGTH_DIGITS / 2];
    if (answer->length - *at < LENGTH_DIGITS) return NULL;
    if (hash_hex_decode(answer->bytes + *at, LENGTH_DIGITS, decoded, sizeof decoded) == 0) return NULL;
    size_t length = (size_t)decoded[0] << 8 | decoded[1];
    if (length <= LENGTH_DIGITS || length > answer->length - *at) return NULL;
    char *row = answer->bytes + *at;
    memmove(row, row + LENGTH_DIGITS, length - LENGTH_DIGITS); /* makes room for the NUL */
    row[length - LENGTH_DIGITS] = '\0';
    row[strcspn(row, "\n")] = '\0';
    *at += length;
    return row;
}

/* ---- Capabilities and reports ---- */

static enum status introduce(struct git_pusher *pusher, struct error *err) {
    static const char *const needed[] = {"report-status", "ofs-delta"};
    struct text answer = {0};
    enum status status = ask(pusher, GIT_SERVICE_RECEIVEPACK_LS, NULL, NULL, &answer, err);
    for (size_t i = 0; i < sizeof needed / sizeof *needed && !status; i++)
        if (!memmem(text_view(&answer), answer.length, needed[i], strlen(needed[i])))
            status = error_set(err, STATUS_REFUSED, "%.500s cannot be pushed to: the server does not support git's %s.",
                               pusher->url, needed[i]);
    pusher->is_atomic = memmem(text_view(&answer), answer.length, " atomic", strlen(" atomic")) != NULL;
    text_release(&answer);
    pusher->is_introduced = status == STATUS_OK;
    return status;
}

/* True for receive-pack's reasons when another push was faster, or is running. */
static bool refusal_is_conflict(const char *reason) {
    static const char *const reasons[] = {
        "non-fast-forward",     "fetch first",         "stale info",     "lock",
        "failed to update ref", "incorrect old value", "already exists", "atomic transaction failed"};
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (strstr(reason, reasons[i])) return true;
    return false;
}

static enum status not_reported(const struct git_pusher *pusher, struct error *err) {
    return error_set(err, STATUS_UNAVAILABLE, "%.500s did not report the result of the push.", pusher->url);
}

/* The reason in the row `ng REF REASON`; "": the row is `ok REF`; NULL: it is neither. */
static const char *find_reason(const char *row, const char *ref) {
    bool is_ok = text_starts_with(row, "ok "), is_refused = text_starts_with(row, "ng ");
    size_t length = strlen(ref);
    const char *named = row + strlen("ok ");
    if ((!is_ok && !is_refused) || strncmp(named, ref, length) != 0) return NULL;
    if (is_ok) return named[length] == '\0' ? "" : NULL;
    return named[length] == ' ' && named[length + 1] ? named + length + 1 : NULL;
}

/* The ref that the row is about, and its reason; NULL: none of them. */
static const struct git_push_ref *find_ref(const struct git_push *push, const char *row, const char **reason) {
    for (size_t i = 0; row && i < push->count; i++) {
        *reason = find_reason(row, push->refs[i].name);
        if (*reason) return &push->refs[i];
    }
    return NULL;
}

/* Reads the rows of all refs, in any order. Of several refused ones the first counts whose reason is its own. */
static enum status read_rows(const struct git_pusher *pusher, const struct git_push *push, struct text *answer, size_t *at,
                             struct error *err) {
    enum status status = STATUS_OK;
    for (size_t i = 0; i < push->count; i++) {
        const char *reason = NULL;
        const struct git_push_ref *ref = find_ref(push, next_row(answer, at), &reason);
        if (!ref) return not_reported(pusher, err);
        bool is_of_another = status && strstr(reason, "atomic push failure");
        if (!*reason || is_of_another || status == STATUS_CONFLICT) continue;
        status = error_set(err, refusal_is_conflict(reason) ? STATUS_CONFLICT : STATUS_REFUSED,
                           "%.500s rejected the push to %s: %.500s.", pusher->url, ref->name, reason);
    }
    return status;
}

static enum status read_report(const struct git_pusher *pusher, const struct git_push *push, struct text *answer,
                               struct error *err) {
    size_t at = 0;
    const char *row = next_row(answer, &at);
    if (!row || !text_starts_with(row, "unpack ")) return not_reported(pusher, err);
    if (!text_equal(row, "unpack ok"))
        return error_set(err, STATUS_UNAVAILABLE, "%.500s could not unpack the push: %.500s.", pusher->url,
                         row + strlen("unpack "));
    return read_rows(pusher, push, answer, &at, err);
}

/* ---- A push ---- */

static void append_command(struct text *out, const struct git_push_ref *ref, const char *wanted) {
    char from[ID_TEXT_MAX], to[ID_TEXT_MAX];
    git_oid_tostr(from, sizeof from, &ref->from);
    git_oid_tostr(to, sizeof to, &ref->to);
    size_t length = LENGTH_DIGITS + strlen(from) + 1 + strlen(to) + 1 + strlen(ref->name) + (wanted ? 1 + strlen(wanted) : 0);
    text_append_format(out, "%04zx%s %s %s", length, from, to, ref->name);
    if (!wanted) return;
    text_append_bytes(out, "", 1);
    text_append(out, wanted);
}

static void append_commands(struct text *out, const struct git_push *push) {
    static const char wanted[] = " report-status ofs-delta agent=git/registry-" REGISTRY_VERSION;
    static const char wanted_together[] = " report-status ofs-delta atomic agent=git/registry-" REGISTRY_VERSION;
    for (size_t i = 0; i < push->count; i++)
        append_command(out, &push->refs[i], i > 0 ? NULL : push->count > 1 ? wanted_together : wanted);
    text_append(out, "0000");
}

enum status git_pusher_push(struct git_pusher *pusher, const struct git_push *push, const struct git_access *access,
                            struct error *err) {
    struct text commands = {0}, answer = {0};
    pusher->session = (struct git_session){.access = access, .url = pusher->url};
    enum status status = git_transport_start(err);
    if (!status) status = git_transport_check_url(pusher->url, access->allow_private, err);
    if (!status && !text_starts_with(pusher->url, "http"))
        status = error_set(err, STATUS_INVALID, "%.500s cannot be pushed to: the URL must begin with https:// or http://.",
                           pusher->url);
    if (!status && !pusher->is_introduced) status = introduce(pusher, err);
    if (!status && push->count > 1 && !pusher->is_atomic)
        status = error_set(err, STATUS_REFUSED, "%.500s cannot be pushed to: the server does not support git's atomic.",
                           pusher->url);
    append_commands(&commands, push);
    if (!status) status = ask(pusher, GIT_SERVICE_RECEIVEPACK, &commands, push->pack, &answer, err);
    if (!status) status = read_report(pusher, push, &answer, err);
    if (status && status != STATUS_CONFLICT) disconnect(pusher);
    text_release(&answer);
    text_release(&commands);
    return status;
}
