/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Pieces of HTML that several pages have.
 */
#ifndef SERVICES_GATEWAY_WEB_PARTS_H
#define SERVICES_GATEWAY_WEB_PARTS_H

#include <stdbool.h>

#include "services/gateway/web/html.h"

struct json_t;

/* The text of the field, or "" if the object has none; borrowed. */
const char *part_text(const struct json_t *object, const char *field);

/* A link whose address is made by the format. Only names that are their own percent-encoding (of packages, versions, jobs) may be
 * put into it; others by url_append_parameter() into a text, and html_link(). */
void part_link(struct html *html, const char *text, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* A link to an address from outside: a link if it is one of the web, else its text alone. */
void part_outside_link(struct html *html, const char *address);

/* Begins a table with its row of headings, ended by NULL, and its body; of a heading that begins with `#` or `-` (which are not
 * shown) the cells have numbers, or are left out where the page is narrow; `-` is first where it is both. part_table_end() ends
 * both. */
void part_table_begin(struct html *html, const char *const *headings);
void part_table_end(struct html *html);
/* A cell with a text, and one with a number. */
void part_cell(struct html *html, const char *text);
void part_number_cell(struct html *html, long long number);
/* Begins a cell, or one that is left out where the page is narrow. */
void part_cell_begin(struct html *html);
void part_wide_cell_begin(struct html *html);

/* A row of a <dl>: nothing for an empty text. */
void part_fact(struct html *html, const char *name, const char *text);
/* The same with a link, as of part_link(). */
void part_linked_fact(struct html *html, const char *name, const char *text, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* A labelled field of a form for one line of text, filled with `value` unless that is NULL. */
void part_input(struct html *html, const char *name, const char *label, const char *value);
/* A labelled choice, ended by html_end(), and one of its options; `text` NULL: the value itself. */
void part_choice_begin(struct html *html, const char *name, const char *label);
void part_option(struct html *html, const char *value, const char *text, bool is_chosen);

/* Text as at a terminal or in a file; a wide one is scrolled by itself. */
void part_command(struct html *html, const char *text);

/* <time>, from a time as the API has it; shows the date alone, or the time of day to the second, too. Nothing for "". */
void part_date(struct html *html, const char *time);
void part_time(struct html *html, const char *time);

/* The form that searches for packages, with what it has now, or NULL: a text, and an order of query_sorts, which is left out if it
 * is "". A module of assets shows the results as one types, below the form; page_load_script() is the page's. */
void part_package_search(struct html *html, const char *search, const char *sort);

/* A paragraph with a link to the next part of a list. */
void part_next(struct html *html, const char *address, const char *text);

#endif
