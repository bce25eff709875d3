/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Malicious sources and hosts: each is refused with a message, in bounded time and on bounded disk, and leaves nothing behind;
 * another publication that runs at the same time succeeds. (Private addresses: test_addresses.c; more forms of these attacks
 * are in tests/unit/tools/test_git_source.c and tests/unit/tools/test_git_checkout.c.)
 */
#include "tests/support/cmocka_all.h"

#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "tests/support/git/git_fixture.h"
#include "tests/support/git/git_server.h"
#include "tests/support/refusal.h"
#include "tests/support/registry_check.h"
#include "tests/support/shell.h"

enum {
    LIMIT_BYTES = 5000000,
    LIMIT_FILES = 10000, /* the standard one */
    BLOCK_BYTES = 4096,  /* the least disk space that a file takes */
    LOOK_MS = 20,
};

struct hostile {
    const char *holds; /* the test's name */
    const char *name;  /* the package's */
    /* Run in a work tree of a good source; `push_tree TREE` and `push_files_as_they_are` tag what will be published. */
    const char *script;
    enum git_server_mode mode; /* of the host, for this package */
    const char *text;          /* with it */
    const char *words;         /* in the sentence */
};

static struct server *server;
static struct git_fixture git;
static struct git_server *host;

/* ---- The disk ---- */

/* The largest disk usage of running jobs. */
struct disk_watch {
    pthread_t thread;
    atomic_bool is_over;
    atomic_llong most_bytes;
};

static _Thread_local long long counted_bytes;

static int count_bytes(const char *path, const struct stat *status, int kind, struct FTW *place) {
    (void)path, (void)place;
    if (kind == FTW_F) counted_bytes += (long long)status->st_blocks * 512;
    return 0;
}

static void *watch_disk(void *argument) {
    struct disk_watch *watch = argument;
    char folder[100];
    snprintf(folder, sizeof folder, "%s/work/runs", server->folder);
    while (!atomic_load(&watch->is_over)) {
        counted_bytes = 0;
        nftw(folder, count_bytes, 16, FTW_PHYS); /* files removed meanwhile are not counted */
        if (counted_bytes > atomic_load(&watch->most_bytes)) atomic_store(&watch->most_bytes, counted_bytes);
        poll(NULL, 0, LOOK_MS);
    }
    return NULL;
}

static void disk_watch_start(struct disk_watch *watch) {
    *watch = (struct disk_watch){0};
    assert_int_equal(pthread_create(&watch->thread, NULL, watch_disk, watch), 0);
}

static long long disk_watch_end(struct disk_watch *watch) {
    atomic_store(&watch->is_over, true);
    pthread_join(watch->thread, NULL);
    return atomic_load(&watch->most_bytes);
}

/* ---- One hostile source ---- */

static const char *sources(void) {
    return arena_format(&git.arena, "%s/sources", git.folder);
}

static void publish_quietly(const char *name) {
    const struct package package = {name, "1.0.0", .pragma = NULL};
    package_push(sources(), &package);
    server_expect_success(server, server_publish(server, package_request(&git.arena, &package)).id);
}

static void make_source(const struct hostile *hostile) {
    const struct package package = {hostile->name, "1.0.0", .pragma = NULL};
    package_push(sources(), &package);
    if (!hostile->script) return;
    git_script(&git,
               "cd sources/flow/purescript-%s.tree\n"
               "export GIT_DIR=$PWD/../purescript-%s.git GIT_WORK_TREE=$PWD; git read-tree HEAD\n"
               "push_tree() { git update-ref refs/tags/v1.0.0 $(git commit-tree -m Hostile $1); }\n"
               "push_files_as_they_are() { git add -A; push_tree $(git write-tree); }\n"
               "blob=$(git rev-parse HEAD:src/Main.purs); bytes=$(echo $blob | sed 's/../\\\\x&/g')\n"
               "odd_tree() { for name in \"$@\"; do printf '100644 %%s\\0' \"$name\"; /usr/bin/printf \"$bytes\"; done >../odd;"
               " git hash-object -t tree -w --literally ../odd; }\n%s",
               hostile->name, hostile->name, hostile->script);
}

static void expect_nothing_left(const struct hostile *hostile) {
    refusal_expect_no_work(server);
    assert_null(registry_file(server, REGISTRY_REPO, arena_format(&git.arena, "metadata/%s.json", hostile->name)));
    shell_run("! test -e '%s/storage/%s'", server->folder, hostile->name);
}

static void a_hostile_source_is_refused_and_disturbs_nobody(void **state) {
    const struct hostile *hostile = *state;
    struct disk_watch disk;
    make_source(hostile);
    git_server_behave_for(host, arena_format(&git.arena, "purescript-%s.git", hostile->name), hostile->mode, 0, hostile->text);
    disk_watch_start(&disk);
    const struct package package = {hostile->name, "1.0.0", .pragma = NULL};
    const char *id = server_publish(server, package_request(&git.arena, &package)).id;
    publish_quietly(arena_format(&git.arena, "beside-%s", hostile->name));
    json_t *job = server_wait_for_job(server, id);
    const char *sentence = server_last_error(server, job);
    int64_t took_ms = server_job_time(job, "finishedAt") - server_job_time(job, "startedAt");
    long long most_bytes = disk_watch_end(&disk);
    json_decref(job);

    print_message("took %lld ms and %lld bytes of disk\n", (long long)took_ms, most_bytes);
    if (!strstr(sentence, hostile->words)) fail_msg("\"%s\" is not in: %s", hostile->words, sentence);
    assert_in_range(most_bytes, 0, 3LL * LIMIT_BYTES + LIMIT_FILES * BLOCK_BYTES);
    expect_nothing_left(hostile);
}

/* ---- Hosts ---- */

/* Only the source's time limit ends the job. */
static const struct hostile silent_hosts[] = {
    {"a_host_that_says_nothing_is_left", "silent", NULL, GIT_SERVER_HANG, NULL, "try again later"},
    {"a_host_that_stops_halfway_is_left", "stalled", NULL, GIT_SERVER_STALL, NULL, "try again later"},
    {"a_host_that_trickles_for_ever_is_left", "trickling", NULL, GIT_SERVER_TRICKLE, NULL, "try again later"},
};

/* Refused for the bytes that they send, long before the time limit. */
static const struct hostile hosts[] = {
    {"refs_without_end_are_refused", "flooding", NULL, GIT_SERVER_FLOOD, NULL, "sends more than 5000000 bytes"},
    {"a_head_without_end_is_refused", "headlong", NULL, GIT_SERVER_ENDLESS_HEAD, NULL, "sends headers of more than"},
    {"a_repository_that_never_ends_is_refused", "endless", NULL, GIT_SERVER_ENDLESS_PACK, NULL,
     "sends more than 5000000 bytes"},
    {"a_redirect_to_a_file_is_refused", "filing", NULL, GIT_SERVER_REDIRECT, "file://", "redirects to another scheme"},
    {"a_redirect_to_another_protocol_is_refused", "gophering", NULL, GIT_SERVER_REDIRECT, "gopher://127.0.0.1:70",
     "redirects to another scheme"},
    {"a_redirect_to_nowhere_is_refused", "misled", NULL, GIT_SERVER_REDIRECT, "http://127.0.0.1:1", "try again later"},
    {"a_page_for_people_is_no_repository", "welcoming", NULL, GIT_SERVER_PAGE, NULL, "does not answer as a git repository"},
};

/* ---- Contents ---- */

static const struct hostile contents[] = {
    {"ten_thousand_files_and_one_are_refused", "crowded",
     "i=0; while [ $i -lt 10001 ]; do printf '100644 blob %s\\tfile%d\\n' $blob $i; i=$((i + 1)); done >../list; "
     "push_tree $(git mktree <../list)",
     GIT_SERVER_SERVE, NULL, "more than 10000 files and folders"},
    {"a_file_of_one_gibibyte_is_refused", "huge",
     "truncate -s 1G src/zeros; git -c core.compression=1 -c core.bigFileThreshold=1m add src/zeros; rm src/zeros; "
     "push_tree $(git write-tree)",
     GIT_SERVER_SERVE, NULL, "larger than 5000000 bytes in total"},
    {"a_tree_that_repeats_itself_is_refused", "bomb-of-trees",
     "tree=$(git rev-parse HEAD:src); for level in 1 2 3 4 5 6 7 8 9 10; do tree=$(for name in a b c d e f g h i j; do "
     "printf '040000 tree %s\\t%s\\n' $tree $name; done | git mktree); done; push_tree $tree",
     GIT_SERVER_SERVE, NULL, "more than 10000 files and folders"},
    {"folders_without_bottom_are_refused", "bottomless",
     "tree=$(git rev-parse HEAD:src); i=0; while [ $i -lt 200 ]; do tree=$(printf '040000 tree %s\\td\\n' $tree | git mktree); "
     "i=$((i + 1)); done; push_tree $tree",
     GIT_SERVER_SERVE, NULL, "more than 100 deep"},
    {"a_name_that_leaves_its_folder_is_refused", "escaping", "push_tree $(odd_tree ..)", GIT_SERVER_SERVE, NULL,
     "'..', whose name leads out of its folder"},
    {"a_name_with_a_path_in_it_is_refused", "escaping-far", "push_tree $(odd_tree ../../../escaped)", GIT_SERVER_SERVE, NULL,
     "whose name contains a slash"},
    {"an_absolute_name_is_refused", "absolute", "push_tree $(odd_tree /tmp/escaped)", GIT_SERVER_SERVE, NULL,
     "whose name contains a slash"},
    {"a_name_with_a_backslash_is_refused", "backslashed", "cp src/Main.purs 'src/..\\escaped'; push_files_as_they_are",
     GIT_SERVER_SERVE, NULL, "the name '..\\escaped' contains a backslash"},
    {"a_name_of_gits_own_is_refused", "gitty", "push_tree $(odd_tree .GIT)", GIT_SERVER_SERVE, NULL, "whose name is git's own"},
    {"a_name_with_a_control_character_is_refused", "ringing",
     "cp src/Main.purs \"src/$(printf 'bell\\a')\"; push_files_as_they_are", GIT_SERVER_SERVE, NULL,
     "contains a control character"},
    {"names_that_differ_in_case_are_refused", "colliding", "cp src/Main.purs src/MAIN.purs; push_files_as_they_are",
     GIT_SERVER_SERVE, NULL, "'src/MAIN.purs' and 'src/Main.purs' differ only in upper and lower case"},
    {"one_name_twice_is_refused", "doubled", "push_tree $(odd_tree same same)", GIT_SERVER_SERVE, NULL, "'same' twice"},
    {"a_link_to_an_absolute_path_is_refused", "linked-away", "ln -s /etc/passwd src/Data.purs; push_files_as_they_are",
     GIT_SERVER_SERVE, NULL,
     "src/Data.purs is a link, but its target is not a file or folder of the repository that can be packed"},
    {"a_link_above_the_package_is_refused", "linked-up", "ln -s ../../../../../etc src/etc; push_files_as_they_are",
     GIT_SERVER_SERVE, NULL, "src/etc is a link, but its target is not a file or folder of the repository that can be packed"},
    {"a_link_that_leaves_by_another_is_refused", "linked-around",
     "ln -s . here; ln -s ../here/../out src/way; push_files_as_they_are", GIT_SERVER_SERVE, NULL,
     "src/way is a link, but its target is not a file or folder of the repository that can be packed"},
    {"a_submodule_is_refused", "modular",
     "git update-index --add --cacheinfo 160000,$(git rev-parse HEAD),src/module; push_tree $(git write-tree)",
     GIT_SERVER_SERVE, NULL, "src/module is a submodule"},
    {"a_file_in_git_lfs_is_refused", "stored-elsewhere",
     "printf 'version https://git-lfs.github.com/spec/v1\\noid sha256:%064d\\nsize 9\\n' 7 >src/Data.purs; "
     "push_files_as_they_are",
     GIT_SERVER_SERVE, NULL, "'src/Data.purs' is stored in Git LFS"},
};

/* ---- Dependencies ---- */

/* The metadata is right about the tarball, whose content is the attack: a file of one gibibyte. After its start the tarball is
 * all zeros, which are compressed once and repeated, because gzip's members can be joined. */
static void put_bomb(const char *version) {
    git_script(&git,
               "mkdir -p bomb/bomb-%s/src; cd bomb; cp bomb-%s.json bomb-%s/purs.json; truncate -s 1G bomb-%s/src/zeros; "
               "head -c 16M /dev/zero | gzip -1 >zeros.gz; { tar -c bomb-%s | head -c 16M | gzip -1; "
               "for i in $(seq 64); do cat zeros.gz; done; } >bomb.tar.gz; "
               "cp bomb.tar.gz '%s/storage/bomb/%s.tar.gz'",
               version, version, version, version, version, server->folder, version);
}

static void replace_in_metadata(const char *version) {
    char *file = registry_file(server, REGISTRY_REPO, "metadata/bomb.json");
    json_t *metadata = json_loads(file, 0, NULL), *published = registry_published(server, "bomb", version);
    char *hash = git_output(&git, "printf sha256-; openssl dgst -sha256 -binary bomb/bomb.tar.gz | base64");
    char *bytes = git_output(&git, "stat -c %%s bomb/bomb.tar.gz");
    json_object_set_new(published, "hash", json_string(hash));
    json_object_set_new(published, "bytes", json_integer(atoll(bytes)));
    json_object_set(json_object_get(metadata, "published"), version, published);
    char *text = json_dumps(metadata, JSON_INDENT(2));
    registry_write(server, REGISTRY_REPO, "metadata/bomb.json", text);
    free(text);
    json_decref(published);
    json_decref(metadata);
}

static void a_gzip_bomb_for_a_dependency_is_refused(void **state) {
    (void)state;
    const struct package bomb = {"bomb", "1.0.0", .pragma = NULL},
                         victim = {"victim", "1.0.0", .dependencies = {{"bomb", ">=1.0.0 <2.0.0"}}};
    struct disk_watch disk;
    publish_quietly("bomb");
    char *metadata = registry_file(server, REGISTRY_REPO, "metadata/bomb.json");
    char *tarball = arena_format(&git.arena, "%s/storage/bomb/1.0.0.tar.gz", server->folder);
    shell_run("cp '%s' '%s/good.tar.gz'; mkdir -p '%s/bomb'", tarball, git.folder, git.folder);
    write_file(arena_format(&git.arena, "%s/bomb/bomb-1.0.0.json", git.folder), package_manifest(&git.arena, &bomb));
    put_bomb("1.0.0");
    replace_in_metadata("1.0.0");
    package_push(sources(), &victim);

    disk_watch_start(&disk);
    const char *id = server_publish(server, package_request(&git.arena, &victim)).id;
    publish_quietly("beside-victim");
    json_t *job = server_wait_for_job(server, id);
    const char *sentence = server_last_error(server, job);
    long long most_bytes = disk_watch_end(&disk);
    print_message("took %lld ms and %lld bytes of disk\n",
                  (long long)(server_job_time(job, "finishedAt") - server_job_time(job, "startedAt")), most_bytes);
    json_decref(job);
    if (!strstr(sentence, "\"bomb-1.0.0/src/zeros\" exceeds the size that a package may have unpacked"))
        fail_msg("%s", sentence);
    assert_in_range(most_bytes, 0, 300 << 20);
    refusal_expect_no_work(server);
    assert_null(registry_file(server, REGISTRY_REPO, "metadata/victim.json"));

    shell_run("cp '%s/good.tar.gz' '%s'", git.folder, tarball);
    registry_write(server, REGISTRY_REPO, "metadata/bomb.json", metadata);
}

/* ---- Running them ---- */

static int start_server(const char *timeout) {
    git_fixture_make(&git);
    host = git_server_start(git.folder);
    const char *const settings[] = {arena_format(&git.arena, "GITHUB_GIT_URL=%s/sources", git_server_url(host)),
                                    timeout,
                                    "SOURCE_TRIES=3",
                                    "SOURCE_RETRY_MS=100",
                                    "SOURCE_LIMIT_BYTES=5000000",
                                    NULL};
    server = server_start(&(struct server_options){.settings = settings});
    publish_quietly("first");
    return 0;
}

static int start_hasty_server(void **state) {
    (void)state;
    return start_server("SOURCE_TIMEOUT_MS=5000");
}

static int start_patient_server(void **state) {
    (void)state;
    return start_server("SOURCE_TIMEOUT_MS=120000");
}

static int stop_server(void **state) {
    (void)state;
    registry_expect_consistency(server);
    server_stop(server);
    git_server_stop(host);
    git_fixture_remove(&git);
    return 0;
}

#define ROWS(rows) (sizeof rows / sizeof *rows)

static void make_tests(struct CMUnitTest *tests, const struct hostile *rows, size_t count) {
    for (size_t i = 0; i < count; i++)
        tests[i] = (struct CMUnitTest){.name = rows[i].holds,
                                       .test_func = a_hostile_source_is_refused_and_disturbs_nobody,
                                       .initial_state = (void *)&rows[i]};
}

int main(void) {
    struct CMUnitTest silent[ROWS(silent_hosts)] = {0}, others[ROWS(hosts) + ROWS(contents) + 1] = {0};
    make_tests(silent, silent_hosts, ROWS(silent_hosts));
    make_tests(others, hosts, ROWS(hosts));
    make_tests(others + ROWS(hosts), contents, ROWS(contents));
    others[ROWS(others) - 1] = (struct CMUnitTest)cmocka_unit_test(a_gzip_bomb_for_a_dependency_is_refused);
    int failed = cmocka_run_group_tests(silent, start_hasty_server, stop_server);
    return failed + cmocka_run_group_tests(others, start_patient_server, stop_server);
}
