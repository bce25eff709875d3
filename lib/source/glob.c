/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Braces are expanded first. Each resulting pattern is a list of names, and each name a list of tokens; both are matched by
 * tables of reachable positions, without backtracking, so the time is bounded by the lengths.
 */
#include "lib/source/glob.h"

#include <limits.h>
#include <string.h>

#include "lib/base/text.h"

enum token_kind { TOKEN_CHARACTER, TOKEN_ANY, TOKEN_STAR, TOKEN_CLASS };

struct token {
    enum token_kind kind;
    uint16_t character;     /* TOKEN_CHARACTER */
    const uint16_t *ranges; /* TOKEN_CLASS: pairs of first and last */
    size_t range_count;
    bool is_negated;
    const uint16_t *literal; /* TOKEN_CLASS: its source text, if it matches that, too */
    size_t literal_length;
};

struct glob_name {
    bool is_any_folders; /* `**` */
    const struct token *tokens;
    size_t count;
};

struct glob_pattern {
    struct glob_name *names;
    size_t count;
    size_t fixed_count; /* number of leading names without wildcards: the search starts at these */
    bool is_folder;     /* ends in `/`: matches folders only */
    bool is_outside;    /* absolute, or with a `..`: matches nothing */
    bool is_absolute;
};

/* ---- Characters ---- */

/* Converts UTF-8 to UTF-16, as JavaScript does; a byte that is not UTF-8 becomes U+FFFD. At most `length` units. */
static size_t to_units(uint16_t *out, const char *text, size_t length) {
    size_t count = 0;
    for (size_t i = 0; i < length;) {
        unsigned char first = (unsigned char)text[i];
        size_t size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
        if (size > length - i || !text_is_utf8(text + i, size)) {
            out[count++] = 0xfffd;
            i++;
            continue;
        }
        uint32_t code = size == 1 ? first : first & (0xffu >> (size + 1));
        for (size_t j = 1; j < size; j++)
            code = code << 6 | ((unsigned char)text[i + j] & 0x3fu);
        if (code > 0xffff) out[count++] = (uint16_t)(0xd800 + ((code - 0x10000) >> 10));
        out[count++] = (uint16_t)(code > 0xffff ? 0xdc00 + (code & 0x3ff) : code);
        i += size;
    }
    return count;
}

/* ---- Unsupported syntax ---- */

static enum status refuse(const char *glob, const char *what, struct error *err) {
    return error_set(err, STATUS_INVALID, "The glob \"%.300s\" has %s, which is not supported.", glob, what);
}

/* Characters with a meaning in fast-glob that is not supported here. */
static const struct {
    char character;
    const char *what;
} unsupported[] = {
    {'!', "a \"!\" in it (use excludeFiles to leave files out)"},
    {'(', "a parenthesis in it"},
    {')', "a parenthesis in it"},
    {'|', "a \"|\" in it"},
    {'\\', "a backslash in it"},
    {'"', "a quotation mark in it"},
};

static enum status check_characters(const char *glob, struct error *err) {
    for (const char *at = glob; *at; at++) {
        bool is_negation = *at == '!' && at > glob && at[-1] == '[';
        for (size_t i = 0; i < sizeof unsupported / sizeof *unsupported && !is_negation; i++)
            if (*at == unsupported[i].character) return refuse(glob, unsupported[i].what, err);
        if ((unsigned char)*at < ' ' || *at == 0x7f) return refuse(glob, "a control character in it", err);
    }
    if (strstr(glob, "***")) return refuse(glob, "three stars in a row", err);
    if (strstr(glob, "]+")) return refuse(glob, "a \"+\" after a bracket", err);
    if (strstr(glob, "${")) return refuse(glob, "\"${\" in it", err);
    if (strchr(glob, '{') && strpbrk(glob, "'`")) return refuse(glob, "an apostrophe next to braces", err);
    return STATUS_OK;
}

/* ---- Braces ---- */

/* The first opening brace and its closing one, as byte positions; braces in brackets do not count. */
struct braces {
    size_t open, close;
    bool has_comma;
};

/* *found is false if there are no braces. STATUS_INVALID: unbalanced, or not supported. */
static enum status find_braces(struct braces *out, bool *found, const char *glob, const char *text, struct error *err) {
    size_t depth = 0;
    bool is_in_brackets = false;
    *found = false;
    *out = (struct braces){0};
    for (size_t i = 0; text[i]; i++) {
        if (is_in_brackets || text[i] == '[') {
            is_in_brackets = text[i] != ']';
        } else if (text[i] == '{') {
            if (depth++ == 0) out->open = i;
        } else if (text[i] == ',' && depth == 1) {
            out->has_comma = true;
        } else if (text[i] == '.' && text[i + 1] == '.' && depth > 0) {
            return refuse(glob, "a range in braces", err);
        } else if (text[i] == '}') {
            if (depth == 0) return refuse(glob, "a closing brace without an opening one", err);
            if (--depth > 0) continue;
            out->close = i;
            *found = true;
            return out->has_comma ? STATUS_OK : refuse(glob, "braces without a comma", err);
        }
    }
    return depth ? refuse(glob, "an opening brace without a closing one", err) : STATUS_OK;
}

/* The end of the alternative that starts at `at`: its comma, or the closing brace. */
static size_t end_alternative(const char *text, size_t at, size_t close) {
    size_t depth = 0;
    bool is_in_brackets = false;
    for (; at < close; at++) {
        if (is_in_brackets || text[at] == '[') {
            is_in_brackets = text[at] != ']';
            continue;
        }
        depth += text[at] == '{';
        depth -= text[at] == '}';
        if (text[at] == ',' && depth == 0) break;
    }
    return at;
}

struct expansion {
    const char **texts;
    size_t count;
};

/* Replaces texts with braces by their alternatives, until no braces are left. */
static enum status expand_braces(struct expansion *out, struct arena *arena, const char *glob, struct error *err) {
    out->texts = arena_alloc(arena, GLOB_ALTERNATIVES_MAX * sizeof *out->texts);
    out->texts[0] = glob;
    out->count = 1;
    for (size_t i = 0; i < out->count;) {
        struct braces braces;
        bool found;
        const char *text = out->texts[i];
        enum status status = find_braces(&braces, &found, glob, text, err);
        if (status) return status;
        if (!found) {
            i++;
            continue;
        }
        out->texts[i] = out->texts[--out->count];
        for (size_t at = braces.open + 1; at <= braces.close; at++) {
            size_t end = end_alternative(text, at, braces.close);
            if (out->count == GLOB_ALTERNATIVES_MAX)
                return error_set(err, STATUS_INVALID, "The glob \"%.300s\" expands to more than %d globs by its braces.", glob,
                                 GLOB_ALTERNATIVES_MAX);
            out->texts[out->count++] =
                arena_format(arena, "%.*s%.*s%s", (int)braces.open, text, (int)(end - at), text + at, text + braces.close + 1);
            at = end;
        }
    }
    return STATUS_OK;
}

/* ---- One pattern ---- */

/* Parses the class whose `[` is units[*at]; moves *at past its `]`. */
static enum status parse_class(struct token *out, struct arena *arena, const char *glob, const uint16_t *units, size_t length,
                               size_t *at, struct error *err) {
    static const char special[] = "-*+?.^${}";
    size_t start = *at, i = start + 1, count = 0;
    bool is_plain = true;
    *out = (struct token){.kind = TOKEN_CLASS};
    out->is_negated = i < length && (units[i] == '!' || units[i] == '^');
    i += out->is_negated;
    size_t first = i;
    while (i < length && units[i] != ']')
        i++;
    if (i == length) return refuse(glob, "an opening bracket without a closing one", err);
    if (i == first) return refuse(glob, "empty brackets", err);
    uint16_t *ranges = arena_alloc(arena, (i - first) * 2 * sizeof *ranges);
    for (size_t j = first; j < i; j++) {
        uint16_t unit = units[j], last = unit;
        if (unit < 0x80 && strchr("[:,{}^/*?+", unit)) return refuse(glob, "a special character in brackets", err);
        is_plain &= unit >= 0x80 || !strchr(special, unit);
        if (j + 2 < i && units[j + 1] == '-') {
            last = units[j + 2];
            is_plain = false;
            if (last < 0x80 && strchr("[:,{}^/*?+", last)) return refuse(glob, "a special character in brackets", err);
            if (last < unit) return refuse(glob, "brackets with a descending range", err);
            j += 2;
        }
        ranges[count++] = unit;
        ranges[count++] = last;
    }
    out->ranges = ranges;
    out->range_count = count / 2;
    if (is_plain && !out->is_negated) {
        out->literal = units + start;
        out->literal_length = i + 1 - start;
    }
    *at = i + 1;
    return STATUS_OK;
}

static enum status parse_name(struct glob_name *out, struct arena *arena, const char *glob, const char *name,
                              size_t name_length, struct error *err) {
    uint16_t *units = arena_alloc(arena, (name_length + 1) * sizeof *units);
    size_t length = to_units(units, name, name_length), count = 0;
    struct token *tokens = arena_alloc(arena, (length + 1) * sizeof *tokens);
    *out = (struct glob_name){.is_any_folders = name_length == 2 && memcmp(name, "**", 2) == 0, .tokens = tokens};
    for (size_t i = 0; i < length;) {
        if (units[i] == ']') return refuse(glob, "a closing bracket without an opening one", err);
        if (units[i] == '[') {
            enum status status = parse_class(&tokens[count++], arena, glob, units, length, &i, err);
            if (status) return status;
            continue;
        }
        enum token_kind kind = units[i] == '*' ? TOKEN_STAR : units[i] == '?' ? TOKEN_ANY : TOKEN_CHARACTER;
        bool is_second_star = kind == TOKEN_STAR && i > 0 && units[i - 1] == '*';
        if (!is_second_star) tokens[count++] = (struct token){.kind = kind, .character = units[i]};
        i++;
    }
    out->count = count;
    return STATUS_OK;
}

static bool is_plain(const struct glob_name *name) {
    for (size_t i = 0; i < name->count; i++)
        if (name->tokens[i].kind != TOKEN_CHARACTER) return false;
    return true;
}

static enum status parse_pattern(struct glob_pattern *out, struct arena *arena, const char *glob, const char *text,
                                 struct error *err) {
    *out = (struct glob_pattern){.names = arena_alloc(arena, (strlen(text) / 2 + 2) * sizeof *out->names)};
    out->is_absolute = out->is_outside = text[0] == '/';
    while (*text) {
        size_t length = strcspn(text, "/");
        bool is_nothing = length == 0 || (length == 1 && text[0] == '.');
        if (length == 2 && memcmp(text, "..", 2) == 0) out->is_outside = true;
        if (!is_nothing) {
            enum status status = parse_name(&out->names[out->count++], arena, glob, text, length, err);
            if (status) return status;
        }
        out->is_folder = text[length] == '/';
        text += length;
        text += strspn(text, "/");
    }
    while (out->fixed_count < out->count && is_plain(&out->names[out->fixed_count]))
        out->fixed_count++;
    if (out->fixed_count == out->count) out->is_folder = false; /* without wildcards, `NAME/` finds a file, too */
    return STATUS_OK;
}

enum status glob_parse(struct glob *out, struct arena *arena, const char *text, struct error *err) {
    struct expansion expansion = {0};
    *out = (struct glob){.text = arena_copy(arena, text)};
    if (text[0] == '\0') return error_set(err, STATUS_INVALID, "A glob must not be empty.");
    if (strlen(text) > GLOB_BYTES_MAX)
        return error_set(err, STATUS_INVALID, "A glob has %zu bytes, more than the %d that are allowed: \"%.100s…\".",
                         strlen(text), GLOB_BYTES_MAX, text);
    enum status status = check_characters(text, err);
    if (!status) status = expand_braces(&expansion, arena, out->text, err);
    struct glob_pattern *patterns = arena_alloc(arena, (expansion.count + 1) * sizeof *patterns);
    out->patterns = patterns;
    for (size_t i = 0; !status && i < expansion.count; i++) {
        if (expansion.texts[i][0] == '\0') continue; /* from `{a,}` */
        out->length += strlen(expansion.texts[i]);
        status = parse_pattern(&patterns[out->count++], arena, text, expansion.texts[i], err);
        if (!status) status = check_characters(expansion.texts[i], err); /* the expansion may have joined them */
    }
    return status;
}

enum status glob_check_inside(const struct glob *glob, struct error *err) {
    for (size_t i = 0; i < glob->count; i++) {
        if (glob->patterns[i].is_absolute)
            return error_set(err, STATUS_INVALID, "The glob \"%s\" is absolute: it must be relative to the package's folder.",
                             glob->text);
        if (glob->patterns[i].is_outside)
            return error_set(err, STATUS_INVALID,
                             "The glob \"%s\" contains \"..\": only files in the package's folder can be included.",
                             glob->text);
    }
    return STATUS_OK;
}

/* ---- Matching ---- */

/* A path in UTF-16, and where its names start and end. */
struct path_units {
    uint16_t units[PATH_MAX];
    size_t starts[PATH_MAX / 2 + 2], ends[PATH_MAX / 2 + 2];
    size_t name_count;
};

static void split_path(struct path_units *out, const char *path) {
    size_t length = strnlen(path, PATH_MAX - 1), count = to_units(out->units, path, length);
    out->name_count = 0;
    for (size_t i = 0; i < count; i++) {
        out->starts[out->name_count] = i;
        while (i < count && out->units[i] != '/')
            i++;
        out->ends[out->name_count++] = i;
    }
}

static bool is_in_class(const struct token *token, uint16_t unit) {
    bool is_in = false;
    for (size_t i = 0; i < token->range_count && !is_in; i++)
        is_in = token->ranges[2 * i] <= unit && unit <= token->ranges[2 * i + 1];
    return is_in != token->is_negated;
}

static bool is_literal_at(const struct token *token, const uint16_t *name, size_t length) {
    return token->literal && token->literal_length <= length &&
           memcmp(token->literal, name, token->literal_length * sizeof *name) == 0;
}

/* Token by token: reached[i] tells whether the tokens so far match the first i characters of the name. */
static bool name_matches(const struct glob_name *glob, const uint16_t *name, size_t length, uint64_t *steps) {
    bool reached[NAME_MAX + 2] = {true}, next[NAME_MAX + 2];
    if (length > NAME_MAX) return false;
    for (size_t t = 0; t < glob->count; t++) {
        const struct token *token = &glob->tokens[t];
        bool is_dot = t == 0 && length > 0 && name[0] == '.', is_any = false;
        memset(next, 0, (length + 1) * sizeof *next);
        *steps += (length + 1) * (token->range_count + 1);
        for (size_t i = 0; i <= length; i++) {
            if (token->kind == TOKEN_STAR && !is_dot) next[i] = reached[i] || (i > 0 && next[i - 1]);
            if (!reached[i]) continue;
            bool is_one = i < length && ((token->kind == TOKEN_CHARACTER && token->character == name[i]) ||
                                         (token->kind == TOKEN_ANY && !is_dot) ||
                                         (token->kind == TOKEN_CLASS && is_in_class(token, name[i])));
            if (is_one) next[i + 1] = true;
            if (token->kind == TOKEN_CLASS && is_literal_at(token, name + i, length - i))
                next[i + token->literal_length] = true;
        }
        for (size_t i = 0; i <= length; i++)
            is_any |= next[i];
        if (!is_any) return false;
        memcpy(reached, next, (length + 1) * sizeof *reached);
    }
    return reached[length];
}

/* Name by name: reached[i] tells whether the glob's names so far match the first i names of the path. */
static bool pattern_matches(const struct glob_pattern *pattern, const struct path_units *path, bool is_folder,
                            uint64_t *steps) {
    bool reached[PATH_MAX / 2 + 2];
    size_t count = path->name_count;
    bool is_fixed = pattern->fixed_count == pattern->count;
    *steps += 1;
    if (pattern->is_outside || (pattern->is_folder && !is_folder)) return false;
    if (!is_fixed && count <= pattern->fixed_count) return false; /* the folder where the search starts is not found itself */
    memset(reached, 0, (count + 1) * sizeof *reached);
    reached[0] = true;
    for (size_t g = 0; g < pattern->count; g++) {
        const struct glob_name *name = &pattern->names[g];
        bool is_any = false, before = reached[0];
        *steps += count + 1;
        /* After a wildcard, a last `**` matches the folder itself, but no file. */
        bool takes_none = g + 1 < pattern->count || is_folder;
        if (name->is_any_folders) {
            bool carried = false;
            for (size_t i = 0; i <= count; i++) {
                bool was = reached[i];
                bool is_hidden = i > 0 && path->units[path->starts[i - 1]] == '.';
                carried = i > 0 && !is_hidden && (carried || before);
                reached[i] = carried || (was && takes_none);
                before = was;
                is_any |= reached[i];
            }
        } else {
            for (size_t i = 0; i <= count; i++) {
                bool was = reached[i];
                reached[i] =
                    i > 0 && before &&
                    name_matches(name, path->units + path->starts[i - 1], path->ends[i - 1] - path->starts[i - 1], steps);
                before = was;
                is_any |= reached[i];
            }
        }
        if (!is_any) return false;
    }
    return reached[count];
}

bool glob_matches(const struct glob *glob, const char *path, bool is_folder, uint64_t *steps) {
    uint64_t ignored = 0;
    struct path_units units;
    if (!steps) steps = &ignored;
    split_path(&units, path);
    if (glob->count > 0) *steps += strlen(path) + 1;
    for (size_t i = 0; i < glob->count; i++)
        if (pattern_matches(&glob->patterns[i], &units, is_folder, steps)) return true;
    return false;
}

static bool is_text(const struct glob_name *name, const uint16_t *units, size_t length) {
    for (size_t i = 0; i < name->count && i < length; i++)
        if (name->tokens[i].character != units[i]) return false;
    return name->count == length;
}

bool glob_names_folder(const struct glob *glob, const char *path) {
    struct path_units units;
    split_path(&units, path);
    for (size_t i = 0; i < glob->count; i++) {
        const struct glob_pattern *pattern = &glob->patterns[i];
        size_t same = 0;
        while (same < units.name_count && same < pattern->fixed_count &&
               is_text(&pattern->names[same], units.units + units.starts[same], units.ends[same] - units.starts[same]))
            same++;
        if (same == units.name_count && !pattern->is_outside) return true;
    }
    return false;
}
