/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The forms of items in a module header's lists, after the grammar of the compilers 0.13 to 0.15: each form by itself, as an
 * export and as an import; and random headers made of them, printed and read back.
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/source/module_header.h"

/* An item, and the words for what was expected if it is refused (NULL: it is accepted). */
static const struct {
    const char *item, *as_export, *as_import;
} forms[] = {
    /* values */
    {"a", NULL, NULL},
    {"a1'_B", NULL, NULL},
    {"_a", NULL, NULL},
    {"\xC3\xA4", NULL, NULL},
    /* words that are keywords elsewhere */
    {"kind", NULL, NULL},
    {"as", NULL, NULL},
    {"hiding", NULL, NULL},
    {"role", NULL, NULL},
    {"nominal", NULL, NULL},
    {"representational", NULL, NULL},
    {"phantom", NULL, NULL},
    {"kind, as, hiding, role, nominal, representational, phantom", NULL, NULL},
    {"kinda", NULL, NULL},
    {"classes", NULL, NULL},
    {"moduleName", NULL, NULL},
    {"type'", NULL, NULL},
    {"prim", NULL, NULL},
    /* operators */
    {"(<>)", NULL, NULL},
    {"(..)", NULL, NULL},
    {"(-->)", NULL, NULL},
    {"(:)", NULL, NULL},
    {"(@)", NULL, NULL},
    {"(\\/)", NULL, NULL},
    {"(<=)", NULL, NULL},
    {"(\xE2\x88\x98)", NULL, NULL},
    {"type (~>)", NULL, NULL},
    {"type (..)", NULL, NULL},
    {"type(+)", NULL, NULL},
    /* types */
    {"A", NULL, NULL},
    {"A(..)", NULL, NULL},
    {"A (..)", NULL, NULL},
    {"A()", NULL, NULL},
    {"A ( )", NULL, NULL},
    {"A(B)", NULL, NULL},
    {"A(B, C', D_1)", NULL, NULL},
    {"\xC3\x84(\xCE\x9B)", NULL, NULL},
    /* classes, kinds, modules */
    {"class A", NULL, NULL},
    {"class A, class B, a", NULL, NULL},
    {"kind A", NULL, NULL},
    {"kind A, kind", NULL, NULL},
    {"kind, kind A", NULL, NULL},
    {"module A", NULL, "a name"},
    {"module Data.Maybe", NULL, "a name"},
    {"module A, a", NULL, "a name"},

    /* none of them */
    {"", "a name", "a name"},
    {"a,", "a name", "a name"},
    {",a", "a name", "a name"},
    {"a b", "`,` or `)`", "`,` or `)`"},
    {"a(..)", "`,` or `)`", "`,` or `)`"},
    {"1", "a name", "a name"},
    {"_", "a name", "a name"},
    {"\"a\"", "a name", "a name"},
    {"where", "a name", "a name"},
    {"import", "a name", "a name"},
    {"forall", "a name", "a name"},
    {"data", "a name", "a name"},
    {"true", "a name", "a name"},
    {"if", "a name", "a name"},
    {"A.a", "a name", "a name"},
    {"A.B", "a name", "a name"},
    {"A.(<>)", "a name", "a name"},
    {"(a)", "a name", "a name"},
    {"(->)", "a name", "a name"},
    {"(=)", "a name", "a name"},
    {"(\xE2\x86\x92)", "a name", "a name"},
    {"(::)", "a name", "a name"},
    {"( <> )", "a name", "a name"},
    {"a, <>", "a name", "a name"},
    {"A(b)", "a constructor's name", "a constructor's name"},
    {"A(B,)", "a constructor's name", "a constructor's name"},
    {"A(B.C)", "a constructor's name", "a constructor's name"},
    {"A(B(..))", "`,` or `)`", "`,` or `)`"},
    {"A(..)(..)", "`,` or `)`", "`,` or `)`"},
    {"class", "a name with a capital letter", "a name with a capital letter"},
    {"class a", "a name with a capital letter", "a name with a capital letter"},
    {"class A.B", "a name with a capital letter", "a name with a capital letter"},
    {"class A(..)", "`,` or `)`", "`,` or `)`"},
    {"type A", "an operator in parentheses", "an operator in parentheses"},
    {"type", "an operator in parentheses", "an operator in parentheses"},
    {"type (->)", "an operator in parentheses", "an operator in parentheses"},
    {"module a", "a module's name", "a name"},
    {"module", "a module's name", "a name"},
    {"kind a", "`,` or `)`", "`,` or `)`"},
    {"kind A(..)", "`,` or `)`", "`,` or `)`"},
    {"kind A.B", "`,` or `)`", "`,` or `)`"},
};

static void expect(const char *before, const char *item, const char *after, const char *expected) {
    struct arena arena = {0};
    struct error err = {0};
    struct module_header header;
    char source[400];
    snprintf(source, sizeof source, "%s%s%s", before, item, after);
    enum status status = module_header_parse(&header, &arena, source, strlen(source), &err);
    if (status != (expected ? STATUS_REFUSED : STATUS_OK) || (expected && !strstr(err.message, expected)))
        fail_msg("\"%s\": status %d, %s", source, (int)status, status ? err.message : "read");
    if (!expected && header.import_count != 1) fail_msg("\"%s\": %zu imports", source, header.import_count);
    arena_release(&arena);
}

static void every_form_of_item_is_read_as_the_compiler_reads_it(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        expect("module M (", forms[i].item, ") where\nimport N\n", forms[i].as_export);
        expect("module M where\nimport N (", forms[i].item, ")\n", forms[i].as_import);
        expect("module M where\nimport N hiding (", forms[i].item, ") as O\n", forms[i].as_import);
    }
}

/* ---- Random headers ---- */

static unsigned random_state;

static unsigned below(unsigned limit) {
    random_state = random_state * 1103515245 + 12345;
    return (random_state >> 16 & 0x7FFF) % limit;
}

/* White space, after which no line begins at the left margin. */
static void print_space(struct text *out) {
    static const char *const spaces[] = {" ", "  ", "\n  ", "\r\n ", " -- where\n  ", " {- import X -} ", "\n\n {--} "};
    text_append(out, spaces[below(sizeof spaces / sizeof spaces[0])]);
}

static void print_optional_space(struct text *out) {
    if (below(2)) print_space(out);
}

static const char *choose_name(void) {
    static const char *const names[] = {"A", "B1", "Data.Maybe", "Data.Array.ST", "Kind", "Type.Row", "\xCE\x9B.\xC3\x84"};
    return names[below(sizeof names / sizeof names[0])];
}

/* One of the forms that are accepted there. */
static void print_item(struct text *out, bool is_export) {
    for (;;) {
        size_t i = below(sizeof forms / sizeof forms[0]);
        if (is_export ? forms[i].as_export : forms[i].as_import) continue;
        text_append(out, forms[i].item);
        return;
    }
}

static void print_list(struct text *out, bool is_export) {
    text_append(out, "(");
    print_optional_space(out);
    for (unsigned i = 0, count = 1 + below(5); i < count; i++) {
        if (i > 0) text_append(out, ",");
        print_optional_space(out);
        print_item(out, is_export);
        print_optional_space(out);
    }
    text_append(out, ")");
}

static void print_import(struct text *out, const char *name) {
    text_append(out, "import");
    print_space(out);
    text_append(out, name);
    if (below(2)) {
        print_space(out);
        if (below(2)) text_append(out, "hiding");
        print_optional_space(out);
        print_list(out, false);
    }
    if (below(3) == 0) {
        print_space(out);
        text_append_format(out, "as%s%s", below(2) ? " " : "\n ", choose_name());
    }
    text_append(out, below(2) ? "\n" : "  -- as it is\r\n\n");
}

enum { ROUNDS = 3000, IMPORTS_MAX = 6 };

static void printed_text_is_read_back(void **state) {
    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        const char *name, *imports[IMPORTS_MAX];
        struct text source = {0};
        struct arena arena = {0};
        struct module_header header;
        struct error err = {0};
        random_state = round;
        unsigned import_count = below(IMPORTS_MAX + 1);
        if (below(3) == 0) text_append(&source, "-- | module X where\n");
        text_append(&source, "module");
        print_space(&source);
        text_append(&source, name = choose_name());
        print_space(&source);
        if (below(2)) print_list(&source, true);
        print_optional_space(&source);
        text_append(&source, "where\n");
        for (unsigned i = 0; i < import_count; i++)
            print_import(&source, imports[i] = choose_name());
        if (below(2)) text_append(&source, "kind = hiding\n");

        if (module_header_parse(&header, &arena, source.bytes, source.length, &err))
            fail_msg("round %u: %s\n%s", round, err.message, source.bytes);
        assert_string_equal(header.name, name);
        if (header.import_count != import_count)
            fail_msg("round %u: %zu imports, not %u\n%s", round, header.import_count, import_count, source.bytes);
        for (unsigned i = 0; i < import_count; i++)
            assert_string_equal(header.imports[i].module, imports[i]);
        text_release(&source);
        arena_release(&arena);
    }
}

/* One malformed item more, at any place of the list. */
static void one_bad_item_among_good_ones_is_found(void **state) {
    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        size_t bad;
        struct text source = {0};
        struct arena arena = {0};
        struct module_header header;
        random_state = round;
        do
            bad = below(sizeof forms / sizeof forms[0]);
        while (!forms[bad].as_import);
        text_append(&source, "module M where\nimport N (");
        for (unsigned i = 0, count = below(4); i < count; i++) {
            print_item(&source, false);
            text_append(&source, ", ");
        }
        text_append_format(&source, "%s, ", forms[bad].item);
        print_item(&source, false);
        text_append(&source, ")\n");
        if (module_header_parse(&header, &arena, source.bytes, source.length, NULL) != STATUS_REFUSED)
            fail_msg("round %u is read:\n%s", round, source.bytes);
        text_release(&source);
        arena_release(&arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_of_item_is_read_as_the_compiler_reads_it),
        cmocka_unit_test(printed_text_is_read_back),
        cmocka_unit_test(one_bad_item_among_good_ones_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
