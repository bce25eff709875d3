/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/web/job_parts.h"

#include <inttypes.h>

#include "lib/base/clock.h"
#include "services/gateway/web/parts.h"

static const char *const works[JOB_KIND_COUNT] = {
    [JOB_KIND_PUBLISH] = "Publication of",
    [JOB_KIND_UNPUBLISH] = "Unpublishing of",
    [JOB_KIND_TRANSFER] = "Transfer of",
    [JOB_KIND_MATRIX] = "Build of",
    [JOB_KIND_REVISION] = "Revision of the bounds of",
};

const char *job_part_title(const struct job *job, struct arena *arena) {
    if (job->kind == JOB_KIND_PACKAGE_SET) return "Package set update";
    return arena_format(arena, "%s %s%s%s%s%s", works[job->kind], job->package ? job->package : "a package",
                        job->version ? " " : "", job->version ? job->version : "", job->compiler ? " with " : "",
                        job->compiler ? job->compiler : "");
}

void job_part_time(struct html *html, int64_t time_ms) {
    char time[TIME_TEXT_MAX] = "";
    if (time_ms) time_print(time_ms, time);
    part_time(html, time);
}

const char *job_part_duration(int64_t duration_ms, struct arena *arena) {
    int64_t seconds = duration_ms / 1000;
    if (seconds < 60) return arena_format(arena, "%.2f s", (double)duration_ms / 1000);
    if (seconds < 3600) return arena_format(arena, "%" PRId64 " min %" PRId64 " s", seconds / 60, seconds % 60);
    return arena_format(arena, "%" PRId64 " h %" PRId64 " min", seconds / 3600, seconds / 60 % 60);
}

/* What took how long: the wait of a job that has not begun, else its run. */
static void write_duration(struct html *html, const struct job *job, struct arena *arena) {
    int64_t end_ms = job->finished_ms ? job->finished_ms : clock_now_ms();
    int64_t begin_ms = job->state == JOB_STATE_PENDING || !job->started_ms ? job->created_ms : job->started_ms;
    html_begin(html, "td");
    html_attribute(html, "class", "number");
    html_text(html, end_ms > begin_ms ? job_part_duration(end_ms - begin_ms, arena) : "");
    html_end(html);
}

static void write_row(struct html *html, const struct job *job, struct arena *arena) {
    html_begin(html, "tr");
    html_begin(html, "td");
    job_part_time(html, job->created_ms);
    html_end(html);
    html_begin(html, "td");
    part_link(html, job_part_title(job, arena), "/jobs/%s", job->id);
    html_end(html);
    html_begin(html, "td");
    html_element(html, "span", arena_format(arena, "state %s", job_state_text(job->state)), job_state_text(job->state));
    if (job->error) html_format(html, " %s", job->error);
    html_end(html);
    write_duration(html, job, arena);
    html_end(html);
}

void job_part_table(struct html *html, const struct job *jobs, size_t count, struct arena *arena) {
    static const char *const headings[] = {"Created", "Job", "State", "#Time", NULL};
    html_begin(html, "div");
    html_attribute(html, "class", "stacked");
    part_table_begin(html, headings);
    for (size_t i = 0; i < count; i++)
        write_row(html, &jobs[i], arena);
    part_table_end(html);
    html_end(html);
}
