/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/matrix/cell_state.h"

#include "lib/base/text.h"

static const struct {
    const char *text, *meaning;
} states[] = {
#define CELL_STATE(name, text, meaning) {text, meaning},
    CELL_STATE_TABLE(CELL_STATE)
#undef CELL_STATE
};

const char *cell_state_text(enum cell_state state) {
    return states[state].text;
}

bool cell_state_parse(const char *text, enum cell_state *state) {
    for (unsigned i = 0; i < CELL_STATE_COUNT; i++)
        if (text_equal(states[i].text, text)) {
            *state = (enum cell_state)i;
            return true;
        }
    return false;
}

const char *cell_state_meaning(enum cell_state state) {
    return states[state].meaning;
}
