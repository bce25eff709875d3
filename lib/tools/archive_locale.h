/* SPDX-License-Identifier: BSD-3-Clause
 *
 * libarchive takes names to be in the locale's characters, and drops or changes what it cannot convert. Between these two calls
 * a thread's names are UTF-8, whatever the process's locale. Only for archive.c, archive_pack.c and file_names.c.
 */
#ifndef LIB_TOOLS_ARCHIVE_LOCALE_H
#define LIB_TOOLS_ARCHIVE_LOCALE_H

#include <locale.h>

struct archive_locale {
    locale_t utf8, before;
};

/* Where this machine lacks C.UTF-8 nothing changes, and names beyond ASCII are refused by the archiver. */
static inline struct archive_locale archive_locale_enter(void) {
    struct archive_locale locale = {.utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0)};
    if (locale.utf8) locale.before = uselocale(locale.utf8);
    return locale;
}

static inline void archive_locale_leave(const struct archive_locale *locale) {
    if (!locale->utf8) return;
    uselocale(locale->before);
    freelocale(locale->utf8);
}

#endif
