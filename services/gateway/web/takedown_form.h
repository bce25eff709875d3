/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The form of /dmca: its fields, how they are checked, and how it is shown, again with what was typed and a sentence at each field
 * that must be changed.
 */
#ifndef SERVICES_GATEWAY_WEB_TAKEDOWN_FORM_H
#define SERVICES_GATEWAY_WEB_TAKEDOWN_FORM_H

#include <stdbool.h>

#include "lib/domain/takedown/takedown.h"
#include "services/gateway/http/query.h"
#include "services/gateway/web/html.h"

enum takedown_field {
    TAKEDOWN_NAME,
    TAKEDOWN_EMAIL,
    TAKEDOWN_PACKAGE,
    TAKEDOWN_VERSION,
    TAKEDOWN_WORK,
    TAKEDOWN_GOOD_FAITH,
    TAKEDOWN_ACCURACY,
    TAKEDOWN_SIGNATURE,
    TAKEDOWN_FIELDS
};

struct takedown_form {
    const char *values[TAKEDOWN_FIELDS]; /* "" if nothing was typed */
    const char *faults[TAKEDOWN_FIELDS]; /* NULL: none */
};

/* Takes the values from a form that was sent; all texts are in the arena. */
void takedown_form_read(struct takedown_form *out, const struct query *sent, struct arena *arena);

/* Sets the faults. True: there are none. */
bool takedown_form_check(struct takedown_form *form, struct arena *arena);

/* The case that the form states, without reference and time; texts are borrowed from the form. */
struct takedown takedown_form_case(const struct takedown_form *form);

void takedown_form_write(struct html *html, const struct takedown_form *form);

#endif
