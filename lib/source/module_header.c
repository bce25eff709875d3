/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/source/module_header.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/source/module_lexer.h"

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

/* A module's name: no `_` and no `'` in it. */
static enum status read_module_name(struct parser *parser, const char **name, struct error *err) {
    const struct token *token = &parser->lexer.token;
    if (token->kind != TOKEN_UPPER || memchr(token->text, '_', token->length) || memchr(token->text, '\'', token->length))
        return fail(parser, "a module's name", err);
    *name = arena_copy_bytes(parser->arena, token->text, token->length);
    module_lexer_next(&parser->lexer);
    return STATUS_OK;
}

/* What may stand behind a type's name: `(..)`, `()`, `(Some, Constructors)`, or nothing. */
static enum status skip_constructors(struct parser *parser, struct error *err) {
    struct module_lexer *lexer = &parser->lexer;
    if (token_is(parser, "(..)")) module_lexer_next(lexer);
    if (lexer->token.kind != TOKEN_LEFT_PARENTHESIS) return STATUS_OK;
    do {
        module_lexer_next(lexer);
        if (lexer->token.kind == TOKEN_RIGHT_PARENTHESIS) break;
        if (lexer->token.kind != TOKEN_UPPER) return fail(parser, "a constructor's name", err);
        module_lexer_next(lexer);
    } while (lexer->token.kind == TOKEN_COMMA);
    if (lexer->token.kind != TOKEN_RIGHT_PARENTHESIS) return fail(parser, "`)`", err);
    module_lexer_next(lexer);
    return STATUS_OK;
}

/* One item of an export or import list: a value, an operator, a type, `type (+)`, `class C`, `kind K`, `module M`. */
static enum status skip_item(struct parser *parser, struct error *err) {
    struct module_lexer *lexer = &parser->lexer;
    if (token_is(parser, "class") || token_is(parser, "kind") || token_is(parser, "module")) {
        module_lexer_next(lexer);
        if (lexer->token.kind != TOKEN_UPPER) return fail(parser, "a name with a capital letter", err);
        module_lexer_next(lexer);
        return STATUS_OK;
    }
    if (token_is(parser, "type")) {
        module_lexer_next(lexer);
        if (lexer->token.kind != TOKEN_SYMBOL) return fail(parser, "an operator in parentheses", err);
    }
    enum token_kind kind = lexer->token.kind;
    if (kind != TOKEN_LOWER && kind != TOKEN_SYMBOL && kind != TOKEN_UPPER) return fail(parser, "a name", err);
    module_lexer_next(lexer);
    return kind == TOKEN_UPPER ? skip_constructors(parser, err) : STATUS_OK;
}

/* A list in parentheses, where there is one. */
static enum status skip_list(struct parser *parser, struct error *err) {
    struct module_lexer *lexer = &parser->lexer;
    if (lexer->token.kind != TOKEN_LEFT_PARENTHESIS) return STATUS_OK;
    do {
        module_lexer_next(lexer);
        if (lexer->token.kind == TOKEN_RIGHT_PARENTHESIS) break;
        enum status status = skip_item(parser, err);
        if (status) return status;
    } while (lexer->token.kind == TOKEN_COMMA);
    if (lexer->token.kind != TOKEN_RIGHT_PARENTHESIS) return fail(parser, "`,` or `)`", err);
    module_lexer_next(lexer);
    return STATUS_OK;
}

static struct module_import *add_import(struct parser *parser) {
    struct module_header *header = parser->header;
    if (header->import_count == parser->import_capacity) {
        parser->import_capacity = parser->import_capacity * 2 + 16;
        struct module_import *more = arena_alloc(parser->arena, parser->import_capacity * sizeof *more);
        if (header->import_count) memcpy(more, header->imports, header->import_count * sizeof *more);
        header->imports = more;
    }
    return &header->imports[header->import_count++];
}

/* `import M`, `import M (a, B(..))`, `import M hiding (a)`, each with an optional `as N`. */
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
    if (!status) status = skip_list(parser, err);
    if (!status && token_is(parser, "as")) {
        const char *alias;
        module_lexer_next(lexer);
        status = read_module_name(parser, &alias, err);
    }
    if (!status) *add_import(parser) = import;
    return status;
}

/* The imports: each begins in the column in which the first declaration does. */
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
    if (!text_is_utf8(bytes, length)) return error_set(err, STATUS_REFUSED, "The file is not UTF-8 text.");
    struct parser parser = {.header = out, .arena = arena};
    module_lexer_init(&parser.lexer, bytes, length);
    enum status status = expect_word(&parser, "module", err);
    out->start = parser.lexer.token.start;
    out->end = parser.lexer.token.end;
    if (!status) status = read_module_name(&parser, &out->name, err);
    if (!status) status = skip_list(&parser, err);
    if (!status) status = expect_word(&parser, "where", err);
    if (!status) status = read_imports(&parser, err);
    module_lexer_release(&parser.lexer);
    return status;
}
