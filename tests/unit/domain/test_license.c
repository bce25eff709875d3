/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/arena.h"
#include "lib/domain/package/license.h"

static struct arena arena;

static int release_arena(void **state) {
    (void)state;
    arena_release(&arena);
    return 0;
}

static void assert_canonical(const char *text, const char *expected) {
    const char *canonical = NULL;
    struct error err = {0};
    if (license_canonicalise(&canonical, text, &arena, &err)) fail_msg("%s", err.message);
    assert_string_equal(canonical, expected);
}

static void expressions_print_in_one_spelling(void **state) {
    (void)state;
    static const struct {
        const char *text, *canonical;
    } rows[] = {
        {"MIT", "MIT"},
        {"  MIT ", "MIT"},
        {"(MIT)", "MIT"},
        {"MIT and ISC", "MIT AND ISC"},
        {"MIT or  ISC", "MIT OR ISC"},
        {"MIT And ISC", "MIT AND ISC"}, /* shipped package managers read words in any case */
        {"MIT oR ISC aND 0BSD", "MIT OR ISC AND 0BSD"},
        {"GPL-2.0-only with Classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"},
        {"GPL-2.0-only With Classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"},
        {"MIT OR ISC AND 0BSD", "MIT OR ISC AND 0BSD"},
        {"MIT OR (ISC AND 0BSD)", "MIT OR ISC AND 0BSD"},
        {"(MIT OR ISC) AND 0BSD", "(MIT OR ISC) AND 0BSD"},
        {"0BSD AND(MIT OR ISC)", "0BSD AND (MIT OR ISC)"},
        {"((MIT AND (ISC AND 0BSD)))", "MIT AND ISC AND 0BSD"},
        {"MIT OR (ISC OR 0BSD)", "MIT OR ISC OR 0BSD"},
        {"GPL-2.0-only WITH Classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_canonical(rows[i].text, rows[i].canonical);
        assert_canonical(rows[i].canonical, rows[i].canonical);
        assert_int_equal(license_check_new(rows[i].text, NULL), STATUS_OK);
    }
}

/* Accepted in existing manifests, and refused in new ones with the replacement in the message. */
static void deprecated_identifiers_have_their_replacement(void **state) {
    (void)state;
    static const struct {
        const char *text, *canonical;
    } rows[] = {
        {"GPL-3.0", "GPL-3.0-only"},
        {"GPL-3.0+", "GPL-3.0-or-later"},
        {"AGPL-3.0", "AGPL-3.0-only"},
        {"AGPL-1.0", "AGPL-1.0-only"},
        {"LGPL-3.0+", "LGPL-3.0-or-later"},
        {"GFDL-1.3+", "GFDL-1.3-or-later"},
        {"BSD-2-Clause-NetBSD", "BSD-2-Clause"},
        {"StandardML-NJ", "SMLNJ"},
        {"bzip2-1.0.5", "bzip2-1.0.6"},
        {"eCos-2.0", "GPL-2.0-or-later WITH eCos-exception-2.0"},
        {"wxWindows", "LGPL-2.0-or-later WITH WxWindows-exception-3.1"},
        {"GPL-2.0-with-classpath-exception", "GPL-2.0-only WITH Classpath-exception-2.0"},
        {"GPL-2.0-with-GCC-exception", "GPL-2.0-only WITH GCC-exception-2.0"},
        {"GPL-3.0-with-GCC-exception", "GPL-3.0-only WITH GCC-exception-3.1"},
        {"GPL-2.0+ WITH Classpath-exception-2.0", "GPL-2.0-or-later WITH Classpath-exception-2.0"},
        {"MIT AND (GPL-3.0 OR LGPL-2.1)", "MIT AND (GPL-3.0-only OR LGPL-2.1-only)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error err = {0};
        assert_canonical(rows[i].text, rows[i].canonical);
        assert_int_equal(license_check_new(rows[i].text, &err), STATUS_INVALID);
        assert_non_null(strstr(err.message, rows[i].canonical));
        assert_int_equal(license_check_new(rows[i].canonical, NULL), STATUS_OK);
    }
}

static void ambiguous_identifiers_are_kept_and_refused_in_new_manifests(void **state) {
    (void)state;
    static const char *const texts[] = {"GFDL-1.1", "GFDL-1.2", "GFDL-1.3", "BSD-2-Clause-FreeBSD", "Net-SNMP", "Nunit"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct error err = {0};
        assert_canonical(texts[i], texts[i]);
        assert_int_equal(license_check_new(texts[i], &err), STATUS_INVALID);
        assert_non_null(strstr(err.message, "ambiguous"));
    }
}

/* They would make the index file of the package unreadable for every spago in use. */
static void identifiers_that_released_clients_refuse_are_not_taken(void **state) {
    (void)state;
    static const char *const texts[] = {
#define LICENSE(identifier)
#define DEPRECATED(identifier)
#define EXCEPTION(identifier)
#define UNREADABLE(identifier) identifier,
#include "lib/domain/package/license_list.def"
#undef LICENSE
#undef DEPRECATED
#undef EXCEPTION
#undef UNREADABLE
    };
    assert_int_equal(sizeof texts / sizeof *texts, 61);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct error err = {0};
        bool is_exception = strstr(texts[i], "-exception-") != NULL;
        const char *text = arena_format(&arena, is_exception ? "MIT OR MIT WITH %s" : "MIT AND (%s OR 0BSD)", texts[i]);
        assert_int_equal(license_check_new(text, &err), STATUS_INVALID);
        assert_non_null(strstr(err.message, texts[i]));
        assert_non_null(strstr(err.message, "too new"));
        assert_int_equal(license_check_readable(text, NULL), STATUS_INVALID);
    }
    assert_int_equal(license_check_readable("GPL-3.0 OR Net-SNMP", NULL), STATUS_OK); /* old, and known to all clients */
}

static void malformed_expressions_are_refused(void **state) {
    (void)state;
    static const char *const texts[] = {"",
                                        " ",
                                        "()",
                                        "NONE",
                                        "mit",
                                        "LicenseRef-mine",
                                        "DocumentRef-a:LicenseRef-b",
                                        "MIT ISC",
                                        "MIT AND",
                                        "AND MIT",
                                        "MIT,ISC",
                                        "MIT/ISC",
                                        "(MIT",
                                        "MIT)",
                                        "MIT\tAND ISC",
                                        "MIT\n",
                                        "MIT+",
                                        "GPL-3.0-only+",
                                        "GPL-3.0 +",
                                        "GPL-3.0++",
                                        "GPL-2.0-only WITH",
                                        "GPL-2.0-only WITH MIT",
                                        "eCos-2.0 WITH Classpath-exception-2.0",
                                        "(MIT) WITH Classpath-exception-2.0",
                                        "Classpath-exception-2.0"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *canonical;
        assert_int_equal(license_canonicalise(&canonical, texts[i], &arena, NULL), STATUS_INVALID);
        assert_int_equal(license_check_new(texts[i], NULL), STATUS_INVALID);
    }
}

static void a_wrong_case_is_told_the_right_one(void **state) {
    (void)state;
    struct error err = {0};
    assert_int_equal(license_check_new("apache-2.0", &err), STATUS_INVALID);
    assert_non_null(strstr(err.message, "\"Apache-2.0\""));
}

static void neither_length_nor_depth_is_without_bound(void **state) {
    (void)state;
    char text[LICENSE_TEXT_MAX + 2];
    memset(text, '(', sizeof text);
    text[1000] = '\0';
    assert_int_equal(license_check_new(text, NULL), STATUS_INVALID);
    memset(text, ' ', sizeof text);
    memcpy(text, "MIT", 3);
    text[LICENSE_TEXT_MAX] = '\0';
    assert_int_equal(license_check_new(text, NULL), STATUS_OK);
    text[LICENSE_TEXT_MAX] = ' ';
    text[LICENSE_TEXT_MAX + 1] = '\0';
    assert_int_equal(license_check_new(text, NULL), STATUS_INVALID);
}

static void every_identifier_of_the_list_is_found(void **state) {
    (void)state;
    static const char *const texts[] = {
#define LICENSE(identifier) identifier,
#define DEPRECATED(identifier) identifier,
#define EXCEPTION(identifier) "MIT WITH " identifier,
#define UNREADABLE(identifier)
#include "lib/domain/package/license_list.def"
#undef LICENSE
#undef DEPRECATED
#undef EXCEPTION
#undef UNREADABLE
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *canonical, *again;
        assert_int_equal(license_canonicalise(&canonical, texts[i], &arena, NULL), STATUS_OK);
        assert_int_equal(license_canonicalise(&again, canonical, &arena, NULL), STATUS_OK);
        assert_string_equal(canonical, again);
    }
}

static void a_manifest_must_state_what_was_recognised(void **state) {
    (void)state;
    static const struct {
        const char *stated, *recognised, *missing;
    } rows[] = {
        {"MIT", "MIT", NULL},
        {"MIT", "ISC", "ISC"},
        {"MIT AND ISC", "ISC", NULL},
        {"MIT OR ISC", "ISC AND MIT", NULL},
        {"MIT", "MIT OR Apache-2.0", "Apache-2.0"},
        {"GPL-3.0-or-later", "GPL-3.0", NULL},
        {"GPL-3.0-or-later", "GPL-3.0-only", NULL},
        {"GPL-3.0-only", "GPL-3.0-or-later", "GPL-3.0-or-later"},
        {"GPL-3.0-only", "GPL-3.0", NULL},
        {"GPL-3.0", "GPL-3.0-only", NULL},
        {"AGPL-3.0-or-later", "GPL-3.0", "GPL-3.0-only"},
        {"GPL-2.0-only WITH Classpath-exception-2.0", "GPL-2.0", NULL},
        {"GPL-2.0-only", "GPL-2.0-with-classpath-exception", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *missing = "not set";
        assert_int_equal(license_find_missing(&missing, rows[i].stated, rows[i].recognised, &arena, NULL), STATUS_OK);
        if (rows[i].missing)
            assert_string_equal(missing, rows[i].missing);
        else
            assert_null(missing);
    }
    const char *missing;
    assert_int_equal(license_find_missing(&missing, "MIT", "NOASSERTION", &arena, NULL), STATUS_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expressions_print_in_one_spelling),
        cmocka_unit_test(deprecated_identifiers_have_their_replacement),
        cmocka_unit_test(ambiguous_identifiers_are_kept_and_refused_in_new_manifests),
        cmocka_unit_test(identifiers_that_released_clients_refuse_are_not_taken),
        cmocka_unit_test(malformed_expressions_are_refused),
        cmocka_unit_test(a_wrong_case_is_told_the_right_one),
        cmocka_unit_test(neither_length_nor_depth_is_without_bound),
        cmocka_unit_test(every_identifier_of_the_list_is_found),
        cmocka_unit_test(a_manifest_must_state_what_was_recognised),
    };
    return cmocka_run_group_tests(tests, NULL, release_arena);
}
