/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/base/queue.h"

#include <assert.h>
#include <utlist.h>

bool queue_add(struct queue *queue, struct queue_link *item) {
    if (queue->limit && queue->count >= queue->limit) return false;
    DL_APPEND(queue->first, item);
    queue->count++;
    return true;
}

void queue_put_back(struct queue *queue, struct queue_link *item) {
    DL_PREPEND(queue->first, item);
    queue->count++;
}

struct queue_link *queue_take(struct queue *queue) {
    struct queue_link *item = queue->first;
    if (item) queue_remove(queue, item);
    return item;
}

void queue_remove(struct queue *queue, struct queue_link *item) {
    assert(queue->count > 0);
    DL_DELETE(queue->first, item);
    queue->count--;
    item->prev = item->next = NULL;
}

bool queue_has_link(const struct queue_link *item) {
    return item->prev != NULL;
}

void *queue_item(struct queue_link *link, size_t offset) {
    return link ? (char *)link - offset : NULL;
}
