/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Changes of several files in one commit, and tags that are pushed with it; to a repository on this disk and to one behind http.
 */
#include "lib/store/registry/registry_repo.h"

#include <stdio.h>
#include <string.h>

#include "tests/store/repo_scene.h"

enum { TEST_TIMEOUT_MS = 60000, TRIES = 5 };

static int set_up(void **state) {
    return repo_scene_set_up(state, "mkdir -p data/src && echo old >data/list && push_files data.git", TEST_TIMEOUT_MS);
}

static int tear_down(void **state) {
    return repo_scene_tear_down(state);
}

/* ---- The change: three files, two tags ---- */

struct content {
    const char *list, *source;
    struct repo_scene *overtaken; /* a rival pushes to it when the file is first edited */
    int calls;
};

static void push_as_rival(void *context) {
    struct repo_scene *scene = context;
    git_script(&scene->git, "rm -rf rival; git clone -q data.git rival; echo rival >rival/other; "
                            "git -C rival add -A; git -C rival commit -qam Rival; git -C rival push -q");
}

static enum status edit_list(struct registry_edit *out, const struct registry_file *current, void *context, struct arena *arena,
                             struct error *err) {
    struct content *content = context;
    if (content->calls++ == 0 && content->overtaken) push_as_rival(content->overtaken);
    return set_content(out, current, (void *)(uintptr_t)content->list, arena, err);
}

static enum status edit_source(struct registry_edit *out, const struct registry_file *current, void *context,
                               struct arena *arena, struct error *err) {
    struct content *content = context;
    if (!content->source) return refuse_edit(out, current, context, arena, err);
    return set_content(out, current, (void *)(uintptr_t)content->source, arena, err);
}

static enum status add_latest(struct registry_edit *out, const struct registry_file *current, void *context,
                              struct arena *arena, struct error *err) {
    struct content *content = context;
    return ensure_line(out, current, (void *)(uintptr_t)content->list, arena, err);
}

static const struct registry_file_edit more[] = {{"src/source", edit_source}, {"latest", add_latest}};

static struct registry_change change_of(const char *message, const char *const tags[2], struct content *content) {
    return (struct registry_change){.path = "list",
                                    .message = message,
                                    .edit = edit_list,
                                    .context = content,
                                    .more = more,
                                    .more_count = 2,
                                    .tags = tags,
                                    .tag_count = tags ? 2 : 0};
}

static const char *const first_tags[] = {"set-20260101", "1.0"}, *const second_tags[] = {"set-20260102", "1.0"};

static void assert_applied(struct repo_scene *scene, struct registry_change *change) {
    if (registry_repo_apply(scene->repo, change, 1, TRIES, &scene->deadline, &scene->err)) fail_msg("%s", scene->err.message);
    assert_int_equal(change->status, STATUS_OK);
}

static const char *refs(struct repo_scene *scene) {
    return git_output(&scene->git, "git -C data.git for-each-ref --format='%%(refname:short) %%(subject)'");
}

static const char *commit_of(struct repo_scene *scene, const char *name) {
    return git_output(&scene->git, "git -C data.git rev-parse '%s^{commit}'", name);
}

/* ---- Tests ---- */

static void several_files_are_one_commit(void **state) {
    struct repo_scene *scene = *state;
    struct content content = {.list = "new\n", .source = "source\n"};
    struct registry_change change = change_of("Update both\n\nJob ID: 1", NULL, &content);
    assert_applied(scene, &change);
    assert_true(change.written);
    assert_string_equal(change.commit, commit_of(scene, "HEAD"));
    assert_string_equal(git_output(&scene->git, "git -C data.git log --format=%%B -1"), "Update both\n\nJob ID: 1\n");
    assert_string_equal(git_output(&scene->git, "git -C data.git diff-tree -r --no-commit-id --name-status HEAD"),
                        "A\tlatest\nM\tlist\nA\tsrc/source");
    assert_string_equal(git_output(&scene->git, "git -C data.git cat-file blob HEAD:src/source"), "source");
    assert_string_equal(refs(scene), "main Update both");
    git_script(&scene->git, "git -C data.git fsck --strict --no-dangling");

    /* One file differs: one commit. None does: none. */
    content.source = "other\n";
    assert_applied(scene, &change);
    assert_true(change.written);
    assert_string_equal(git_output(&scene->git, "git -C data.git diff-tree -r --no-commit-id --name-only HEAD"), "src/source");
    assert_applied(scene, &change);
    assert_false(change.written);
    assert_string_equal(change.commit, commit_of(scene, "HEAD"));
}

static void a_file_that_is_refused_leaves_out_all(void **state) {
    struct repo_scene *scene = *state;
    struct content content = {.list = "new\n"};
    struct error refusal = {0};
    struct registry_change changes[] = {
        change_of("Update both", first_tags, &content),
        {.path = "alone", .message = "Alone", .edit = set_content, .context = "1\n"},
    };
    changes[0].err = &refusal;
    assert_int_equal(registry_repo_apply(scene->repo, changes, 2, TRIES, &scene->deadline, &scene->err), STATUS_OK);
    assert_int_equal(changes[0].status, STATUS_REFUSED);
    assert_false(changes[0].written);
    assert_string_equal(refusal.message, "It cannot be.");
    assert_string_equal(refs(scene), "main Alone");
    assert_string_equal(git_output(&scene->git, "git -C data.git cat-file blob HEAD:list"), "old");
}

static void tags_are_pushed_with_the_commit(void **state) {
    struct repo_scene *scene = *state;
    struct content content = {.list = "new\n", .source = "source\n"};
    struct registry_change change = change_of("Update to 1\n\nJob ID: 1", first_tags, &content);
    assert_applied(scene, &change);
    assert_true(change.written);
    assert_string_equal(refs(scene), "main Update to 1\n1.0 Update to 1\nset-20260101 Update to 1");
    assert_string_equal(change.commit, commit_of(scene, "set-20260101"));

    /* The common tag stays where it is. Files that stay as they are have a commit all the same, which is tagged. */
    struct registry_change next = change_of("Update to 2\n\nJob ID: 2", second_tags, &content);
    assert_applied(scene, &next);
    assert_true(next.written);
    assert_string_equal(refs(scene), "main Update to 2\n1.0 Update to 1\nset-20260101 Update to 1\nset-20260102 Update to 2");
    git_script(&scene->git, "git -C data.git fsck --strict --no-dangling");
}

static void a_tag_at_the_commit_of_the_change_means_that_it_is_done(void **state) {
    struct repo_scene *scene = *state;
    struct content content = {.list = "new\n", .source = "source\n"};
    struct registry_change change = change_of("Update to 1\n\nJob ID: 1", first_tags, &content);
    assert_applied(scene, &change);
    const char *commit = arena_copy(&scene->git.arena, change.commit), *all = refs(scene);
    /* A later run of the job, another job for the same, and after others have pushed. */
    assert_applied(scene, &change);
    assert_false(change.written || change.is_tag_taken);
    assert_string_equal(change.commit, commit);
    push_as_rival(scene);
    change.message = "Update to 1\n\nJob ID: 2";
    content.list = "other\n";
    assert_applied(scene, &change);
    assert_false(change.written || change.is_tag_taken);
    assert_string_equal(change.commit, commit);
    assert_string_equal(refs(scene),
                        arena_format(&scene->git.arena, "main Rival%s", strchr(all, '\n'))); /* nothing has changed since */
}

/* The tag may be annotated, and its commit may be on no branch. */
static void a_tag_at_another_commit_is_taken(void **state) {
    struct repo_scene *scene = *state;
    struct content content = {.list = "new\n", .source = "source\n"};
    git_script(&scene->git, "git clone -q data.git side; echo side >side/list; git -C side commit -qam 'Update to 1 or so'; "
                            "git -C side tag -a -m Side set-20260101; git -C side push -q origin set-20260101");
    push_as_rival(scene);
    struct registry_change change = change_of("Update to 1\n\nJob ID: 1", first_tags, &content);
    assert_applied(scene, &change);
    assert_true(change.is_tag_taken);
    assert_false(change.written);
    assert_string_equal(change.commit, commit_of(scene, "set-20260101"));
    assert_string_equal(refs(scene), "main Rival\nset-20260101 Side");
}

/* The state after a process that was killed between the push of the branch and that of the tags, and after its rival's push. */
static void a_commit_without_its_tags_gets_them(void **state) {
    struct repo_scene *scene = *state;
    struct content content = {.list = "new\n", .source = "source\n"};
    struct registry_change change = change_of("Update to 1\n\nJob ID: 1", first_tags, &content);
    assert_applied(scene, &change);
    const char *commit = arena_copy(&scene->git.arena, change.commit);
    git_script(&scene->git, "git -C data.git tag -d 1.0 set-20260101");
    push_as_rival(scene);
    assert_applied(scene, &change);
    assert_false(change.written || change.is_tag_taken);
    assert_string_equal(change.commit, commit);
    assert_string_equal(refs(scene), "main Rival\n1.0 Update to 1\nset-20260101 Update to 1");
    assert_string_equal(commit_of(scene, "set-20260101"), commit);

    git_script(&scene->git, "git -C data.git tag -d set-20260101");
    assert_applied(scene, &change);
    assert_string_equal(refs(scene), "main Rival\n1.0 Update to 1\nset-20260101 Update to 1");
}

static void a_rival_that_was_faster_moves_the_tags(void **state) {
    struct repo_scene *scene = *state;
    struct content content = {.list = "new\n", .source = "source\n", .overtaken = scene};
    struct registry_change change = change_of("Update to 1\n\nJob ID: 1", first_tags, &content);
    assert_applied(scene, &change);
    assert_int_equal(content.calls, 2);
    assert_string_equal(refs(scene), "main Update to 1\n1.0 Update to 1\nset-20260101 Update to 1");
    assert_string_equal(git_output(&scene->git, "git -C data.git log --format=%%s HEAD~2.."), "Update to 1\nRival");
}

static void tag_as_rival(void *context) {
    struct repo_scene *scene = context;
    git_script(&scene->git, "git -C data.git tag set-20260101 HEAD");
}

/* Branch and tags move together: neither the branch nor the second tag does. */
static void a_tag_that_appears_within_the_push_stops_all(void **state) {
    struct repo_scene *scene = *state;
    struct content content = {.list = "new\n", .source = "source\n"};
    struct registry_change change = change_of("Update to 1\n\nJob ID: 1", first_tags, &content);
    git_server_before_next_push(scene->server, tag_as_rival, scene);
    assert_applied(scene, &change);
    assert_true(change.is_tag_taken);
    assert_string_equal(git_output(&scene->git, "git -C data.git for-each-ref --format='%%(refname:short)'"),
                        "main\nset-20260101");
    assert_string_equal(commit_of(scene, "main"), commit_of(scene, "set-20260101"));
}

static void a_hook_that_refuses_one_tag_stops_all(void **state) {
    struct repo_scene *scene = *state;
    struct content content = {.list = "new\n", .source = "source\n"};
    struct registry_change change = change_of("Update to 1\n\nJob ID: 1", first_tags, &content);
    const char *before = refs(scene);
    git_script(&scene->git, "printf '#!/bin/sh\\ntest $1 != refs/tags/1.0\\n' >data.git/hooks/update; "
                            "chmod +x data.git/hooks/update");
    assert_int_equal(registry_repo_apply(scene->repo, &change, 1, TRIES, &scene->deadline, &scene->err), STATUS_REFUSED);
    if (!strstr(scene->err.message, "refs/tags/1.0: hook declined")) fail_msg("%s", scene->err.message);
    assert_string_equal(refs(scene), before);
}

static void a_server_that_cannot_move_refs_together_is_refused(void **state) {
    struct repo_scene *scene = *state;
    struct content content = {.list = "new\n", .source = "source\n"};
    struct registry_change change = change_of("Update to 1\n\nJob ID: 1", first_tags, &content);
    git_script(&scene->git, "git -C data.git config receive.advertiseAtomic false");
    assert_int_equal(registry_repo_apply(scene->repo, &change, 1, TRIES, &scene->deadline, &scene->err), STATUS_REFUSED);
    if (!strstr(scene->err.message, "does not support git's atomic")) fail_msg("%s", scene->err.message);
    assert_string_equal(git_output(&scene->git, "git -C data.git tag"), "");
}

static void an_empty_repository_gets_commit_and_tags(void **state) {
    struct repo_scene *scene = *state;
    struct content content = {.list = "new\n", .source = "source\n"};
    struct registry_change change = change_of("Update to 1\n\nJob ID: 1", first_tags, &content);
    git_script(&scene->git,
               "rm -rf data.git clones; git init -q --bare data.git; git -C data.git config http.receivepack true");
    if (repo_scene_reopen(scene)) fail_msg("%s", scene->err.message);
    assert_applied(scene, &change);
    assert_string_equal(refs(scene), "main Update to 1\n1.0 Update to 1\nset-20260101 Update to 1");
}

static void a_remote_that_sends_nothing_ends_after_its_silence(void **state) {
    struct repo_scene *scene = *state;
    struct content content = {.list = "new\n", .source = "source\n"};
    struct registry_change change = change_of("Update to 1\n\nJob ID: 1", first_tags, &content);
    scene->options.silence_ms = 200;
    if (repo_scene_reopen(scene)) fail_msg("%s", scene->err.message);
    git_server_behave(scene->server, GIT_SERVER_HANG, 0, NULL);
    assert_int_equal(registry_repo_apply(scene->repo, &change, 1, TRIES, &scene->deadline, &scene->err), STATUS_TIMEOUT);
    assert_int_equal(deadline_check(&scene->deadline, NULL), STATUS_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        BOTH(several_files_are_one_commit),
        BOTH(a_file_that_is_refused_leaves_out_all),
        BOTH(tags_are_pushed_with_the_commit),
        BOTH(a_tag_at_the_commit_of_the_change_means_that_it_is_done),
        BOTH(a_tag_at_another_commit_is_taken),
        BOTH(a_commit_without_its_tags_gets_them),
        BOTH(a_rival_that_was_faster_moves_the_tags),
        HTTP(a_tag_that_appears_within_the_push_stops_all),
        HTTP(a_hook_that_refuses_one_tag_stops_all),
        HTTP(a_server_that_cannot_move_refs_together_is_refused),
        BOTH(an_empty_repository_gets_commit_and_tags),
        HTTP(a_remote_that_sends_nothing_ends_after_its_silence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
