/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The tokens of a PureScript module's header. As in the compiler, spaces and line breaks are the only white space, `--` starts
 * a comment wherever a token may start, a block comment ends at the first `-}` (they do not nest) or at the end of the file,
 * and lines that start with `#!` may come first.
 *
 * Only for module_header.c: strings, numbers and characters do not occur in a header and are of kind OTHER.
 */
#ifndef LIB_SOURCE_MODULE_LEXER_H
#define LIB_SOURCE_MODULE_LEXER_H

#include <locale.h>
#include <stddef.h>

#include "lib/source/source_position.h"

enum token_kind {
    TOKEN_END,
    TOKEN_LOWER,     /* a name or keyword that starts with a small letter */
    TOKEN_UPPER,     /* `Maybe` */
    TOKEN_QUALIFIED, /* `Data.Maybe` */
    TOKEN_SYMBOL,    /* an operator with its parentheses: `(<>)`, also `(..)` */
    TOKEN_LEFT_PARENTHESIS,
    TOKEN_RIGHT_PARENTHESIS,
    TOKEN_COMMA,
    TOKEN_OTHER, /* anything else, character by character */
};

struct token {
    enum token_kind kind;
    const char *text; /* in the source */
    size_t length;
    struct source_position start, end;
};

struct module_lexer {
    const char *at, *end;
    struct source_position position;
    locale_t locale; /* for letters beyond ASCII; created at the first one */
    struct token token;
};

/* Reads the first token. The bytes must be UTF-8, and are borrowed. */
void module_lexer_init(struct module_lexer *lexer, const char *bytes, size_t length);
void module_lexer_next(struct module_lexer *lexer); /* into lexer->token */
void module_lexer_release(struct module_lexer *lexer);

#endif
