/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/package-set/schedule_next.h"

static const int64_t day_ms = 24 * 3600 * 1000;

static int64_t later(int64_t a, int64_t b) {
    return a > b ? a : b;
}

/* One that no instance was there to make is made up for. */
static int64_t find_daily(const struct schedule_facts *facts) {
    if (daily_time_last(&facts->daily, facts->now_ms) > facts->daily_done_ms) return facts->now_ms;
    return daily_time_next(&facts->daily, facts->now_ms);
}

static int64_t find_following(const struct schedule_facts *facts) {
    if (facts->after_ms == 0 || facts->per_day == 0 || !facts->has_candidates) return 0;
    int64_t due_ms = later(facts->newest_ms, facts->ended_ms) + facts->after_ms;
    int64_t midnight_ms = (facts->now_ms / day_ms + 1) * day_ms;
    return later(due_ms, facts->made_today < facts->per_day ? facts->now_ms : midnight_ms);
}

int64_t schedule_next_update(const struct schedule_facts *facts) {
    int64_t daily_ms = find_daily(facts), following_ms = find_following(facts);
    if (daily_ms == 0 || following_ms == 0) return daily_ms + following_ms;
    return daily_ms < following_ms ? daily_ms : following_ms;
}
