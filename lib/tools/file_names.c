/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/tools/file_names.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <wchar.h>
#include <wctype.h>

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/tools/archive_locale.h"

const char *file_name_fault(const char *name) {
    if (*name == '\0') return "is empty";
    if (text_equal(name, ".") || text_equal(name, "..")) return "leads out of its folder";
    if (strcasecmp(name, ".git") == 0) return "is git's own";
    if (strchr(name, '/') || strchr(name, '\\')) return "has a slash or a backslash in it";
    for (const char *at = name; *at; at++)
        if (iscntrl((unsigned char)*at)) return "has a control character in it";
    return text_is_utf8(name, strlen(name)) ? NULL : "is not UTF-8";
}

/* A name without its case, beside its place in the list. */
struct folded_name {
    wchar_t *text;
    size_t index;
};

/* By way of upper case, which more letters have in common. A name that is not UTF-8 stays byte by byte as it is. */
static wchar_t *fold(const char *name) {
    size_t length = strlen(name);
    wchar_t *text = memory_resize(NULL, length + 1, sizeof *text);
    size_t converted = mbstowcs(text, name, length + 1);
    for (size_t i = 0; converted == (size_t)-1 && i <= length; i++)
        text[i] = (unsigned char)name[i];
    for (wchar_t *at = text; *at; at++)
        *at = (wchar_t)towlower(towupper((wint_t)*at));
    return text;
}

static int compare_folded(const void *a, const void *b) {
    const struct folded_name *one = a, *other = b;
    int order = wcscmp(one->text, other->text);
    return order ? order : (one->index > other->index) - (one->index < other->index);
}

bool file_names_clash(const char *const *names, size_t count, size_t *one, size_t *other) {
    if (count < 2) return false;
    struct folded_name *folded = memory_resize(NULL, count, sizeof *folded);
    bool clashes = false;
    struct archive_locale locale = archive_locale_enter();
    for (size_t i = 0; i < count; i++)
        folded[i] = (struct folded_name){fold(names[i]), i};
    archive_locale_leave(&locale);
    qsort(folded, count, sizeof *folded, compare_folded);
    for (size_t i = 1; i < count && !clashes; i++) {
        clashes = wcscmp(folded[i - 1].text, folded[i].text) == 0;
        *one = folded[i - 1].index;
        *other = folded[i].index;
    }
    for (size_t i = 0; i < count; i++)
        free(folded[i].text);
    free(folded);
    return clashes;
}
