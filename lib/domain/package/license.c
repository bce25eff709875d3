/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A recursive-descent parser that builds a tree with canonical leaves; the first identifier that it had to change is kept for
 * license_check_new(). The lists are sorted and looked up by binary search.
 */
#include "lib/domain/package/license.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/arena.h"
#include "lib/base/text.h"

enum { PARENTHESES_MAX = 50 };

static const char *const identifiers[] = {
#define LICENSE(identifier) identifier,
#define DEPRECATED(identifier) identifier,
#define EXCEPTION(identifier)
#define UNREADABLE(identifier)
#include "lib/domain/package/license_list.def"
#undef LICENSE
#undef DEPRECATED
#undef EXCEPTION
#undef UNREADABLE
};

static const char *const deprecated_identifiers[] = {
#define LICENSE(identifier)
#define DEPRECATED(identifier) identifier,
#define EXCEPTION(identifier)
#define UNREADABLE(identifier)
#include "lib/domain/package/license_list.def"
#undef LICENSE
#undef DEPRECATED
#undef EXCEPTION
#undef UNREADABLE
};

static const char *const exceptions[] = {
#define LICENSE(identifier)
#define DEPRECATED(identifier)
#define EXCEPTION(identifier) identifier,
#define UNREADABLE(identifier)
#include "lib/domain/package/license_list.def"
#undef LICENSE
#undef DEPRECATED
#undef EXCEPTION
#undef UNREADABLE
};

/* Identifiers of licenses and exceptions that released clients refuse. */
static const char *const unreadable_identifiers[] = {
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

/* Deprecated identifiers with exactly one replacement. Those without a row here are ambiguous. */
static const struct replacement {
    const char *old;
    const char *identifier;
    const char *exception; /* NULL: none */
} replacements[] = {
    {"AGPL-1.0", "AGPL-1.0-only", NULL},
    {"AGPL-3.0", "AGPL-3.0-only", NULL},
    {"BSD-2-Clause-NetBSD", "BSD-2-Clause", NULL},
    {"GPL-1.0", "GPL-1.0-only", NULL},
    {"GPL-2.0", "GPL-2.0-only", NULL},
    {"GPL-2.0-with-GCC-exception", "GPL-2.0-only", "GCC-exception-2.0"},
    {"GPL-2.0-with-autoconf-exception", "GPL-2.0-only", "Autoconf-exception-2.0"},
    {"GPL-2.0-with-bison-exception", "GPL-2.0-only", "Bison-exception-2.2"},
    {"GPL-2.0-with-classpath-exception", "GPL-2.0-only", "Classpath-exception-2.0"},
    {"GPL-2.0-with-font-exception", "GPL-2.0-only", "Font-exception-2.0"},
    {"GPL-3.0", "GPL-3.0-only", NULL},
    {"GPL-3.0-with-GCC-exception", "GPL-3.0-only", "GCC-exception-3.1"},
    {"GPL-3.0-with-autoconf-exception", "GPL-3.0-only", "Autoconf-exception-3.0"},
    {"LGPL-2.0", "LGPL-2.0-only", NULL},
    {"LGPL-2.1", "LGPL-2.1-only", NULL},
    {"LGPL-3.0", "LGPL-3.0-only", NULL},
    {"StandardML-NJ", "SMLNJ", NULL},
    {"bzip2-1.0.5", "bzip2-1.0.6", NULL},
    {"eCos-2.0", "GPL-2.0-or-later", "eCos-exception-2.0"},
    {"wxWindows", "LGPL-2.0-or-later", "WxWindows-exception-3.1"},
};

#define COUNT(list) (sizeof(list) / sizeof *(list))

enum node_kind { NODE_LICENSE, NODE_AND, NODE_OR };

struct node {
    enum node_kind kind;
    const char *identifier; /* NODE_LICENSE: canonical, or ambiguous */
    const char *exception;  /* NODE_LICENSE: NULL if there is none */
    const struct node *left, *right;
};

struct parser {
    const char *text; /* the whole expression */
    const char *at;
    int open_parentheses;
    const char *changed;    /* the first identifier that canonicalising changed, as it was written */
    const char *ambiguous;  /* the first deprecated identifier without one replacement */
    const char *unreadable; /* the first identifier that released clients refuse */
    struct arena *arena;
    struct error *err;
};

static int compare_texts(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The list's own copy of `word`, NULL if it is not in the list. */
static const char *find_word(const char *word, const char *const *list, size_t count) {
    const char *const *found = bsearch(&word, list, count, sizeof *list, compare_texts);
    return found ? *found : NULL;
}

static const struct replacement *find_replacement(const char *identifier) {
    for (size_t i = 0; i < COUNT(replacements); i++)
        if (text_equal(replacements[i].old, identifier)) return &replacements[i];
    return NULL;
}

static void skip_blanks(struct parser *parser) {
    while (*parser->at == ' ')
        parser->at++;
}

/* The length of the word at the current position, of identifier characters; may be 0. */
static size_t word_length(const struct parser *parser) {
    size_t length = 0;
    while (isalnum((unsigned char)parser->at[length]) || parser->at[length] == '-' || parser->at[length] == '.')
        length++;
    return length;
}

/* Consumes the next word if it is `word`, ignoring case. */
static bool take_word(struct parser *parser, const char *word) {
    skip_blanks(parser);
    size_t length = word_length(parser);
    bool is_it = length == strlen(word) && strncasecmp(parser->at, word, length) == 0;
    if (is_it) parser->at += length;
    return is_it;
}

/* Fails at the current position. */
static enum status fail_here(struct parser *parser, const char *expected) {
    if (*parser->at == '\0')
        return error_set(parser->err, STATUS_INVALID, "\"%s\" is not an SPDX license expression: it ends where %s should be.",
                         parser->text, expected);
    return error_set(parser->err, STATUS_INVALID, "\"%s\" is not an SPDX license expression: %s should be at \"%s\".",
                     parser->text, expected, parser->at);
}

static enum status fail_unknown(struct parser *parser, const char *word, const char *what, const char *const *list,
                                size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(list[i], word) == 0)
            return error_set(parser->err, STATUS_INVALID, "\"%s\" is not an SPDX %s identifier: it is spelled \"%s\".", word,
                             what, list[i]);
    return error_set(parser->err, STATUS_INVALID, "\"%s\" is not an SPDX %s identifier: see https://spdx.org/licenses/.", word,
                     what);
}

static void remember(const char **first, const char *word) {
    if (!*first) *first = word;
}

static void remember_unreadable(struct parser *parser, const char *word) {
    if (find_word(word, unreadable_identifiers, COUNT(unreadable_identifiers))) remember(&parser->unreadable, word);
}

/* Fills the leaf from an identifier as written, with or without a `+` after it. */
static enum status resolve_identifier(struct parser *parser, const char *word, bool has_plus, struct node *out) {
    out->identifier = find_word(word, identifiers, COUNT(identifiers));
    if (!out->identifier) return fail_unknown(parser, word, "license", identifiers, COUNT(identifiers));
    remember_unreadable(parser, word);
    if (has_plus) {
        const char *later = arena_format(parser->arena, "%s-or-later", word);
        out->identifier = find_word(later, identifiers, COUNT(identifiers));
        if (!out->identifier)
            return error_set(parser->err, STATUS_INVALID, "\"%s+\" is not a license: \"%s\" has no form for later versions.",
                             word, word);
        remember(&parser->changed, arena_format(parser->arena, "%s+", word));
    } else if (find_word(word, deprecated_identifiers, COUNT(deprecated_identifiers))) {
        const struct replacement *replacement = find_replacement(word);
        remember(replacement ? &parser->changed : &parser->ambiguous, word);
        if (!replacement) return STATUS_OK;
        out->identifier = replacement->identifier;
        out->exception = replacement->exception;
    }
    return STATUS_OK;
}

static enum status parse_exception(struct parser *parser, struct node *leaf) {
    skip_blanks(parser);
    size_t length = word_length(parser);
    if (length == 0) return fail_here(parser, "an exception");
    const char *word = arena_copy_bytes(parser->arena, parser->at, length);
    if (leaf->exception)
        return error_set(parser->err, STATUS_INVALID,
                         "\"%s\" is not an SPDX license expression: the license before \"WITH %s\" already has an exception.",
                         parser->text, word);
    leaf->exception = find_word(word, exceptions, COUNT(exceptions));
    if (!leaf->exception) return fail_unknown(parser, word, "exception", exceptions, COUNT(exceptions));
    remember_unreadable(parser, word);
    parser->at += length;
    return STATUS_OK;
}

static enum status parse_license(struct parser *parser, const struct node **out) {
    size_t length = word_length(parser);
    if (length == 0) return fail_here(parser, "a license");
    const char *word = arena_copy_bytes(parser->arena, parser->at, length);
    bool has_plus = parser->at[length] == '+';
    struct node *leaf = arena_alloc(parser->arena, sizeof *leaf);
    enum status status = resolve_identifier(parser, word, has_plus, leaf);
    if (status) return status;
    parser->at += length + has_plus;
    *out = leaf;
    return take_word(parser, "WITH") ? parse_exception(parser, leaf) : STATUS_OK;
}

static enum status parse_expression(struct parser *parser, const struct node **out);

static enum status parse_simple(struct parser *parser, const struct node **out) {
    skip_blanks(parser);
    if (*parser->at != '(') return parse_license(parser, out);
    if (++parser->open_parentheses > PARENTHESES_MAX)
        return error_set(parser->err, STATUS_INVALID, "The license expression has more than %d nested parentheses.",
                         PARENTHESES_MAX);
    parser->at++;
    enum status status = parse_expression(parser, out);
    if (status) return status;
    skip_blanks(parser);
    if (*parser->at != ')') return fail_here(parser, "AND, OR or a closing parenthesis");
    parser->at++;
    parser->open_parentheses--;
    return STATUS_OK;
}

static const struct node *join(struct parser *parser, enum node_kind kind, const struct node *left, const struct node *right) {
    struct node *node = arena_alloc(parser->arena, sizeof *node);
    *node = (struct node){.kind = kind, .left = left, .right = right};
    return node;
}

static enum status parse_both(struct parser *parser, const struct node **out) {
    enum status status = parse_simple(parser, out);
    while (!status && take_word(parser, "AND")) {
        const struct node *right = NULL;
        status = parse_simple(parser, &right);
        if (!status) *out = join(parser, NODE_AND, *out, right);
    }
    return status;
}

static enum status parse_expression(struct parser *parser, const struct node **out) {
    enum status status = parse_both(parser, out);
    while (!status && take_word(parser, "OR")) {
        const struct node *right = NULL;
        status = parse_both(parser, &right);
        if (!status) *out = join(parser, NODE_OR, *out, right);
    }
    return status;
}

static enum status parse_text(struct parser *parser, const struct node **out) {
    if (strlen(parser->text) > LICENSE_TEXT_MAX)
        return error_set(parser->err, STATUS_INVALID, "The license expression is longer than %d bytes.", LICENSE_TEXT_MAX);
    parser->at = parser->text;
    enum status status = parse_expression(parser, out);
    if (status) return status;
    skip_blanks(parser);
    return *parser->at == '\0' ? STATUS_OK : fail_here(parser, "AND, OR, WITH or the end");
}

static void append_node(struct text *out, const struct node *node, bool is_inside_and) {
    if (node->kind == NODE_LICENSE) {
        text_append(out, node->identifier);
        if (node->exception) text_append_format(out, " WITH %s", node->exception);
        return;
    }
    bool is_and = node->kind == NODE_AND, needs_parentheses = !is_and && is_inside_and;
    if (needs_parentheses) text_append_character(out, '(');
    append_node(out, node->left, is_and);
    text_append(out, is_and ? " AND " : " OR ");
    append_node(out, node->right, is_and);
    if (needs_parentheses) text_append_character(out, ')');
}

static const char *print_tree(struct arena *arena, const struct node *tree) {
    struct text text = {0};
    append_node(&text, tree, false);
    const char *printed = arena_copy_bytes(arena, text.bytes, text.length);
    text_release(&text);
    return printed;
}

enum status license_canonicalise(const char **out, const char *text, struct arena *arena, struct error *err) {
    struct parser parser = {.text = text, .arena = arena, .err = err};
    const struct node *tree = NULL;
    enum status status = parse_text(&parser, &tree);
    if (!status) *out = print_tree(arena, tree);
    return status;
}

static enum status refuse_unreadable(const struct parser *parser, struct error *err) {
    if (!parser->unreadable) return STATUS_OK;
    return error_set(
        err, STATUS_INVALID,
        "\"%s\" is too new a license identifier for released package managers, which could not read any version of "
        "the package: choose another one.",
        parser->unreadable);
}

enum status license_check_readable(const char *text, struct error *err) {
    struct arena scratch = {0};
    struct parser parser = {.text = text, .arena = &scratch, .err = err};
    const struct node *tree = NULL;
    enum status status = parse_text(&parser, &tree);
    if (!status) status = refuse_unreadable(&parser, err);
    arena_release(&scratch);
    return status;
}

enum status license_check_new(const char *text, struct error *err) {
    struct arena scratch = {0};
    struct parser parser = {.text = text, .arena = &scratch, .err = err};
    const struct node *tree = NULL;
    enum status status = parse_text(&parser, &tree);
    if (!status && parser.ambiguous)
        status =
            error_set(err, STATUS_INVALID,
                      "The license identifier \"%s\" is deprecated and ambiguous: see https://spdx.org/licenses/%s.html for "
                      "what to write instead.",
                      parser.ambiguous, parser.ambiguous);
    else if (!status && parser.changed)
        status = error_set(err, STATUS_INVALID, "The license identifier \"%s\" is deprecated: write the license as \"%s\".",
                           parser.changed, print_tree(&scratch, tree));
    if (!status) status = refuse_unreadable(&parser, err);
    arena_release(&scratch);
    return status;
}

/* True if a manifest's identifier covers a recognised one: equal ignoring case, or `X-or-later` for `X-only`. */
static bool identifier_covers(const char *stated, const char *recognised) {
    static const char only[] = "-only", later[] = "-or-later";
    if (strcasecmp(stated, recognised) == 0) return true;
    if (!text_ends_with(recognised, only) || !text_ends_with(stated, later)) return false;
    size_t base = strlen(recognised) - strlen(only);
    return strlen(stated) - strlen(later) == base && strncasecmp(stated, recognised, base) == 0;
}

static bool tree_covers(const struct node *tree, const char *recognised) {
    if (tree->kind == NODE_LICENSE) return identifier_covers(tree->identifier, recognised);
    return tree_covers(tree->left, recognised) || tree_covers(tree->right, recognised);
}

static const char *first_not_covered(const struct node *recognised, const struct node *stated) {
    if (recognised->kind == NODE_LICENSE) return tree_covers(stated, recognised->identifier) ? NULL : recognised->identifier;
    const char *missing = first_not_covered(recognised->left, stated);
    return missing ? missing : first_not_covered(recognised->right, stated);
}

enum status license_find_missing(const char **missing, const char *expression, const char *recognised, struct arena *arena,
                                 struct error *err) {
    struct parser stated_parser = {.text = expression, .arena = arena, .err = err};
    struct parser recognised_parser = {.text = recognised, .arena = arena, .err = err};
    const struct node *stated = NULL, *found = NULL;
    enum status status = parse_text(&stated_parser, &stated);
    if (!status) status = parse_text(&recognised_parser, &found);
    if (!status) *missing = first_not_covered(found, stated);
    return status;
}
