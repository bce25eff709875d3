/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/web/build_state.h"

#include "lib/base/text.h"
#include "services/gateway/web/parts.h"

static const struct build_state states[CELL_STATE_COUNT] = {
    [CELL_UNTRIED] = {"not built yet", "state-untried", "?"}, [CELL_SUCCEEDED] = {"builds", "state-succeeded", "✓"},
    [CELL_FAILED] = {"fails", "state-failed", "✗"},           [CELL_NO_PLAN] = {"no plan", "state-no-plan", "–"},
    [CELL_PENDING] = {"waiting", "state-pending", "…"},       [CELL_RUNNING] = {"running", "state-running", "▸"},
};

const struct build_state *build_state_of(enum cell_state state) {
    return &states[state];
}

void part_build_state(struct html *html, const char *state, const char *job_id) {
    enum cell_state cell;
    bool is_known = cell_state_parse(state, &cell);
    html_begin(html, "span");
    html_attribute(html, "class", is_known ? states[cell].class : NULL);
    html_attribute(html, "title", is_known ? cell_state_meaning(cell) : NULL);
    if (is_known) {
        html_begin(html, "span");
        html_attribute(html, "aria-hidden", "true");
        html_format(html, "%s ", states[cell].mark);
        html_end(html);
    }
    const char *word = is_known ? states[cell].word : state;
    if (job_id && *job_id)
        part_link(html, word, "/jobs/%s", job_id);
    else
        html_text(html, word);
    html_end(html);
}
