/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Shows text with the colours and weights that programs write for terminals: escape sequences "Select Graphic Rendition" (ECMA-48,
 * 8.3.117). All other controls are shown by their numbers, as html_text() does.
 */
#ifndef SERVICES_GATEWAY_WEB_ANSI_H
#define SERVICES_GATEWAY_WEB_ANSI_H

#include <stddef.h>

struct html;

/* Writes the text as content, with a <span> for each part that has colours: classes `fg-N` and `bg-N`, N one of the sixteen colours
 * of a terminal (others become the nearest of them), `bold`, `faint`, `italic`, `underline`. Every span ends with the text. */
void ansi_write(struct html *html, const char *bytes, size_t length);

#endif
