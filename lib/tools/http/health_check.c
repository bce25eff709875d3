/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/tools/http/health_check.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/base/thread.h"
#include "lib/base/url.h"
#include "lib/tools/http/http_client.h"

enum { PING_TIMEOUT_MS = 10000 };

struct health_check {
    struct health_check_options options;
    char *url;
    struct thread thread;
    struct deadline no_longer; /* cancelled to end a running ping */
};

static enum status ping(const char *url, const char *suffix, const char *body, struct deadline *deadline, struct error *err) {
    struct text address = {0};
    struct http_response response = {0};
    url_append_base(&address, url);
    text_append(&address, suffix);
    struct http_request request = {.url = address.bytes, .timeout_ms = PING_TIMEOUT_MS, .redirects = 3, .deadline = deadline};
    if (body) {
        request.body = body;
        request.body_length = strlen(body);
    }
    enum status status = http_client_send(&request, &response, err);
    if (!status && (response.status < 200 || response.status > 299))
        status = error_set(err, STATUS_UNAVAILABLE, "The health check's server answered %d.", response.status);
    http_response_release(&response);
    text_release(&address);
    return status;
}

enum status health_check_ping(const char *url, const char *suffix, const char *body, struct error *err) {
    return ping(url, suffix, body, NULL, err);
}

static enum status tell_news(struct health_check *check, struct error *err) {
    const struct health_check_options *options = &check->options;
    struct text news = {0};
    if (options->take_news) options->take_news(options->context, &news);
    enum status status = news.length ? ping(check->url, "/log", news.bytes, &check->no_longer, err) : STATUS_OK;
    if (news.length && !status) options->note_told(options->context);
    text_release(&news);
    return status;
}

static void run(void *context) {
    struct health_check *check = context;
    struct text reasons = {0};
    struct error *err = memory_alloc(sizeof *err);
    int pause_ms;
    do {
        text_clear(&reasons);
        bool is_ready = check->options.is_ready(check->options.context, &reasons);
        enum status status = is_ready ? ping(check->url, "", NULL, &check->no_longer, err)
                                      : ping(check->url, "/fail", text_view(&reasons), &check->no_longer, err);
        if (!status) status = tell_news(check, err);
        pause_ms = status ? check->options.retry_ms : check->options.interval_ms;
        if (status && status != STATUS_CANCELLED)
            log_line(LOG_WARN, "health_check_failed", log_field("retry_in_ms", pause_ms), log_field("error", err->message));
    } while (thread_pause(&check->thread, pause_ms));
    free(err);
    text_release(&reasons);
}

enum status health_check_create(struct health_check **out, const struct health_check_options *options, struct error *err) {
    struct health_check *check = memory_alloc(sizeof *check);
    check->options = *options;
    check->url = memory_copy_text(options->url);
    deadline_start(&check->no_longer, INT64_MAX);
    thread_init(&check->thread);
    enum status status = thread_start(&check->thread, "health-check", run, check, err);
    if (status) {
        health_check_free(check);
        check = NULL;
    }
    *out = check;
    return status;
}

void health_check_free(struct health_check *check) {
    if (!check) return;
    deadline_cancel(&check->no_longer, STATUS_CANCELLED);
    thread_release(&check->thread);
    free(check->url);
    free(check);
}
