/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Webhooks in Redis, and the events that are sent to them, in one order for all.
 *
 *   webhook:hooks      set of ids
 *   webhook:hook:ID    hash: url, secret, events, package, cursor, failures, since, next, paused, problem
 *   webhook:known      set of the ids of all events there ever were, as of entries in the feeds
 *   webhook:begun      1: `known` has all that was there before the first event
 *   webhook:events     stream: id, event, package, body
 *
 * An event is added to `known` and to the stream in one step, so it is there once, whenever its finder is killed. A hook's
 * cursor is the event that it got last: it moves after the receiver's answer, so a kill in between sends the event again, by
 * the same id.
 */
#ifndef LIB_STORE_WEBHOOK_WEBHOOK_STORE_H
#define LIB_STORE_WEBHOOK_WEBHOOK_STORE_H

#include "lib/store/job/job_store.h"

enum { WEBHOOK_ID_MAX = 9, WEBHOOKS_MAX = 100, WEBHOOK_EVENTS_MAX = 100000 };

/* Names of events. */
extern const char *const webhook_event_names[]; /* ended by NULL */

struct webhook {
    char id[WEBHOOK_ID_MAX];
    const char *url, *secret;
    const char *events;  /* names, separated by commas; "": all */
    const char *package; /* "": any */
    const char *cursor;  /* of the stream */
    int64_t failures;    /* in a row */
    int64_t since_ms;    /* of the first of these; 0: none */
    int64_t next_ms;     /* not tried before */
    bool is_paused;
    const char *problem; /* of the last failure; "": none */
};

struct webhook_list {
    struct webhook *items;
    size_t count;
};

/* STATUS_INVALID: `events` has a name that is none. */
CHECK_RESULT enum status webhook_check_events(const char *events, struct error *err);

/* Adds the hook, which begins with the next event; sets its id and cursor. STATUS_REFUSED: there are WEBHOOKS_MAX. */
CHECK_RESULT enum status webhook_store_add(struct job_store *store, struct webhook *hook, struct arena *arena,
                                           struct error *err);
CHECK_RESULT enum status webhook_store_list(struct job_store *store, struct arena *arena, struct webhook_list *out,
                                            struct error *err);
CHECK_RESULT enum status webhook_store_find(struct job_store *store, const char *id, struct arena *arena, struct webhook *out,
                                            struct error *err); /* STATUS_NOT_FOUND */
CHECK_RESULT enum status webhook_store_remove(struct job_store *store, const char *id, struct error *err);
/* Writes cursor, failures, since, next, paused and problem; nothing if the hook was removed. */
CHECK_RESULT enum status webhook_store_note(struct job_store *store, const struct webhook *hook, struct error *err);

/* Ends its pause, and its wait after failures. */
CHECK_RESULT enum status webhook_store_resume(struct job_store *store, const char *id, struct error *err);

/* True if the hook wants events of this name about this package. */
bool webhook_wants(const struct webhook *hook, const char *event, const char *package);

struct webhook_event {
    const char *id;      /* the same as of its entry in a feed, a UUID */
    const char *event;   /* its name */
    const char *package; /* "": of none */
    const char *body;    /* JSON */
    const char *place;   /* in the stream; set by reading */
};

/* Adds those that were never added, in their order, and removes the oldest above WEBHOOK_EVENTS_MAX; before `begun`, they are
 * only noted as known. Repeatable. */
CHECK_RESULT enum status webhook_events_add(struct job_store *store, const struct webhook_event *events, size_t count,
                                            bool has_begun, struct error *err);
/* Sets is_known[i] for each. */
CHECK_RESULT enum status webhook_events_know(struct job_store *store, const char *const *ids, size_t count, bool *is_known,
                                             struct error *err);
CHECK_RESULT enum status webhook_events_begun(struct job_store *store, bool *out, struct error *err);
CHECK_RESULT enum status webhook_events_begin(struct job_store *store, struct error *err);

/* The next events after the place, `limit` at most. */
CHECK_RESULT enum status webhook_events_read(struct job_store *store, const char *after, size_t limit, struct arena *arena,
                                             struct webhook_event **out, size_t *count, struct error *err);

#endif
