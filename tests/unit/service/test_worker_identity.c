/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "lib/service/message/worker_identity.h"

static void expect_refused(const char *name, const char *secret, const char *field) {
    struct error err = {0};
    assert_int_equal(worker_identity_check(name, secret, &err), STATUS_INVALID);
    assert_string_equal(err.path, field);
}

static void a_name_is_its_own_secrets(void **state) {
    (void)state;
    struct worker_identity one, other;
    worker_identity_make(&one, "builder-1.example.org");
    worker_identity_make(&other, "builder-1.example.org");
    assert_int_equal(worker_identity_check(one.name, one.secret, NULL), STATUS_OK);
    assert_int_equal(worker_identity_check(other.name, other.secret, NULL), STATUS_OK);
    assert_string_not_equal(one.name, other.name);
    assert_int_equal(strncmp(one.name, "builder-1.example.org-", 22), 0);
    expect_refused(one.name, other.secret, "secret");
    expect_refused(one.name, one.name, "secret");
    expect_refused(one.name, "", "secret");
    expect_refused(one.name, NULL, "secret");
    for (size_t i = 0; i < strlen(one.secret); i++) {
        struct worker_identity spoilt = one;
        spoilt.secret[i] = spoilt.secret[i] == '0' ? '1' : '0';
        expect_refused(spoilt.name, spoilt.secret, "secret");
    }
}

/* The name appears in logs, in keys in Redis, and on a terminal. */
static void a_name_is_made_of_a_hosts_characters(void **state) {
    (void)state;
    static const char *const hosts[] = {"", "a b\n\x1b[1m\"=:*", "\xC3\xA4",
                                        "a-host-with-a-name-that-is-longer-than-any-name-of-a-host-may-be-in-the-end"};
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        struct worker_identity identity;
        worker_identity_make(&identity, hosts[i]);
        assert_int_equal(worker_identity_check(identity.name, identity.secret, NULL), STATUS_OK);
        assert_null(strpbrk(identity.name, " \n\x1b\"=:*"));
    }
    struct worker_identity identity;
    worker_identity_make(&identity, "host");
    char name[256];
    snprintf(name, sizeof name, "ho:st%s", identity.name + 4);
    expect_refused(name, identity.secret, "worker");
    snprintf(name, sizeof name, "%0200d%s", 0, identity.name);
    expect_refused(name, identity.secret, "worker");
    expect_refused(identity.name + 4, identity.secret, "worker");
    expect_refused("", identity.secret, "worker");
    expect_refused(NULL, identity.secret, "worker");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_its_own_secrets),
        cmocka_unit_test(a_name_is_made_of_a_hosts_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
