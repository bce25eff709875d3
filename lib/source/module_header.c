/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/source/module_header.h"

#include <string.h>

#include "lib/base/array.h"
#include "lib/source/module_lexer.h"
#include "lib/source/source_text.h"

enum { SHOWN_MAX = 40 };

struct parser {
    struct module_lexer lexer;
    struct module_header *header;
    struct arena *arena;
    size_t import_capacity;
};

static bool token_is(const struct parser *parser, const char *word) {
    const struct token *token = &parser->lexer.token;
    return strlen(word) == token->length && memcmp(token->text, word, token->length) == 0;
}

static enum status fail(struct parser *parser, const char *expected, struct error *err) {
    const struct token *token = &parser->lexer.token;
    struct source_position place = parser->header->problem = token->start;
    if (token->kind == TOKEN_END)
        return error_set(err, STATUS_REFUSED,
                         "The module header does not parse: at line %d, column %d %s was expected, but the "
                         "file ends.",
                         place.line, place.column, expected);
    return error_set(err, STATUS_REFUSED,
                     "The module header does not parse: at line %d, column %d %s was expected, not `%.*s`.", place.line,
                     place.column, expected, (int)(token->length < SHOWN_MAX ? token->length : SHOWN_MAX), token->text);
}

static enum status expect_word(struct parser *parser, const char *word, struct error *err) {
    char expected[32] = "`";
    if (token_is(parser, word)) {
        module_lexer_next(&parser->lexer);
        return STATUS_OK;
    }
    strncat(expected, word, sizeof expected - 3);
    return fail(parser, strcat(expected, "`"), err);
}

/* Reads a module's name, which contains neither `_` nor `'`. */
static enum status read_module_name(struct parser *parser, const char **name, struct error *err) {
    const struct token *token = &parser->lexer.token;
    bool is_name = token->kind == TOKEN_UPPER || token->kind == TOKEN_QUALIFIED;
    if (!is_name || memchr(token->text, '_', token->length) || memchr(token->text, '\'', token->length))
        return fail(parser, "a module's name", err);
    *name = arena_copy_bytes(parser->arena, token->text, token->length);
    module_lexer_next(&parser->lexer);
    return STATUS_OK;
}

/* ---- Lists ---- */

/* Reads a comma-separated list of at least one item, up to and including the `)`. */
static enum status read_list(struct parser *parser, enum status (*read_item)(struct parser *, struct error *),
                             struct error *err) {
    struct module_lexer *lexer = &parser->lexer;
    enum status status = read_item(parser, err);
    while (!status && lexer->token.kind == TOKEN_COMMA) {
        module_lexer_next(lexer);
        status = read_item(parser, err);
    }
    if (status) return status;
    if (lexer->token.kind != TOKEN_RIGHT_PARENTHESIS) return fail(parser, "`,` or `)`", err);
    module_lexer_next(lexer);
    return STATUS_OK;
}

static enum status expect_kind(struct parser *parser, enum token_kind kind, const char *expected, struct error *err) {
    if (parser->lexer.token.kind != kind) return fail(parser, expected, err);
    module_lexer_next(&parser->lexer);
    return STATUS_OK;
}

static enum status read_constructor(struct parser *parser, struct error *err) {
    return expect_kind(parser, TOKEN_UPPER, "a constructor's name", err);
}

/* Reads the optional constructors of a type: `(..)`, `()`, or `(Some, Constructors)`. */
static enum status read_constructors(struct parser *parser, struct error *err) {
    struct module_lexer *lexer = &parser->lexer;
    if (token_is(parser, "(..)")) {
        module_lexer_next(lexer);
        return STATUS_OK;
    }
    if (lexer->token.kind != TOKEN_LEFT_PARENTHESIS) return STATUS_OK;
    module_lexer_next(lexer);
    if (lexer->token.kind != TOKEN_RIGHT_PARENTHESIS) return read_list(parser, read_constructor, err);
    module_lexer_next(lexer);
    return STATUS_OK;
}

/* True for reserved words. (`as`, `hiding`, `kind`, `role`, `nominal`, `representational` and `phantom` are names.) */
static bool is_keyword(const struct parser *parser) {
    static const char *const keywords[] = {"ado",    "case",   "class",    "data", "derive", "do",      "else",
                                           "false",  "forall", "foreign",  "if",   "import", "in",      "infix",
                                           "infixl", "infixr", "instance", "let",  "module", "newtype", "of",
                                           "then",   "true",   "type",     "where"};
    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++)
        if (token_is(parser, keywords[i])) return true;
    return false;
}

/* Reads a value, an operator, a type with or without constructors, `type (+)`, `class C`, or `kind K`, which compilers below
 * 0.15.0 had: `kind` is a name unless a capitalized name follows. */
static enum status read_import_item(struct parser *parser, struct error *err) {
    struct module_lexer *lexer = &parser->lexer;
    if (token_is(parser, "class")) {
        module_lexer_next(lexer);
        return expect_kind(parser, TOKEN_UPPER, "a name with a capital letter", err);
    }
    if (token_is(parser, "type")) {
        module_lexer_next(lexer);
        return expect_kind(parser, TOKEN_SYMBOL, "an operator in parentheses", err);
    }
    bool may_be_kind = token_is(parser, "kind");
    enum token_kind kind = lexer->token.kind;
    if ((kind != TOKEN_LOWER && kind != TOKEN_SYMBOL && kind != TOKEN_UPPER) || is_keyword(parser))
        return fail(parser, "a name", err);
    module_lexer_next(lexer);
    if (may_be_kind && lexer->token.kind == TOKEN_UPPER) module_lexer_next(lexer);
    return kind == TOKEN_UPPER ? read_constructors(parser, err) : STATUS_OK;
}

/* Reads the same, or `module M`. */
static enum status read_export_item(struct parser *parser, struct error *err) {
    const char *name;
    if (!token_is(parser, "module")) return read_import_item(parser, err);
    module_lexer_next(&parser->lexer);
    return read_module_name(parser, &name, err);
}

/* Reads a list in parentheses, if there is one. */
static enum status read_optional_list(struct parser *parser, enum status (*read_item)(struct parser *, struct error *),
                                      struct error *err) {
    if (parser->lexer.token.kind != TOKEN_LEFT_PARENTHESIS) return STATUS_OK;
    module_lexer_next(&parser->lexer);
    return read_list(parser, read_item, err);
}

/* ---- Imports ---- */

static struct module_import *add_import(struct parser *parser) {
    struct module_header *header = parser->header;
    header->imports =
        array_grow_in(parser->arena, header->imports, header->import_count, &parser->import_capacity, sizeof *header->imports);
    return &header->imports[header->import_count++];
}

/* Reads `import M`, `import M (a, B(..))` or `import M hiding (a)`, each with an optional `as N`. */
static enum status read_import(struct parser *parser, struct error *err) {
    struct module_lexer *lexer = &parser->lexer;
    struct module_import import = {.start = lexer->token.start};
    module_lexer_next(lexer);
    import.end = lexer->token.end;
    enum status status = read_module_name(parser, &import.module, err);
    if (!status && token_is(parser, "hiding")) {
        module_lexer_next(lexer);
        if (lexer->token.kind != TOKEN_LEFT_PARENTHESIS) status = fail(parser, "`(`", err);
    }
    if (!status) status = read_optional_list(parser, read_import_item, err);
    if (!status && token_is(parser, "as")) {
        const char *alias;
        module_lexer_next(lexer);
        status = read_module_name(parser, &alias, err);
    }
    if (!status) *add_import(parser) = import;
    return status;
}

/* Reads the imports, which all start in the column of the first declaration. */
static enum status read_imports(struct parser *parser, struct error *err) {
    const struct token *token = &parser->lexer.token;
    int column = token->start.column;
    while (token_is(parser, "import") && token->start.column == column) {
        enum status status = read_import(parser, err);
        if (status) return status;
        if (token->kind != TOKEN_END && token->start.column > column) return fail(parser, "a new line", err);
    }
    return STATUS_OK;
}

enum status module_header_parse(struct module_header *out, struct arena *arena, const char *bytes, size_t length,
                                struct error *err) {
    *out = (struct module_header){.problem = {1, 1}};
    enum status status = source_text_check(bytes, length, err);
    if (status) return status;
    if (length >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0)
        return error_set(err, STATUS_REFUSED,
                         "The file begins with a byte order mark, which the compiler rejects: save it without one.");
    struct parser parser = {.header = out, .arena = arena};
    module_lexer_init(&parser.lexer, bytes, length);
    status = expect_word(&parser, "module", err);
    out->start = parser.lexer.token.start;
    out->end = parser.lexer.token.end;
    if (!status) status = read_module_name(&parser, &out->name, err);
    if (!status) status = read_optional_list(&parser, read_export_item, err);
    if (!status) status = expect_word(&parser, "where", err);
    if (!status) status = read_imports(&parser, err);
    module_lexer_release(&parser.lexer);
    return status;
}
