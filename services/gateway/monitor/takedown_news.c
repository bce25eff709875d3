/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/monitor/takedown_news.h"

#include <stdlib.h>

#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/store/takedown/takedown_store.h"

enum { STORE_TIMEOUT_MS = 1500, LINES_MAX = 100 };

struct takedown_news {
    struct job_store *store;
    struct arena arena; /* of the next */
    struct takedown_list untold;
};

enum status takedown_news_create(struct takedown_news **out, const char *redis_url, struct error *err) {
    *out = memory_alloc(sizeof **out);
    return job_store_create(&(*out)->store, redis_url, STORE_TIMEOUT_MS, err);
}

void takedown_news_free(struct takedown_news *news) {
    if (!news) return;
    job_store_free(news->store);
    arena_release(&news->arena);
    free(news);
}

void takedown_news_take(struct takedown_news *news, struct text *out) {
    struct error err;
    arena_release(&news->arena);
    news->untold = (struct takedown_list){0};
    if (takedown_store_list_untold(news->store, &news->arena, &news->untold, &err)) {
        log_line(LOG_WARN, "takedown_news_failed", log_field("error", err.message));
        news->untold.count = 0;
    }
    if (news->untold.count > LINES_MAX) news->untold.count = LINES_MAX; /* the others come with the next ping */
    for (size_t i = 0; i < news->untold.count; i++) {
        const struct takedown *takedown = &news->untold.items[i];
        text_append_format(out, "New takedown case %s about %s%s%s: see registryctl dmca show.\n", takedown->reference,
                           takedown->package, takedown->version ? "@" : "", takedown->version ? takedown->version : "");
    }
}

void takedown_news_note_told(struct takedown_news *news) {
    struct error err;
    if (takedown_store_note_told(news->store, &news->untold, &err))
        log_line(LOG_WARN, "takedown_news_failed", log_field("error", err.message));
}
