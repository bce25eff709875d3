/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The publish service as a whole, without its process: its records in Redis at the start, its part of /readyz, and settings
 * with which it does not start.
 */
#include "lib/store/redis/matrix_store.h"
#include "tests/store/publish/publish_scene.h"

static void it_tells_everybody_which_compilers_it_supports(void **state) {
    struct publish_scene *p = *state;
    struct fixture *f = &p->s.f;
    struct version *compilers;
    size_t count = 0;
    for (int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS; count == 0; wait_ms(5)) {
        assert_ok(compiler_list_read(f->store, &f->arena, &compilers, &count, &f->err));
        if (clock_monotonic_ms() > until_ms) fail_msg("There is no list of compilers.");
    }
    assert_int_equal(count, 2);
    assert_true(version_equal(compilers[0], (struct version){0, 15, 14}));
    assert_true(version_equal(compilers[1], (struct version){0, 15, 15}));
}

/* ---- /readyz ---- */

/* The check's output, a line for each part: `WORK_DIR fine`; fails the test unless the result is `is_fine`. */
static const char *check(struct publish_scene *p, bool is_fine) {
    struct text lines = {0};
    struct deadline deadline;
    struct arena *arena = &p->s.f.arena;
    struct job_service_checks checks = {.arena = arena, .are_fine = true};
    deadline_start(&deadline, PATIENCE_MS);
    publish_service_check(&p->service, &checks, &deadline);
    for (size_t i = 0; i < checks.count; i++) {
        const struct record_check *part = &checks.items[i];
        text_append_format(&lines, "%s %s %s\n", part->name, part->is_fine ? "fine" : "bad",
                           part->message ? part->message : "");
    }
    const char *copy = arena_copy(arena, text_view(&lines));
    text_release(&lines);
    if (checks.are_fine != is_fine) fail_msg("%s", copy);
    return copy;
}

static void it_is_ready_with_storage_folder_repositories_and_compilers(void **state) {
    struct publish_scene *p = *state;
    static const char *const names[] = {"storage", "WORK_DIR", "compilers", "sandbox", "licenses"};
    const char *checks = check(p, true);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strstr(checks, arena_format(&p->s.f.arena, "%s fine", names[i]))) fail_msg("%s", checks);
}

static void without_a_compiler_it_is_not_ready(void **state) {
    struct publish_scene *p = *state;
    size_t count = p->service.compilers.count;
    p->service.compilers.count = 0;
    assert_non_null(strstr(check(p, false), "No compiler was found: set REGISTRY_COMPILERS."));
    p->service.compilers.count = count;
}

static void without_storage_or_a_repository_it_is_not_ready(void **state) {
    struct publish_scene *p = *state;
    const char *storage = arena_format(&p->s.f.arena, "%s/storage", p->s.folder.path);
    const char *const paths[] = {storage, p->s.registry, p->s.index};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        const char *away = arena_format(&p->s.f.arena, "%s.away", paths[i]);
        assert_int_equal(rename(paths[i], away), 0);
        check(p, false);
        assert_int_equal(rename(away, paths[i]), 0);
    }
    check(p, true);
}

static void where_licensee_is_missing_the_check_says_how_to_mend_it(void **state) {
    struct publish_scene *p = *state;
    struct licensee *real = p->service.licensee;
    p->service.licensee = licensee_create("/nowhere", &p->service.sandbox);
    assert_non_null(strstr(check(p, true), "install ruby-licensee"));
    licensee_free(p->service.licensee);
    p->service.licensee = real;
}

/* ---- Its start ---- */

/* The error if it does not start with this setting, in addition to the other one. */
static const char *refusal_of(struct publish_scene *p, const char *variable, const char *value) {
    struct fixture *f = &p->s.f;
    struct publish_service other = {.accepts_no_sandbox = true};
    setenv("WORK_DIR", arena_format(&f->arena, "%s/other", p->s.folder.path), true);
    const char *before = getenv(variable) ? arena_copy(&f->arena, getenv(variable)) : NULL;
    setenv(variable, value, true);
    assert_ok(settings_load(&other.settings, PROGRAM_PUBLISH, &f->err));
    if (before)
        setenv(variable, before, true);
    else
        unsetenv(variable);
    unsetenv("WORK_DIR");
    if (!publish_service_init(&other, &f->err)) fail_msg("It starts with %s=%s", variable, value);
    publish_service_release(&other);
    return arena_copy(&f->arena, f->err.message);
}

static void it_does_not_start_with_what_it_cannot_use(void **state) {
    struct publish_scene *p = *state;
    struct arena *arena = &p->s.f.arena;
    write_file(arena_format(arena, "%s/file", p->s.folder.path), "");
    const char *in_a_file = arena_format(arena, "%s/file/folder", p->s.folder.path);
    assert_true(text_starts_with(refusal_of(p, "WORK_DIR", in_a_file), "WORK_DIR"));
    assert_non_null(strstr(refusal_of(p, "PACCHETTIBOTTI_ED25519_PUB", "bm8ga2V5"), "PACCHETTIBOTTI_ED25519_PUB"));
    assert_non_null(strstr(refusal_of(p, "PACCHETTIBOTTI_ED25519", "bm8ga2V5"), "PACCHETTIBOTTI_ED25519"));
    assert_non_null(strstr(refusal_of(p, "STORAGE_DIR", in_a_file), in_a_file));
    assert_non_null(strstr(refusal_of(p, "COMPILER_USER", "nobody-at-all"), "nobody-at-all"));
    assert_non_null(strstr(refusal_of(p, "REGISTRY_REPO", in_a_file), in_a_file));
}

static void work_folders_of_a_killed_service_are_removed_but_not_its_tarballs(void **state) {
    struct publish_scene *p = *state;
    struct fixture *f = &p->s.f;
    const char *run = arena_format(&f->arena, "%s/runs/a-run/file", p->service.settings.work_dir);
    const char *tarball = arena_format(&f->arena, "%s/tarballs/a-job.tar.gz", p->service.settings.work_dir);
    write_file(run, "");
    write_file(tarball, "");
    const char *draft = arena_format(&f->arena, "%s.new", tarball);
    write_file(draft, "");
    publish_service_release(&p->service);
    p->service = (struct publish_service){.accepts_no_sandbox = server_sandbox_option() != NULL};
    assert_ok(settings_load(&p->service.settings, PROGRAM_PUBLISH, &f->err));
    assert_ok(publish_service_init(&p->service, &f->err));
    assert_int_not_equal(access(run, F_OK), 0);
    assert_int_not_equal(access(draft, F_OK), 0);
    assert_int_equal(access(tarball, F_OK), 0);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        publish_test_without_runner(it_tells_everybody_which_compilers_it_supports),
        publish_test_without_runner(it_is_ready_with_storage_folder_repositories_and_compilers),
        publish_test_without_runner(without_a_compiler_it_is_not_ready),
        publish_test_without_runner(without_storage_or_a_repository_it_is_not_ready),
        publish_test_without_runner(where_licensee_is_missing_the_check_says_how_to_mend_it),
        publish_test_without_runner(it_does_not_start_with_what_it_cannot_use),
        publish_test_without_runner(work_folders_of_a_killed_service_are_removed_but_not_its_tarballs),
    };
    return cmocka_run_group_tests(tests, start_publish, stop_publish);
}
