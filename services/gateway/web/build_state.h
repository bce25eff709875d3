/* SPDX-License-Identifier: BSD-3-Clause
 *
 * How pages show the state of a cell of the build matrix (lib/domain/matrix/cell_state.h): a word, a mark that tells it apart
 * without its colour, and a class of assets/site.css with the colour.
 */
#ifndef SERVICES_GATEWAY_WEB_BUILD_STATE_H
#define SERVICES_GATEWAY_WEB_BUILD_STATE_H

#include "lib/domain/matrix/cell_state.h"
#include "services/gateway/web/html.h"

struct build_state {
    const char *word;  /* "builds" */
    const char *class; /* "state-succeeded" */
    const char *mark;  /* "✓", one character */
};

/* Static. */
const struct build_state *build_state_of(enum cell_state state);

/* The mark and the word of the state with this text of the API, with a link to the page of its job unless that is NULL or "". A
 * state that is not known here is shown as its text. The id must be one of a job. */
void part_build_state(struct html *html, const char *state, const char *job_id);

#endif
