/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A position in a source file.
 */
#ifndef LIB_SOURCE_SOURCE_POSITION_H
#define LIB_SOURCE_SOURCE_POSITION_H

/* Lines and columns (in characters) count from 1. */
struct source_position {
    int line;
    int column;
};

#endif
