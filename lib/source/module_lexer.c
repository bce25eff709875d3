/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/source/module_lexer.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <wctype.h>

#include "lib/base/text.h"

static bool is_at(const struct module_lexer *lexer, const char *text) {
    size_t length = strlen(text);
    return (size_t)(lexer->end - lexer->at) >= length && memcmp(lexer->at, text, length) == 0;
}

/* Decodes the character at `at`, which is valid UTF-8, and sets its length. */
static uint32_t decode(const char *at, size_t *length) {
    unsigned char first = (unsigned char)*at;
    *length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    uint32_t character = *length == 1 ? first : first & (0xFFU >> (*length + 1));
    for (size_t i = 1; i < *length; i++)
        character = character << 6 | ((unsigned char)at[i] & 0x3FU);
    return character;
}

static void step(struct module_lexer *lexer) {
    size_t length;
    bool breaks_line = *lexer->at == '\n' || (*lexer->at == '\r' && !is_at(lexer, "\r\n"));
    decode(lexer->at, &length);
    lexer->at += length;
    lexer->position.column++;
    if (breaks_line) lexer->position = (struct source_position){lexer->position.line + 1, 1};
}

enum letter { LETTER_NONE, LETTER_UPPER, LETTER_LOWER, LETTER_WITHIN, LETTER_SYMBOL };

/* The role of the character at `at`: start of a name, only inside of one, or part of an operator. */
static enum letter classify(struct module_lexer *lexer, const char *at, size_t *length) {
    static const char symbols[] = ":!#$%&*+./<=>?@\\^|-~";
    uint32_t character = decode(at, length);
    if (character < 0x80) {
        int ascii = (int)character;
        if (isupper(ascii)) return LETTER_UPPER;
        if (islower(ascii) || ascii == '_') return LETTER_LOWER;
        if (isdigit(ascii) || ascii == '\'') return LETTER_WITHIN;
        return ascii && strchr(symbols, ascii) ? LETTER_SYMBOL : LETTER_NONE;
    }
    if (!lexer->locale) lexer->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (!lexer->locale) return LETTER_WITHIN;
    wint_t wide = (wint_t)character;
    if (iswupper_l(wide, lexer->locale)) return LETTER_UPPER;
    if (iswlower_l(wide, lexer->locale)) return LETTER_LOWER;
    if (iswalnum_l(wide, lexer->locale)) return LETTER_WITHIN;
    return iswpunct_l(wide, lexer->locale) ? LETTER_SYMBOL : LETTER_NONE;
}

static enum letter letter_here(struct module_lexer *lexer) {
    size_t length;
    return lexer->at < lexer->end ? classify(lexer, lexer->at, &length) : LETTER_NONE;
}

static void skip_line(struct module_lexer *lexer) {
    while (lexer->at < lexer->end && *lexer->at != '\n' && *lexer->at != '\r')
        step(lexer);
}

static void skip_block_comment(struct module_lexer *lexer) {
    step(lexer);
    step(lexer);
    while (lexer->at < lexer->end && !is_at(lexer, "-}"))
        step(lexer);
    for (int i = 0; i < 2 && lexer->at < lexer->end; i++)
        step(lexer);
}

static void skip_space(struct module_lexer *lexer) {
    for (;;) {
        if (is_at(lexer, "--"))
            skip_line(lexer);
        else if (is_at(lexer, "{-"))
            skip_block_comment(lexer);
        else if (lexer->at < lexer->end && strchr(" \n\r", *lexer->at) && *lexer->at)
            step(lexer);
        else
            return;
    }
}

/* Reads a name, with the dots of a qualified one: `Data.Maybe`. */
static enum token_kind read_name(struct module_lexer *lexer, enum letter first) {
    enum token_kind kind = first == LETTER_UPPER ? TOKEN_UPPER : TOKEN_LOWER;
    const char *start = lexer->at;
    for (;;) {
        enum letter letter = letter_here(lexer);
        while (letter == LETTER_UPPER || letter == LETTER_LOWER || letter == LETTER_WITHIN) {
            step(lexer);
            letter = letter_here(lexer);
        }
        if (kind == TOKEN_LOWER) return lexer->at == start + 1 && *start == '_' ? TOKEN_OTHER : kind; /* `_` is a wildcard */
        if (!is_at(lexer, ".")) return kind;
        kind = TOKEN_QUALIFIED;
        step(lexer);
        if (letter_here(lexer) != LETTER_UPPER) return TOKEN_OTHER; /* a qualified name or operator: not in a header */
    }
}

/* True for symbols of the language itself, which are not operators. */
static bool is_reserved(const char *symbol, size_t length) {
    static const char *const reserved[] = {"::", "<-", "->", "=>", "=", "|", ".", "\\", "∷", "←", "→", "⇒", "∀"};
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
        if (strlen(reserved[i]) == length && memcmp(reserved[i], symbol, length) == 0) return true;
    return false;
}

/* After a `(`: reads an operator with its `)`, or nothing. */
static enum token_kind read_parenthesis(struct module_lexer *lexer) {
    struct module_lexer before = *lexer;
    while (letter_here(lexer) == LETTER_SYMBOL)
        step(lexer);
    if (lexer->at > before.at && is_at(lexer, ")")) {
        bool is_operator = !is_reserved(before.at, (size_t)(lexer->at - before.at));
        step(lexer);
        return is_operator ? TOKEN_SYMBOL : TOKEN_OTHER;
    }
    lexer->at = before.at;
    lexer->position = before.position;
    return TOKEN_LEFT_PARENTHESIS;
}

void module_lexer_next(struct module_lexer *lexer) {
    struct token *token = &lexer->token;
    skip_space(lexer);
    *token = (struct token){.kind = TOKEN_END, .text = lexer->at, .start = lexer->position};
    enum letter letter = letter_here(lexer);
    if (lexer->at < lexer->end) {
        if (letter == LETTER_UPPER || letter == LETTER_LOWER) {
            token->kind = read_name(lexer, letter);
        } else {
            char character = *lexer->at;
            step(lexer);
            token->kind = character == '('   ? read_parenthesis(lexer)
                          : character == ')' ? TOKEN_RIGHT_PARENTHESIS
                          : character == ',' ? TOKEN_COMMA
                                             : TOKEN_OTHER;
        }
    }
    token->length = (size_t)(lexer->at - token->text);
    token->end = lexer->position;
}

void module_lexer_init(struct module_lexer *lexer, const char *bytes, size_t length) {
    *lexer = (struct module_lexer){.at = bytes, .end = bytes + length, .position = {1, 1}};
    while (is_at(lexer, "#!")) {
        skip_line(lexer);
        if (lexer->at < lexer->end) step(lexer);
    }
    module_lexer_next(lexer);
}

void module_lexer_release(struct module_lexer *lexer) {
    if (lexer->locale) freelocale(lexer->locale);
}
