/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/job/job.h"

#include <stddef.h>
#include <string.h>

#include "lib/base/settings.h"

static const struct {
    const char *text;
    const char *service;
    bool known_to_old_clients;
} kinds[JOB_KIND_COUNT] = {
#define JOB_KIND(name, text, service, shown, lane, is_change, timeout) [JOB_KIND_##name] = {text, service, shown},
#include "lib/domain/job/job_kinds.def"
};

static const char *const states[JOB_STATE_COUNT] = {
#define JOB_STATE(name, text) [JOB_STATE_##name] = text,
    JOB_STATE_TABLE(JOB_STATE)
#undef JOB_STATE
};

static const struct {
    const char *text;
    int priority;
    bool is_trial;
} purposes[MATRIX_PURPOSE_COUNT] = {
#define MATRIX_PURPOSE(name, text, priority, is_trial) [MATRIX_PURPOSE_##name] = {text, priority, is_trial},
#include "lib/domain/job/job_kinds.def"
};

const char *job_kind_text(enum job_kind kind) {
    return kinds[kind].text;
}

const char *job_kind_service(enum job_kind kind) {
    return kinds[kind].service;
}

bool job_kind_is_known_to_old_clients(enum job_kind kind) {
    return kinds[kind].known_to_old_clients;
}

int64_t job_kind_timeout_ms(enum job_kind kind, const struct settings *settings) {
    const int64_t timeouts_ms[JOB_KIND_COUNT] = {
#define JOB_KIND(name, text, service, shown, lane, is_change, timeout) [JOB_KIND_##name] = timeout,
#include "lib/domain/job/job_kinds.def"
    };
    return timeouts_ms[kind];
}

bool job_kind_parse(const char *text, enum job_kind *kind) {
    for (int i = 0; i < JOB_KIND_COUNT; i++) {
        if (strcmp(text, kinds[i].text) != 0) continue;
        *kind = (enum job_kind)i;
        return true;
    }
    return false;
}

const char *job_state_text(enum job_state state) {
    return states[state];
}

bool job_state_parse(const char *text, enum job_state *state) {
    for (int i = 0; i < JOB_STATE_COUNT; i++) {
        if (strcmp(text, states[i]) != 0) continue;
        *state = (enum job_state)i;
        return true;
    }
    return false;
}

const char *matrix_purpose_text(enum matrix_purpose purpose) {
    return purposes[purpose].text;
}

bool matrix_purpose_parse(const char *text, enum matrix_purpose *purpose) {
    for (int i = MATRIX_PURPOSE_NONE + 1; i < MATRIX_PURPOSE_COUNT; i++) {
        if (strcmp(text, purposes[i].text) != 0) continue;
        *purpose = (enum matrix_purpose)i;
        return true;
    }
    return false;
}

int matrix_purpose_priority(enum matrix_purpose purpose) {
    return purposes[purpose].priority;
}

bool matrix_purpose_is_trial(enum matrix_purpose purpose) {
    return purposes[purpose].is_trial;
}

/* Appends `KEY: VALUE` as one line; control characters become blanks, so that a value cannot forge another trailer. */
static void append_trailer(struct text *out, const char *key, const char *value) {
    if (text_is_blank(value)) return;
    text_append_format(out, "%s: ", key);
    for (; *value; value++)
        text_append_character(out, (unsigned char)*value < ' ' ? ' ' : *value);
    text_append_character(out, '\n');
}

const char *job_commit_message(const struct job *job, struct arena *arena, const char *subject) {
    struct text message = {0};
    text_append_format(&message, "%s\n\nJob ID: %s\n", subject, job->id);
    if (job_is_by_trustee(job)) {
        append_trailer(&message, "Trustee", job->actor);
        append_trailer(&message, "Issue", job->issue);
        append_trailer(&message, "Reason", job->reason);
    }
    const char *copy = arena_copy(arena, text_view(&message));
    text_release(&message);
    return copy;
}
