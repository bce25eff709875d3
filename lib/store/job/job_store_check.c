/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Checks that Redis is set up to keep accepted jobs (lib/store/README.md, Redis itself), and that it has room for more.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/store/job/job_steps.h"

static const struct {
    const char *name;
    const char *value; /* NULL: anything but 0 */
    const char *why;
} needed_settings[] = {
    {"appendonly", "yes", "accepted jobs would be lost when Redis ends"},
    {"appendfsync", "always", "accepted jobs could be lost when the machine fails"},
    {"maxmemory-policy", "noeviction", "jobs could be evicted"},
    {"maxmemory", NULL, "memory would be limited only by the machine"},
};

enum { NEEDED_SETTINGS = sizeof needed_settings / sizeof needed_settings[0] };

/* Adds the commands; check_settings() reads their NEEDED_SETTINGS + 1 replies. */
static void ask_for_settings(struct job_store *store) {
    for (size_t i = 0; i < NEEDED_SETTINGS; i++)
        redis_add(store->redis, "CONFIG GET %s", needed_settings[i].name);
    redis_add(store->redis, "INFO persistence");
}

static enum status check_settings(const struct redis_reply *replies, struct error *err) {
    for (size_t i = 0; i < NEEDED_SETTINGS; i++) {
        const char *name = needed_settings[i].name, *wanted = needed_settings[i].value;
        if (replies[i].type == REDIS_FAILURE)
            return error_set(err, STATUS_UNAVAILABLE,
                             "Redis does not report its setting %s: REDIS_URL's user must be allowed CONFIG GET (%s).", name,
                             replies[i].text);
        const char *value = replies[i].count == 2 ? replies[i].items[1].text : "";
        if (wanted ? !text_equal(value, wanted) : atoll(value) == 0)
            return error_set(err, STATUS_UNAVAILABLE, "Redis has %s=%s, but it must be %s: %s (see ops/redis.conf).", name,
                             value, wanted ? wanted : "set", needed_settings[i].why);
    }
    if (!strstr(replies[NEEDED_SETTINGS].text, "aof_last_write_status:ok"))
        return error_set(err, STATUS_UNAVAILABLE,
                         "Redis could not write its append-only file: check whether its disk is full.");
    return STATUS_OK;
}

enum status job_store_check_keeping(struct job_store *store, struct error *err) {
    struct redis_reply *replies;
    ask_for_settings(store);
    enum status status = redis_run(store->redis, 0, &replies, err);
    return status ? status : check_settings(replies, err);
}

/* A number in the reply to INFO; 0 if it is missing. */
static long long info_number(const struct redis_reply *info, const char *name) {
    const char *at = strstr(info->text, name);
    return at ? atoll(at + strlen(name)) : 0;
}

static enum status check_room(const struct redis_reply *memory, const struct redis_reply *clients, struct error *err) {
    long long used = info_number(memory, "\nused_memory:"), most = info_number(memory, "\nmaxmemory:");
    long long connected = info_number(clients, "\nconnected_clients:"), allowed = info_number(clients, "\nmaxclients:");
    if (most > 0 && used * 100 >= most * JOB_MEMORY_PERCENT)
        return error_set(err, STATUS_UNAVAILABLE,
                         "Redis uses %lld of %lld bytes (maxmemory), so no new jobs are accepted: raise maxmemory.", used,
                         most);
    if (allowed > 0 && connected >= allowed)
        return error_set(
            err, STATUS_UNAVAILABLE,
            "Redis has %lld connections, as many as it allows (maxclients), so others are refused: raise maxclients.",
            connected);
    return STATUS_OK;
}

enum status job_store_check(struct job_store *store, struct error *err) {
    struct redis_reply *replies;
    ask_for_settings(store);
    redis_add(store->redis, "INFO memory");
    redis_add(store->redis, "INFO clients");
    enum status status = redis_run(store->redis, 0, &replies, err);
    if (!status) status = check_settings(replies, err);
    return status ? status : check_room(&replies[NEEDED_SETTINGS + 1], &replies[NEEDED_SETTINGS + 2], err);
}
