/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/web/takedown_form.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/text.h"
#include "lib/domain/package/package_name.h"
#include "lib/domain/package/version.h"

enum kind { LINE, LINES, BOX };

/* A row of the form. */
static const struct {
    const char *name, *label;
    const char *hint;    /* NULL: none */
    const char *missing; /* the sentence if nothing was typed; NULL: may be empty */
    enum kind kind;
    size_t most; /* characters */
    const char *type, *autocomplete;
} rows[TAKEDOWN_FIELDS] = {
    [TAKEDOWN_NAME] = {"name", "Your name", NULL, "Your name is missing.", LINE, 200, "text", "name"},
    [TAKEDOWN_EMAIL] = {"email", "Your e-mail address", "The operators answer to it.", "Your e-mail address is missing.", LINE,
                        254, "email", "email"},
    [TAKEDOWN_PACKAGE] = {"package", "Package", "Its name in this registry.", "The name of the package is missing.", LINE,
                          PACKAGE_NAME_MAX, "text", "off"},
    [TAKEDOWN_VERSION] = {"version", "Version (optional)", "As 1.2.3. Leave it empty if all versions are meant.", NULL, LINE,
                          VERSION_TEXT_MAX - 1, "text", "off"},
    [TAKEDOWN_WORK] = {"work", "The work that was copied",
                       "What it is, where the original can be found, and which files of the package copy it.",
                       "The description of the work is missing.", LINES, 4000, NULL, NULL},
    [TAKEDOWN_GOOD_FAITH] = {"good_faith",
                             "I believe in good faith that this use is allowed neither by the owner of the copyright or the "
                             "owner's agent nor by law.",
                             NULL, "Without this statement no takedown can be carried out.", BOX, 3, NULL, NULL},
    [TAKEDOWN_ACCURACY] = {"accuracy",
                           "What I state here is accurate, and under penalty of perjury I own the copyright or may act for its "
                           "owner.",
                           NULL, "Without this statement no takedown can be carried out.", BOX, 3, NULL, NULL},
    [TAKEDOWN_SIGNATURE] = {"signature", "Signature", "Type your full name.", "The signature is missing.", LINE, 200, "text",
                            "off"},
};

/* ---- Reading and checking ---- */

/* Browsers send line breaks as CR LF; white space at both ends is not meant. */
static const char *tidy(const char *value, struct arena *arena) {
    while (*value && strchr(" \t\r\n", *value))
        value++;
    char *copy = arena_copy(arena, value), *end = copy;
    for (const char *at = value; *at; at++)
        if (*at != '\r') *end++ = *at;
    while (end > copy && strchr(" \t\n", end[-1]))
        end--;
    *end = '\0';
    return copy;
}

void takedown_form_read(struct takedown_form *out, const struct query *sent, struct arena *arena) {
    *out = (struct takedown_form){0};
    for (size_t i = 0; i < TAKEDOWN_FIELDS; i++) {
        const char *value = query_value(sent, rows[i].name);
        out->values[i] = tidy(value ? value : "", arena);
    }
}

static bool has_controls(const char *value, enum kind kind) {
    for (; *value; value++) {
        bool is_break = kind == LINES && (*value == '\n' || *value == '\t');
        if (((unsigned char)*value < ' ' && !is_break) || *value == 0x7f) return true;
    }
    return false;
}

static const char *check_any(size_t field, const char *value, struct arena *arena) {
    if (!*value) return rows[field].missing;
    if (has_controls(value, rows[field].kind)) return "This has control characters, which it must not have.";
    size_t length = text_count_characters(value);
    if (length <= rows[field].most) return NULL;
    return arena_format(arena, "This has %zu characters; at most %zu are possible.", length, rows[field].most);
}

/* An address with one part on each side of its last `@`; whether it exists shows when the operators write to it. */
static const char *check_email(const char *email) {
    const char *at = strrchr(email, '@');
    bool is_address =
        at && at > email && strchr(at, '.') && at[1] != '.' && !text_ends_with(email, ".") && !strpbrk(email, " <>,;");
    return is_address ? NULL : "This is no e-mail address; one looks like name@example.org.";
}

static const char *check_field(size_t field, const char *value, struct arena *arena) {
    struct error err;
    struct version version;
    const char *fault = check_any(field, value, arena);
    if (fault || !*value) return fault;
    if (field == TAKEDOWN_EMAIL) return check_email(value);
    if (field == TAKEDOWN_PACKAGE && package_name_check(value, &err))
        return arena_format(arena, "This is no name of a package: %s", err.message);
    if (field == TAKEDOWN_VERSION && version_parse(&version, value, &err))
        return arena_format(arena, "This is no version: %s", err.message);
    return NULL;
}

bool takedown_form_check(struct takedown_form *form, struct arena *arena) {
    bool is_fine = true;
    for (size_t i = 0; i < TAKEDOWN_FIELDS; i++) {
        form->faults[i] = check_field(i, form->values[i], arena);
        is_fine = is_fine && !form->faults[i];
    }
    return is_fine;
}

struct takedown takedown_form_case(const struct takedown_form *form) {
    const char *version = form->values[TAKEDOWN_VERSION];
    return (struct takedown){.name = form->values[TAKEDOWN_NAME],
                             .email = form->values[TAKEDOWN_EMAIL],
                             .work = form->values[TAKEDOWN_WORK],
                             .package = form->values[TAKEDOWN_PACKAGE],
                             .version = *version ? version : NULL,
                             .signature = form->values[TAKEDOWN_SIGNATURE]};
}

/* ---- Showing ---- */

static void write_note(struct html *html, size_t field, const char *class, const char *text) {
    char id[64];
    if (!text) return;
    snprintf(id, sizeof id, "%s-%s", rows[field].name, class);
    html_begin(html, "p");
    html_attribute(html, "class", class);
    html_attribute(html, "id", id);
    html_text(html, text);
    html_end(html);
}

/* The attributes that all kinds of fields have. */
static void write_attributes(struct html *html, size_t field, const char *fault) {
    char notes[128];
    snprintf(notes, sizeof notes, "%s%s%s%s%s", rows[field].hint ? rows[field].name : "", rows[field].hint ? "-hint" : "",
             rows[field].hint && fault ? " " : "", fault ? rows[field].name : "", fault ? "-fault" : "");
    html_attribute(html, "name", rows[field].name);
    html_attribute(html, "id", rows[field].name);
    html_attribute(html, "required", rows[field].missing ? "" : NULL);
    html_attribute(html, "aria-describedby", *notes ? notes : NULL);
    html_attribute(html, "aria-invalid", fault ? "true" : NULL);
}

static void write_label(struct html *html, size_t field) {
    html_begin(html, "label");
    html_attribute(html, "for", rows[field].name);
    html_text(html, rows[field].label);
    html_end(html);
}

static void write_text_field(struct html *html, size_t field, const char *value, const char *fault) {
    char most[32];
    bool has_lines = rows[field].kind == LINES;
    snprintf(most, sizeof most, "%zu", rows[field].most);
    write_label(html, field);
    write_note(html, field, "hint", rows[field].hint);
    if (has_lines)
        html_begin(html, "textarea");
    else
        html_void(html, "input");
    write_attributes(html, field, fault);
    html_attribute(html, "maxlength", most);
    html_attribute(html, "autocomplete", rows[field].autocomplete);
    html_attribute(html, has_lines ? "rows" : "type", has_lines ? "8" : rows[field].type);
    html_attribute(html, "value", has_lines ? NULL : value);
    if (has_lines) html_text(html, value);
    if (has_lines) html_end(html);
}

static void write_box(struct html *html, size_t field, const char *value, const char *fault) {
    html_begin(html, "div");
    html_attribute(html, "class", "box");
    html_void(html, "input");
    html_attribute(html, "type", "checkbox");
    html_attribute(html, "value", "yes");
    html_attribute(html, "checked", *value ? "" : NULL);
    write_attributes(html, field, fault);
    write_label(html, field);
    html_end(html);
}

/* Leads to the fields with faults; a screen reader says it first. */
static void write_faults(struct html *html, const struct takedown_form *form) {
    size_t count = 0;
    for (size_t i = 0; i < TAKEDOWN_FIELDS; i++)
        count += form->faults[i] != NULL;
    if (count == 0) return;
    html_begin(html, "div");
    html_attribute(html, "role", "alert");
    html_element(html, "p", "fault", "Nothing was sent yet. Please change this, and send the form again:");
    html_begin(html, "ul");
    for (size_t i = 0; i < TAKEDOWN_FIELDS; i++) {
        char address[64];
        if (!form->faults[i]) continue;
        snprintf(address, sizeof address, "#%s", rows[i].name);
        html_begin(html, "li");
        html_link(html, address, form->faults[i]);
        html_end(html);
    }
    html_end(html);
    html_end(html);
}

void takedown_form_write(struct html *html, const struct takedown_form *form) {
    write_faults(html, form);
    html_begin(html, "form");
    html_attribute(html, "method", "post");
    html_attribute(html, "action", "/dmca");
    html_attribute(html, "class", "long");
    for (size_t i = 0; i < TAKEDOWN_FIELDS; i++) {
        const char *value = form->values[i] ? form->values[i] : "";
        if (rows[i].kind == BOX)
            write_box(html, i, value, form->faults[i]);
        else
            write_text_field(html, i, value, form->faults[i]);
        write_note(html, i, "fault", form->faults[i]);
    }
    html_begin(html, "button");
    html_attribute(html, "type", "submit");
    html_text(html, "Send the takedown request");
    html_end(html);
    html_end(html);
}
