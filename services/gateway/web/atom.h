/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Writes Atom feeds (RFC 4287), by html.h, whose escaping is that of XML, too: it leaves no character that XML 1.0 forbids.
 * Elements that are empty have both tags. Addresses are absolute: those given here are paths, below `site`.
 *
 * An id must stay the same for ever, whichever host the feed is read from: it is made from a text that names the entry.
 */
#ifndef SERVICES_GATEWAY_WEB_ATOM_H
#define SERVICES_GATEWAY_WEB_ATOM_H

#include "services/gateway/web/html.h"

struct atom {
    struct html html;
    const char *site; /* "https://registry.example.org" */
};

struct atom_feed {
    const char *title;
    const char *path;    /* its own */
    const char *page;    /* that shows the same */
    const char *updated; /* of its newest entry, as the API has times; "": it has none */
};

struct atom_entry {
    const char *identity; /* names it among all entries of all feeds */
    const char *title;
    const char *time; /* as the API has times */
    const char *page;
    const char *category; /* NULL: none */
    const char *text;     /* NULL: none */
};

void atom_begin(struct atom *atom, const struct atom_feed *feed);
void atom_write(struct atom *atom, const struct atom_entry *entry);
void atom_end(struct atom *atom);

#endif
