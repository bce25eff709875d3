/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/web/atom.h"

#include <string.h>

#include "lib/base/hash.h"
#include "lib/base/text.h"

#define NEVER "1970-01-01T00:00:00Z" /* a feed without entries must have a time nevertheless */

static void write_id(struct html *html, const char *identity) {
    char uuid[UUID_TEXT_MAX];
    hash_uuid(identity, strlen(identity), uuid);
    html_begin(html, "id");
    html_format(html, "urn:uuid:%s", uuid);
    html_end(html);
}

static void write_link(struct atom *atom, const char *relation, const char *type, const char *path) {
    struct text address = {0};
    text_append(&address, atom->site);
    text_append(&address, path);
    html_begin(&atom->html, "link");
    html_attribute(&atom->html, "rel", relation);
    html_attribute(&atom->html, "type", type);
    html_attribute(&atom->html, "href", address.bytes);
    html_end(&atom->html);
    text_release(&address);
}

void atom_begin(struct atom *atom, const struct atom_feed *feed) {
    struct html *html = &atom->html;
    text_append(html->out, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n");
    html_begin(html, "feed");
    html_attribute(html, "xmlns", "http://www.w3.org/2005/Atom");
    html_attribute(html, "xml:lang", "en");
    write_id(html, feed->path);
    html_element(html, "title", NULL, feed->title);
    html_element(html, "updated", NULL, *feed->updated ? feed->updated : NEVER);
    html_begin(html, "author");
    html_element(html, "name", NULL, "PureScript registry");
    html_end(html);
    write_link(atom, "self", "application/atom+xml", feed->path);
    write_link(atom, "alternate", "text/html", feed->page);
}

void atom_write(struct atom *atom, const struct atom_entry *entry) {
    struct html *html = &atom->html;
    html_begin(html, "entry");
    write_id(html, entry->identity);
    html_element(html, "title", NULL, entry->title);
    html_element(html, "updated", NULL, entry->time);
    html_element(html, "published", NULL, entry->time);
    write_link(atom, "alternate", "text/html", entry->page);
    if (entry->category) {
        html_begin(html, "category");
        html_attribute(html, "term", entry->category);
        html_end(html);
    }
    if (entry->text) html_element(html, "summary", NULL, entry->text);
    html_end(html);
}

void atom_end(struct atom *atom) {
    html_end(&atom->html);
    text_append(atom->html.out, "\n");
}
