/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Committing and pushing, to a repository on this disk and to one behind http; every test runs with both.
 */
#include "lib/store/registry/registry_repo.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/store/repo_scene.h"

enum { TEST_TIMEOUT_MS = 60000, TRIES = 5 };

static void reopen(struct repo_scene *scene) {
    if (repo_scene_reopen(scene)) fail_msg("%s", scene->err.message);
}

static int set_up(void **state) {
    return repo_scene_set_up(state,
                             "mkdir -p data/metadata data/pr/el && echo '{}' >data/metadata/prelude.json && "
                             "echo old >data/pr/el/prelude && push_files data.git",
                             TEST_TIMEOUT_MS);
}

static int tear_down(void **state) {
    return repo_scene_tear_down(state);
}

static void assert_applied(struct repo_scene *scene, struct registry_change *changes, size_t count) {
    if (registry_repo_apply(scene->repo, changes, count, TRIES, &scene->deadline, &scene->err))
        fail_msg("%s", scene->err.message);
}

static void assert_content(struct repo_scene *scene, const char *path, const char *content) {
    assert_string_equal(git_output(&scene->git, "git -C data.git cat-file blob HEAD:%s", path), content);
}

static const char *head(struct repo_scene *scene) {
    return git_output(&scene->git, "git -C data.git rev-parse HEAD");
}

/* ---- Tests ---- */

static void a_commit_is_exactly_what_was_asked_for(void **state) {
    struct repo_scene *scene = *state;
    struct registry_change change = {.path = "metadata/aff.json",
                                     .message = "Update metadata for aff\n\nJob ID: 1234",
                                     .edit = set_content,
                                     .context = "{\"a\": 1}\n"};
    assert_applied(scene, &change, 1);
    assert_true(change.written);
    assert_int_equal(change.status, STATUS_OK);
    assert_string_equal(change.commit, head(scene));
    assert_string_equal(git_output(&scene->git, "git -C data.git log -1 --format='%%an <%%ae>|%%cn <%%ce>|%%B'"),
                        "pacchettibotti <pacchettibotti@purescript.org>|pacchettibotti <pacchettibotti@purescript.org>|"
                        "Update metadata for aff\n\nJob ID: 1234\n");
    assert_string_equal(git_output(&scene->git, "git -C data.git diff-tree -r --no-commit-id --name-status HEAD"),
                        "A\tmetadata/aff.json");
    assert_content(scene, "metadata/aff.json", "{\"a\": 1}");
    git_script(&scene->git, "git -C data.git fsck --strict --no-dangling");
}

static void several_changes_are_a_commit_each(void **state) {
    struct repo_scene *scene = *state;
    struct registry_change changes[] = {
        {.path = "metadata/a.json", .message = "First", .edit = set_content, .context = "1\n"},
        {.path = "metadata/prelude.json", .message = "Refused", .edit = refuse_edit},
        {.path = "pr/el/prelude", .message = "Removed", .edit = set_content, .context = NULL},
        {.path = "metadata/a.json", .message = "Second", .edit = ensure_line, .context = "2"},
        {.path = "metadata/a.json", .message = "Nothing", .edit = ensure_line, .context = "2"},
    };
    struct error refusal = {0};
    changes[1].err = &refusal;
    assert_applied(scene, changes, 5);
    assert_string_equal(git_output(&scene->git, "git -C data.git log --format=%%s HEAD~3.."), "Second\nRemoved\nFirst");
    assert_content(scene, "metadata/a.json", "1\n2");
    assert_int_equal(changes[1].status, STATUS_REFUSED);
    assert_string_equal(refusal.message, "It cannot be.");
    assert_false(changes[4].written);
    assert_string_equal(changes[4].commit, head(scene));
    assert_string_equal(git_output(&scene->git, "git -C data.git ls-tree --name-only HEAD"), "metadata"); /* no empty folders */
}

/* The length of the chain of deltas by which the folder metadata/ of that commit is packed; "": none. */
static const char *chain_of(struct repo_scene *scene, const char *commit) {
    return git_output(
        &scene->git,
        "git -C data.git verify-pack -v $PWD/data.git/objects/pack/*.idx | "
        "awk -v id=$(git -C data.git rev-parse %s:metadata) '$1 == id { print $6; found = 1 } END { exit !found }'",
        commit);
}

/* Readers want the last one: by a chain of deltas, each of its objects would take 50 kB of their memory. */
static void the_folders_of_the_last_commit_of_a_push_are_packed_whole(void **state) {
    struct repo_scene *scene = *state;
    struct registry_change changes[] = {
        {.path = "metadata/a.json", .message = "First", .edit = set_content, .context = "1\n"},
        {.path = "metadata/b.json", .message = "Second", .edit = set_content, .context = "2\n"},
        {.path = "metadata/c.json", .message = "Third", .edit = set_content, .context = "3\n"},
        {.path = "metadata/d.json", .message = "Fourth", .edit = set_content, .context = "4\n"},
    };
    assert_applied(scene, changes, 4);
    assert_string_equal(chain_of(scene, "HEAD~3"), "");
    assert_string_equal(chain_of(scene, "HEAD~2"), "1");
    assert_string_equal(chain_of(scene, "HEAD~1"), "2");
    assert_string_equal(chain_of(scene, "HEAD"), "");
    git_script(&scene->git, "git -C data.git fsck --strict --no-dangling");
}

static void an_unnecessary_change_makes_no_commit(void **state) {
    struct repo_scene *scene = *state;
    const char *before = head(scene);
    struct registry_change changes[] = {
        {.path = "pr/el/prelude", .message = "Same", .edit = set_content, .context = "old\n"},
        {.path = "pr/el/none", .message = "Gone", .edit = set_content, .context = NULL},
    };
    assert_applied(scene, changes, 2);
    assert_false(changes[0].written || changes[1].written);
    assert_string_equal(changes[0].commit, before);
    assert_string_equal(head(scene), before);
}

static void the_commit_of_an_earlier_run_is_found_by_its_message(void **state) {
    struct repo_scene *scene = *state;
    char found[REGISTRY_COMMIT_MAX] = "";
    struct registry_change changes[] = {
        {.path = "a", .message = "Update a\n\nJob ID: 1", .edit = set_content, .context = "1\n"},
        {.path = "b", .message = "Update b\n\nJob ID: 12\n", .edit = set_content, .context = "2\n"},
        {.path = "a", .message = "Update a\n\nJob ID: 3", .edit = set_content, .context = "3\n"},
    };
    assert_applied(scene, changes, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(registry_repo_find_commit(scene->repo, changes[i].message, found, &scene->err), STATUS_OK);
        assert_string_equal(found, changes[i].commit);
    }
    assert_int_equal(registry_repo_find_commit(scene->repo, "Update a\n\nJob ID: ", found, &scene->err), STATUS_NOT_FOUND);
}

static void a_file_is_read_at_the_head(void **state) {
    struct repo_scene *scene = *state;
    struct registry_file file;
    char commit[REGISTRY_COMMIT_MAX];
    git_script(&scene->git, "echo new >data/pr/el/prelude && push_files data.git");
    assert_int_equal(registry_repo_fetch(scene->repo, &scene->deadline, commit, &scene->err), STATUS_OK);
    assert_string_equal(commit, head(scene));
    assert_int_equal(registry_repo_read(scene->repo, "pr/el/prelude", &scene->git.arena, &file, &scene->err), STATUS_OK);
    assert_string_equal(file.bytes, "new\n");
    assert_int_equal(file.length, 4);
    assert_int_equal(registry_repo_read(scene->repo, "pr/el/none", &scene->git.arena, &file, &scene->err), STATUS_OK);
    assert_null(file.bytes);
}

/* Another author adds a line, by git. */
static void push_as_rival(void *context) {
    struct repo_scene *scene = context;
    git_script(&scene->git, "rm -rf rival; git clone -q data.git rival; echo rival >>rival/pr/el/prelude; "
                            "git -C rival commit -qam Rival; git -C rival push -q");
}

/* An edit that, the first time, lets the rival push between our fetch and our push. */
struct overtaken {
    struct repo_scene *scene;
    int calls;
};

static enum status add_line_overtaken(struct registry_edit *out, const struct registry_file *current, void *context,
                                      struct arena *arena, struct error *err) {
    struct overtaken *overtaken = context;
    if (overtaken->calls++ == 0) push_as_rival(overtaken->scene);
    return ensure_line(out, current, "ours", arena, err);
}

static void a_rival_that_was_faster_is_kept(void **state) {
    struct repo_scene *scene = *state;
    struct overtaken overtaken = {.scene = scene};
    struct registry_change change = {
        .path = "pr/el/prelude", .message = "Ours", .edit = add_line_overtaken, .context = &overtaken};
    assert_applied(scene, &change, 1);
    assert_int_equal(overtaken.calls, 2);
    assert_content(scene, "pr/el/prelude", "old\nrival\nours");
    assert_string_equal(git_output(&scene->git, "git -C data.git log --format=%%s HEAD~2.."), "Ours\nRival");
}

static void a_rival_within_the_push_is_kept(void **state) {
    struct repo_scene *scene = *state;
    struct registry_change change = {.path = "pr/el/prelude", .message = "Ours", .edit = ensure_line, .context = "ours"};
    git_server_before_next_push(scene->server, push_as_rival, scene);
    assert_applied(scene, &change, 1);
    assert_content(scene, "pr/el/prelude", "old\nrival\nours");
}

static void a_branch_that_always_moves_is_a_conflict(void **state) {
    struct repo_scene *scene = *state;
    struct overtaken overtaken = {.scene = scene};
    struct registry_change change = {
        .path = "pr/el/prelude", .message = "Ours", .edit = add_line_overtaken, .context = &overtaken};
    assert_int_equal(registry_repo_apply(scene->repo, &change, 1, 1, &scene->deadline, &scene->err), STATUS_CONFLICT);
    assert_content(scene, "pr/el/prelude", "old\nrival");
    assert_applied(scene, &change, 1);
    assert_content(scene, "pr/el/prelude", "old\nrival\nours");
}

static void a_lock_that_a_killed_push_left_is_removed(void **state) {
    struct repo_scene *scene = *state;
    struct registry_change change = {.path = "pr/el/prelude", .message = "Ours", .edit = ensure_line, .context = "ours"};
    size_t removed = 0;
    git_script(&scene->git, "touch data.git/refs/heads/main.lock");
    assert_int_equal(registry_repo_apply(scene->repo, &change, 1, 2, &scene->deadline, &scene->err), STATUS_CONFLICT);
    if (scene->server) { /* its owner removes it there */
        git_script(&scene->git, "rm data.git/refs/heads/main.lock; mkdir -p clones/data.git/refs/registry; "
                                "touch clones/data.git/refs/registry/head.lock");
    }
    assert_int_equal(registry_repo_remove_stale_locks(scene->repo, 3600000, &removed, &scene->err), STATUS_OK);
    assert_int_equal(removed, 0); /* it is young: a process may be using it */
    assert_int_equal(registry_repo_remove_stale_locks(scene->repo, 0, &removed, &scene->err), STATUS_OK);
    assert_int_equal(removed, 1);
    assert_applied(scene, &change, 1);
    assert_content(scene, "pr/el/prelude", "old\nours");
}

static void a_pack_that_a_killed_push_did_not_finish_is_removed(void **state) {
    struct repo_scene *scene = *state;
    const char *repo = scene->server ? "clones/data.git" : "data.git";
    size_t removed = 0;
    git_script(&scene->git, "mkdir -p %s/objects/pack; touch %s/objects/pack/pack_git2_0123456789abcdef", repo, repo);
    assert_int_equal(registry_repo_remove_stale_locks(scene->repo, 3600000, &removed, &scene->err), STATUS_OK);
    assert_int_equal(removed, 0);
    assert_int_equal(registry_repo_remove_stale_locks(scene->repo, 0, &removed, &scene->err), STATUS_OK);
    assert_int_equal(removed, 1);
}

/* The state after a process that committed and did not push. */
static void commits_that_were_not_pushed_are_never_taken_along(void **state) {
    struct repo_scene *scene = *state;
    struct registry_change lost = {.path = "pr/el/lost", .message = "Lost", .edit = set_content, .context = "lost\n"};
    struct registry_change ours = {.path = "pr/el/prelude", .message = "Ours", .edit = ensure_line, .context = "ours"};
    git_script(&scene->git, "touch data.git/refs/heads/main.lock");
    assert_int_equal(registry_repo_apply(scene->repo, &lost, 1, 1, &scene->deadline, &scene->err), STATUS_CONFLICT);
    git_script(&scene->git, "rm data.git/refs/heads/main.lock");
    assert_applied(scene, &ours, 1);
    assert_string_equal(git_output(&scene->git, "git -C data.git log --format=%%s HEAD~1.."), "Ours");
    reopen(scene);
    assert_applied(scene, &ours, 1);
    assert_false(ours.written);
}

static void an_empty_repository_gets_its_first_commit(void **state) {
    struct repo_scene *scene = *state;
    struct registry_change change = {.path = "pr/el/prelude", .message = "First", .edit = set_content, .context = "1\n"};
    git_script(&scene->git,
               "rm -rf data.git clones; git init -q --bare data.git; git -C data.git config http.receivepack true");
    reopen(scene);
    char commit[REGISTRY_COMMIT_MAX] = "?";
    assert_int_equal(registry_repo_fetch(scene->repo, &scene->deadline, commit, &scene->err), STATUS_OK);
    assert_string_equal(commit, "");
    assert_applied(scene, &change, 1);
    assert_string_equal(git_output(&scene->git, "git -C data.git log --format=%%s main"), "First");
}

static void the_default_branch_is_the_remotes(void **state) {
    struct repo_scene *scene = *state;
    struct registry_change change = {.path = "pr/el/prelude", .message = "Ours", .edit = ensure_line, .context = "ours"};
    git_script(&scene->git, "git -C data.git branch -m main trunk && git -C data.git symbolic-ref HEAD refs/heads/trunk");
    assert_applied(scene, &change, 1);
    assert_string_equal(git_output(&scene->git, "git -C data.git for-each-ref --format='%%(refname)'"), "refs/heads/trunk");
    assert_content(scene, "pr/el/prelude", "old\nours");
}

static void a_missing_repository_is_named(void **state) {
    struct repo_scene *scene = *state;
    registry_repo_free(scene->repo);
    scene->repo = NULL;
    git_script(&scene->git, "rm -rf data.git clones");
    assert_int_equal(registry_repo_open(&scene->repo, &scene->options, &scene->deadline, &scene->err), STATUS_NOT_FOUND);
    if (!strstr(scene->err.message, "data.git")) fail_msg("%s", scene->err.message);
}

static void a_damaged_clone_is_cloned_again(void **state) {
    struct repo_scene *scene = *state;
    struct registry_change change = {.path = "pr/el/prelude", .message = "Ours", .edit = ensure_line, .context = "ours"};
    git_script(&scene->git, "chmod -R u+w clones; for pack in clones/data.git/objects/pack/*.pack; do : >$pack; done");
    reopen(scene);
    assert_applied(scene, &change, 1);
    git_script(&scene->git, "rm -r clones/data.git/objects/* clones/data.git/HEAD");
    reopen(scene);
    change.context = "again";
    assert_applied(scene, &change, 1);
    assert_content(scene, "pr/el/prelude", "old\nours\nagain");
}

static void a_clone_damaged_while_it_is_open_is_cloned_again(void **state) {
    struct repo_scene *scene = *state;
    struct registry_change change = {.path = "pr/el/prelude", .message = "Ours", .edit = ensure_line, .context = "ours"};
    git_script(&scene->git, "find clones/data.git/objects -type f -delete");
    git_script(&scene->git, "echo new >data/pr/el/prelude && push_files data.git");
    enum status status = registry_repo_apply(scene->repo, &change, 1, TRIES, &scene->deadline, &scene->err);
    if (status) assert_applied(scene, &change, 1);
    assert_content(scene, "pr/el/prelude", "new\nours");
}

static enum status count_visit(const char *path, const struct registry_file *file, void *context, struct error *err) {
    (void)path, (void)file, (void)err;
    ++*(int *)context;
    return STATUS_OK;
}

/* Its own handle still reads the removed objects, so the fetch before does not notice. */
static void a_clone_that_a_comparison_cannot_read_is_cloned_again(void **state) {
    struct repo_scene *scene = *state;
    char head[REGISTRY_COMMIT_MAX];
    int visits = 0;
    assert_int_equal(registry_repo_fetch(scene->repo, &scene->deadline, head, &scene->err), STATUS_OK);
    git_script(&scene->git, "find clones/data.git/objects -type f -delete");
    assert_int_equal(registry_repo_compare(scene->repo, "", head, NULL, count_visit, &visits, &scene->err), STATUS_INTERNAL);
    assert_int_equal(registry_repo_fetch(scene->repo, &scene->deadline, head, &scene->err), STATUS_OK);
    assert_int_equal(registry_repo_compare(scene->repo, "", head, NULL, count_visit, &visits, &scene->err), STATUS_OK);
    assert_true(visits > 0);
}

static void the_token_is_sent_and_nowhere_kept(void **state) {
    struct repo_scene *scene = *state;
    struct registry_change change = {.path = "pr/el/prelude", .message = "Ours", .edit = ensure_line, .context = "ours"};
    git_server_need_login(scene->server, "pacchettibotti", "very-secret-token");
    assert_int_equal(registry_repo_apply(scene->repo, &change, 1, TRIES, &scene->deadline, &scene->err), STATUS_NOT_FOUND);
    scene->options.token = "very-secret-token";
    reopen(scene);
    assert_applied(scene, &change, 1);
    assert_true(git_server_logins(scene->server) >= 3);
    git_script(&scene->git, "! grep -r very-secret clones data.git");
    registry_repo_free(scene->repo);
    scene->repo = NULL;
    scene->options.token = "wrong-token";
    assert_int_equal(registry_repo_open(&scene->repo, &scene->options, &scene->deadline, &scene->err), STATUS_FORBIDDEN);
    assert_null(strstr(scene->err.message, "wrong-token"));
}

static void a_push_after_another_is_one_request(void **state) {
    struct repo_scene *scene = *state;
    struct registry_change change = {.path = "pr/el/prelude", .message = "Ours", .edit = ensure_line, .context = "ours"};
    git_server_need_login(scene->server, "pacchettibotti", "very-secret-token");
    scene->options.token = "very-secret-token";
    reopen(scene);
    assert_applied(scene, &change, 1);
    change.context = "ours too";
    size_t before = git_server_logins(scene->server);
    assert_applied(scene, &change, 1);
    assert_int_equal(git_server_logins(scene->server), before + 1);
    assert_content(scene, "pr/el/prelude", "old\nours\nours too");
}

/* The content that our push wrote is not there any more: to report that nothing has to be done would be wrong. */
static void a_change_that_seems_unnecessary_is_verified(void **state) {
    struct repo_scene *scene = *state;
    struct registry_change change = {.path = "pr/el/prelude", .message = "Ours", .edit = set_content, .context = "ours"};
    assert_applied(scene, &change, 1);
    git_script(&scene->git, "git clone -q data.git rival; echo rival >rival/pr/el/prelude; git -C rival commit -qam Rival; "
                            "git -C rival push -q");
    assert_applied(scene, &change, 1);
    assert_true(change.written);
    assert_content(scene, "pr/el/prelude", "ours");
    assert_applied(scene, &change, 1);
    assert_false(change.written);
}

static void the_token_stays_with_its_host(void **state) {
    struct repo_scene *scene = *state;
    struct git_server *other = git_server_start(scene->git.folder);
    git_server_behave(scene->server, GIT_SERVER_REDIRECT, 0, git_server_url(other));
    scene->options.token = "very-secret-token";
    git_script(&scene->git, "rm -rf clones");
    reopen(scene);
    assert_int_equal(git_server_logins(scene->server), 1);
    assert_int_equal(git_server_logins(other), 0);
    git_server_stop(other);
}

static void a_remote_that_hangs_ends_at_the_deadline(void **state) {
    struct repo_scene *scene = *state;
    struct registry_change change = {.path = "pr/el/prelude", .message = "Ours", .edit = ensure_line, .context = "ours"};
    git_server_behave(scene->server, GIT_SERVER_HANG, 0, NULL);
    struct deadline deadline;
    deadline_start(&deadline, 200);
    assert_int_equal(registry_repo_apply(scene->repo, &change, 1, TRIES, &deadline, &scene->err), STATUS_TIMEOUT);
    git_server_behave(scene->server, GIT_SERVER_SERVE, 0, NULL);
    assert_applied(scene, &change, 1);
}

static void a_hook_that_says_no_is_no_conflict(void **state) {
    struct repo_scene *scene = *state;
    struct registry_change change = {.path = "pr/el/prelude", .message = "Ours", .edit = ensure_line, .context = "ours"};
    git_script(&scene->git, "printf '#!/bin/sh\\nexit 1\\n' >data.git/hooks/pre-receive; chmod +x data.git/hooks/pre-receive");
    assert_int_equal(registry_repo_apply(scene->repo, &change, 1, TRIES, &scene->deadline, &scene->err), STATUS_REFUSED);
    if (!strstr(scene->err.message, "pre-receive hook declined")) fail_msg("%s", scene->err.message);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        BOTH(a_commit_is_exactly_what_was_asked_for),
        BOTH(several_changes_are_a_commit_each),
        LOCAL(the_folders_of_the_last_commit_of_a_push_are_packed_whole),
        BOTH(an_unnecessary_change_makes_no_commit),
        BOTH(the_commit_of_an_earlier_run_is_found_by_its_message),
        BOTH(a_file_is_read_at_the_head),
        BOTH(a_rival_that_was_faster_is_kept),
        HTTP(a_rival_within_the_push_is_kept),
        BOTH(a_branch_that_always_moves_is_a_conflict),
        BOTH(a_lock_that_a_killed_push_left_is_removed),
        BOTH(a_pack_that_a_killed_push_did_not_finish_is_removed),
        BOTH(commits_that_were_not_pushed_are_never_taken_along),
        BOTH(an_empty_repository_gets_its_first_commit),
        BOTH(the_default_branch_is_the_remotes),
        BOTH(a_missing_repository_is_named),
        HTTP(a_damaged_clone_is_cloned_again),
        HTTP(a_clone_damaged_while_it_is_open_is_cloned_again),
        HTTP(a_clone_that_a_comparison_cannot_read_is_cloned_again),
        HTTP(the_token_is_sent_and_nowhere_kept),
        HTTP(the_token_stays_with_its_host),
        HTTP(a_push_after_another_is_one_request),
        BOTH(a_change_that_seems_unnecessary_is_verified),
        HTTP(a_remote_that_hangs_ends_at_the_deadline),
        HTTP(a_hook_that_says_no_is_no_conflict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
