/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/backend/kept_answers.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/map.h"
#include "lib/base/memory.h"

struct kept_answers {
    size_t limit_bytes;
    pthread_mutex_t mutex;
    size_t bytes;
    struct map by_key;
    struct queue by_age; /* the one that was not asked for longest is first */
};

struct kept_answers *kept_answers_create(size_t limit_bytes) {
    struct kept_answers *answers = memory_alloc(sizeof *answers);
    answers->limit_bytes = limit_bytes;
    pthread_mutex_init(&answers->mutex, NULL);
    return answers;
}

static struct kept_answer *answer_at(struct queue_link *link) {
    return QUEUE_ITEM(link, struct kept_answer, link);
}

void kept_answer_release(struct kept_answer *answer) {
    if (!answer || atomic_fetch_sub(&answer->references, 1) > 1) return;
    text_release(&answer->body);
    arena_release(&answer->arena);
    free(answer);
}

/* Removes the answer that was not asked for longest. With the mutex. */
static void remove_oldest(struct kept_answers *answers) {
    struct kept_answer *answer = answer_at(queue_take(&answers->by_age));
    answers->bytes -= answer->size_bytes;
    map_remove(&answers->by_key, answer->key);
    kept_answer_release(answer);
}

void kept_answers_free(struct kept_answers *answers) {
    if (!answers) return;
    while (answers->by_age.first)
        remove_oldest(answers);
    map_release(&answers->by_key, NULL);
    pthread_mutex_destroy(&answers->mutex);
    free(answers);
}

struct kept_answer *kept_answers_find(struct kept_answers *answers, const char *key) {
    pthread_mutex_lock(&answers->mutex);
    struct kept_answer *answer = map_find(&answers->by_key, key);
    if (answer) {
        queue_remove(&answers->by_age, &answer->link);
        queue_add(&answers->by_age, &answer->link);
        atomic_fetch_add(&answer->references, 1);
    }
    pthread_mutex_unlock(&answers->mutex);
    return answer;
}

struct kept_answer *kept_answers_make(struct text *body) {
    struct kept_answer *answer = memory_alloc(sizeof *answer);
    atomic_store(&answer->references, 1);
    answer->body = *body;
    *body = (struct text){0};
    return answer;
}

void kept_answers_add(struct kept_answers *answers, const char *key, struct kept_answer *answer) {
    answer->key = arena_copy(&answer->arena, key);
    answer->size_bytes = answer->body.capacity + sizeof *answer + strlen(key);
    for (size_t i = 0; i < answer->header_count; i++)
        answer->size_bytes += strlen(answer->headers[i].value);
    if (answer->size_bytes > answers->limit_bytes / 8) return;
    pthread_mutex_lock(&answers->mutex);
    if (!map_find(&answers->by_key, key)) {
        while (answers->by_age.first && answers->bytes + answer->size_bytes > answers->limit_bytes)
            remove_oldest(answers);
        map_put(&answers->by_key, key, answer);
        queue_add(&answers->by_age, &answer->link);
        answers->bytes += answer->size_bytes;
        atomic_fetch_add(&answer->references, 1);
    }
    pthread_mutex_unlock(&answers->mutex);
}
