/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The builds of an update's attempts: matrix jobs of purpose `set`, one for each package that changed or depends on one that
 * did, with the versions of the attempt. What a build came to is kept in Redis by its package, compiler and plan, so no later
 * attempt or update makes it again (lib/store/redis/set_store.h); until that is written, its job, whose id is derived from the
 * same, is found again by the next run.
 *
 *   wanted ──► known in this run? ──► in Redis? ──► a job, once all other wanted builds in its plan are known
 */
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/text.h"
#include "lib/domain/matrix/work_order.h"
#include "lib/service/job/trial_builds.h"
#include "lib/service/message/message_client.h"
#include "lib/store/redis/set_store.h"
#include "services/package-set/update.h"

enum {
    AWAY_POLL_MS = 500, /* while Redis is away */
    REPEATS_MAX = 4,    /* of a build without an outcome, in one update */
    MESSAGE_TIMEOUT_MS = 5000,
};

struct update_build {
    char key[UUID_TEXT_MAX];
    struct package_versions plan; /* names are the view's */
    struct kept_outcome outcome;
    bool is_started;
    struct trial_build trial;
};

void update_build_key(char out[UUID_TEXT_MAX], const char *package, struct version version, struct version compiler,
                      const struct package_versions *plan) {
    const struct trial_builds builds = {.purpose = MATRIX_PURPOSE_SET};
    const struct trial_build build = {.package = package, .version = version, .compiler = compiler, .plan = plan};
    trial_build_id(out, &builds, &build, 0);
}

/* Lets build-matrix hand the build out at once; if the message is lost, it finds the job after PENDING_SCAN_MS. */
static void tell_begun(void *context, const struct trial_build *build) {
    const struct update *u = context;
    const struct message message = {
        .tag = MESSAGE_job_accepted,
        .job_accepted = {.job_id = build->job_id, .kind = job_kind_text(JOB_KIND_MATRIX), .package = build->package}};
    message_client_post(u->service->build_matrix, &message, MESSAGE_TIMEOUT_MS);
}

static void say_repeated(void *context, const struct trial_build *build, const char *reason) {
    struct update *u = context;
    job_run_log(u->run, LOG_WARN, "The build of %s@%s (job %s) gave no result and is repeated: %s", build->package,
                update_print_version(u, build->version), build->job_id, reason);
}

/* ---- Plans that cannot be installed any more ---- */

/* A version that the build needs, or its own, that is not published any more in the registry as it is now, as `NAME@VERSION` in
 * the run's arena; NULL: there is none, or the registry cannot be read. */
static const char *find_unpublished(struct update *u, const struct trial_build *build) {
    struct registry_view *view = u->service->repositories.view;
    struct error ignored;
    const char *found = NULL;
    if (registry_view_refresh(view, &u->run->deadline, &ignored)) return NULL;
    const struct manifest_index *index = registry_view_lock(view);
    for (size_t i = 0; i <= build->plan->count && !found; i++) {
        const struct package_version own = {build->package, build->version};
        const struct package_version *package = i < build->plan->count ? &build->plan->items[i] : &own;
        const struct indexed_version *indexed = manifest_index_find(index, package->name, package->version);
        if (!indexed || !indexed->is_published)
            found = arena_format(u->arena, "%s@%s", package->name, update_print_version(u, package->version));
    }
    registry_view_unlock(view);
    return found;
}

/* trial_builds.is_hopeless */
static bool is_hopeless(void *context, const struct trial_build *build) {
    return find_unpublished(context, build) != NULL;
}

void update_init_builds(struct update *u) {
    u->trials = (struct trial_builds){.run = u->run,
                                      .purpose = MATRIX_PURPOSE_SET,
                                      .program = "package-set",
                                      .unneeded = "The update of the package set that requested this build no longer needs it.",
                                      .repeats_max = REPEATS_MAX,
                                      .is_hopeless = is_hopeless,
                                      .begun = tell_begun,
                                      .repeated = say_repeated,
                                      .context = u};
}

static struct update_build *find_build(const struct update *u, const struct set_build *build, struct version compiler) {
    char key[UUID_TEXT_MAX];
    update_build_key(key, set_members_name(&u->members, build->package), build->version->version, compiler, &build->plan);
    return map_find(&u->builds, key);
}

static enum set_outcome outcome_of(const struct update_build *build) {
    if (!build || !build->outcome.is_known) return SET_OUTCOME_UNKNOWN;
    return build->outcome.compiles ? SET_OUTCOME_COMPILES : SET_OUTCOME_FAILS;
}

enum set_outcome update_look_up(void *context, const struct set_build *build, struct version compiler) {
    const struct update *u = context;
    return outcome_of(find_build(u, build, compiler));
}

/* ---- Making them known ---- */

static struct update_build *add_build(struct update *u, const char *package, struct version version, struct version compiler,
                                      const struct package_versions *plan) {
    struct update_build *build = arena_alloc(u->arena, sizeof *build);
    update_build_key(build->key, package, version, compiler, plan);
    build->plan.count = plan->count;
    build->plan.items = arena_alloc(u->arena, (plan->count + 1) * sizeof *build->plan.items);
    if (plan->count) memcpy(build->plan.items, plan->items, plan->count * sizeof *plan->items);
    build->trial = (struct trial_build){.package = package, .version = version, .compiler = compiler, .plan = &build->plan};
    map_put(&u->builds, build->key, build);
    return build;
}

/* Reads what is in Redis about these builds. */
static enum status read_outcomes(struct update *u, struct update_build **builds, size_t count, struct error *err) {
    struct kept_outcome *outcomes = arena_alloc(u->arena, (count + 1) * sizeof *outcomes);
    enum status status;
    for (size_t i = 0; i < count; i++)
        outcomes[i] = (struct kept_outcome){.key = builds[i]->key};
    while (job_store_is_away(status = kept_outcomes_read(u->run->store, outcomes, count, u->arena, err)))
        if (deadline_pause(&u->run->deadline, AWAY_POLL_MS, err)) return err->status;
    for (size_t i = 0; !status && i < count; i++)
        builds[i]->outcome = outcomes[i];
    return status;
}

static enum status keep_outcome(struct update *u, const struct update_build *build, struct error *err) {
    enum status status;
    while (job_store_is_away(status = kept_outcome_write(u->run->store, &build->outcome, err)))
        if (deadline_pause(&u->run->deadline, AWAY_POLL_MS, err)) return err->status;
    return status;
}

/* ---- Ended builds ---- */

static const char *find_first_error(struct update *u, const struct trial_build *trial) {
    struct build_result result;
    if (!trial->result || build_result_parse(&result, trial->result, strlen(trial->result), u->arena, NULL))
        return trial->reason;
    return result.error_count > 0 ? result.errors[0].message : trial->reason;
}

static void say_failure(struct update *u, struct update_build *build) {
    const struct trial_build *trial = &build->trial;
    build->outcome.detail = find_first_error(u, trial);
    job_run_log(
        u->run, LOG_WARN,
        build->outcome.has_no_result
            ? "The build of %s@%s came to no result (job %s). It counts as one that does not compile in this update, and "
              "the next update tries it again. The last reason: %s"
            : "%s@%s does not compile with these versions (job %s): %s",
        trial->package, update_print_version(u, trial->version), trial->job_id, build->outcome.detail);
}

/* For this update, a build that came to no verdict is one that does not compile. It is not remembered, so the next update makes
 * it again; nor is one that took too long, for the first time. If that is since the registry has changed, the update starts over. */
static enum status take_end(struct update *u, struct update_build *build, struct error *err) {
    const struct trial_build *trial = &build->trial;
    const char *gone = trial->outcome == TRIAL_UNKNOWN ? find_unpublished(u, trial) : NULL;
    if (gone) return update_start_over(u, err, "%s is not published any more.", gone);
    bool is_slow = text_equal(trial->verdict, verdict_text(VERDICT_TIMED_OUT)) && !build->outcome.was_slow;
    build->outcome = (struct kept_outcome){.key = build->key,
                                           .is_known = true,
                                           .compiles = trial->outcome == TRIAL_SUCCEEDED,
                                           .was_slow = is_slow,
                                           .has_no_result = is_slow || trial->outcome == TRIAL_UNKNOWN,
                                           .time_ms = trial->ended_ms};
    memcpy(build->outcome.job_id, trial->job_id, sizeof build->outcome.job_id);
    if (!build->outcome.compiles) say_failure(u, build);
    return trial->outcome == TRIAL_UNKNOWN ? STATUS_OK : keep_outcome(u, build, err);
}

/* ---- Running them ---- */

/* True if another wanted build, which has no outcome yet, is of a package and version in this one's plan. `open`: those, by
 * package. */
static bool waits(const struct update_build *build, const struct map *open) {
    for (size_t i = 0; i < build->plan.count; i++) {
        const struct package_version *planned = &build->plan.items[i];
        const struct update_build *other = map_find(open, planned->name);
        if (!other || !version_equal(other->trial.version, planned->version)) continue;
        /* Of two that depend on each other, one goes first. */
        bool is_mutual = package_versions_find(&other->plan, build->trial.package);
        if (!is_mutual || strcmp(other->key, build->key) < 0) return true;
    }
    return false;
}

static enum status start_ready(struct update *u, struct update_build **wanted, size_t count, struct error *err) {
    enum status status = STATUS_OK;
    struct map open = {0};
    for (size_t i = 0; i < count; i++)
        if (outcome_of(wanted[i]) == SET_OUTCOME_UNKNOWN) map_put(&open, wanted[i]->trial.package, wanted[i]);
    for (size_t i = 0; i < count && !status; i++) {
        struct update_build *build = wanted[i];
        if (build->is_started || outcome_of(build) != SET_OUTCOME_UNKNOWN || waits(build, &open)) continue;
        if (build->outcome.was_slow) build->trial.id_basis = "after a time-out"; /* a job of its own: that one has ended */
        status = trial_build_start(&u->trials, &build->trial, err);
        build->is_started = !status;
    }
    map_release(&open, NULL);
    return status;
}

/* Waits until one of the started builds has ended. */
static enum status await_one(struct update *u, struct update_build **wanted, size_t count, struct error *err) {
    struct trial_build **open = arena_alloc(u->arena, (count + 1) * sizeof *open);
    struct update_build **builds = arena_alloc(u->arena, (count + 1) * sizeof *builds);
    size_t open_count = 0, ended;
    for (size_t i = 0; i < count; i++) {
        if (!wanted[i]->is_started || outcome_of(wanted[i]) != SET_OUTCOME_UNKNOWN) continue;
        builds[open_count] = wanted[i];
        open[open_count++] = &wanted[i]->trial;
    }
    enum status status = trial_builds_wait(&u->trials, open, open_count, &ended, err);
    for (size_t i = 0; i < open_count && !status; i++)
        if (open[i]->has_ended) status = take_end(u, builds[i], err);
    return status;
}

enum status update_make_builds(struct update *u, const struct set_builds *builds, struct version compiler, struct error *err) {
    struct update_build **wanted = arena_alloc(u->arena, (builds->count + 1) * sizeof *wanted);
    struct update_build **added = arena_alloc(u->arena, (builds->count + 1) * sizeof *added);
    size_t added_count = 0, known = 0;
    registry_view_lock(u->view);
    for (size_t i = 0; i < builds->count; i++) {
        const struct set_build *build = &builds->items[i];
        wanted[i] = find_build(u, build, compiler);
        if (wanted[i]) continue;
        wanted[i] = added[added_count++] =
            add_build(u, set_members_name(&u->members, build->package), build->version->version, compiler, &build->plan);
    }
    registry_view_unlock(u->view);
    enum status status = read_outcomes(u, added, added_count, err);
    for (size_t i = 0; i < added_count; i++)
        known += added[i]->outcome.is_known;
    if (status || known > 0) return status;
    status = start_ready(u, wanted, builds->count, err);
    return status ? status : await_one(u, wanted, builds->count, err);
}

/* ---- The whole set ---- */

/* The build of the last member with all others as its plan. */
static struct update_build *add_whole(struct update *u, const struct set_members *members) {
    struct package_versions all = {.items = arena_alloc(u->arena, (members->package_count + 1) * sizeof *all.items)};
    char key[UUID_TEXT_MAX];
    for (size_t position = 0; position < members->package_count; position++) { /* sorted by name */
        uint32_t package = manifest_index_by_name(members->index, position);
        if (members->chosen[package])
            all.items[all.count++] =
                (struct package_version){set_members_name(members, package), members->chosen[package]->version};
    }
    const struct package_version last = all.items[--all.count];
    update_build_key(key, last.name, last.version, members->compiler, &all);
    struct update_build *known = map_find(&u->builds, key);
    return known ? known : add_build(u, last.name, last.version, members->compiler, &all);
}

enum status update_build_whole(struct update *u, const struct set_members *members, const struct kept_outcome **outcome,
                               struct error *err) {
    registry_view_lock(u->view);
    struct update_build *whole = add_whole(u, members);
    registry_view_unlock(u->view);
    *outcome = &whole->outcome;
    enum status status = whole->outcome.is_known ? STATUS_OK : read_outcomes(u, &whole, 1, err);
    if (!status && !whole->outcome.is_known) {
        job_run_log(u->run, LOG_INFO, "Building the whole set.");
        status = start_ready(u, &whole, 1, err);
        if (!status) status = await_one(u, &whole, 1, err);
    }
    return status;
}

/* ---- Failures, and the end ---- */

static bool is_failure_of(const struct update *u, const struct update_build *build, const struct set_failure *failure,
                          const struct set_change *change) {
    const char *package = set_members_name(&u->members, failure->package);
    const char *changed = set_members_name(&u->members, change->package);
    if (outcome_of(build) != SET_OUTCOME_FAILS || !text_equal(build->trial.package, package) ||
        !version_equal(build->trial.version, failure->version->version))
        return false;
    const struct package_version *planned = package_versions_find(&build->plan, changed);
    bool is_made = change->version ? planned && version_equal(planned->version, change->version->version) : !planned;
    return failure->package == change->package || is_made;
}

const struct kept_outcome *update_find_failure(const struct update *u, const struct set_failure *failure,
                                               const struct set_change *change) {
    const struct kept_outcome *found = NULL;
    for (struct map_entry *at = map_first(&u->builds); at && (!found || found->has_no_result); at = map_next(at)) {
        const struct update_build *build = map_value(at);
        if (is_failure_of(u, build, failure, change)) found = &build->outcome;
    }
    return found;
}

void update_end_builds(struct update *u) {
    for (struct map_entry *at = map_first(&u->builds); at; at = map_next(at)) {
        struct update_build *build = map_value(at);
        struct error err = {0};
        if (trial_build_withdraw(&u->trials, &build->trial, &err))
            log_line(LOG_WARN, "build_withdrawal_failed", log_field("job", build->trial.job_id),
                     log_field("error", err.message));
    }
}

void update_forget_builds(struct update *u) {
    map_release(&u->builds, NULL);
}
