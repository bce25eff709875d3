/* SPDX-License-Identifier: BSD-3-Clause
 *
 * GET /NAME/VERSION.tar.gz (services/gateway/README.md, Packages and tarballs).
 */
#include "tests/store/gateway/gateway_scene.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <sys/uio.h>

#include "lib/base/hash.h"
#include "tests/support/http/http2_frames.h"
#include "tests/support/shell.h"

#define CONTENT "0123456789"
#define PATH "/aff/7.1.0.tar.gz"

/* ---- A slow disk: reads of this program that must not wait find nothing in the page cache ---- */

static atomic_int cold_error;                      /* errno of such reads; 0: real reads */
static atomic_int reads_of_loops, reads_of_others; /* number of reads that may wait, while the cache is cold */
static atomic_bool is_held;                        /* these reads wait */
static _Thread_local bool is_loop;

ssize_t preadv2(int file, const struct iovec *places, int count, off_t offset, int flags) {
    static ssize_t (*_Atomic real)(int, const struct iovec *, int, off_t, int);
    if (!real) *(void **)(void *)&real = dlsym(RTLD_NEXT, "preadv2");
    is_loop = true;
    errno = cold_error;
    return errno && (flags & RWF_NOWAIT) ? -1 : real(file, places, count, offset, flags);
}

ssize_t pread(int file, void *place, size_t length, off_t offset) {
    static ssize_t (*_Atomic real)(int, void *, size_t, off_t);
    if (!real) *(void **)(void *)&real = dlsym(RTLD_NEXT, "pread");
    if (cold_error) atomic_fetch_add(is_loop ? &reads_of_loops : &reads_of_others, 1);
    for (int i = 0; is_held && i < PATIENCE_MS; i++)
        wait_ms(1);
    return real(file, place, length, offset);
}

static void cool_down(int error) {
    reads_of_loops = reads_of_others = 0;
    cold_error = error;
}

static void put(struct gateway_scene *s, const char *content) {
    temporary_folder_write(&s->folder, "storage" PATH, content);
}

static struct answered get_with(struct gateway_scene *s, const char *header) {
    const char *const headers[] = {header, NULL};
    return ask_with(s, NULL, PATH, headers, NULL);
}

static const char *tag_of(struct gateway_scene *s, const char *content) {
    char hash[SHA256_SRI_MAX];
    hash_sha256_sri(content, strlen(content), hash);
    return arena_format(&s->f.arena, "\"%s\"", hash);
}

static void a_tarball_is_served_with_its_size_and_hash(void **state) {
    struct gateway_scene *s = *state;
    put(s, CONTENT);
    serve(s);
    const struct answered whole = get(s, PATH), head = ask_with(s, "HEAD", PATH, NULL, NULL);
    expect_json(whole, 200, CONTENT);
    expect_json(head, 200, "");
    for (int i = 0; i < 2; i++) {
        const struct answered *answered = i ? &head : &whole;
        expect_header(s, answered, "content-type", "application/gzip");
        expect_header(s, answered, "content-length", "10");
        expect_header(s, answered, "etag", tag_of(s, CONTENT));
        expect_header(s, answered, "cache-control", "public, max-age=31536000, immutable");
        expect_header(s, answered, "accept-ranges", "bytes");
    }
    assert_true(metric_of(s, "registry_tarballs_hashed_total{program=\"gateway\"}") == 1);
}

enum { LENGTH = 1000003, CHUNKS = 16 /* more than is read at once */ };

static char *put_large(struct gateway_scene *s) {
    char *bytes = memory_alloc(LENGTH + 1);
    for (size_t i = 0; i < LENGTH; i++)
        bytes[i] = (char)('a' + i * i % 23);
    put(s, bytes);
    return bytes;
}

static void a_large_tarball_comes_whole(void **state) {
    struct gateway_scene *s = *state;
    char *bytes = put_large(s);
    serve(s);
    const struct answered whole = get(s, PATH), part = get_with(s, "Range: bytes=65530-400000");
    assert_int_equal(whole.status, 200);
    assert_int_equal(part.status, 206);
    assert_true(strcmp(whole.body, bytes) == 0);
    assert_int_equal(strlen(part.body), 400000 - 65530 + 1);
    assert_true(strncmp(part.body, bytes + 65530, strlen(part.body)) == 0);
    free(bytes);
}

static void one_range_is_served(void **state) {
    struct gateway_scene *s = *state;
    put(s, CONTENT);
    serve(s);
    static const struct {
        const char *range;
        int status;
        const char *body, *content_range;
    } rows[] = {
        {"Range: bytes=2-4", 206, "234", "bytes 2-4/10"}, {"Range: bytes=8-", 206, "89", "bytes 8-9/10"},
        {"Range: bytes=-3", 206, "789", "bytes 7-9/10"},  {"Range: bytes=0-1,3-4", 200, CONTENT, NULL},
        {"Range: bytes=10-", 416, "", "bytes */10"},      {"Range: lines=1-2", 200, CONTENT, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct answered answered = get_with(s, rows[i].range);
        expect_json(answered, rows[i].status, rows[i].body);
        expect_header(s, &answered, "content-range", rows[i].content_range);
    }
}

static void conditions_are_heeded(void **state) {
    struct gateway_scene *s = *state;
    put(s, CONTENT);
    serve(s);
    const char *tag = tag_of(s, CONTENT);
    struct arena *arena = &s->f.arena;
    const struct {
        const char *header, *range;
        int status;
    } rows[] = {
        {arena_format(arena, "If-None-Match: %s", tag), NULL, 304},
        {arena_format(arena, "If-None-Match: \"x\", W/%s", tag), NULL, 304},
        {"If-None-Match: *", NULL, 304},
        {"If-None-Match: \"x\"", NULL, 200},
        {arena_format(arena, "If-Range: %s", tag), "Range: bytes=0-0", 206},
        {"If-Range: \"x\"", "Range: bytes=0-0", 200},
        {"If-Range: \"x\"", "Range: bytes=99-", 200},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *const headers[] = {rows[i].header, rows[i].range, NULL};
        const struct answered answered = ask_with(s, NULL, PATH, headers, NULL);
        expect_status(answered, rows[i].status);
        expect_header(s, &answered, "etag", tag);
        if (rows[i].status == 304) assert_string_equal(answered.body, "");
    }
}

static void a_path_that_is_no_tarball_is_404(void **state) {
    struct gateway_scene *s = *state;
    static const char *const paths[] = {"/aff/7.1.1.tar.gz", "/Aff/7.1.0.tar.gz",   "/aff/7.1.tar.gz",
                                        "/aff/7.1.0.tar",    "/other/7.1.0.tar.gz", "/_jobs/7.1.0.tar.gz"};
    put(s, CONTENT);
    temporary_folder_write(&s->folder, "storage/_jobs/7.1.0.tar.gz", CONTENT);
    serve(s);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        expect_error(s, get(s, paths[i]), 404, NULL, "");
}

static void only_regular_files_are_served(void **state) {
    struct gateway_scene *s = *state;
    put(s, CONTENT);
    temporary_folder_write(&s->folder, "secret", "a secret");
    temporary_folder_link(&s->folder, "storage/aff/1.0.0.tar.gz", "../../secret");
    temporary_folder_write(&s->folder, "storage/aff/2.0.0.tar.gz/x", "");
    serve(s);
    for (int i = 1; i <= 2; i++) {
        const struct answered answered = get(s, arena_format(&s->f.arena, "/aff/%d.0.0.tar.gz", i));
        expect_error(s, answered, 500, NULL, "An internal error occurred");
        expect_not_within(answered.body, s->folder.path);
    }
    assert_true(metric_of(s, "registry_tarballs_hashed_total{program=\"gateway\"}") == 0); /* not read either */
}

static void they_stand_under_their_own_host(void **state) {
    struct gateway_scene *s = *state;
    static const char *const right[] = {"Host: Packages.example.org:8080", NULL}, *const wrong[] = {
                                                                                      "Host: packages.example.org", NULL};
    put(s, CONTENT);
    set_text(&s->settings.s3_api_url, "https://packages.example.org:8080/base");
    serve(s);
    expect_json(ask_with(s, NULL, PATH, right, NULL), 200, CONTENT);
    expect_error(s, ask_with(s, NULL, PATH, wrong, NULL), 404, NULL, "There is nothing at this address.");
    expect_status(get(s, PATH), 404);
}

static void on_s3_none_are_served(void **state) {
    struct gateway_scene *s = *state;
    put(s, CONTENT);
    s->settings.has_spaces_key = true;
    serve(s);
    expect_error(s, get(s, PATH), 404, NULL, "There is nothing at this address.");
}

/* A file that is replaced by hand counts as another file. */
static void a_hash_is_computed_once_for_each_content(void **state) {
    struct gateway_scene *s = *state;
    put(s, CONTENT);
    serve(s);
    for (int i = 0; i < 3; i++)
        get(s, PATH);
    assert_int_equal((int)metric_of(s, "registry_tarballs_hashed_total{program=\"gateway\"}"), 1);
    put(s, "abcdefghij");
    const struct answered answered = get(s, PATH);
    expect_json(answered, 200, "abcdefghij");
    expect_header(s, &answered, "etag", tag_of(s, "abcdefghij"));
    assert_int_equal((int)metric_of(s, "registry_tarballs_hashed_total{program=\"gateway\"}"), 2);
}

/* The number of tarballs that this process has open. */
static int count_open(void) {
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;
    char target[256];
    assert_non_null(folder);
    for (const struct dirent *entry; (entry = readdir(folder));) {
        ssize_t length = readlinkat(dirfd(folder), entry->d_name, target, sizeof target);
        count += length > 0 && memmem(target, (size_t)length, PATH, sizeof PATH - 1);
    }
    closedir(folder);
    return count;
}

/* The event loop, which other clients share, reads only bytes that are in memory. */
static void a_loop_does_not_wait_for_the_disk(void **state) {
    struct gateway_scene *s = *state;
    static const int errors[] = {EAGAIN, EOPNOTSUPP /* from file systems that do not support such reads */};
    char *bytes = put_large(s);
    serve(s);
    get(s, PATH);
    for (int i = 0; i < 2; i++) {
        cool_down(errors[i]);
        const struct answered answered = get(s, PATH);
        cold_error = 0;
        assert_int_equal(answered.status, 200);
        assert_true(strcmp(answered.body, bytes) == 0);
        assert_int_equal(reads_of_loops, 0);
        assert_int_equal(reads_of_others, CHUNKS);
    }
    cool_down(EIO); /* an answer that has begun can only be cut off */
    struct http_connection connection;
    assert_true(http_connection_open(&connection, server_port(s->gateway.server), PATIENCE_MS));
    assert_true(http_connection_send(&connection, "GET", PATH, NULL));
    assert_false(http_connection_receive(&connection));
    http_connection_close(&connection);
    cold_error = 0;
    free(bytes);
}

static bool is_being_read(void *context) {
    (void)context;
    return reads_of_others > 0;
}

static void a_client_may_leave_while_the_disk_is_read(void **state) {
    struct gateway_scene *s = *state;
    struct http_connection connection;
    struct text bytes = {0};
    free(put_large(s));
    serve(s);
    get(s, PATH);
    is_held = true;
    cool_down(EAGAIN);
    assert_true(http_connection_open(&connection, server_port(s->gateway.server), PATIENCE_MS));
    http2_append_preface(&bytes);
    http2_append_request(&bytes, 1, "GET", PATH, -1, true);
    assert_true(http_connection_send_bytes(&connection, bytes.bytes, bytes.length));
    assert_true(wait_until(is_being_read, NULL, PATIENCE_MS));
    http_connection_close(&connection);
    await_requests(s, 0);
    is_held = false;
    stop_serving(s);
    cold_error = 0;
    assert_int_equal(count_open(), 0);
    text_release(&bytes);
}

/* However a request ends. */
static void files_are_closed(void **state) {
    struct gateway_scene *s = *state;
    put(s, CONTENT);
    serve(s);
    const char *const not_modified[] = {arena_format(&s->f.arena, "If-None-Match: %s", tag_of(s, CONTENT)), NULL};
    get(s, PATH);
    ask_with(s, "HEAD", PATH, NULL, NULL);
    ask_with(s, NULL, PATH, not_modified, NULL);
    get_with(s, "Range: bytes=2-4");
    get_with(s, "Range: bytes=99-");
    await_metric(s, "registry_http_connections{program=\"gateway\"}", 0);
    assert_int_equal(count_open(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        gateway_test(a_tarball_is_served_with_its_size_and_hash),
        gateway_test(a_large_tarball_comes_whole),
        gateway_test(one_range_is_served),
        gateway_test(conditions_are_heeded),
        gateway_test(a_path_that_is_no_tarball_is_404),
        gateway_test(only_regular_files_are_served),
        gateway_test(they_stand_under_their_own_host),
        gateway_test(on_s3_none_are_served),
        gateway_test(a_hash_is_computed_once_for_each_content),
        gateway_test(a_loop_does_not_wait_for_the_disk),
        gateway_test(a_client_may_leave_while_the_disk_is_read),
        gateway_test(files_are_closed),
    };
    return cmocka_run_group_tests(tests, start_scene, stop_scene);
}
