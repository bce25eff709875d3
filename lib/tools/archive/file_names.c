/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/tools/archive/file_names.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <wchar.h>
#include <wctype.h>

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/tools/archive/archive_locale.h"

const char *file_name_danger(const char *name) {
    if (*name == '\0') return "is empty";
    if (text_equal(name, ".") || text_equal(name, "..")) return "leads out of its folder";
    if (strcasecmp(name, ".git") == 0) return "is git's own";
    return strchr(name, '/') ? "contains a slash" : NULL;
}

/* Windows reserves these names for devices, with any extension. */
static bool is_device(const char *name) {
    static const char *const devices[] = {"con", "prn", "aux", "nul", "conin$", "conout$"};
    static const char *const numbered[] = {"com", "lpt"};
    static const char *const digits[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "\xc2\xb9", "\xc2\xb2", "\xc2\xb3"};
    size_t length = strcspn(name, ".");
    while (length > 0 && name[length - 1] == ' ')
        length--;
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
        if (strlen(devices[i]) == length && strncasecmp(name, devices[i], length) == 0) return true;
    for (size_t i = 0; i < sizeof numbered / sizeof *numbered; i++)
        for (size_t j = 0; j < sizeof digits / sizeof *digits; j++)
            if (length == 3 + strlen(digits[j]) && strncasecmp(name, numbered[i], 3) == 0 &&
                strncmp(name + 3, digits[j], length - 3) == 0)
                return true;
    return false;
}

const char *file_name_fault(const char *name) {
    const char *danger = file_name_danger(name);
    if (danger) return danger;
    size_t length = strlen(name);
    if (strchr(name, '\\')) return "contains a backslash";
    for (const char *at = name; *at; at++)
        if (iscntrl((unsigned char)*at)) return "contains a control character";
    if (!text_is_utf8(name, length)) return "is not UTF-8";
    if (name[strcspn(name, "<>:\"|?*")]) return "has a character that Windows does not allow in names (one of < > : \" | ? *)";
    if (name[length - 1] == '.' || name[length - 1] == ' ')
        return "ends in a dot or a space, which Windows does not allow in names";
    return is_device(name) ? "is reserved on Windows" : NULL;
}

/* A case-folded name with its index in the list. */
struct folded_name {
    wchar_t *text;
    size_t index;
};

/* Folds by way of upper case, which more letters share. A name that is not UTF-8 is folded byte by byte. */
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
