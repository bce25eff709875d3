/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/web/parts.h"

#include <jansson.h>
#include <stdarg.h>
#include <string.h>

#include "lib/base/text.h"

const char *part_text(const json_t *object, const char *field) {
    const char *value = json_string_value(json_object_get(object, field));
    return value ? value : "";
}

static void write_link(struct html *html, const char *text, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

static void write_link(struct html *html, const char *text, const char *format, va_list arguments) {
    struct text address = {0};
    text_append_format_list(&address, format, arguments);
    html_link(html, address.bytes, text);
    text_release(&address);
}

void part_link(struct html *html, const char *text, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    write_link(html, text, format, arguments);
    va_end(arguments);
}

void part_outside_link(struct html *html, const char *address) {
    if (text_starts_with(address, "https://") || text_starts_with(address, "http://"))
        html_link(html, address, address);
    else
        html_text(html, address);
}

void part_table_begin(struct html *html, const char *const *headings) {
    html_begin(html, "table");
    html_begin(html, "thead");
    html_begin(html, "tr");
    for (; *headings; headings++) {
        bool is_wide = **headings == '-', is_number = (*headings)[is_wide] == '#';
        html_begin(html, "th");
        html_attribute(html, "scope", "col");
        html_attribute(html, "class", is_wide && is_number ? "wide number" : is_wide ? "wide" : is_number ? "number" : NULL);
        html_text(html, *headings + is_wide + is_number);
        html_end(html);
    }
    html_end(html);
    html_end(html);
    html_begin(html, "tbody");
}

void part_table_end(struct html *html) {
    html_end(html);
    html_end(html);
}

void part_cell(struct html *html, const char *text) {
    html_element(html, "td", NULL, text);
}

void part_number_cell(struct html *html, long long number) {
    html_begin(html, "td");
    html_attribute(html, "class", "number");
    html_format(html, "%lld", number);
    html_end(html);
}

void part_cell_begin(struct html *html) {
    html_begin(html, "td");
}

void part_wide_cell_begin(struct html *html) {
    html_begin(html, "td");
    html_attribute(html, "class", "wide");
}

void part_fact(struct html *html, const char *name, const char *text) {
    if (!*text) return;
    html_element(html, "dt", NULL, name);
    html_element(html, "dd", NULL, text);
}

void part_linked_fact(struct html *html, const char *name, const char *text, const char *format, ...) {
    va_list arguments;
    html_element(html, "dt", NULL, name);
    html_begin(html, "dd");
    va_start(arguments, format);
    write_link(html, text, format, arguments);
    va_end(arguments);
    html_end(html);
}

void part_input(struct html *html, const char *name, const char *label, const char *value) {
    html_begin(html, "label");
    html_attribute(html, "for", name);
    html_text(html, label);
    html_end(html);
    html_void(html, "input");
    html_attribute(html, "id", name);
    html_attribute(html, "name", name);
    html_attribute(html, "value", value);
    html_attribute(html, "autocomplete", "off");
    html_attribute(html, "spellcheck", "false");
}

void part_command(struct html *html, const char *text) {
    html_begin(html, "pre");
    html_attribute(html, "tabindex", "0"); /* scrolled by keyboard, too */
    html_element(html, "code", NULL, text);
    html_end(html);
}

void part_choice_begin(struct html *html, const char *name, const char *label) {
    html_begin(html, "label");
    html_attribute(html, "for", name);
    html_text(html, label);
    html_end(html);
    html_begin(html, "select");
    html_attribute(html, "id", name);
    html_attribute(html, "name", name);
}

void part_option(struct html *html, const char *value, const char *text, bool is_chosen) {
    html_begin(html, "option");
    html_attribute(html, "value", value);
    html_attribute(html, "selected", is_chosen ? "" : NULL);
    html_text(html, text ? text : value);
    html_end(html);
}

static void write_time(struct html *html, const char *time, bool has_time_of_day) {
    if (!*time) return;
    html_begin(html, "time");
    html_attribute(html, "datetime", time);
    html_format(html, "%.10s", time);
    if (has_time_of_day && strlen(time) > 11) html_format(html, " %.8s UTC", time + 11);
    html_end(html);
}

void part_date(struct html *html, const char *time) {
    write_time(html, time, false);
}

void part_time(struct html *html, const char *time) {
    write_time(html, time, true);
}

static void write_sorts(struct html *html, const char *sort) {
    static const struct {
        const char *value, *text;
    } sorts[] = {{"", "Best match, or name"}, {"name", "Name"}, {"dependants", "Most dependants"}, {"newest", "Newest"}};
    html_begin(html, "span");
    part_choice_begin(html, "sort", "Order");
    for (size_t i = 0; i < sizeof sorts / sizeof *sorts; i++)
        part_option(html, sorts[i].value, sorts[i].text, text_equal(sorts[i].value, sort));
    html_end(html);
    html_end(html);
}

void part_package_search(struct html *html, const char *search, const char *sort) {
    html_begin(html, "form");
    html_attribute(html, "action", "/packages");
    html_attribute(html, "role", "search");
    html_attribute(html, "class", "search");
    html_begin(html, "label");
    html_text(html, "Search packages ");
    html_void(html, "input");
    html_attribute(html, "type", "search");
    html_attribute(html, "name", "search");
    html_attribute(html, "value", search);
    html_attribute(html, "maxlength", "200");
    html_attribute(html, "autocomplete", "off");
    html_attribute(html, "spellcheck", "false");
    html_end(html);
    if (!text_equal(sort, "")) write_sorts(html, sort);
    html_element(html, "button", NULL, "Search");
    html_end(html);
}

void part_next(struct html *html, const char *address, const char *text) {
    html_begin(html, "p");
    html_begin(html, "a");
    html_attribute(html, "href", address);
    html_attribute(html, "rel", "next");
    html_text(html, text);
    html_end(html);
    html_end(html);
}
