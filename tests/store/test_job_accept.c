/* SPDX-License-Identifier: BSD-3-Clause
 * Accepting jobs: duplicates, replays and bounds (lib/store/README.md). */
#include "lib/base/clock.h"
#include "tests/store/fixture.h"

static const struct job_end success = {.success = true, .documentation = "published"};
static const struct job_end failure = {.error = "It does not compile."};

/* The same request again, as a client sends it: with a new id. */
static struct job_accepted repeat(struct fixture *f, struct job_request *request) {
    hash_random_uuid(request->id);
    return accept_job(f, request);
}

static void an_accepted_job_has_what_was_sent(void **state) {
    struct fixture *f = *state;
    struct job_request request = publish_of("prelude");
    request.payload = "{\"a\": \"b  c\\n\",\n \"%s\": 1}";
    request.actor = "thomas h", request.issue = "7", request.reason = "it \"was\" time";
    int64_t before_ms = clock_now_ms();
    struct job_accepted accepted = accept_job(f, &request);
    assert_true(accepted.created);
    assert_string_equal(accepted.id, request.id);
    struct job job = get_job(f, accepted.id);
    assert_string_equal(job.payload, request.payload);
    assert_string_equal(job.package, "prelude");
    assert_string_equal(job.version, "1.0.0");
    assert_null(job.compiler);
    assert_string_equal(job.actor, "thomas h");
    assert_string_equal(job.issue, "7");
    assert_string_equal(job.reason, request.reason);
    assert_int_equal(job.kind, JOB_KIND_PUBLISH);
    assert_int_equal(job.state, JOB_STATE_PENDING);
    assert_int_equal(job.attempts, 0);
    assert_in_range(job.created_ms, before_ms - 100, clock_now_ms() + 100);
    assert_int_equal(job.started_ms, 0);
    assert_int_equal(job.finished_ms, 0);
}

static void the_same_id_again_is_the_same_job(void **state) {
    struct fixture *f = *state;
    struct job_request request = publish_of("prelude");
    request.duplicate_key = "d1";
    assert_true(accept_job(f, &request).created);
    assert_true(accept_job(f, &request).created);
    struct lease lease = claim_job(f, request.id);
    assert_true(accept_job(f, &request).created);
    finish_job(f, &lease, false);
    assert_true(accept_job(f, &request).created);
    struct job_counts counts;
    assert_ok(job_store_count(f->store, &counts, &f->err));
    assert_int_equal(counts.pending[JOB_KIND_PUBLISH], 0);
}

static void an_unfinished_job_stands_for_its_repeats(void **state) {
    struct fixture *f = *state;
    struct job_request requests[] = {publish_of("a"), unpublish_of("b"), unpublish_of("c"), package_set()};
    requests[2].kind = JOB_KIND_TRANSFER;
    static const char *const keys[] = {"d1", "d2", "d3", "d4"};
    for (int i = 0; i < 4; i++) {
        requests[i].duplicate_key = keys[i];
        struct job_accepted first = accept_job(f, &requests[i]);
        struct job_accepted again = repeat(f, &requests[i]);
        assert_false(again.created);
        assert_string_equal(again.id, first.id);
        claim_job(f, first.id);
        again = repeat(f, &requests[i]);
        assert_false(again.created);
        assert_string_equal(again.id, first.id);
    }
}

/* A client that waited too long for the answer sends its request again, and must get the job that is under way, although the
 * package was transferred before. */
static void a_transfer_under_way_is_not_superseded_by_an_earlier_one(void **state) {
    struct fixture *f = *state;
    struct job_request first = unpublish_of("a"), second = unpublish_of("a");
    first.kind = second.kind = JOB_KIND_TRANSFER;
    first.duplicate_key = first.replay_key = "first";
    second.duplicate_key = second.replay_key = "second";
    struct job_accepted former = run_job(f, &first, &success), latter = accept_job(f, &second);
    assert_string_equal(repeat(f, &second).superseded_by, "");
    struct lease lease = claim_job(f, latter.id);
    struct job_accepted again = repeat(f, &second);
    assert_string_equal(again.id, latter.id);
    assert_string_equal(again.superseded_by, "");
    finish_job(f, &lease, true);
    assert_string_equal(repeat(f, &second).superseded_by, "");
    again = repeat(f, &first);
    assert_string_equal(again.id, former.id);
    assert_string_equal(again.superseded_by, latter.id);
}

static void after_a_failure_there_is_a_new_job(void **state) {
    struct fixture *f = *state;
    struct job_request requests[] = {publish_of("a"), unpublish_of("b"), unpublish_of("c"), package_set()};
    requests[2].kind = JOB_KIND_TRANSFER;
    for (int i = 0; i < 4; i++) {
        requests[i].duplicate_key = "d";
        requests[i].replay_key = "r";
        struct job_accepted first = run_job(f, &requests[i], &failure);
        struct job_accepted again = repeat(f, &requests[i]);
        assert_true(again.created);
        assert_string_not_equal(again.id, first.id);
        struct lease lease = claim_job(f, again.id);
        finish_job(f, &lease, false);
    }
}

static void a_success_stands_for_repeats_of_publish_and_unpublish_only(void **state) {
    struct fixture *f = *state;
    struct job_request requests[] = {publish_of("a"), unpublish_of("b"), unpublish_of("c"), package_set()};
    requests[2].kind = JOB_KIND_TRANSFER;
    static const bool is_new[] = {false, false, true, true};
    static const char *const keys[] = {"d1", "d2", "d3", "d4"};
    for (int i = 0; i < 4; i++) {
        requests[i].duplicate_key = keys[i];
        struct job_accepted first = run_job(f, &requests[i], &success);
        struct job_accepted again = repeat(f, &requests[i]);
        assert_int_equal(again.created, is_new[i]);
        assert_int_equal(strcmp(again.id, first.id) != 0, is_new[i]);
    }
}

static void a_publish_whose_documentation_is_missing_is_made_again(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *package;
        const char *documentation;
        bool is_new;
    } rows[] = {{"a", "published", false}, {"b", "skipped", false}, {"c", "failed", true}};
    for (int i = 0; i < 3; i++) {
        struct job_request request = publish_of(rows[i].package);
        request.duplicate_key = rows[i].package;
        run_job(f, &request, &(struct job_end){.success = true, .documentation = rows[i].documentation});
        assert_string_equal(get_job(f, request.id).documentation, rows[i].documentation);
        assert_int_equal(repeat(f, &request).created, rows[i].is_new);
    }
}

static void a_publish_that_was_unpublished_since_is_made_again(void **state) {
    struct fixture *f = *state;
    struct job_request publish = publish_of("a"), unpublish = unpublish_of("a");
    publish.duplicate_key = "publish", unpublish.duplicate_key = "unpublish";
    run_job(f, &publish, &success);
    run_job(f, &unpublish, &failure);
    assert_false(repeat(f, &publish).created);
    hash_random_uuid(unpublish.id);
    run_job(f, &unpublish, &success);
    assert_true(repeat(f, &publish).created);
    assert_false(repeat(f, &unpublish).created);
}

static void a_readonly_job_is_no_duplicate(void **state) {
    struct fixture *f = *state;
    struct job_request request = unpublish_of("a"), matrix = matrix_of("a", "0.15.15");
    request.duplicate_key = "d", request.replay_key = "r";
    struct job_end end = {.success = true, .readonly = true};
    run_job(f, &request, &end);
    assert_true(repeat(f, &request).created);
    end.verdict = "succeeded";
    run_job(f, &matrix, &end);
    assert_true(repeat(f, &matrix).created);
}

static void signed_bytes_that_succeeded_never_do_it_again(void **state) {
    struct fixture *f = *state;
    struct job_request request = unpublish_of("a");
    request.kind = JOB_KIND_TRANSFER;
    request.duplicate_key = "d", request.replay_key = "r";
    run_job(f, &request, &failure);
    hash_random_uuid(request.id);
    struct job_accepted done = run_job(f, &request, &success);
    request.duplicate_key = "another";
    struct job_accepted again = repeat(f, &request);
    assert_false(again.created);
    assert_string_equal(again.id, done.id);
    struct redis_reply *reply;
    assert_ok(redis_call(f->redis, &reply, &f->err, "TTL replay:r"));
    assert_int_equal(reply->integer, -1);
}

static void a_proved_requester_is_kept_and_listed(void **state) {
    struct fixture *f = *state;
    struct job_request request = unpublish_of("a");
    request.actor = "anonymous";
    struct lease lease = claim_job(f, accept_job(f, &request).id);
    const struct job_identity identity = {.actor = "SHA256:a/b+c", .replay_key = "k"};
    char done_by[UUID_TEXT_MAX] = "?";
    for (int i = 0; i < 2; i++) { /* also after a lost reply */
        assert_ok(job_store_identify(f->store, &lease, &identity, done_by, &f->err));
        assert_string_equal(done_by, "");
    }
    assert_string_equal(get_job(f, request.id).actor, "SHA256:a/b+c");
    struct job_list list;
    const struct job_filter filter = {.actor = "SHA256:a/b+c", .include_finished = true, .limit = 10};
    assert_ok(job_store_list(f->store, &filter, &f->arena, &list, &f->err));
    assert_int_equal(list.count, 1);
    struct lease stale = {.fence = lease.fence - 1};
    memcpy(stale.job_id, lease.job_id, sizeof stale.job_id);
    assert_status(STATUS_STALE, job_store_identify(f->store, &stale, &identity, done_by, &f->err));
    finish_job(f, &lease, true);
}

/* A new job, because its bytes differ; it finds out that the same key signed the same payload and that this was done. */
static void a_payload_is_done_once_for_each_key(void **state) {
    struct fixture *f = *state;
    const struct job_identity identity = {.actor = "SHA256:a", .replay_key = "payload and key"};
    const struct job_end ends[] = {failure, {.success = true, .readonly = true}, success};
    char done_by[UUID_TEXT_MAX];
    struct job_request request = unpublish_of("a");
    for (int i = 0; i < 3; i++) { /* a job that failed, or changed nothing, blocks none */
        hash_random_uuid(request.id);
        struct lease lease = claim_job(f, accept_job(f, &request).id);
        assert_ok(job_store_identify(f->store, &lease, &identity, done_by, &f->err));
        assert_string_equal(done_by, "");
        assert_ok(job_store_finish(f->store, &lease, &ends[i], &f->err));
    }
    struct job_request remade = unpublish_of("a");
    struct lease lease = claim_job(f, accept_job(f, &remade).id);
    assert_ok(job_store_identify(f->store, &lease, &identity, done_by, &f->err));
    assert_string_equal(done_by, request.id);
    finish_job(f, &lease, false);
    struct redis_reply *reply;
    assert_ok(redis_call(f->redis, &reply, &f->err, "TTL %s", "replay:payload and key"));
    assert_int_equal(reply->integer, -1);
}

/* A request from before a change of the package must not be carried out after it. */
static void a_try_again_is_refused_where_a_later_change_stands(void **state) {
    struct fixture *f = *state;
    struct job_request failed = unpublish_of("a"), later = unpublish_of("a");
    struct lease lease = claim_job(f, accept_job(f, &failed).id);
    finish_job(f, &lease, false);
    struct job_request retry = unpublish_of("a");
    retry.retry_of = failed.id;
    retry.retry_of_created_ms = get_job(f, failed.id).created_ms;
    struct job_accepted accepted;
    while (clock_now_ms() <= retry.retry_of_created_ms) {
    }
    accept_job(f, &later);
    assert_status(STATUS_REFUSED, job_store_accept(f->store, &retry, NULL, &accepted, &f->err)); /* it may run yet */
    assert_non_null(strstr(f->err.message, later.id));
    lease = claim_job(f, later.id);
    finish_job(f, &lease, false);
    assert_ok(job_store_accept(f->store, &retry, NULL, &accepted, &f->err));
    assert_true(accepted.created);
    assert_string_equal(get_job(f, retry.id).retry_of, failed.id);
    lease = claim_job(f, retry.id);
    finish_job(f, &lease, true);
    hash_random_uuid(retry.id);
    assert_status(STATUS_REFUSED, job_store_accept(f->store, &retry, NULL, &accepted, &f->err)); /* it was done */
}

static void a_retry_keeps_the_requester(void **state) {
    struct fixture *f = *state;
    struct job_request request = unpublish_of("a");
    request.actor = "a-trustee";
    request.retry_of = "00000000-0000-4000-8000-000000000000";
    struct lease lease = claim_job(f, accept_job(f, &request).id);
    const struct job_identity identity = {.actor = "SHA256:a", .credential = "ssh-ed25519 SHA256:a", .replay_key = "k"};
    char done_by[UUID_TEXT_MAX];
    assert_ok(job_store_identify(f->store, &lease, &identity, done_by, &f->err));
    struct job job = get_job(f, request.id);
    assert_string_equal(job.actor, "a-trustee");
    assert_string_equal(job.credential, "ssh-ed25519 SHA256:a");
    finish_job(f, &lease, true);
}

static void commits_are_kept_once_each_and_the_end_may_bring_a_payload(void **state) {
    struct fixture *f = *state;
    struct job_request request = unpublish_of("a");
    struct lease lease = claim_job(f, accept_job(f, &request).id);
    static const char *const commits[] = {"index=1", "index=1", "registry=11", "index=1"};
    for (size_t i = 0; i < sizeof commits / sizeof commits[0]; i++)
        assert_ok(job_store_add_commit(f->store, &lease, commits[i], &f->err));
    const struct job_end end = {.success = true, .payload = "{\"signed\": true}"};
    assert_ok(job_store_finish(f->store, &lease, &end, &f->err));
    struct job job = get_job(f, request.id);
    assert_string_equal(job.commits, "index=1 registry=11");
    assert_string_equal(job.payload, end.payload);
    assert_status(STATUS_STALE, job_store_add_commit(f->store, &lease, "index=2", &f->err));
}

static void too_many_pending_jobs_are_refused(void **state) {
    struct fixture *f = *state;
    const struct job_limits limits = {.pending = 3, .pending_per_address = 2};
    struct job_accepted accepted;
    static const char *const packages[] = {"a", "b", "c", "d"};
    struct job_request requests[4];
    for (int i = 0; i < 4; i++) {
        requests[i] = publish_of(packages[i]);
        requests[i].address = i < 3 ? "192.0.2.1" : "192.0.2.2";
        requests[i].duplicate_key = packages[i];
    }
    assert_ok(job_store_accept(f->store, &requests[0], &limits, &accepted, &f->err));
    assert_ok(job_store_accept(f->store, &requests[1], &limits, &accepted, &f->err));
    assert_status(STATUS_TOO_MANY, job_store_accept(f->store, &requests[2], &limits, &accepted, &f->err));
    assert_ok(job_store_accept(f->store, &requests[3], &limits, &accepted, &f->err));
    hash_random_uuid(requests[0].id); /* a repeat is answered all the same */
    assert_ok(job_store_accept(f->store, &requests[0], &limits, &accepted, &f->err));
    assert_false(accepted.created);
    requests[2].address = "192.0.2.3";
    assert_status(STATUS_BUSY, job_store_accept(f->store, &requests[2], &limits, &accepted, &f->err));
    claim_job(f, requests[3].id); /* it waits no longer */
    assert_ok(job_store_accept(f->store, &requests[2], &limits, &accepted, &f->err));
}

static void addresses_are_forgotten_when_their_jobs_end(void **state) {
    struct fixture *f = *state;
    struct job_request request = publish_of("a");
    request.address = "192.0.2.1";
    run_job(f, &request, &success);
    struct redis_reply *reply;
    assert_ok(redis_call(f->redis, &reply, &f->err, "HLEN pending:address"));
    assert_int_equal(reply->integer, 0);
    assert_ok(redis_call(f->redis, &reply, &f->err, "HEXISTS job:%s address", request.id));
    assert_int_equal(reply->integer, 0);
}

/* Fills Redis' memory up to `part` of its limit. */
static void set_memory_share(struct fixture *f, double part) {
    struct redis_reply *reply;
    assert_ok(redis_call(f->redis, &reply, &f->err, "INFO memory"));
    double used = strtod(strstr(reply->text, "used_memory:") + strlen("used_memory:"), NULL);
    assert_ok(redis_call(f->redis, &reply, &f->err, "CONFIG SET maxmemory %lld", (long long)(used / part)));
}

static void at_the_memory_limit_new_jobs_are_refused_and_running_ones_end(void **state) {
    struct fixture *f = *state;
    struct job_request request = publish_of("a"), refused = publish_of("b");
    accept_job(f, &request);
    set_memory_share(f, 1.05);
    struct job_accepted accepted;
    assert_status(STATUS_UNAVAILABLE, job_store_accept(f->store, &refused, NULL, &accepted, &f->err));
    struct lease lease = claim_job(f, request.id);
    finish_job(f, &lease, true);
    assert_int_equal(get_job(f, request.id).state, JOB_STATE_SUCCEEDED);
    set_memory_share(f, 0.95);
    assert_status(STATUS_UNAVAILABLE, job_store_accept(f->store, &refused, NULL, &accepted, &f->err));
    set_memory_share(f, 0.1);
    assert_ok(job_store_accept(f->store, &refused, NULL, &accepted, &f->err));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        store_test(an_accepted_job_has_what_was_sent),
        store_test(the_same_id_again_is_the_same_job),
        store_test(an_unfinished_job_stands_for_its_repeats),
        store_test(a_transfer_under_way_is_not_superseded_by_an_earlier_one),
        store_test(after_a_failure_there_is_a_new_job),
        store_test(a_success_stands_for_repeats_of_publish_and_unpublish_only),
        store_test(a_publish_whose_documentation_is_missing_is_made_again),
        store_test(a_publish_that_was_unpublished_since_is_made_again),
        store_test(a_readonly_job_is_no_duplicate),
        store_test(signed_bytes_that_succeeded_never_do_it_again),
        store_test(a_proved_requester_is_kept_and_listed),
        store_test(a_payload_is_done_once_for_each_key),
        store_test(a_try_again_is_refused_where_a_later_change_stands),
        store_test(a_retry_keeps_the_requester),
        store_test(commits_are_kept_once_each_and_the_end_may_bring_a_payload),
        store_test(too_many_pending_jobs_are_refused),
        store_test(addresses_are_forgotten_when_their_jobs_end),
        store_test(at_the_memory_limit_new_jobs_are_refused_and_running_ones_end),
    };
    return cmocka_run_group_tests(tests, start_fixture, stop_fixture);
}
