/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/base/url.h"

static void append_part(struct text *out, const char *name, const struct url_part *part) {
    if (part->bytes) text_append_format(out, " %s=%.*s", name, (int)part->length, part->bytes);
}

static void a_url_has_the_parts_that_are_written(void **state) {
    (void)state;
    static const struct {
        const char *url, *parts;
    } rows[] = {
        {"https://me:secret@example.org:8443/a/b?c",
         "https authority=me:secret@example.org:8443 account=me:secret server=example.org:8443 host=example.org port=8443 "
         "path=/a/b?c"},
        {"https://example.org", "https authority=example.org server=example.org host=example.org path="},
        {"HTTPS://Example.ORG:0080/a/../b#",
         "HTTPS authority=Example.ORG:0080 server=Example.ORG:0080 host=Example.ORG port=0080 path=/a/../b#"},
        {"http://127.1/%41", "http authority=127.1 server=127.1 host=127.1 path=/%41"},
        {"http://h:/", "http authority=h: server=h: host=h port= path=/"},
        {"http://h:80:90/", "http authority=h:80:90 server=h:80:90 host=h:80 port=90 path=/"},
        {"http://@h/", "http authority=@h account= server=h host=h path=/"},
        {"http://a@b@c/d@e", "http authority=a@b@c account=a@b server=c host=c path=/d@e"},
        {"http://h?x@y/z", "http authority=h?x@y account=h?x server=y host=y path=/z"},
        {"http://[::1]:80/", "http authority=[::1]:80 server=[::1]:80 host=::1 port=80 [] path=/"},
        {"http://[::1]", "http authority=[::1] server=[::1] host=::1 [] path="},
        {"http://[]:80", "http authority=[]:80 server=[]:80 host= port=80 [] path="},
        {"http://[::1", "http authority=[::1 server=[::1 host=[: port=1 path="},
        {"http://[::1]x:80", "http authority=[::1]x:80 server=[::1]x:80 host=[::1]x port=80 path="},
        {"http://", "http authority= server= host= path="},
        {"http:///h", "http authority= server= host= path=/h"},
        {"file:///srv/x", "file authority= server= host= path=/srv/x"},
        {"ipc://var/x.ipc", "ipc authority=var server=var host=var path=/x.ipc"},
        {"tls+tcp://*:1", "tls+tcp authority=*:1 server=*:1 host=* port=1 path="},
        {"redis://:a/b@c@h:1/2", "redis authority=:a/b@c@h:1 account=:a/b@c server=h:1 host=h port=1 path=/2"},
        {"redis://h/2", "redis authority=h server=h host=h path=/2"},
        {"http://:a/b@c@h:1/2", "http authority=:a server=:a host= port=a path=/b@c@h:1/2"},
        {"example.org:80/x", "- authority=example.org:80 server=example.org:80 host=example.org port=80 path=/x"},
        {"git@example.org:a/b",
         "- authority=git@example.org:a account=git server=example.org:a host=example.org port=a path=/b"},
        {"a/b://c/d", "a/b authority=c server=c host=c path=/d"},
        {"://", " authority= server= host= path="},
        {"", "- authority= server= host= path="},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct url url;
        struct text parts = {0};
        bool has_scheme = url_split(&url, rows[i].url);
        assert_int_equal(has_scheme, url.scheme.bytes != NULL);
        text_append_format(&parts, "%.*s", has_scheme ? (int)url.scheme.length : 1, has_scheme ? url.scheme.bytes : "-");
        append_part(&parts, "authority", &url.authority);
        append_part(&parts, "account", &url.account);
        append_part(&parts, "server", &url.server);
        append_part(&parts, "host", &url.host);
        append_part(&parts, "port", &url.port);
        text_append_format(&parts, "%s path=%s", url.has_brackets ? " []" : "", url.path);
        assert_string_equal(text_view(&parts), rows[i].parts);
        text_release(&parts);
    }
}

static void schemes_are_compared_exactly(void **state) {
    (void)state;
    assert_string_equal(url_after_scheme("file:///srv/x", "file"), "/srv/x");
    assert_string_equal(url_after_scheme("ipc://x", "ipc"), "x");
    assert_null(url_after_scheme("FILE:///srv/x", "file"));
    assert_null(url_after_scheme("files:///srv/x", "file"));
    assert_null(url_after_scheme("file:/srv/x", "file"));
    assert_null(url_after_scheme("srv/file://x", "file"));
    assert_null(url_after_scheme("", ""));
    assert_false(url_part_is(&(struct url_part){0}, "")); /* missing, not empty */
    assert_true(url_part_is(&(struct url_part){"ab", 0}, ""));
    assert_false(url_part_is(&(struct url_part){"ab", 1}, "ab"));
}

static void a_base_loses_its_final_slashes(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"https://h", "https://h"},
        {"https://h/", "https://h"},
        {"https://h/a//", "https://h/a"},
        {"file:///", "file://"},
        {"file:///srv/x/", "file:///srv/x"},
        {"/", ""},
        {"/srv/", "/srv"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct text out = {0};
        url_append_base(&out, rows[i][0]);
        assert_string_equal(text_view(&out), rows[i][1]);
        text_release(&out);
    }
}

static void parameters_are_encoded_and_joined(void **state) {
    (void)state;
    struct text url = {0};
    url_append_parameter(&url, "a", "x/y");
    url_append_parameter(&url, "b", "?&=%");
    assert_string_equal(text_view(&url), "?a=x%2Fy&b=%3F%26%3D%25");
    text_clear(&url);
    text_append(&url, "/jobs");
    url_append_parameter(&url, "c", "");
    url_append_parameter(&url, "d", "1");
    assert_string_equal(text_view(&url), "/jobs?c=&d=1");
    text_release(&url);
}

/* curl repairs a URL if it can, and connects to the server in the result. */
static void servers_are_named_as_curl_reads_them(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"https://me:secret@h:8443/a?token=b#c", "https://h:8443"},
        {"HTTP://h/", "http://h"},
        {"http:/h/x", "http://h"},
        {"http://h:0080/x", "http://h:80"},
        {"http://h:/x", "http://h"},
        {"http://127.1/x", "http://127.0.0.1"},
        {"http://%41b/x", "http://Ab"},
        {"http://[0:0::1]:80/x", "http://[::1]:80"},
        {"ftp://h/x", "ftp://h"}, /* a server, though none for HTTP */
        {"http://h:99999/", NULL},
        {"http://h/\n", NULL},
        {"http://h x/", NULL},
        {"http://[foo]/", NULL},
        {"h/x", NULL},
        {"redis://h/", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct text out = {0};
        if (url_append_server(&out, rows[i][0]) != (rows[i][1] != NULL)) fail_msg("%s", rows[i][0]);
        assert_string_equal(text_view(&out), rows[i][1] ? rows[i][1] : "");
        text_release(&out);
    }
}

static void servers_are_compared_as_curl_reads_them(void **state) {
    (void)state;
    static const struct {
        const char *a, *b;
        bool is_same;
    } rows[] = {
        {"https://h/a", "https://h/b?c", true},
        {"https://h/a", "https://H:443/", true},
        {"http://h/a", "HTTP://h:80/", true},
        {"http://127.0.0.1/a", "http://127.1/", true},
        {"https://h/a", "https://me:secret@h/", true},
        {"https://h/a", "http://h/a", false},
        {"https://h:80/a", "http://h:80/a", false},
        {"https://h/a", "https://h:8443/a", false},
        {"https://h/a", "https://h.org/a", false},
        {"https://h/a", "https://h@g/a", false},
        {"https://h:99999/a", "https://h:99999/a", false}, /* not a valid server */
        {"", "", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (url_is_same_server(rows[i].a, rows[i].b) != rows[i].is_same) fail_msg("%s, %s", rows[i].a, rows[i].b);
        if (url_is_same_server(rows[i].b, rows[i].a) != rows[i].is_same) fail_msg("%s, %s", rows[i].b, rows[i].a);
    }
}

static void a_port_is_a_number_from_1_to_65535(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int port; /* 0: not a valid port */
    } rows[] = {{"1", 1},   {"80", 80},   {"0080", 80}, {"65535", 65535}, {"", 0},          {"0", 0},
                {"+80", 0}, {"-80", 0},   {" 80", 0},   {"80 ", 0},       {"8a", 0},        {"0x50", 0},
                {"*", 0},   {"65536", 0}, {"99999", 0}, {"000080", 0},    {"4294967376", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct url_part part = {rows[i].text, strlen(rows[i].text)};
        int port = 0;
        if (url_port_parse(&port, &part) != (rows[i].port != 0)) fail_msg("%s", rows[i].text);
        if (rows[i].port) assert_int_equal(port, rows[i].port);
    }
    const struct url_part beginning = {"8080", 2}, missing = {0};
    int port = 0;
    assert_true(url_port_parse(&port, &beginning));
    assert_int_equal(port, 80);
    assert_false(url_port_parse(&port, &missing));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_has_the_parts_that_are_written),    cmocka_unit_test(schemes_are_compared_exactly),
        cmocka_unit_test(a_base_loses_its_final_slashes),          cmocka_unit_test(parameters_are_encoded_and_joined),
        cmocka_unit_test(a_port_is_a_number_from_1_to_65535),      cmocka_unit_test(servers_are_named_as_curl_reads_them),
        cmocka_unit_test(servers_are_compared_as_curl_reads_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
