/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/search/package_search.h"

#include <string.h>

#include "lib/base/arena.h"

/* Scores of a word. A near name has one less for each typing error. */
enum {
    IN_DESCRIPTION = 10,
    NEAR_NAME = 22,
    WITHIN_NAME = 30,
    BEGINS_WORD = 40,
    IS_WORD = 50,
    BEGINS_NAME = 60,
    IS_NAME = 70,
    SUM_RANGE = 1 << 14, /* above the sum of all words' scores */
};

_Static_assert(SEARCH_WORDS_MAX *IS_NAME < SUM_RANGE, "the sum of the words' scores has its place");
_Static_assert((IS_NAME + 1) * SUM_RANGE <= 1 << SEARCH_SCORE_BITS, "a score has SEARCH_SCORE_BITS");

static char lower(char character) {
    return character >= 'A' && character <= 'Z' ? (char)(character - 'A' + 'a') : character;
}

static bool is_of_word(char character) {
    char letter = lower(character);
    return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') || (unsigned char)letter >= 0x80;
}

void package_search_read(struct package_search *out, const char *text, struct arena *arena) {
    size_t length = strnlen(text, SEARCH_BYTES_MAX), name_length = 0;
    char *words = arena_copy_bytes(arena, text, length), *name = arena_alloc(arena, length + 1);
    *out = (struct package_search){.name = name, .words = arena_alloc(arena, SEARCH_WORDS_MAX * sizeof *out->words)};
    for (size_t at = 0; at < length; at++) {
        bool begins = is_of_word(words[at]) && (at == 0 || words[at - 1] == '\0');
        words[at] = is_of_word(words[at]) ? lower(words[at]) : '\0';
        if (begins) out->words[out->count++] = words + at;
    }
    if (out->count > 1 && strcmp(out->words[0], "purescript") == 0) {
        out->words++;
        out->count--;
    }
    for (size_t i = 0; i < out->count; i++) {
        size_t word_length = strlen(out->words[i]);
        if (i > 0) name[name_length++] = '-';
        memcpy(name + name_length, out->words[i], word_length);
        name_length += word_length;
    }
}

/* ---- Typing errors ---- */

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

size_t edit_distance(const char *one, size_t one_length, const char *other, size_t other_length, size_t most) {
    size_t rows[3][SEARCH_BYTES_MAX + 1]; /* of the table: this one, and the two before it */
    size_t difference = one_length > other_length ? one_length - other_length : other_length - one_length;
    if (difference > most || one_length > SEARCH_BYTES_MAX || other_length > SEARCH_BYTES_MAX) return most + 1;
    for (size_t j = 0; j <= other_length; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= one_length; i++) {
        size_t *row = rows[i % 3], *above = rows[(i - 1) % 3], *before = rows[(i + 1) % 3], nearest = i;
        row[0] = i;
        for (size_t j = 1; j <= other_length; j++) {
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + (one[i - 1] != other[j - 1]));
            if (i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
            nearest = least(nearest, row[j]);
        }
        if (nearest > most) return most + 1;
    }
    return least(rows[one_length % 3][other_length], most + 1);
}

static size_t errors_allowed(size_t length) {
    return length < 3 ? 0 : length < 6 ? 1 : 2;
}

/* The score of a text with so many errors at most; 0: it has more. */
static int score_near(const char *typed, const char *text, size_t length) {
    size_t typed_length = strlen(typed), most = errors_allowed(least(typed_length, length));
    size_t distance = most == 0 ? 1 : edit_distance(typed, typed_length, text, length, most);
    return distance > most ? 0 : NEAR_NAME - (int)distance;
}

/* ---- Words ---- */

static size_t word_length(const char *text) {
    size_t length = 0;
    while (is_of_word(text[length]))
        length++;
    return length;
}

static bool begins_with(const char *text, size_t length, const char *word) {
    size_t at = 0;
    while (word[at] && at < length && lower(text[at]) == word[at])
        at++;
    return !word[at];
}

static int higher(int a, int b) {
    return a > b ? a : b;
}

static int score_in_name(const char *word, const char *name) {
    int best = strstr(name, word) ? WITHIN_NAME : 0;
    for (const char *at = name; *at; at++) {
        size_t length = word_length(at);
        if (length == 0) continue;
        if (begins_with(at, length, word))
            best = higher(best, length == strlen(word) ? IS_WORD : BEGINS_WORD);
        else if (best == 0)
            best = score_near(word, at, length);
        at += length - 1;
    }
    return best;
}

static bool is_in_description(const char *word, const char *description) {
    for (const char *at = description; *at; at++) {
        size_t length = word_length(at);
        if (length == 0) continue;
        if (begins_with(at, length, word)) return true;
        at += length - 1;
    }
    return false;
}

static int score_word(const char *word, const char *name, const char *description) {
    int score = score_in_name(word, name);
    return score ? score : description && is_in_description(word, description) ? IN_DESCRIPTION : 0;
}

/* Of all words as one name. */
static int score_whole(const struct package_search *search, const char *name) {
    size_t length = strlen(search->name);
    if (strncmp(name, search->name, length) == 0) return name[length] ? BEGINS_NAME : IS_NAME;
    return score_near(search->name, name, strlen(name));
}

int package_search_score(const struct package_search *search, const char *name, const char *description) {
    if (search->count == 0) return 0;
    int worst = IS_NAME, sum = 0;
    for (size_t i = 0; i < search->count; i++) {
        int score = score_word(search->words[i], name, description);
        worst = score < worst ? score : worst;
        sum += score;
    }
    int whole = score_whole(search, name);
    return whole > worst ? whole * SUM_RANGE : worst ? worst * SUM_RANGE + sum : 0;
}
