/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/source/module_header.h"

/* Valid headers: the module's name and its imports, joined by blanks. */
static const struct {
    const char *source, *name, *imports;
} good[] = {
    {"module A where", "A", ""},
    {"module A where\n", "A", ""},
    {"module Data.Array.ST.Partial where\nimport Prelude\n", "Data.Array.ST.Partial", "Prelude"},
    {"module\n  A\n  where\n\nimport\n  B\n", "A", "B"},
    {"module A (b) where", "A", ""},
    {"module A\n  ( b\n  , C\n  , D(..)\n  , E(F, G)\n  , H()\n  , class I\n  , (<>)\n  , type (~>)\n  , kind K\n  , module "
     "B\n  ) where\n"
     "import B\n",
     "A", "B"},
    {"module A ((-->), (..), (\\/)) where\nimport B\n", "A", "B"},
    {"module A (a') where\nimport B (b', c_d, _e)\n", "A", "B"},
    {"-- a comment\nmodule A where", "A", ""},
    {"-- | Documentation.\n-- | module B where\nmodule A where", "A", ""},
    {"--> a comment, too\nmodule A where", "A", ""},
    {"{- module B where -}module A{--}where{-", "A", ""},
    {"{- block\n -- comment {- that does not nest -}\nmodule A where", "A", ""},
    {"module A -- why\n  where -- so\nimport B -- this\n -- that\nimport C\n", "A", "B C"},
    {"#!/usr/bin/env purs\n#! more\nmodule A where", "A", ""},
    {"module A where\r\nimport B\r\nimport C\r\n", "A", "B C"},
    {"module A where\nimport B (a, b)\nimport C hiding (d, E(..))\nimport F as G\nimport H (i) as J\nimport K hiding (l) as "
     "M.N\n",
     "A", "B C F H K"},
    {"module A where\n\nimport B\n  ( a\n  , b\n  )\n\nfoo = import_me\nimport X\n", "A", "B"},
    {"module A where\n  import B\n  import C\n  foo = 1\n", "A", "B C"},
    {"module A where foo = 1", "A", ""},
    {"module A where\nimport B\nfoo = \"import C\"\n", "A", "B"},
    {"module \xC3\x84rger.\xCE\x9B where\nimport \xD0\x9F\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82\n", "\xC3\x84rger.\xCE\x9B",
     "\xD0\x9F\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82"},
    {"module A (\xC3\xA4, (\xE2\x88\x98)) where", "A", ""},
    {"module A1.B2 where", "A1.B2", ""},
    {"module A where\nimporter = 1\n", "A", ""},
};

/* Headers that do not parse, and the position of the fault. */
static const struct {
    const char *source;
    int line, column;
    const char *expected;
} bad[] = {
    {"", 1, 1, "`module`"},
    {"modul A where", 1, 1, "`module`"},
    {"import A", 1, 1, "`module`"},
    {"module a where", 1, 8, "a module's name"},
    {"module A.b where", 1, 8, "a module's name"},
    {"module A. where", 1, 8, "a module's name"},
    {"module A_B where", 1, 8, "a module's name"},
    {"module A' where", 1, 8, "a module's name"},
    {"module A", 1, 9, "`where`"},
    {"module A (b where", 1, 13, "`,` or `)`"},
    {"module A (b,, c) where", 1, 13, "a name"},
    {"module A (b) (c) where", 1, 14, "`where`"},
    {"module A (class b) where", 1, 17, "a name with a capital letter"},
    {"module A (type b) where", 1, 16, "an operator"},
    {"module A (B(c)) where", 1, 13, "a constructor's name"},
    {"module A where\nimport\n", 3, 1, "a module's name"},
    {"module A where\nimport b\n", 2, 8, "a module's name"},
    {"module A where\nimport B C\n", 2, 10, "a new line"},
    {"module A where\nimport B hiding c\n", 2, 17, "`(`"},
    {"module A where\nimport B as c\n", 2, 13, "a module's name"},
    {"module A where\nimport B ()\n", 2, 11, "a name"},
    {"module A () where\n", 1, 11, "a name"},
    {"\xEF\xBB\xBFmodule A where\n", 1, 1, "begins with a byte order mark"},
    {"\tmodule A where", 1, 1, "`module`"},
    {"{- module A where", 1, 18, "`module`"},
    {"-- \xC3\xA4\n  \xC3\xA4 module", 2, 3, "`module`"},
};

static void good_headers_are_read(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct arena arena = {0};
        struct error err = {0};
        struct module_header header;
        struct text imports = {0};
        if (module_header_parse(&header, &arena, good[i].source, strlen(good[i].source), &err))
            fail_msg("\"%s\": %s", good[i].source, err.message);
        for (size_t j = 0; j < header.import_count; j++)
            text_append_format(&imports, "%s%s", j ? " " : "", header.imports[j].module);
        assert_string_equal(header.name, good[i].name);
        assert_string_equal(text_view(&imports), good[i].imports);
        text_release(&imports);
        arena_release(&arena);
    }
}

static void bad_headers_are_refused_at_their_place(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct arena arena = {0};
        struct error err = {0};
        struct module_header header;
        assert_int_equal(module_header_parse(&header, &arena, bad[i].source, strlen(bad[i].source), &err), STATUS_REFUSED);
        if (header.problem.line != bad[i].line || header.problem.column != bad[i].column ||
            !strstr(err.message, bad[i].expected))
            fail_msg("\"%s\": %s", bad[i].source, err.message);
        arena_release(&arena);
    }
}

static void positions_count_characters(void **state) {
    (void)state;
    struct arena arena = {0};
    struct module_header header;
    static const char source[] = "{- \xC3\xA4 -} module A where\nimport B.C (d)\n";
    assert_int_equal(module_header_parse(&header, &arena, source, strlen(source), NULL), STATUS_OK);
    assert_int_equal(header.start.line, 1);
    assert_int_equal(header.start.column, 16);
    assert_int_equal(header.end.column, 17);
    assert_int_equal(header.imports[0].start.line, 2);
    assert_int_equal(header.imports[0].start.column, 1);
    assert_int_equal(header.imports[0].end.column, 11);
    arena_release(&arena);
}

/* Every prefix of a header, and every byte in it changed: nothing is read beyond the end (the sanitizers would see it). */
static void nothing_is_read_beyond_the_end(void **state) {
    (void)state;
    static const char source[] = "module A.B (c, (<>), D(..), module E) where\nimport F (g) as H -- i\nimport J {- k -}\n";
    for (size_t length = 0; length <= strlen(source); length++) {
        struct arena arena = {0};
        struct module_header header;
        char *copy = arena_alloc(&arena, length + 1), *exact = NULL;
        memcpy(copy, source, length);
        exact = length ? test_malloc(length) : NULL;
        if (exact) memcpy(exact, source, length);
        enum status whole = module_header_parse(&header, &arena, exact ? exact : "", length, NULL);
        assert_true(whole == STATUS_OK || whole == STATUS_REFUSED);
        for (int change = 1; change < 256 && exact; change += 37) {
            exact[length - 1] = (char)(source[length - 1] ^ change);
            enum status status = module_header_parse(&header, &arena, exact, length, NULL);
            assert_true(status == STATUS_OK || status == STATUS_REFUSED);
        }
        if (exact) test_free(exact);
        arena_release(&arena);
    }
}

/* The compiler ends on these without a report, and names no file. */
static void bytes_that_are_not_text_are_refused_by_line_and_byte(void **state) {
    (void)state;
    static const struct {
        const char *source;
        size_t length;
        const char *sentence; /* NULL: it is text */
    } cases[] = {
        {"module \xFF where", 14, "The file is not UTF-8 text: line 1 has the byte 0xFF."},
        {"module A where\n\n-- caf\xE9\n", 24, "The file is not UTF-8 text: line 3 has the byte 0xE9."},
        {"module A where\n-- \0\n\xE4", 21, "The file is not UTF-8 text: line 3 has the byte 0xE4."},
        {"module A where\n-- \0\n", 20, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena = {0};
        struct error err = {0};
        struct module_header header;
        enum status status = module_header_parse(&header, &arena, cases[i].source, cases[i].length, &err);
        assert_int_equal(status, cases[i].sentence ? STATUS_REFUSED : STATUS_OK);
        if (status) assert_string_equal(err.message, cases[i].sentence);
        arena_release(&arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_headers_are_read),
        cmocka_unit_test(bad_headers_are_refused_at_their_place),
        cmocka_unit_test(positions_count_characters),
        cmocka_unit_test(nothing_is_read_beyond_the_end),
        cmocka_unit_test(bytes_that_are_not_text_are_refused_by_line_and_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
