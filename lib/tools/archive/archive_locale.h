/* SPDX-License-Identifier: BSD-3-Clause
 *
 * libarchive assumes that names are in the locale's encoding, and drops or changes characters that it cannot convert. Between
 * these two calls the calling thread's names are UTF-8, whatever the locale of the process. Only for archive.c, archive_pack.c
 * and file_names.c.
 */
#ifndef LIB_TOOLS_ARCHIVE_ARCHIVE_LOCALE_H
#define LIB_TOOLS_ARCHIVE_ARCHIVE_LOCALE_H

#include <locale.h>

struct archive_locale {
    locale_t utf8, before;
};

/* If the machine lacks C.UTF-8, nothing changes, and the archiver refuses names beyond ASCII. */
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
