/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/web/status_page.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "services/gateway/web/page.h"
#include "services/gateway/web/parts.h"

/* ---- Parts of the registry ---- */

static void write_check(struct html *html, const char *part, const json_t *check) {
    bool is_fine = json_is_true(json_object_get(check, "ok"));
    html_begin(html, "tr");
    part_cell(html, part);
    html_begin(html, "td");
    html_attribute(html, "class", is_fine ? NULL : "fault");
    html_text(html, is_fine ? "✓ works" : "✗ does not work");
    html_end(html);
    part_cell(html, part_text(check, "message"));
    html_end(html);
}

/* A part's own checks are shown where they say more. */
static void write_reasons(struct html *html, const char *part, const json_t *reasons) {
    size_t i;
    json_t *reason;
    json_array_foreach(reasons, i, reason) {
        if (!*part_text(reason, "message")) continue;
        struct text name = {0};
        text_append_format(&name, "%s: %s", part, part_text(reason, "check"));
        write_check(html, name.bytes, reason);
        text_release(&name);
    }
}

static void write_checks(struct html *html, const json_t *readiness) {
    static const char *const heads[] = {"Part", "State", "Reason", NULL};
    size_t i;
    json_t *check;
    html_element(html, "h2", NULL, "Parts");
    part_table_begin(html, heads);
    json_array_foreach(json_object_get(readiness, "checks"), i, check) {
        write_check(html, part_text(check, "check"), check);
        write_reasons(html, part_text(check, "check"), json_object_get(check, "reasons"));
    }
    part_table_end(html);
}

/* ---- Jobs ---- */

static void write_age(struct html *html, int64_t age_ms) {
    int64_t minutes = age_ms / 60000;
    if (minutes < 1)
        html_text(html, "less than a minute");
    else if (minutes < 120)
        html_format(html, "%" PRId64 " min", minutes);
    else if (minutes < 48 * 60)
        html_format(html, "%" PRId64 " h", minutes / 60);
    else
        html_format(html, "%" PRId64 " days", minutes / (24 * 60));
}

static void write_kind(struct html *html, const struct registry_state *state, enum job_kind kind) {
    const struct job_counts *counts = &state->counts;
    int64_t oldest_ms = counts->oldest_pending_ms[kind];
    html_begin(html, "tr");
    part_cell(html, job_kind_text(kind));
    part_number_cell(html, counts->pending[kind]);
    html_begin(html, "td");
    if (oldest_ms) write_age(html, state->now_ms > oldest_ms ? state->now_ms - oldest_ms : 0);
    html_end(html);
    part_number_cell(html, counts->running[kind]);
    html_end(html);
}

static void write_jobs(struct html *html, const struct registry_state *state) {
    static const char *const heads[] = {"Kind", "#Waiting", "The oldest for", "#Running", NULL};
    html_element(html, "h2", NULL, "Jobs");
    if (!state->has_counts) {
        html_element(html, "p", "fault", "The store of jobs does not answer.");
        return;
    }
    html_begin(html, "p");
    html_format(html, "Builds that wait for a worker: %" PRId64 ".", state->counts.pending[JOB_KIND_MATRIX]);
    html_end(html);
    part_table_begin(html, heads);
    for (int i = 0; i < JOB_KIND_COUNT; i++)
        write_kind(html, state, (enum job_kind)i);
    part_table_end(html);
}

/* ---- The latest ---- */

static void write_publication(struct html *html, const struct job *job) {
    char time[TIME_TEXT_MAX];
    html_element(html, "dt", NULL, "Last publication");
    html_begin(html, "dd");
    if (job) {
        struct text name = {0};
        time_print(job->finished_ms, time);
        text_append_format(&name, "%s@%s", job->package, job->version);
        part_link(html, name.bytes, "/packages/%s", job->package);
        html_text(html, ", ");
        part_time(html, time);
        if (job->is_readonly) html_text(html, ": nothing was written, since the registry was read-only");
        text_release(&name);
    } else {
        html_text(html, "None lately.");
    }
    html_end(html);
}

static void write_latest_set(struct html *html, const json_t *sets) {
    const json_t *set = json_array_get(json_object_get(sets, "packageSets"), 0);
    const char *version = part_text(set, "version");
    html_element(html, "dt", NULL, "Latest package set");
    html_begin(html, "dd");
    if (set) {
        part_link(html, version, "/package-sets/%s", version);
        html_text(html, ", ");
        part_date(html, part_text(set, "published"));
    } else {
        html_text(html, sets ? "None yet." : "Unknown at the moment.");
    }
    html_end(html);
}

/* ---- The page ---- */

void status_page_write(struct text *out, const struct registry_state *state) {
    struct html html = {.out = out};
    bool is_ready = json_is_true(json_object_get(state->readiness, "ready"));
    page_begin(&html, "Status", NULL);
    html_element(&html, "p", is_ready ? "verdict" : "verdict fault",
                 is_ready ? "All parts of the registry work." : "Not all parts of the registry work.");
    if (state->publication && state->publication->is_readonly)
        html_element(&html, "p", "fault", "The registry is read-only: requests are accepted, and nothing is written.");
    html_begin(&html, "dl");
    write_publication(&html, state->publication);
    write_latest_set(&html, state->sets);
    html_end(&html);
    write_checks(&html, state->readiness);
    write_jobs(&html, state);
    page_end(&html);
}
