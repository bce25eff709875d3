/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The registry in memory, following two repositories. If the real registry's data is beside this checkout
 * (../shared/data/make-repos), it is loaded, too.
 */
#include "lib/store/registry/registry_view.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/git/git_fixture.h"

enum { TEST_TIMEOUT_MS = 60000 };

struct scene {
    struct git_fixture git;
    struct registry_repo *registry, *index;
    struct registry_view *view;
    struct deadline deadline;
    struct error err;
};

#define MANIFEST(name, version, dependencies)                                                                                  \
    "{\\\"name\\\":\\\"" name "\\\",\\\"version\\\":\\\"" version "\\\",\\\"license\\\":\\\"MIT\\\",\\\"location\\\":"         \
    "{\\\"githubOwner\\\":\\\"o\\\",\\\"githubRepo\\\":\\\"" name "\\\"},\\\"ref\\\":\\\"v" version                            \
    "\\\",\\\"dependencies\\\":{" dependencies "}}"
#define METADATA(name, published)                                                                                              \
    "{\\\"location\\\":{\\\"githubOwner\\\":\\\"o\\\",\\\"githubRepo\\\":\\\"" name "\\\"},\\\"published\\\":{" published      \
    "},\\\"unpublished\\\":{}}"

static const char make_small[] =
    "mkdir -p registry/metadata registry/package-sets index/pr/el index/3/a; "
    "echo \"" METADATA("prelude", "") "\" >registry/metadata/prelude.json; echo Read me >index/README.md; "
                                      "echo {} >registry/package-sets/1.0.0.json; echo \"" MANIFEST(
                                          "prelude", "1.0.0", "") "\" >index/pr/el/prelude; "
                                                                  "push_files registry.git; push_files index.git";

static void open_repos(struct scene *scene) {
    struct registry_repo_options registry = {.url = arena_format(&scene->git.arena, "%s/registry.git", scene->git.folder)};
    struct registry_repo_options index = {.url = arena_format(&scene->git.arena, "%s/index.git", scene->git.folder)};
    if (registry_repo_open(&scene->registry, &registry, &scene->deadline, &scene->err) ||
        registry_repo_open(&scene->index, &index, &scene->deadline, &scene->err))
        fail_msg("%s", scene->err.message);
    scene->view = registry_view_create(scene->registry, scene->index);
}

static int set_up(void **state) {
    static struct scene scene;
    scene = (struct scene){0};
    git_fixture_make(&scene.git);
    deadline_start(&scene.deadline, TEST_TIMEOUT_MS);
    *state = &scene;
    return 0;
}

static int set_up_small(void **state) {
    set_up(state);
    struct scene *scene = *state;
    git_script(&scene->git, "%s", make_small);
    open_repos(scene);
    return 0;
}

static int tear_down(void **state) {
    struct scene *scene = *state;
    registry_view_free(scene->view);
    registry_repo_free(scene->index);
    registry_repo_free(scene->registry);
    git_fixture_remove(&scene->git);
    return 0;
}

static void refresh(struct scene *scene) {
    if (registry_view_refresh(scene->view, &scene->deadline, &scene->err)) fail_msg("%s", scene->err.message);
}

static size_t count_versions(struct scene *scene, const char *name) {
    const struct manifest_index *index = registry_view_lock(scene->view);
    uint32_t package = manifest_index_find_package(index, name);
    size_t count = package == PACKAGE_NONE ? 0 : manifest_index_package(index, package)->version_count;
    registry_view_unlock(scene->view);
    return count;
}

static bool has_metadata(struct scene *scene, const char *name) {
    bool has = manifest_index_find_metadata(registry_view_lock(scene->view), name) != NULL;
    registry_view_unlock(scene->view);
    return has;
}

static void both_repositories_are_loaded(void **state) {
    struct scene *scene = *state;
    assert_int_equal(count_versions(scene, "prelude"), 0);
    assert_string_equal(registry_view_state(scene->view).index_commit, "");
    refresh(scene);
    assert_int_equal(count_versions(scene, "prelude"), 1);
    assert_true(has_metadata(scene, "prelude"));
    struct registry_view_state view = registry_view_state(scene->view);
    assert_int_equal(view.skipped_files, 0);
    assert_string_equal(view.index_commit, git_output(&scene->git, "git -C index.git rev-parse HEAD"));
    assert_string_equal(view.registry_commit, git_output(&scene->git, "git -C registry.git rev-parse HEAD"));
}

static void changed_added_and_removed_files_are_followed(void **state) {
    struct scene *scene = *state;
    refresh(scene);
    git_script(&scene->git, "%s",
               "echo \"" MANIFEST(
                   "prelude", "1.1.0",
                   "") "\" >>index/pr/el/prelude; "
                       "echo \"" MANIFEST(
                           "aff", "1.0.0",
                           "\\\"prelude\\\":\\\">=1.0.0 <2.0.0\\\"") "\" >index/3/a/aff; "
                                                                     "push_files index.git; echo \"" METADATA(
                                                                         "aff", "") "\" >registry/metadata/aff.json; "
                                                                                    "rm registry/metadata/prelude.json; "
                                                                                    "push_files registry.git");
    refresh(scene);
    assert_int_equal(count_versions(scene, "prelude"), 2);
    assert_int_equal(count_versions(scene, "aff"), 1);
    assert_true(has_metadata(scene, "aff"));
    assert_false(has_metadata(scene, "prelude"));
    git_script(&scene->git, "rm index/3/a/aff; push_files index.git");
    refresh(scene);
    assert_int_equal(count_versions(scene, "aff"), 0);
}

static void a_file_that_cannot_be_read_is_skipped_until_it_can(void **state) {
    struct scene *scene = *state;
    refresh(scene);
    git_script(&scene->git, "%s",
               "cp registry/metadata/prelude.json good; echo '{' >registry/metadata/prelude.json; "
               "cp good registry/metadata/aff.json; echo x >registry/metadata/Not-A-Name.json; push_files registry.git");
    refresh(scene);
    assert_int_equal(registry_view_state(scene->view).skipped_files, 1);
    assert_true(has_metadata(scene, "prelude")); /* the same as before */
    assert_true(has_metadata(scene, "aff"));
    git_script(&scene->git, "cp good registry/metadata/prelude.json; push_files registry.git");
    refresh(scene);
    assert_int_equal(registry_view_state(scene->view).skipped_files, 0);
}

static void a_rewritten_history_is_read_again(void **state) {
    struct scene *scene = *state;
    git_script(&scene->git, "%s", "echo \"" MANIFEST("aff", "1.0.0", "") "\" >index/3/a/aff; push_files index.git");
    refresh(scene);
    git_script(&scene->git, "git -C index reset -q --hard HEAD~1; git -C index push -q -f ../index.git HEAD; "
                            "git -C index.git reflog expire --expire=now --all; git -C index.git prune --expire=now");
    refresh(scene);
    assert_int_equal(count_versions(scene, "aff"), 0);
    assert_int_equal(count_versions(scene, "prelude"), 1);
}

static void a_failed_refresh_leaves_it_as_it_was(void **state) {
    struct scene *scene = *state;
    refresh(scene);
    git_script(&scene->git, "echo broken >registry.git/HEAD");
    assert_int_not_equal(registry_view_refresh(scene->view, &scene->deadline, &scene->err), STATUS_OK);
    assert_int_equal(count_versions(scene, "prelude"), 1);
    assert_true(has_metadata(scene, "prelude"));
}

/* ---- Reading the files that differ ---- */

static enum status note_visit(const char *path, const struct registry_file *file, void *context, struct error *err) {
    (void)err;
    text_append_format(context, "%s=%s;", path, file->bytes ? file->bytes : "(removed)");
    return STATUS_OK;
}

static void files_that_differ_are_visited(void **state) {
    struct scene *scene = *state;
    struct text seen = {0};
    char first[REGISTRY_COMMIT_MAX], second[REGISTRY_COMMIT_MAX];
    assert_int_equal(registry_repo_fetch(scene->registry, &scene->deadline, first, &scene->err), STATUS_OK);
    git_script(&scene->git, "cd registry; printf new >metadata/new.json; rm metadata/prelude.json package-sets/1.0.0.json; "
                            "ln -s new.json metadata/link.json; printf x >other; cd ..; push_files registry.git");
    assert_int_equal(registry_repo_fetch(scene->registry, &scene->deadline, second, &scene->err), STATUS_OK);
    assert_int_equal(registry_repo_compare(scene->registry, first, second, "metadata", note_visit, &seen, &scene->err),
                     STATUS_OK);
    assert_string_equal(text_view(&seen), "metadata/new.json=new;metadata/prelude.json=(removed);");
    text_clear(&seen);
    assert_int_equal(registry_repo_compare(scene->registry, "", second, NULL, note_visit, &seen, &scene->err), STATUS_OK);
    assert_string_equal(text_view(&seen), "metadata/new.json=new;other=x;");
    assert_int_equal(registry_repo_compare(scene->registry, "0123456789012345678901234567890123456789", second, NULL,
                                           note_visit, &seen, &scene->err),
                     STATUS_NOT_FOUND);
    text_release(&seen);
}

static void the_earlier_content_of_a_file_does_not_matter(void **state) {
    struct scene *scene = *state;
    struct text seen = {0};
    char first[REGISTRY_COMMIT_MAX], second[REGISTRY_COMMIT_MAX];
    git_script(&scene->git, "cd registry; mkdir a same; printf 1 >a/file; printf 2 >b; printf 3 >same/file; printf x >script; "
                            "ln -s b link; cd ..; push_files registry.git");
    assert_int_equal(registry_repo_fetch(scene->registry, &scene->deadline, first, &scene->err), STATUS_OK);
    git_script(&scene->git, "cd registry; rm -r a b link; printf 4 >a; mkdir b; printf 5 >b/file; printf 6 >link; "
                            "chmod +x script; cd ..; push_files registry.git");
    assert_int_equal(registry_repo_fetch(scene->registry, &scene->deadline, second, &scene->err), STATUS_OK);
    assert_int_equal(registry_repo_compare(scene->registry, first, second, NULL, note_visit, &seen, &scene->err), STATUS_OK);
    assert_string_equal(text_view(&seen), "a=4;a/file=(removed);b=(removed);b/file=5;link=6;");
    text_clear(&seen);
    assert_int_equal(registry_repo_compare(scene->registry, second, "", NULL, note_visit, &seen, &scene->err), STATUS_OK);
    assert_non_null(strstr(text_view(&seen), "same/file=(removed);"));
    text_release(&seen);
}

enum { MANY_FILES = 500 }; /* enough for several threads */

struct many_visits {
    atomic_int times[MANY_FILES];
    int refused; /* number of the file whose visit fails; -1: none */
};

static enum status count_visit(const char *path, const struct registry_file *file, void *context, struct error *err) {
    struct many_visits *visits = context;
    int number = atoi(file->bytes);
    atomic_fetch_add(&visits->times[number], 1);
    return number == visits->refused ? error_set(err, STATUS_REFUSED, "The file %s is not wanted.", path) : STATUS_OK;
}

static void push_many_files(struct scene *scene, char head[REGISTRY_COMMIT_MAX]) {
    git_script(&scene->git,
               "mkdir -p registry/many; i=0; while [ $i -lt %d ]; do printf $i >registry/many/$i; i=$((i+1)); done; "
               "push_files registry.git",
               MANY_FILES);
    assert_int_equal(registry_repo_fetch(scene->registry, &scene->deadline, head, &scene->err), STATUS_OK);
}

static void several_threads_visit_each_file_once(void **state) {
    struct scene *scene = *state;
    struct many_visits visits = {.refused = -1};
    char head[REGISTRY_COMMIT_MAX];
    push_many_files(scene, head);
    assert_int_equal(registry_repo_compare_in_threads(scene->registry, "", head, "many", count_visit, &visits, &scene->err),
                     STATUS_OK);
    for (int i = 0; i < MANY_FILES; i++)
        assert_int_equal(atomic_load(&visits.times[i]), 1);
}

static void one_that_fails_ends_the_visits_of_all_threads(void **state) {
    struct scene *scene = *state;
    char head[REGISTRY_COMMIT_MAX];
    push_many_files(scene, head);
    for (int refused = 0; refused < MANY_FILES; refused += MANY_FILES / 5) {
        struct many_visits visits = {.refused = refused};
        assert_int_equal(registry_repo_compare_in_threads(scene->registry, "", head, "many", count_visit, &visits, &scene->err),
                         STATUS_REFUSED);
        assert_non_null(strstr(scene->err.message, " is not wanted."));
        assert_int_equal(atomic_load(&visits.times[refused]), 1);
    }
}

static void a_lost_file_is_named(void **state) {
    struct scene *scene = *state;
    struct many_visits visits = {.refused = -1};
    char head[REGISTRY_COMMIT_MAX];
    push_many_files(scene, head);
    git_script(&scene->git, "cd registry.git; if ls objects/pack/*.pack >/dev/null 2>&1; then mv objects/pack ../pack; "
                            "for p in ../pack/*.pack; do git unpack-objects -q <$p; done; fi; "
                            "id=$(git rev-parse HEAD:many/77); rm -f objects/$(echo $id | cut -c1-2)/$(echo $id | cut -c3-)");
    assert_int_equal(registry_repo_compare_in_threads(scene->registry, "", head, "many", count_visit, &visits, &scene->err),
                     STATUS_INTERNAL);
    assert_non_null(strstr(scene->err.message, "many/77 could not be read from the repository"));
}

/* Otherwise all its files would seem to have been removed. */
static void a_lost_folder_is_no_empty_one(void **state) {
    struct scene *scene = *state;
    struct many_visits visits = {.refused = -1};
    char head[REGISTRY_COMMIT_MAX];
    push_many_files(scene, head);
    git_script(&scene->git, "cd registry.git; if ls objects/pack/*.pack >/dev/null 2>&1; then mv objects/pack ../pack; "
                            "for p in ../pack/*.pack; do git unpack-objects -q <$p; done; fi; "
                            "id=$(git rev-parse HEAD:many); rm -f objects/$(echo $id | cut -c1-2)/$(echo $id | cut -c3-)");
    assert_int_equal(registry_repo_compare_in_threads(scene->registry, head, head, "many", count_visit, &visits, &scene->err),
                     STATUS_INTERNAL);
    assert_non_null(strstr(scene->err.message, "The folder 'many' of the commit"));
    assert_int_equal(registry_repo_compare_in_threads(scene->registry, head, head, "none", count_visit, &visits, &scene->err),
                     STATUS_OK);
}

/* Reading everything again would not help. */
static void a_damaged_commit_is_no_rewritten_history(void **state) {
    struct scene *scene = *state;
    struct many_visits visits = {.refused = -1};
    char head[REGISTRY_COMMIT_MAX];
    push_many_files(scene, head);
    git_script(&scene->git, "cd registry.git; if ls objects/pack/*.pack >/dev/null 2>&1; then mv objects/pack ../pack; "
                            "for p in ../pack/*.pack; do git unpack-objects -q <$p; done; fi; "
                            "id=$(git rev-parse HEAD); file=objects/$(echo $id | cut -c1-2)/$(echo $id | cut -c3-); "
                            "chmod u+w $file; echo broken >$file");
    assert_int_equal(registry_repo_compare_in_threads(scene->registry, head, head, "many", count_visit, &visits, &scene->err),
                     STATUS_INTERNAL);
}

/* ---- Readers beside a refresh ---- */

struct reader {
    pthread_t thread;
    struct registry_view *view;
    atomic_bool stops;
    atomic_bool saw_something_else;
    atomic_int reads;
};

/* At any time prelude must have all versions up to the last one. */
static void *read_on_and_on(void *argument) {
    struct reader *reader = argument;
    while (!atomic_load(&reader->stops)) {
        const struct manifest_index *index = registry_view_lock(reader->view);
        const struct indexed_package *package = manifest_index_package(index, manifest_index_find_package(index, "prelude"));
        for (size_t i = 0; i < package->version_count; i++)
            if (package->versions[i].version.minor != i) atomic_store(&reader->saw_something_else, true);
        registry_view_unlock(reader->view);
        atomic_fetch_add(&reader->reads, 1);
    }
    return NULL;
}

static void readers_see_whole_changes(void **state) {
    struct scene *scene = *state;
    struct reader reader = {.view = scene->view};
    refresh(scene);
    assert_int_equal(pthread_create(&reader.thread, NULL, read_on_and_on, &reader), 0);
    for (int i = 1; i <= 20; i++) {
        git_script(&scene->git, "echo \"" MANIFEST("prelude", "1.%d.0", "") "\" >>index/pr/el/prelude; push_files index.git", i,
                   i);
        refresh(scene);
        assert_int_equal(count_versions(scene, "prelude"), i + 1);
    }
    atomic_store(&reader.stops, true);
    pthread_join(reader.thread, NULL);
    assert_true(atomic_load(&reader.reads) > 0);
    assert_false(atomic_load(&reader.saw_something_else));
}

/* ---- The real registry ---- */

/* The content of the view as text: each package's manifests and number of published versions, by name. */
static void describe(struct registry_view *view, struct text *out) {
    const struct manifest_index *index = registry_view_lock(view);
    for (size_t i = 0; i < manifest_index_package_count(index); i++) {
        const struct indexed_package *package = manifest_index_package(index, manifest_index_by_name(index, i));
        text_append_format(out, "%s %zu\n", package->name, package->metadata ? package->metadata->published_count : 0);
        for (size_t v = 0; v < package->version_count; v++) {
            const struct indexed_version *version = &package->versions[v];
            manifest_append_line(out, version->manifest);
            text_append_format(out, "\n%d %zu\n", version->is_published, version->need_count);
        }
    }
    registry_view_unlock(view);
}

static void the_real_registry_is_loaded_and_followed(void **state) {
    struct scene *scene = *state;
    static const char make_repos[] = SOURCE_DIR "/../shared/data/make-repos";
    if (access(make_repos, X_OK) != 0) {
        print_message("No registry data beside the checkout: not loaded.\n");
        skip();
    }
    git_script(&scene->git, "%s . && mv registry-index.git index.git", make_repos);
    open_repos(scene);
    refresh(scene);
    assert_int_equal(registry_view_state(scene->view).skipped_files, 0);
    size_t manifests = 0, published = 0, unpublished = 0;
    const struct manifest_index *index = registry_view_lock(scene->view);
    for (uint32_t i = 0; i < manifest_index_package_count(index); i++) {
        const struct indexed_package *package = manifest_index_package(index, i);
        manifests += package->version_count;
        published += package->metadata ? package->metadata->published_count : 0;
        unpublished += package->metadata ? package->metadata->unpublished_count : 0;
    }
    registry_view_unlock(scene->view);
    assert_int_equal(manifests, 5494);
    assert_int_equal(published, 5495);
    assert_int_equal(unpublished, 1);

    git_script(&scene->git, "git clone -q index.git index; sed -i '$d' index/pr/el/prelude; rm index/3/a/aff; "
                            "push_files index.git");
    refresh(scene);
    struct registry_view *fresh = registry_view_create(scene->registry, scene->index);
    assert_int_equal(registry_view_refresh(fresh, &scene->deadline, &scene->err), STATUS_OK);
    struct text followed = {0}, loaded = {0};
    describe(scene->view, &followed);
    describe(fresh, &loaded);
    registry_view_free(fresh);
    assert_int_equal(count_versions(scene, "aff"), 0);
    assert_int_equal(followed.length, loaded.length);
    assert_memory_equal(followed.bytes, loaded.bytes, loaded.length);
    text_release(&followed);
    text_release(&loaded);
}

#define SMALL(name) cmocka_unit_test_setup_teardown(name, set_up_small, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        SMALL(both_repositories_are_loaded),
        SMALL(changed_added_and_removed_files_are_followed),
        SMALL(a_file_that_cannot_be_read_is_skipped_until_it_can),
        SMALL(a_rewritten_history_is_read_again),
        SMALL(a_failed_refresh_leaves_it_as_it_was),
        SMALL(files_that_differ_are_visited),
        SMALL(the_earlier_content_of_a_file_does_not_matter),
        SMALL(several_threads_visit_each_file_once),
        SMALL(one_that_fails_ends_the_visits_of_all_threads),
        SMALL(a_lost_file_is_named),
        SMALL(a_lost_folder_is_no_empty_one),
        SMALL(a_damaged_commit_is_no_rewritten_history),
        SMALL(readers_see_whole_changes),
        cmocka_unit_test_setup_teardown(the_real_registry_is_loaded_and_followed, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
