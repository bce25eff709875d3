/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A first-in-first-out queue, with a limit if one is set. The link is a member of the queued struct, so that adding allocates
 * nothing, and an item can leave from the middle. The queue owns nothing and locks nothing: its owner's mutex guards it.
 *
 *   struct held_job {
 *       struct queue_link link;
 *       …
 *   };
 *   struct queue jobs = {.limit = 1024};
 *   if (!queue_add(&jobs, &held->link)) …;                                            full
 *   struct held_job *next = QUEUE_ITEM(queue_take(&jobs), struct held_job, link);      NULL: empty
 *   for (struct queue_link *at = jobs.first; at; at = at->next) …                     the oldest first
 */
#ifndef LIB_BASE_QUEUE_H
#define LIB_BASE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

struct queue_link {
    struct queue_link *prev, *next; /* of the first, `prev` is the last */
};

struct queue {
    struct queue_link *first; /* NULL: empty; all zero is an empty queue without a limit */
    size_t count;
    size_t limit; /* 0: none */
};

/* The struct whose member `member` the link is; NULL for NULL. */
#define QUEUE_ITEM(link, type, member) ((type *)queue_item((link), offsetof(type, member)))

/* Adds the item at the end. False: the queue is full, and nothing has happened. */
bool queue_add(struct queue *queue, struct queue_link *item);

/* Puts an item that was taken and could not be handled back at the front, even above the limit. */
void queue_put_back(struct queue *queue, struct queue_link *item);

/* Takes the oldest item out. NULL: the queue is empty. */
struct queue_link *queue_take(struct queue *queue);

/* Removes an item of this queue from any position. */
void queue_remove(struct queue *queue, struct queue_link *item);

/* True: the item is in a queue. An item that never was in one has an all-zero link. */
bool queue_has_link(const struct queue_link *item);

void *queue_item(struct queue_link *link, size_t offset); /* for QUEUE_ITEM */

#endif
