/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Publications that continue from the record of an earlier run (services/publish/README.md, What a crash leaves): from each
 * state that such a run can leave, and after others have changed the registry since. Killed services: tests/flow/.
 */
#include "tests/store/publish/publish_scene.h"

static const struct package prelude = {.name = "prelude", .version = "1.0.0"};
static const struct package maybe = {.name = "maybe", .version = "1.0.0", .dependencies = {{"prelude", ">=1.0.0 <2.0.0"}}};

/* A completed publication, and everything that it wrote. */
struct written {
    const struct package *package;
    struct job_request request;
    const char *record, *commit, *metadata, *index;
    struct text tarball;
};

/* Publishes the package, and removes all its traces from repositories and storage. No runner runs afterwards. */
static struct written write_and_take_away(struct publish_scene *p, const struct package *package) {
    start_publish_runner(p);
    const struct job job = publish_package(p, package);
    scene_stop_runner(&p->s);
    struct written written = {.package = package,
                              .request = request_of(p, package),
                              .record = job.record,
                              .commit = job.commit,
                              .metadata = metadata_file(&p->s, package->name),
                              .index = index_file(&p->s, package->name)};
    read_tarball(p, package->name, package->version, &written.tarball);
    write_registry_file(&p->s, package->name, NULL);
    write_index_file(&p->s, package->name, NULL);
    assert_int_equal(unlink(tarball_path(p, package->name, package->version)), 0);
    return written;
}

static void store_again(struct publish_scene *p, const struct written *written) {
    const char *path = arena_format(&p->s.f.arena, "storage/%s/%s.tar.gz", written->package->name, written->package->version);
    temporary_folder_write_bytes(&p->s.folder, path, written->tarball.bytes, written->tarball.length);
}

/* Continues the job from the state in which a run leaves it that is killed after its record. */
static void go_on(struct publish_scene *p, struct written *written) {
    struct fixture *f = &p->s.f;
    accept_job(f, &written->request);
    const struct lease lease = claim_job(f, written->request.id);
    assert_ok(job_store_keep_commit(f->store, &lease, written->commit, &f->err));
    assert_ok(job_store_record(f->store, &lease, written->record, &f->err));
    assert_ok(job_store_release(f->store, &lease, &f->err));
    text_release(&written->tarball);
    start_publish_runner(p);
}

/* Waits for the end; everything must be as the first run wrote it. */
static const char *expect_same(struct publish_scene *p, struct written *written) {
    struct text tarball = {0};
    const char *name = written->package->name;
    struct text expected = written->tarball;
    written->tarball = (struct text){0};
    go_on(p, written);
    const struct job job = expect_success(&p->s, written->request.id);
    assert_string_equal(job.ending, JOB_ENDING_PUBLISHED);
    assert_string_equal(metadata_file(&p->s, name), written->metadata);
    assert_string_equal(index_file(&p->s, name), written->index);
    read_tarball(p, name, written->package->version, &tarball);
    assert_int_equal(tarball.length, expected.length);
    assert_memory_equal(tarball.bytes, expected.bytes, expected.length);
    text_release(&tarball);
    text_release(&expected);
    expect_line(&p->s, job.id, "INFO Resuming after an interruption: commit ");
    expect_no_work(p);
    return log_of(&p->s, job.id);
}

static void expect_failed(struct publish_scene *p, struct written *written, const char *words) {
    const char *before = heads_of(&p->s);
    go_on(p, written);
    const struct job job = await_end(&p->s.f, written->request.id);
    assert_int_equal(job.state, JOB_STATE_FAILED);
    if (!strstr(job.error, words)) fail_msg("There is no \"%s\" in\n%s", words, job.error);
    assert_string_equal(heads_of(&p->s), before);
}

/* ---- From each state ---- */

static void the_tarball_that_was_kept_is_uploaded(void **state) {
    struct publish_scene *p = *state;
    struct written written = write_and_take_away(p, &prelude);
    const char *backup = arena_format(&p->s.f.arena, "work/tarballs/%s.tar.gz", written.request.id);
    temporary_folder_write_bytes(&p->s.folder, backup, written.tarball.bytes, written.tarball.length);
    const char *log = expect_same(p, &written);
    assert_null(strstr(log, "Fetched "));
    assert_non_null(strstr(log, "INFO Stored the tarball."));
    assert_non_null(strstr(log, "INFO Committed the metadata: "));
    assert_non_null(strstr(log, "INFO Committed the manifest to the index: "));
}

static void a_tarball_that_was_not_kept_is_made_again_from_the_same_commit(void **state) {
    struct publish_scene *p = *state;
    struct written written = write_and_take_away(p, &prelude);
    struct package other = prelude;
    other.pragma = "warn It is another now.";
    push_source(p, &other); /* the tag has moved */
    assert_non_null(strstr(expect_same(p, &written), "INFO Fetched v1.0.0, which is commit "));
}

static void a_damaged_one_is_made_again_too(void **state) {
    struct publish_scene *p = *state;
    struct written written = write_and_take_away(p, &prelude);
    const char *backup = arena_format(&p->s.f.arena, "work/tarballs/%s.tar.gz", written.request.id);
    temporary_folder_write_bytes(&p->s.folder, backup, written.tarball.bytes, written.tarball.length / 2);
    assert_non_null(strstr(expect_same(p, &written), "INFO Fetched "));
}

static void it_is_kept_while_the_job_is_tried_again(void **state) {
    struct publish_scene *p = *state;
    struct written written = write_and_take_away(p, &prelude);
    const char *backup = arena_format(&p->s.f.arena, "work/tarballs/%s.tar.gz", written.request.id);
    temporary_folder_write_bytes(&p->s.folder, backup, written.tarball.bytes, written.tarball.length);
    write_registry_file(&p->s, "prelude", "no metadata");
    go_on(p, &written);
    await_line(&p->s, written.request.id, "WARN The job is waiting for the registry's git repositories, ");
    assert_int_equal(access(arena_format(&p->s.f.arena, "%s/%s", p->s.folder.path, backup), F_OK), 0);
    write_registry_file(&p->s, "prelude", NULL);
    expect_success(&p->s, written.request.id);
    expect_no_work(p);
}

static void finished_writes_are_not_repeated(void **state) {
    struct publish_scene *p = *state;
    struct written written = write_and_take_away(p, &prelude);
    store_again(p, &written);
    write_registry_file(&p->s, "prelude", written.metadata);
    write_index_file(&p->s, "prelude", written.index);
    const char *before = heads_of(&p->s), *log = expect_same(p, &written);
    assert_string_equal(heads_of(&p->s), before);
    assert_non_null(strstr(log, "INFO The metadata was already up to date: "));
    assert_non_null(strstr(log, "INFO The index already has the manifest: "));
    assert_null(strstr(log, "Fetched "));
}

static void the_manifest_follows_metadata_that_were_pushed(void **state) {
    struct publish_scene *p = *state;
    struct written written = write_and_take_away(p, &prelude);
    store_again(p, &written);
    write_registry_file(&p->s, "prelude", written.metadata);
    const char *log = expect_same(p, &written);
    assert_non_null(strstr(log, "INFO The metadata was already up to date: "));
    assert_non_null(strstr(log, "INFO Committed the manifest to the index: "));
}

static void a_job_that_has_begun_to_write_waits_while_the_service_is_read_only(void **state) {
    struct publish_scene *p = *state;
    struct written written = write_and_take_away(p, &prelude);
    const char *before = heads_of(&p->s);
    p->service.settings.readonly = true;
    go_on(p, &written);
    await_line(&p->s, written.request.id, "so it is retried in ");
    assert_string_equal(heads_of(&p->s), before);
    assert_false(is_stored(p, "prelude", "1.0.0"));
}

/* ---- After others have changed the registry ---- */

static void another_tarball_than_the_recorded_one_is_never_stored(void **state) {
    struct publish_scene *p = *state;
    struct written written = write_and_take_away(p, &prelude);
    struct package other = prelude;
    other.pragma = "warn It is another now.";
    push_source(p, &other);
    written.commit =
        arena_copy(&p->s.f.arena,
                   bare_repository_head(arena_format(&p->s.f.arena, "%s/sources/flow/purescript-prelude.git", p->s.folder.path),
                                        &p->s.f.arena));
    go_on(p, &written);
    await_line(&p->s, written.request.id, "The tarball made again has the hash sha256-");
    assert_false(is_stored(p, "prelude", "1.0.0"));
}

static void a_stored_object_with_another_hash_is_kept_and_refuses_it(void **state) {
    struct publish_scene *p = *state;
    struct written written = write_and_take_away(p, &prelude);
    write_file(tarball_path(p, "prelude", "1.0.0"), "another");
    expect_failed(p, &written, "The storage holds another tarball for prelude@1.0.0: ");
    assert_string_equal(read_file(&p->s.f.arena, tarball_path(p, "prelude", "1.0.0")), "another");
}

static void a_package_that_has_moved_is_published_from_there(void **state) {
    struct publish_scene *p = *state;
    struct written written = write_and_take_away(p, &prelude);
    store_again(p, &written);
    list_version(&p->s, &(struct listed_version){.name = "prelude", .version = "0.9.0"});
    struct metadata metadata = read_metadata(&p->s, "prelude");
    metadata.location.github_owner = "others";
    write_metadata(&p->s, "prelude", &metadata);
    expect_failed(p, &written,
                  "The package prelude was moved to github.com/others/purescript-prelude while this job was running");
    assert_false(is_stored(p, "prelude", "1.0.0")); /* no metadata lists it */
}

static void a_first_version_at_a_place_that_was_taken_meanwhile_is_refused(void **state) {
    struct publish_scene *p = *state;
    struct written written = write_and_take_away(p, &prelude);
    list_version(&p->s, &(struct listed_version){.name = "other", .version = "1.0.0"});
    struct metadata metadata = read_metadata(&p->s, "other");
    metadata.location.github_repo = "purescript-prelude";
    write_metadata(&p->s, "other", &metadata);
    expect_failed(p, &written, "github.com/flow/purescript-prelude belongs to the package other");
    assert_false(is_stored(p, "prelude", "1.0.0"));
}

static void an_index_entry_with_another_manifest_is_never_replaced(void **state) {
    struct publish_scene *p = *state;
    struct written written = write_and_take_away(p, &prelude);
    struct package other = prelude;
    other.dependencies[0] = (struct package_dependency){"effect", ">=1.0.0 <2.0.0"};
    write_index_file(&p->s, "prelude", package_index_line(&p->s.f.arena, &other));
    expect_failed(p, &written, "prelude@1.0.0 is already in the index with another manifest, and an entry is never replaced.");
    assert_string_equal(index_file(&p->s, "prelude"), package_index_line(&p->s.f.arena, &other));
}

static void the_bounds_of_a_later_revision_stay(void **state) {
    struct publish_scene *p = *state;
    struct written written = write_and_take_away(p, &prelude);
    struct package revised = prelude;
    revised.dependencies[0] = (struct package_dependency){"effect", ">=1.0.0 <2.0.0"};
    store_again(p, &written);
    write_registry_file(&p->s, "prelude", written.metadata);
    struct metadata metadata = read_metadata(&p->s, "prelude");
    metadata.published[0].revision = 1;
    write_metadata(&p->s, "prelude", &metadata);
    write_index_file(&p->s, "prelude", package_index_line(&p->s.f.arena, &revised));
    const char *before = heads_of(&p->s);
    go_on(p, &written);
    expect_success(&p->s, written.request.id);
    assert_string_equal(heads_of(&p->s), before);
}

static void unpublish_prelude(struct publish_scene *p) {
    struct fixture *f = &p->s.f;
    struct metadata metadata = read_metadata(&p->s, "prelude");
    assert_ok(metadata_unpublish(&metadata, (struct version){.major = 1}, "A mistake.", clock_now_ms(), &f->arena, &f->err));
    write_index_file(&p->s, "prelude", NULL);
    write_metadata(&p->s, "prelude", &metadata);
}

static void a_dependency_that_was_unpublished_meanwhile_refuses_it(void **state) {
    struct publish_scene *p = *state;
    start_publish_runner(p);
    publish_package(p, &prelude);
    scene_stop_runner(&p->s);
    struct written written = write_and_take_away(p, &maybe);
    store_again(p, &written);
    unpublish_prelude(p);
    expect_failed(p, &written, "Could not produce valid dependencies for manifest.\nmaybe@1.0.0 has unsatisfied dependencies");
    assert_non_null(
        strstr(get_job(&p->s.f, written.request.id).error, "Unpublished while the publication was running: prelude@1.0.0."));
    assert_false(is_stored(p, "maybe", "1.0.0"));
}

static void a_version_in_the_metadata_waits_for_its_dependencies(void **state) {
    struct publish_scene *p = *state;
    start_publish_runner(p);
    publish_package(p, &prelude);
    scene_stop_runner(&p->s);
    struct written written = write_and_take_away(p, &maybe);
    const char *line = index_file(&p->s, "prelude");
    store_again(p, &written);
    write_registry_file(&p->s, "maybe", written.metadata);
    write_index_file(&p->s, "prelude", NULL);
    go_on(p, &written);
    await_line(&p->s, written.request.id, "The manifest waits for its dependencies: ");
    assert_null(index_file(&p->s, "maybe"));
    write_index_file(&p->s, "prelude", line);
    expect_success(&p->s, written.request.id);
    assert_string_equal(index_file(&p->s, "maybe"), written.index);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        publish_test_without_runner(the_tarball_that_was_kept_is_uploaded),
        publish_test_without_runner(a_tarball_that_was_not_kept_is_made_again_from_the_same_commit),
        publish_test_without_runner(a_damaged_one_is_made_again_too),
        publish_test_without_runner(it_is_kept_while_the_job_is_tried_again),
        publish_test_without_runner(finished_writes_are_not_repeated),
        publish_test_without_runner(the_manifest_follows_metadata_that_were_pushed),
        publish_test_without_runner(a_job_that_has_begun_to_write_waits_while_the_service_is_read_only),
        publish_test_without_runner(another_tarball_than_the_recorded_one_is_never_stored),
        publish_test_without_runner(a_stored_object_with_another_hash_is_kept_and_refuses_it),
        publish_test_without_runner(a_package_that_has_moved_is_published_from_there),
        publish_test_without_runner(a_first_version_at_a_place_that_was_taken_meanwhile_is_refused),
        publish_test_without_runner(an_index_entry_with_another_manifest_is_never_replaced),
        publish_test_without_runner(the_bounds_of_a_later_revision_stay),
        publish_test_without_runner(a_dependency_that_was_unpublished_meanwhile_refuses_it),
        publish_test_without_runner(a_version_in_the_metadata_waits_for_its_dependencies),
    };
    return cmocka_run_group_tests(tests, start_publish, stop_publish);
}
