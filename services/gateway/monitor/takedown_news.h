/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Tells operators of new takedown cases, through the health check: which were told is kept in Redis, so each is told at least
 * once, whatever is restarted. Used by the health check's thread alone.
 */
#ifndef SERVICES_GATEWAY_MONITOR_TAKEDOWN_NEWS_H
#define SERVICES_GATEWAY_MONITOR_TAKEDOWN_NEWS_H

#include "lib/base/error.h"

struct takedown_news;
struct text;

CHECK_RESULT enum status takedown_news_create(struct takedown_news **out, const char *redis_url, struct error *err);
void takedown_news_free(struct takedown_news *news); /* NULL is allowed */

/* Appends a line for each case that was not told yet. A failure is logged: the next call finds them. */
void takedown_news_take(struct takedown_news *news, struct text *out);
/* Notes that those of the last takedown_news_take() were told. */
void takedown_news_note_told(struct takedown_news *news);

#endif
