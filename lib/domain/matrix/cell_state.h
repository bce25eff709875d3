/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The state of a cell of the build matrix: of one published version with one supported compiler. It is more than the verdict of a
 * build, which a cell may not have had yet.
 */
#ifndef LIB_DOMAIN_MATRIX_CELL_STATE_H
#define LIB_DOMAIN_MATRIX_CELL_STATE_H

#include <stdbool.h>

/* CELL_STATE(name, text, meaning). The order is that of the numbers in the file of the whole matrix (GET /api/v1/matrix), so rows
 * are only ever appended. */
#define CELL_STATE_TABLE(CELL_STATE)                                                                                           \
    CELL_STATE(UNTRIED, "untried", "It has not been built yet.")                                                               \
    CELL_STATE(SUCCEEDED, "succeeded", "It compiles.")                                                                         \
    CELL_STATE(FAILED, "failed", "Its last build did not succeed.")                                                            \
    CELL_STATE(NO_PLAN, "no_plan", "No versions of its dependencies can be built together with this compiler.")                \
    CELL_STATE(PENDING, "pending", "Its build waits for a worker.")                                                            \
    CELL_STATE(RUNNING, "running", "It is being built.")

enum cell_state {
#define CELL_STATE(name, text, meaning) CELL_##name,
    CELL_STATE_TABLE(CELL_STATE)
#undef CELL_STATE
        CELL_STATE_COUNT
};

/* As in the API. */
const char *cell_state_text(enum cell_state state);
bool cell_state_parse(const char *text, enum cell_state *state); /* false for NULL or another text */
const char *cell_state_meaning(enum cell_state state);

#endif
