/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The start of the gateway and its end: unusable settings, TLS, and systems without free threads or file descriptors.
 */
#include "tests/store/gateway/gateway_scene.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "lib/base/secret.h"
#include "tests/support/shell.h"

enum { FILES_MAX = 4096 };

/* ---- A system without threads: replaces pthread_create() for all code in this program except nng, which passes attributes.
 * And one without descriptors: replaces fcntl(). For the latter a limit on open files would only work if no other thread opened
 * any. ---- */

static pthread_t main_thread;
static atomic_int threads_left = -1; /* number that the test's thread may still start; -1: any */
static atomic_bool others_have_threads = true;

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument) {
    static int (*_Atomic real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (!real) *(void **)(void *)&real = dlsym(RTLD_NEXT, "pthread_create");
    bool is_ours = !attributes;
    if (is_ours && main_thread && pthread_equal(main_thread, pthread_self())) {
        if (threads_left == 0) return EAGAIN;
        if (threads_left > 0) threads_left--;
    } else if (is_ours && !others_have_threads) {
        return EAGAIN;
    }
    return real(thread, attributes, run, argument);
}

static atomic_bool may_duplicate = true; /* a descriptor; in the test's thread */

int fcntl(int file, int command, ...) {
    static int (*_Atomic real)(int, int, ...);
    if (!real) *(void **)(void *)&real = dlsym(RTLD_NEXT, "fcntl");
    va_list rest;
    va_start(rest, command);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    if (command == F_DUPFD_CLOEXEC && !may_duplicate && pthread_equal(main_thread, pthread_self())) {
        errno = EMFILE;
        return -1;
    }
    return real(file, command, argument);
}

/* The ports that this process listens on. */
static int count_ports(void) {
    int count = 0;
    for (int i = 0; i < FILES_MAX; i++) {
        int domain = 0, listens = 0;
        socklen_t length = sizeof domain;
        if (getsockopt(i, SOL_SOCKET, SO_DOMAIN, &domain, &length) != 0 || domain != AF_INET) continue;
        if (getsockopt(i, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) == 0) count += listens;
    }
    return count;
}

/* The gateway must not start, with the setting and these words in the error. */
static void expect_no_start(struct gateway_scene *s, const char *setting, const char *words) {
    struct fixture *f = &s->f;
    s->serves = true;
    f->err.path[0] = '\0';
    assert_status(STATUS_INVALID, gateway_start(&s->gateway, &s->settings, &f->err));
    assert_string_equal(f->err.path, setting);
    expect_within(f->err.message, setting);
    expect_within(f->err.message, words);
    stop_serving(s);
}

/* ---- Settings ---- */

static void the_ports_are_written_down(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    char *written = temporary_folder_read(&s->folder, "gateway.ports");
    assert_string_equal(written, arena_format(&s->f.arena, "server=%d\nmanagement=%d\n", server_port(s->gateway.server),
                                              server_management_port(s->gateway.server)));
    free(written);
    assert_int_not_equal(server_port(s->gateway.server), server_management_port(s->gateway.server));
}

static void a_port_that_is_taken_is_refused(void **state) {
    struct gateway_scene *s = *state;
    struct gateway_scene other = {.f = s->f, .settings = s->settings};
    serve(s);
    other.settings.server_port = server_port(s->gateway.server);
    expect_no_start(&other, "SERVER_PORT", "Address already in use");
    other.settings.server_port = 0;
    other.settings.management_port = server_management_port(s->gateway.server);
    expect_no_start(&other, "MANAGEMENT_PORT", "Address already in use");
    expect_status(get(s, "/healthz"), 200);
}

static void the_management_port_is_one_above_by_default(void **state) {
    struct gateway_scene *s = *state;
    struct fixture *f = &s->f;
    enum status status = STATUS_INVALID;
    s->serves = true;
    s->settings.management_port = -1;
    for (s->settings.server_port = 20000; status && s->settings.server_port < 20200; s->settings.server_port += 2) {
        status = gateway_start(&s->gateway, &s->settings, &f->err);
        if (!status) break;
        gateway_stop(&s->gateway); /* another program listens on one of them */
    }
    assert_int_equal(status, STATUS_OK);
    assert_int_equal(server_port(s->gateway.server), s->settings.server_port);
    assert_int_equal(server_management_port(s->gateway.server), s->settings.server_port + 1);
}

static void a_setting_that_cannot_be_used_is_named(void **state) {
    struct gateway_scene *s = *state;
    set_text(&s->settings.server_address, "localhost");
    expect_no_start(s, "SERVER_ADDRESS", "must be an IP address, but it is \"localhost\"");
    set_text(&s->settings.server_address, "127.0.0.1");
    set_text(&s->settings.management_address, "x");
    expect_no_start(s, "MANAGEMENT_ADDRESS", "must be an IP address, but it is \"x\"");
    set_text(&s->settings.management_address, "127.0.0.1");
    set_text(&s->settings.trusted_proxies, "10.0.0.0/33");
    expect_no_start(s, "TRUSTED_PROXIES", "\"10.0.0.0/33\"");
    set_text(&s->settings.trusted_proxies, "");
    s->settings.trustee_token_sha256 = secret_keep("0123");
    expect_no_start(s, "PACCHETTIBOTTI_TOKEN_SHA256", "64 hex digits");
    s->settings.trustee_token_sha256 = NULL;
    set_text(&s->settings.tls_key, "/nowhere.key");
    expect_no_start(s, "TLS_CERTIFICATE", "is not set");
    set_text(&s->settings.tls_certificate, "/nowhere.pem");
    expect_no_start(s, "TLS_CERTIFICATE", "/nowhere.pem cannot be used");
    set_text(&s->settings.pacchettibotti_public_key, "bm8ga2V5");
    expect_no_start(s, "PACCHETTIBOTTI_ED25519_PUB", "must be the base64 of the line");
}

/* ---- TLS ---- */

static size_t keep(char *bytes, size_t size, size_t count, void *text) {
    text_append_bytes(text, bytes, size * count);
    return size * count;
}

/* GET /healthz over TLS of at most this version; returns the version of HTTP, or 0 if there was no connection. */
static long get_by_tls(struct gateway_scene *s, long http_version, long tls_version) {
    struct text answer = {0};
    long version = 0;
    CURL *curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_URL,
                     arena_format(&s->f.arena, "https://127.0.0.1:%d/healthz", server_port(s->gateway.server)));
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, http_version);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, tls_version);
    curl_easy_setopt(curl, CURLOPT_SSL_CIPHER_LIST, "ALL:@SECLEVEL=0");
    curl_easy_setopt(curl, CURLOPT_CAINFO, arena_format(&s->f.arena, "%s/chain.pem", s->folder.path));
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
    CURLcode result = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_HTTP_VERSION, &version);
    curl_easy_cleanup(curl);
    if (!result) assert_string_equal(text_view(&answer), "{\"alive\":true}");
    text_release(&answer);
    return result ? 0 : version;
}

static void make_certificate(struct gateway_scene *s, const char *name) {
    shell_run("cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost "
              "-addext subjectAltName=IP:127.0.0.1 -keyout %s.key -out %s.pem 2>/dev/null",
              s->folder.path, name, name);
}

static void use_certificate(struct gateway_scene *s, const char *certificate, const char *key) {
    set_text(&s->settings.tls_certificate, arena_format(&s->f.arena, "%s/%s.pem", s->folder.path, certificate));
    set_text(&s->settings.tls_key, arena_format(&s->f.arena, "%s/%s.key", s->folder.path, key));
}

static void the_public_port_speaks_tls_and_the_management_port_does_not(void **state) {
    struct gateway_scene *s = *state;
    make_certificate(s, "chain");
    use_certificate(s, "chain", "chain");
    serve(s);
    assert_int_equal(get_by_tls(s, CURL_HTTP_VERSION_2TLS, CURL_SSLVERSION_TLSv1_2), CURL_HTTP_VERSION_2_0);
    assert_int_equal(get_by_tls(s, CURL_HTTP_VERSION_1_1, CURL_SSLVERSION_TLSv1_2), CURL_HTTP_VERSION_1_1);
    assert_int_equal(get_by_tls(s, CURL_HTTP_VERSION_1_1, CURL_SSLVERSION_TLSv1_2 | CURL_SSLVERSION_MAX_TLSv1_2),
                     CURL_HTTP_VERSION_1_1);
    assert_int_equal(get_by_tls(s, CURL_HTTP_VERSION_1_1, CURL_SSLVERSION_TLSv1_1 | CURL_SSLVERSION_MAX_TLSv1_1), 0);
    assert_true(metric_of(s, "registry_up{program=\"gateway\"}") == 1);
}

static void a_key_of_another_certificate_is_refused(void **state) {
    struct gateway_scene *s = *state;
    make_certificate(s, "chain");
    make_certificate(s, "other");
    use_certificate(s, "chain", "other");
    expect_no_start(s, "TLS_KEY", "other.key cannot be used");
    use_certificate(s, "other", "other");
    serve(s);
}

/* ---- No more threads, or open files ---- */

/* Whichever thread cannot be started: the gateway reports it and leaves nothing behind, and the next try succeeds. */
static void without_a_thread_it_does_not_start(void **state) {
    struct gateway_scene *s = *state;
    struct fixture *f = &s->f;
    enum status status = STATUS_INTERNAL;
    int started = 0;
    s->settings.gateway_threads = 3;
    s->settings.gateway_store_threads = 2;
    s->settings.trustee_lookup = true;
    for (; status; started++) {
        threads_left = started;
        status = gateway_start(&s->gateway, &s->settings, &f->err);
        int left = threads_left;
        threads_left = -1;
        if (!status) assert_int_equal(left, 0);
        if (status) assert_int_equal(status, STATUS_INTERNAL);
        if (status) expect_within(f->err.message, "cannot be started: Resource temporarily unavailable.");
        gateway_stop(&s->gateway);
        assert_int_equal(count_ports(), 0);
    }
    /* store pool, tail, readiness, metrics, the page of the status, three askers, loops */
    assert_int_equal(started - 1, 2 + 1 + 1 + 1 + 1 + 3 + 4 + 4 + 3);
    serve(s);
    expect_status(get(s, "/healthz"), 200);
}

static void without_threads_services_are_asked_one_by_one(void **state) {
    struct gateway_scene *s = *state;
    serve(s);
    others_have_threads = false;
    struct http_response ready = http_ask(NULL, s->url, "/readyz", NULL, NULL),
                         metrics = http_ask(NULL, s->management_url, "/metrics", NULL, NULL);
    others_have_threads = true;
    expect_status(keep_answer(s, &ready), 200);
    const struct answered answered = keep_answer(s, &metrics);
    for (size_t i = 0; i < SERVICE_COUNT; i++)
        expect_within(answered.body, arena_format(&s->f.arena, "\nregistry_up{program=\"%s\"} 1\n", service_name(i)));
    assert_int_equal(stub_services_count(s->services, MESSAGE_metrics_query), SERVICE_COUNT);
}

/* Its second loop needs a descriptor of its own for the public port. */
static void without_a_descriptor_for_each_loop_it_does_not_start(void **state) {
    struct gateway_scene *s = *state;
    struct fixture *f = &s->f;
    struct gateway bare = {.settings = &s->settings};
    struct server *server = NULL;
    s->settings.gateway_threads = 2;
    may_duplicate = false;
    enum status status = server_create(&server, &bare, &f->err);
    may_duplicate = true;
    assert_int_equal(status, STATUS_INTERNAL);
    assert_true(server_free(server));
    expect_within(f->err.message, "Too many open files");
    assert_int_equal(count_ports(), 0);
}

/* The last test: the process's limit stays as it is here. */
static void fewer_open_files_allow_fewer_connections(void **state) {
    struct gateway_scene *s = *state;
    enum { FILES = 600, ALLOWED = (FILES - 512) / 2 };
    struct http_connection connections[ALLOWED + 5];
    const struct rlimit limit = {FILES, FILES};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    s->settings.gateway_threads = 1;
    serve(s);
    for (int i = 0; i < ALLOWED + 5; i++) {
        assert_true(http_connection_open_as(&connections[i], 2, server_port(s->gateway.server), PATIENCE_MS));
        assert_true(http_connection_send(&connections[i], "GET", "/healthz", NULL));
        assert_true(http_connection_receive(&connections[i]));
        assert_int_equal(connections[i].status, 200);
    }
    assert_int_equal((int)metric_of(s, "registry_http_connections{program=\"gateway\"}"), ALLOWED);
    for (int i = 0; i < ALLOWED + 5; i++)
        http_connection_close(&connections[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        gateway_test(the_ports_are_written_down),
        gateway_test(a_port_that_is_taken_is_refused),
        gateway_test(the_management_port_is_one_above_by_default),
        gateway_test(a_setting_that_cannot_be_used_is_named),
        gateway_test(the_public_port_speaks_tls_and_the_management_port_does_not),
        gateway_test(a_key_of_another_certificate_is_refused),
        gateway_test(without_a_thread_it_does_not_start),
        gateway_test(without_threads_services_are_asked_one_by_one),
        gateway_test(without_a_descriptor_for_each_loop_it_does_not_start),
        gateway_test(fewer_open_files_allow_fewer_connections),
    };
    main_thread = pthread_self();
    return cmocka_run_group_tests(tests, start_scene, stop_scene);
}
