/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The cost of storing and reading a tarball on S3, compared with curl alone sending the same bytes to the same server over one
 * kept connection, and with a folder. The server is the one of the tests, on loopback, in this process: so the result shows our
 * share and the number of round trips; with a real server each round trip takes longer.
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/folder.h"
#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/base/settings.h"
#include "lib/store/tarball/tarball_store.h"
#include "tests/bench/bench_support.h"
#include "tests/support/s3/s3_server.h"

enum { ROUNDS = 300, TARBALL_BYTES = 30000 };

static char bytes[TARBALL_BYTES];
static char hash[SHA256_SRI_MAX];

static void need(bool went_well, const char *what) {
    if (went_well) return;
    fprintf(stderr, "%s failed\n", what);
    exit(1);
}

/* ---- curl itself ---- */

static size_t drop(char *data, size_t size, size_t count, void *context) {
    (void)data, (void)context;
    return size * count;
}

static void ask(CURL *curl, const char *url, bool is_upload) {
    char body_hash[SHA256_HEX_MAX], header[128];
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/gzip");
    long answer = 0;
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop);
    if (is_upload) {
        hash_sha256_hex(bytes, sizeof bytes, body_hash);
        snprintf(header, sizeof header, "x-amz-content-sha256: %s", body_hash);
        headers = curl_slist_append(curl_slist_append(headers, header), "x-amz-acl: public-read");
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, "aws:amz:" S3_SERVER_REGION ":s3");
        curl_easy_setopt(curl, CURLOPT_USERNAME, S3_SERVER_KEY);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, S3_SERVER_SECRET);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, bytes);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)sizeof bytes);
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, "PUT");
    }
    need(!curl_easy_perform(curl) && !curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer) && answer == 200, "curl");
    curl_slist_free_all(headers);
}

static void measure_curl(struct s3_server *server) {
    CURL *curl = curl_easy_init();
    struct samples uploads = {0}, downloads = {0};
    struct arena arena = {0};
    for (int i = 0; i < ROUNDS; i++) {
        const char *url = arena_format(&arena, "%s/" S3_SERVER_BUCKET "/curl/%d.0.0.tar.gz", s3_server_url(server), i);
        int64_t start_us = clock_monotonic_us();
        ask(curl, url, true);
        samples_add(&uploads, (double)(clock_monotonic_us() - start_us));
        start_us = clock_monotonic_us();
        ask(curl, url, false);
        samples_add(&downloads, (double)(clock_monotonic_us() - start_us));
    }
    samples_print(&uploads, "curl: one PUT, signed", "us");
    samples_print(&downloads, "curl: one GET", "us");
    samples_release(&uploads);
    samples_release(&downloads);
    arena_release(&arena);
    curl_easy_cleanup(curl);
}

/* ---- Ours ---- */

static void measure_store(const struct settings *settings, const char *put_name, const char *read_name) {
    struct tarball_store *store = NULL;
    struct samples puts = {0}, reads = {0};
    struct error err;
    need(!tarball_store_open(&store, settings, &err), "open");
    for (int i = 0; i < ROUNDS; i++) {
        char version[16];
        struct text out = {0};
        snprintf(version, sizeof version, "%d.0.0", i);
        int64_t start_us = clock_monotonic_us();
        need(!tarball_store_put(store, "prelude", version, bytes, sizeof bytes, NULL, &err), "put");
        samples_add(&puts, (double)(clock_monotonic_us() - start_us));
        start_us = clock_monotonic_us();
        need(!tarball_store_read(store, "prelude", version, hash, sizeof bytes, &out, NULL, &err), "read");
        samples_add(&reads, (double)(clock_monotonic_us() - start_us));
        text_release(&out);
    }
    samples_print(&puts, put_name, "us");
    samples_print(&reads, read_name, "us");
    samples_release(&puts);
    samples_release(&reads);
    tarball_store_free(store);
}

int main(void) {
    struct arena arena = {0};
    struct s3_server *server = s3_server_start();
    char folder[] = "/tmp/registry-bench-storage-XXXXXX";
    need(mkdtemp(folder) != NULL, "mkdtemp");
    hash_random_bytes(bytes, sizeof bytes);
    hash_sha256_sri(bytes, sizeof bytes, hash);
    struct settings on_s3 = {
        .spaces_key = S3_SERVER_KEY,
        .spaces_secret = S3_SERVER_SECRET,
        .s3_bucket_url = arena_copy(&arena, s3_server_url(server)),
        .s3_api_url = arena_copy(&arena, s3_server_public_url(server)),
        .s3_bucket = arena_copy(&arena, S3_SERVER_BUCKET),
        .s3_region = arena_copy(&arena, S3_SERVER_REGION),
        .s3_timeout_ms = 5000,
    };
    struct settings in_folder = {.storage_dir = folder};
    printf("%d tarballs of %d bytes\n", ROUNDS, TARBALL_BYTES);
    measure_curl(server);
    size_t connections = s3_server_connections(server);
    measure_store(&on_s3, "S3: put (look, and PUT)", "S3: read, checked");
    printf("connections for that: %zu\n", s3_server_connections(server) - connections);
    measure_store(&in_folder, "folder: put, on the disk", "folder: read, checked");
    folder_remove(folder);
    s3_server_stop(server);
    arena_release(&arena);
    return 0;
}
