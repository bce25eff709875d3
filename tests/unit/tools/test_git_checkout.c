/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The files of a source's tree that are written, and those that are refused by name.
 */
#include "tests/unit/tools/git_source_scene.h"

#include "lib/tools/git/git_checkout.h"
#include "lib/tools/git/git_transport.h"

static void a_subdirectory_alone_is_written(void **state) {
    struct scene *scene = *state;
    change(scene, "mkdir -p packages/core && echo core >packages/core/file");
    scene->source.subdir = "packages/core";
    assert_fetched(scene);
    assert_string_equal(git_output(&scene->git, "cd fetched/tree; find . -type f"), "./file");
    scene->source.subdir = "packages/none";
    assert_refused(scene, STATUS_INVALID, "no folder 'packages/none'");
    assert_string_equal(scene->err.path, "location.subdir");
}

static void files_keep_bytes_and_mode_and_nothing_else(void **state) {
    struct scene *scene = *state;
    change(scene, "printf 'a\\n' >lines; printf '* text eol=crlf\\n*.bin filter=lfs\\n' >.gitattributes; echo 1 >x.bin; "
                  "chmod 755 x.bin; chmod 600 lines");
    assert_fetched(scene);
    assert_string_equal(git_output(&scene->git, "stat -c %%a fetched/tree/x.bin fetched/tree/lines fetched/tree/src"),
                        "755\n644\n755");
    assert_string_equal(git_output(&scene->git, "od -An -c fetched/tree/lines"), "   a  \\n");
}

static void links_that_stay_inside_are_kept(void **state) {
    struct scene *scene = *state;
    change(scene, "mkdir -p a/b; ln -s ../../src/Main.purs a/b/link; ln -s a/b folder; ln -s folder/../../src through; "
                  "ln -s nowhere dangling");
    assert_fetched(scene);
    assert_string_equal(content(scene, "a/b/link"), "one");
    assert_string_equal(git_output(&scene->git, "readlink fetched/tree/through"), "folder/../../src");
}

static const char *link_of(struct scene *scene, const char *path) {
    return git_output(&scene->git, "readlink 'fetched/tree/%s'", path);
}

/* Such links are only refused if they would be packed. */
static void links_that_leave_the_repository_lead_to_nothing(void **state) {
    struct scene *scene = *state;
    static const char *const links[] = {
        "ln -s /etc/passwd x",
        "ln -s ../x x",
        "ln -s src/../../x x",
        "mkdir -p a/b; ln -s a/b y; ln -s y/../../../src x; ln -s .. a/b/up; ln -s a/b/up/../../src x2",
        "ln -s . here; mkdir deep; ln -s here/../out x",
        "ln -s x x"};
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        git_script(&scene->git, "rm -rf lib/x lib/x2 lib/y lib/a lib/here lib/deep");
        change(scene, links[i]);
        assert_fetched(scene);
        assert_string_equal(link_of(scene, "x"), GIT_CHECKOUT_OUTSIDE);
    }
}

/* The packages of a monorepo may share a README, a license and sources. */
static void a_link_out_of_the_subdirectory_is_what_it_leads_to(void **state) {
    struct scene *scene = *state;
    change(
        scene,
        "mkdir -p core/in shared/deep; echo readme >README.md; echo deep >shared/deep/file; ln -s ../README.md core/README.md; "
        "ln -s ../../src core/in/src; ln -s ../shared core/shared; ln -s deep/file shared/inner; "
        "ln -s ../../core/README.md shared/deep/back; ln -s ../core/in core/again; ln -s ../../x core/out; ln -s .. core/all; "
        "ln -s ../shared/deep/../inner core/through; chmod 755 README.md; ln -s ../gone core/gone");
    scene->source.subdir = "core";
    assert_fetched(scene);
    assert_string_equal(content(scene, "README.md"), "readme");
    assert_string_equal(git_output(&scene->git, "stat -c '%%F %%a' fetched/tree/README.md"), "regular file 755");
    assert_string_equal(content(scene, "in/src/Main.purs"), "one");
    assert_string_equal(content(scene, "again/src/Main.purs"), "one");
    assert_string_equal(content(scene, "through"), "deep");
    assert_string_equal(git_output(&scene->git, "cd fetched/tree/shared; find . ! -type d | sort; cat inner deep/back"),
                        "./deep/back\n./deep/file\n./inner\ndeep\nreadme");
    assert_string_equal(link_of(scene, "out"), GIT_CHECKOUT_OUTSIDE);
    assert_string_equal(link_of(scene, "gone"), GIT_CHECKOUT_OUTSIDE);
    assert_string_equal(link_of(scene, "all"), GIT_CHECKOUT_OUTSIDE); /* it would contain itself */
}

/* Targets of links count for the limits, after the package's own files. */
static void links_out_of_the_subdirectory_have_what_the_limits_leave(void **state) {
    struct scene *scene = *state;
    change(scene, "mkdir core many; for i in 1 2 3 4 5 6; do echo $i >many/$i; done; echo own >core/own; "
                  "for i in 1 2 3; do ln -s ../many core/m$i; done; ln -s ../src/Main.purs core/z");
    scene->source.subdir = "core";
    scene->source.limit_files = 20;
    assert_fetched(scene);
    assert_string_equal(content(scene, "m1/6"), "6");
    assert_string_equal(content(scene, "m2/6"), "6");
    assert_string_equal(link_of(scene, "m3"), GIT_CHECKOUT_OUTSIDE);
    assert_string_equal(content(scene, "own"), "own");
    scene->source.limit_bytes = 20000;
    change(scene, "head -c 17000 /dev/zero >many/large; head -c 4000 /dev/zero >core/own; rm core/m2 core/m3");
    assert_fetched(scene);
    assert_string_equal(link_of(scene, "m1"), GIT_CHECKOUT_OUTSIDE);
    assert_string_equal(content(scene, "z"), "one");
}

/* Folders that contain each other by links: 2^20 files, if all were written. */
static void folders_that_double_by_links_are_not_written(void **state) {
    struct scene *scene = *state;
    change(scene, "mkdir core d20; echo end >d20/file; i=0; while [ $i -lt 20 ]; do mkdir -p d$i; ln -s ../d$((i + 1)) d$i/x; "
                  "ln -s ../d$((i + 1)) d$i/y; i=$((i + 1)); done; ln -s ../d0 core/bomb; ln -s ../d18 core/few");
    scene->source.subdir = "core";
    assert_fetched(scene);
    assert_string_equal(link_of(scene, "bomb"), GIT_CHECKOUT_OUTSIDE);
    assert_string_equal(content(scene, "few/x/y/file"), "end");
}

static void a_submodule_is_a_link_to_nothing(void **state) {
    struct scene *scene = *state;
    git_script(&scene->git, "git -C lib update-index --add --cacheinfo 160000,$(git -C lib rev-parse HEAD),src/module && "
                            "git -C lib commit -qm Module && git -C lib tag v2 && git -C lib push -q ../lib.git v2");
    scene->source.ref = "v2";
    assert_fetched(scene);
    assert_string_equal(link_of(scene, "src/module"), GIT_CHECKOUT_SUBMODULE);
}

static void a_submodule_beside_the_packages_folder_does_no_harm(void **state) {
    struct scene *scene = *state;
    git_script(&scene->git, "git -C lib update-index --add --cacheinfo 160000,$(git -C lib rev-parse HEAD),module && "
                            "git -C lib commit -qm Module && git -C lib tag v2 && git -C lib push -q ../lib.git v2");
    scene->source.ref = "v2";
    scene->source.subdir = "src";
    assert_fetched(scene);
}

static void files_in_git_lfs_are_written_as_they_are(void **state) {
    struct scene *scene = *state;
    change(scene, "printf 'version https://git-lfs.github.com/spec/v1\\noid sha256:%064d\\nsize 12345\\n' 7 >src/logo.png");
    assert_fetched(scene);
    assert_string_equal(git_output(&scene->git, "head -n 1 fetched/tree/src/logo.png"),
                        "version https://git-lfs.github.com/spec/v1");
}

/* A tree that git would not make: each name refers to the same file. */
static void push_odd_tree(struct scene *scene, const char *names) {
    git_script(&scene->git,
               "cd lib; blob=$(git rev-parse HEAD:src/Main.purs | sed 's/../\\\\x&/g'); "
               "for name in %s; do printf '100644 %%s\\0' \"$name\"; /usr/bin/printf \"$blob\"; done >../odd; "
               "tree=$(git hash-object -t tree -w --literally ../odd); "
               "commit=$(git commit-tree -m Odd $tree); git push -q -f ../lib.git $commit:refs/tags/odd",
               names);
}

static void names_that_cannot_be_are_refused(void **state) {
    struct scene *scene = *state;
    scene->source.ref = "odd";
    static const struct {
        const char *names, *message;
    } rows[] = {
        {"..", "'..', whose name leads out"},
        {".", "'.', whose name leads out"},
        {".GIT", "'.GIT', whose name is git's own"},
        {"../escaped", "'../escaped', whose name contains a slash"},
        {"/escaped", "'/escaped', whose name contains a slash"},
        {"same same", "'same' twice"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        push_odd_tree(scene, rows[i].names);
        assert_refused(scene, STATUS_REFUSED, rows[i].message);
    }
    assert_string_equal(git_output(&scene->git, "ls -A . /escaped 2>/dev/null | grep -c escaped || true"), "0");
}

/* Such names are only refused if they would be packed. */
static void names_that_not_all_systems_can_have_are_written(void **state) {
    struct scene *scene = *state;
    change(
        scene,
        "mkdir -p docs; echo 1 >docs/Map.md; echo 2 >docs/MAP.md; echo 3 >'docs/a:b'; echo 4 >docs/aux; echo 5 >'docs/a\\b'");
    assert_fetched(scene);
    assert_string_equal(git_output(&scene->git, "cd fetched/tree/docs; cat Map.md MAP.md a:b aux 'a\\b'"), "1\n2\n3\n4\n5");
}

/* ---- Small trees that are costly to write ---- */

/* Ten folders, each ten times the next one: twelve objects, ten thousand million files. */
static void a_tree_that_repeats_itself_is_refused_in_no_time(void **state) {
    struct scene *scene = *state;
    git_script(&scene->git,
               "cd lib; tree=$(git rev-parse HEAD:src); for level in 1 2 3 4 5 6 7 8 9 10; do tree=$("
               "for name in a b c d e f g h i j; do printf '040000 tree %%s\t%%s\n' $tree $name; done | git mktree); "
               "done; git push -q ../lib.git $(git commit-tree -m Bomb $tree):refs/tags/bomb");
    scene->source.ref = "bomb";
    scene->source.limit_files = 10000;
    assert_refused(scene, STATUS_TOO_LARGE, "more than 10000 files");
}

static void ten_thousand_files_are_one_too_many(void **state) {
    struct scene *scene = *state;
    git_script(&scene->git,
               "cd lib; blob=$(git rev-parse HEAD:src/Main.purs); i=0; while [ $i -lt 10001 ]; do "
               "printf '100644 blob %%s\tfile%%d\n' $blob $i; i=$((i + 1)); done >../list; "
               "git push -q ../lib.git $(git commit-tree -m Many $(git mktree <../list)):refs/tags/many; "
               "git push -q ../lib.git $(git commit-tree -m Fewer $(head -n 10000 ../list | git mktree)):refs/tags/fewer");
    scene->source.limit_files = 10000;
    scene->source.ref = "many";
    assert_refused(scene, STATUS_TOO_LARGE, "more than 10000 files");
    assert_string_equal(git_output(&scene->git, "ls fetched/tree | wc -l"), "0"); /* none was written */
    scene->source.ref = "fewer";
    assert_fetched(scene);
}

static void folders_without_bottom_are_refused(void **state) {
    struct scene *scene = *state;
    git_script(&scene->git, "cd lib; tree=$(git rev-parse HEAD:src); i=0; while [ $i -lt 150 ]; do "
                            "tree=$(printf '040000 tree %%s\td\n' $tree | git mktree); i=$((i + 1)); done; "
                            "git push -q ../lib.git $(git commit-tree -m Deep $tree):refs/tags/deep");
    scene->source.ref = "deep";
    scene->source.limit_files = 10000;
    assert_refused(scene, STATUS_REFUSED, "more than 100 deep");
}

/* Each link goes through the one before it, twice. */
static void links_that_lead_through_links_lead_to_nothing(void **state) {
    struct scene *scene = *state;
    change(scene, "mkdir a; ln -s . a/l0; i=0; while [ $i -lt 30 ]; do ln -s l$i/l$i a/l$((i + 1)); i=$((i + 1)); done");
    assert_fetched(scene);
    assert_string_equal(link_of(scene, "a/l30"), GIT_CHECKOUT_OUTSIDE);
    assert_string_equal(link_of(scene, "a/l4"), "l3/l3");
}

/* Git's own server does not send such a commit, but other servers could. */
static void a_file_that_is_missing_is_damage_of_the_repository(void **state) {
    struct scene *scene = *state;
    struct git_checkout_limits limits = {.bytes = 1000, .files = 10};
    struct deadline deadline;
    git_repository *repository = NULL;
    git_oid commit;
    char *id = git_output(&scene->git, "mkdir tree; cd lib.git; printf '100644 blob %%040d\tfile\n' 7 >../list; "
                                       "git commit-tree -m Lacking $(git mktree --missing <../list)");
    deadline_start(&deadline, TEST_TIMEOUT_MS);
    assert_int_equal(git_transport_start(&scene->err), STATUS_OK);
    assert_int_equal(git_repository_open_bare(&repository, arena_format(&scene->git.arena, "%s/lib.git", scene->git.folder)),
                     0);
    assert_int_equal(git_oid_fromstr(&commit, id), 0);
    assert_int_equal(git_checkout_write(repository, &commit, NULL,
                                        arena_format(&scene->git.arena, "%s/tree", scene->git.folder), &limits, &deadline,
                                        &scene->err),
                     STATUS_REFUSED);
    assert_string_equal(scene->err.message, "The repository is damaged: the object at 'file' is missing or of the wrong type.");
    git_repository_free(repository);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_subdirectory_alone_is_written),
        TEST(files_keep_bytes_and_mode_and_nothing_else),
        TEST(links_that_stay_inside_are_kept),
        TEST(links_that_leave_the_repository_lead_to_nothing),
        TEST(a_link_out_of_the_subdirectory_is_what_it_leads_to),
        TEST(links_out_of_the_subdirectory_have_what_the_limits_leave),
        TEST(folders_that_double_by_links_are_not_written),
        TEST(a_submodule_is_a_link_to_nothing),
        TEST(a_submodule_beside_the_packages_folder_does_no_harm),
        TEST(files_in_git_lfs_are_written_as_they_are),
        TEST(names_that_cannot_be_are_refused),
        TEST(names_that_not_all_systems_can_have_are_written),
        TEST(a_tree_that_repeats_itself_is_refused_in_no_time),
        TEST(ten_thousand_files_are_one_too_many),
        TEST(folders_without_bottom_are_refused),
        TEST(links_that_lead_through_links_lead_to_nothing),
        TEST(a_file_that_is_missing_is_damage_of_the_repository),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
