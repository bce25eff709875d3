/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Transfers by the job runner (lib/domain/README.md, Transfer): permissions, refusals, changes, and runs that continue from an
 * earlier one's record. Killed services: tests/flow/owners/test_faults.c.
 */
#include "services/transfer/transfer_service.h"
#include "tests/store/service_scene.h"

#define FROM "{\"githubOwner\":\"flow\",\"githubRepo\":\"purescript-arrays\"}"
#define TO "{\"githubOwner\":\"us\",\"githubRepo\":\"purescript-arrays\"}"

struct transfer_scene {
    struct service_scene s; /* first: tests/store/service_scene.h casts */
    struct transfer_service service;
};

static const struct job_handler handlers[] = {{JOB_KIND_TRANSFER, transfer_job_run}, {0}};

static int start(void **state) {
    struct transfer_scene *t = memory_alloc(sizeof *t);
    scene_start(&t->s);
    *state = t;
    return 0;
}

static int stop(void **state) {
    struct transfer_scene *t = *state;
    scene_stop(&t->s);
    return stop_fixture(state);
}

static void start_runner(struct transfer_scene *t) {
    scene_start_runner(&t->s, &t->service.settings, 2, handlers, &t->service);
}

/* Starts the service with a package of the owner's. */
static int open_service(void **state) {
    struct transfer_scene *t = *state;
    struct fixture *f = &t->s.f;
    scene_open(&t->s);
    list_version(&t->s,
                 &(struct listed_version){.name = "arrays", .version = "1.0.0", .owners = owners_of_key(&t->s, &t->s.owner)});
    t->service = (struct transfer_service){.folder_claim = -1};
    assert_ok(settings_load(&t->service.settings, PROGRAM_TRANSFER, &f->err));
    assert_ok(transfer_service_init(&t->service, &f->err));
    return 0;
}

static int open_runner(void **state) {
    open_service(state);
    start_runner(*state);
    return 0;
}

static int close_service(void **state) {
    struct transfer_scene *t = *state;
    scene_stop_runner(&t->s);
    transfer_service_release(&t->service);
    scene_close(&t->s);
    return 0;
}

#define transfer_test(name) cmocka_unit_test_setup_teardown(name, open_runner, close_service)
#define service_test(name) cmocka_unit_test_setup_teardown(name, open_service, close_service)

/* ---- Asking ---- */

static const char *payload_of(struct transfer_scene *t, const char *package, const char *location) {
    return arena_format(&t->s.f.arena, "{\"name\":\"%s\",\"newLocation\":%s}", package, location);
}

static struct job_request ask(struct transfer_scene *t, const char *package, const char *location,
                              const struct owner_key_pair *key) {
    return signed_job(&t->s, JOB_KIND_TRANSFER, package, payload_of(t, package, location), key);
}

static struct job_request ask_as_owner(struct transfer_scene *t, const char *location) {
    return ask(t, "arrays", location, &t->s.owner);
}

static const char *location_of(struct transfer_scene *t, const char *package) {
    const struct metadata metadata = read_metadata(&t->s, package);
    struct text text = {0};
    location_append_text(&text, &metadata.location);
    const char *copy = arena_copy(&t->s.f.arena, text_view(&text));
    text_release(&text);
    return copy;
}

/* ---- Changes ---- */

static void the_location_changes_and_nothing_else(void **state) {
    struct transfer_scene *t = *state;
    struct service_scene *s = &t->s;
    struct metadata before = read_metadata(s, "arrays");
    const char *index = bare_repository_head(s->index, &s->f.arena);
    const struct job_request request = ask_as_owner(t, TO);
    const struct job job = run_to_success(s, &request);
    struct text expected = {0};
    before.location.github_owner = "us";
    metadata_append_file(&expected, &before);
    assert_string_equal(metadata_file(s, "arrays"), text_view(&expected));
    text_release(&expected);
    assert_string_equal(bare_repository_head(s->index, &s->f.arena), index);
    assert_string_equal(bare_repository_subject(s->registry, &s->f.arena), "Update metadata for arrays");
    assert_string_equal(job.commits, arena_format(&s->f.arena, "registry=%s", bare_repository_head(s->registry, &s->f.arena)));
    assert_true(text_ends_with(log_of(s, request.id), "NOTICE Transferred arrays from github.com/flow/purescript-arrays to "
                                                      "github.com/us/purescript-arrays."));
    assert_string_equal(job.record, "{\"from\":" FROM ",\"to\":" TO "}");
}

static void every_step_is_timed(void **state) {
    struct transfer_scene *t = *state;
    static const char *const steps[] = {"Timings: transfer-read=", "transfer-right=",  "transfer-move=",
                                        "transfer-free=",          "transfer-record=", "transfer-metadata="};
    const struct job_request request = ask_as_owner(t, TO);
    run_to_success(&t->s, &request);
    const char *at = log_of(&t->s, request.id);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (!(at = strstr(at, steps[i]))) fail_msg("%s is not in its place in %s", steps[i], log_of(&t->s, request.id));
}

static void a_read_only_service_says_so_and_writes_nothing(void **state) {
    struct transfer_scene *t = *state;
    t->service.settings.readonly = true;
    const char *before = heads_of(&t->s);
    const struct job_request request = ask_as_owner(t, TO);
    const struct job job = run_to_success(&t->s, &request);
    assert_true(job.is_readonly);
    assert_null(job.record);
    assert_string_equal(heads_of(&t->s), before);
    expect_line(&t->s, request.id, "WARN Read-only: the metadata is not committed.");
    expect_line(&t->s, request.id, "but this server is read-only.");
}

/* ---- Permissions ---- */

static void the_signer_is_the_jobs_actor(void **state) {
    struct transfer_scene *t = *state;
    const struct job_request request = ask_as_owner(t, TO);
    const struct job job = run_to_success(&t->s, &request);
    assert_string_equal(job.actor, t->s.owner.fingerprint);
    assert_string_equal(job.credential, arena_format(&t->s.f.arena, "ssh-ed25519 %s", t->s.owner.fingerprint));
    expect_line(&t->s, request.id,
                arena_format(&t->s.f.arena, "INFO Signed by the ssh-ed25519 key %s, owner.", t->s.owner.fingerprint));
}

static void pacchettibotti_may_move_every_package(void **state) {
    struct transfer_scene *t = *state;
    const struct job_request request = ask(t, "arrays", TO, &t->s.pacchettibotti);
    assert_string_equal(run_to_success(&t->s, &request).actor, "pacchettibotti");
}

static void a_stranger_may_not(void **state) {
    struct transfer_scene *t = *state;
    struct arena *arena = &t->s.f.arena;
    const char *advice =
        arena_format(arena,
                     "No owner of arrays has signed exactly this payload. Sign the bytes of the payload, as they are "
                     "sent, with the key of one of its owners:\n  ssh-ed25519 %s owner\n",
                     t->s.owner.fingerprint);
    struct job_request request = ask(t, "arrays", TO, &t->s.stranger);
    run_to_refusal(&t->s, &request, advice);
    assert_string_equal(get_job(&t->s.f, request.id).actor, "anonymous");
    request = ask_as_owner(t, TO); /* with another payload than the signed one */
    const char *signature = owner_key_sign(arena, &t->s.owner, payload_of(t, "arrays", FROM));
    request.payload = signed_request_body(arena, payload_of(t, "arrays", TO), signature);
    run_to_refusal(&t->s, &request, advice);
    list_version(&t->s, &(struct listed_version){.name = "ownerless", .version = "1.0.0"});
    request = ask(t, "ownerless", TO, &t->s.owner);
    run_to_refusal(&t->s, &request, "The package ownerless has no owners, so only the registry's trustees can do this.");
}

static void a_trustee_needs_no_key_and_is_shown_with_the_bots_signature(void **state) {
    struct transfer_scene *t = *state;
    struct service_scene *s = &t->s;
    const char *payload = payload_of(t, "arrays", TO);
    const struct job_request request = trustee_job(s, JOB_KIND_TRANSFER, "arrays", payload, "It has moved.");
    const struct job job = run_to_success(s, &request);
    expect_line(s, request.id, "NOTICE Requested by the trustee a-trustee, issue 7: It has moved.");
    assert_string_equal(job.actor, "a-trustee");
    assert_string_equal(job.credential, "github token of a-trustee");
    assert_string_equal(job.payload,
                        signed_request_body(&s->f.arena, payload, owner_key_sign(&s->f.arena, &s->pacchettibotti, payload)));
}

static void a_signature_for_a_trustee_is_no_new_request(void **state) {
    struct transfer_scene *t = *state;
    struct service_scene *s = &t->s;
    const struct job_request request = trustee_job(s, JOB_KIND_TRANSFER, "arrays", payload_of(t, "arrays", TO), NULL);
    const char *signed_payload = run_to_success(s, &request).payload;
    struct job_request back = ask(t, "arrays", FROM, &s->pacchettibotti);
    run_to_success(s, &back);
    struct job_request replay = back;
    hash_random_uuid(replay.id);
    replay.payload = signed_payload;
    run_to_refusal(s, &replay, arena_format(&s->f.arena, "The job %s has already carried out this payload", request.id));
}

static void a_trustees_job_without_the_bots_key_is_shown_unsigned(void **state) {
    struct transfer_scene *t = *state;
    struct service_scene *s = &t->s;
    const char *key = t->service.settings.pacchettibotti_private_key;
    t->service.settings.pacchettibotti_private_key = NULL;
    const struct job_request request = trustee_job(s, JOB_KIND_TRANSFER, "arrays", payload_of(t, "arrays", TO), NULL);
    const struct job job = run_to_success(s, &request);
    assert_string_equal(job.payload, request.payload);
    t->service.settings.pacchettibotti_private_key = "no key";
    const struct job_request other = trustee_job(s, JOB_KIND_TRANSFER, "arrays", payload_of(t, "arrays", FROM), NULL);
    assert_string_equal(run_to_success(s, &other).payload, other.payload);
    expect_line(s, other.id, "WARN The payload is shown without a signature: ");
    t->service.settings.pacchettibotti_private_key = key;
}

static void one_payload_is_carried_out_once(void **state) {
    struct transfer_scene *t = *state;
    struct service_scene *s = &t->s;
    const struct job_request request = ask_as_owner(t, TO), back = ask_as_owner(t, FROM);
    run_to_success(s, &request);
    run_to_success(s, &back);
    struct job_request replay = ask_as_owner(t, TO);
    run_to_refusal(s, &replay, arena_format(&s->f.arena, "The job %s has already carried out this payload", request.id));
    replay =
        signed_job(s, JOB_KIND_TRANSFER, "arrays", arena_format(&s->f.arena, "%s ", payload_of(t, "arrays", TO)), &s->owner);
    run_to_success(s, &replay); /* with an extra space */
}

/* ---- Refusals ---- */

static void impossible_transfers_are_refused(void **state) {
    struct transfer_scene *t = *state;
    list_version(&t->s, &(struct listed_version){.name = "lists", .version = "1.0.0"});
    static const struct {
        const char *package, *location, *words;
    } cases[] = {
        {"gone", TO, "There is no package named gone in the registry: a package is registered by publishing its first version"},
        {"arrays", FROM, "arrays is already at github.com/flow/purescript-arrays."},
        {"arrays", "{\"githubOwner\":\"FLOW\",\"githubRepo\":\"purescript-Arrays\"}",
         "arrays is already at "}, /* case-insensitive */
        {"arrays", "{\"githubOwner\":\"flow\",\"githubRepo\":\"purescript-lists\"}", "lists"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct job_request request = ask(t, cases[i].package, cases[i].location, &t->s.pacchettibotti);
        run_to_refusal(&t->s, &request, cases[i].words);
    }
    const struct job_request subdir =
        ask_as_owner(t, "{\"githubOwner\":\"flow\",\"githubRepo\":\"purescript-lists\",\"subdir\":\"arrays\"}");
    run_to_success(&t->s, &subdir); /* a location of its own */
}

static void two_packages_do_not_get_to_one_location(void **state) {
    struct transfer_scene *t = *state;
    list_version(&t->s, &(struct listed_version){.name = "lists", .version = "1.0.0"});
    const struct job_request both[] = {ask(t, "arrays", TO, &t->s.pacchettibotti), ask(t, "lists", TO, &t->s.pacchettibotti)};
    int succeeded = 0;
    for (size_t i = 0; i < 2; i++)
        begin_job(&t->s, &both[i]);
    for (size_t i = 0; i < 2; i++)
        succeeded += await_end(&t->s.f, both[i].id).state == JOB_STATE_SUCCEEDED;
    assert_int_equal(succeeded, 1);
    assert_string_not_equal(location_of(t, "arrays"), location_of(t, "lists"));
}

/* ---- Resuming an earlier run ---- */

static void a_transfer_with_a_record_goes_on_with_the_commit(void **state) {
    struct transfer_scene *t = *state;
    const struct job_request request = ask(t, "arrays", TO, &t->s.stranger); /* permission was proved before the record */
    leave_record(&t->s, &request, "{\"from\":" FROM ",\"to\":" TO "}");
    start_runner(t);
    expect_success(&t->s, request.id);
    assert_string_equal(location_of(t, "arrays"), "github.com/us/purescript-arrays");
    expect_line(&t->s, request.id, "Resuming after an interruption: from github.com/flow/purescript-arrays");
}

static void a_move_that_was_written_is_not_written_again(void **state) {
    struct transfer_scene *t = *state;
    const struct job_request request = ask(t, "arrays", TO, &t->s.owner);
    struct metadata metadata = read_metadata(&t->s, "arrays");
    metadata.location.github_owner = "us";
    write_metadata(&t->s, "arrays", &metadata);
    const char *before = heads_of(&t->s);
    leave_record(&t->s, &request, "{\"from\":" FROM ",\"to\":" TO "}");
    start_runner(t);
    assert_null(expect_success(&t->s, request.id).commits); /* another author's commit */
    expect_line(&t->s, request.id, "The metadata was already up to date: ");
    assert_string_equal(heads_of(&t->s), before);
}

static void a_package_that_others_have_moved_stays_there(void **state) {
    struct transfer_scene *t = *state;
    const struct job_request request = ask(t, "arrays", TO, &t->s.owner);
    struct metadata metadata = read_metadata(&t->s, "arrays");
    metadata.location.github_owner = "others";
    write_metadata(&t->s, "arrays", &metadata);
    leave_record(&t->s, &request, "{\"from\":" FROM ",\"to\":" TO "}");
    start_runner(t);
    assert_string_equal(await_end(&t->s.f, request.id).error,
                        "arrays was meanwhile moved to github.com/others/purescript-arrays by another change.");
    assert_string_equal(location_of(t, "arrays"), "github.com/others/purescript-arrays");
}

static void a_location_that_is_taken_meanwhile_is_refused(void **state) {
    struct transfer_scene *t = *state;
    const struct job_request request = ask(t, "arrays", TO, &t->s.owner);
    list_version(&t->s, &(struct listed_version){.name = "lists", .version = "1.0.0"});
    struct metadata metadata = read_metadata(&t->s, "lists");
    metadata.location = (struct location){.kind = LOCATION_GITHUB, .github_owner = "us", .github_repo = "purescript-arrays"};
    write_metadata(&t->s, "lists", &metadata);
    leave_record(&t->s, &request, "{\"from\":" FROM ",\"to\":" TO "}");
    start_runner(t);
    assert_int_equal(await_end(&t->s.f, request.id).state, JOB_STATE_FAILED);
    expect_line(&t->s, request.id, "lists");
    assert_string_equal(location_of(t, "arrays"), "github.com/flow/purescript-arrays");
}

static void metadata_that_cannot_be_read_are_no_trouble_of_the_machine(void **state) {
    struct transfer_scene *t = *state;
    static const struct { const char *package, *content; } cases[] = {{"gone", NULL}, {"arrays", "no metadata"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct job_request request = ask(t, cases[i].package, TO, &t->s.owner);
        if (cases[i].content) write_registry_file(&t->s, cases[i].package, cases[i].content);
        leave_record(&t->s, &request, "{\"from\":" FROM ",\"to\":" TO "}");
        start_runner(t);
        await_line(&t->s, request.id, "WARN The job is waiting for the registry's git repositories, ");
        expect_no_line(&t->s, request.id, "disk or memory");
        scene_stop_runner(&t->s);
    }
}

/* ---- The service ---- */

static void it_says_whether_folder_and_repositories_can_be_used(void **state) {
    struct transfer_scene *t = *state;
    struct deadline deadline;
    struct job_service_checks checks = {.arena = &t->s.f.arena, .are_fine = true};
    deadline_start(&deadline, PATIENCE_MS);
    transfer_service_check(&t->service, &checks, &deadline);
    assert_true(checks.are_fine);
    assert_string_equal(checks.items[0].name, "TRANSFER_DIR");
    shell_run("mv '%s' '%s.away'", t->s.registry, t->s.registry);
    transfer_service_check(&t->service, &checks, &deadline);
    assert_false(checks.are_fine);
    shell_run("mv '%s.away' '%s'", t->s.registry, t->s.registry);
}

/* The service's error if it cannot start with this setting. */
static const char *refusal_of(struct transfer_scene *t, const char *variable, const char *value) {
    struct fixture *f = &t->s.f;
    struct transfer_service other = {.folder_claim = -1};
    setenv("TRANSFER_DIR", arena_format(&f->arena, "%s/other", t->s.folder.path), true);
    setenv(variable, value, true);
    assert_ok(settings_load(&other.settings, PROGRAM_TRANSFER, &f->err));
    unsetenv("TRANSFER_DIR");
    unsetenv(variable);
    if (!transfer_service_init(&other, &f->err)) fail_msg("It starts with %s=%s", variable, value);
    transfer_service_release(&other);
    return arena_copy(&f->arena, f->err.message);
}

static void it_does_not_start_with_what_it_cannot_use(void **state) {
    struct transfer_scene *t = *state;
    write_file(arena_format(&t->s.f.arena, "%s/file", t->s.folder.path), "");
    const char *in_a_file = arena_format(&t->s.f.arena, "%s/file/folder", t->s.folder.path);
    assert_true(text_starts_with(refusal_of(t, "TRANSFER_DIR", in_a_file), "TRANSFER_DIR"));
    assert_non_null(strstr(refusal_of(t, "PACCHETTIBOTTI_ED25519", "bm8ga2V5"), "PACCHETTIBOTTI_ED25519"));
    assert_non_null(strstr(refusal_of(t, "PACCHETTIBOTTI_ED25519_PUB", "bm8ga2V5"), "PACCHETTIBOTTI_ED25519_PUB"));
    assert_non_null(strstr(refusal_of(t, "REGISTRY_INDEX_REPO", in_a_file), in_a_file));
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        transfer_test(the_location_changes_and_nothing_else),
        transfer_test(every_step_is_timed),
        transfer_test(a_read_only_service_says_so_and_writes_nothing),
        transfer_test(the_signer_is_the_jobs_actor),
        transfer_test(pacchettibotti_may_move_every_package),
        transfer_test(a_stranger_may_not),
        transfer_test(a_trustee_needs_no_key_and_is_shown_with_the_bots_signature),
        transfer_test(a_signature_for_a_trustee_is_no_new_request),
        transfer_test(a_trustees_job_without_the_bots_key_is_shown_unsigned),
        transfer_test(one_payload_is_carried_out_once),
        transfer_test(impossible_transfers_are_refused),
        transfer_test(two_packages_do_not_get_to_one_location),
        service_test(a_transfer_with_a_record_goes_on_with_the_commit),
        service_test(a_move_that_was_written_is_not_written_again),
        service_test(a_package_that_others_have_moved_stays_there),
        service_test(a_location_that_is_taken_meanwhile_is_refused),
        service_test(metadata_that_cannot_be_read_are_no_trouble_of_the_machine),
        service_test(it_says_whether_folder_and_repositories_can_be_used),
        service_test(it_does_not_start_with_what_it_cannot_use),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
