/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/publish/compiler_list.h"

#include <stdlib.h>

#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/thread.h"
#include "lib/store/redis/matrix_store.h"

enum { TIMEOUT_MS = 5000, PAUSE_MS = 1000 };

struct compiler_list {
    struct job_store *store;
    const struct version *compilers;
    size_t count;
    struct thread thread;
};

static void write_list(void *context) {
    struct compiler_list *list = context;
    struct error err;
    bool was_said = false;
    while (compiler_list_write(list->store, list->compilers, list->count, &err) != STATUS_OK) {
        if (!was_said) log_line(LOG_WARN, "compiler_list_failed", log_field("error", err.message));
        was_said = true;
        if (!thread_pause(&list->thread, PAUSE_MS)) return;
    }
    log_line(LOG_DEBUG, "compilers_listed", log_field("count", list->count));
}

enum status compiler_list_start(struct compiler_list **out, const char *redis_url, const struct version *compilers,
                                size_t count, struct error *err) {
    struct compiler_list *list = memory_alloc(sizeof *list);
    *list = (struct compiler_list){.compilers = compilers, .count = count};
    thread_init(&list->thread);
    enum status status = job_store_create(&list->store, redis_url, TIMEOUT_MS, err);
    if (!status) status = thread_start(&list->thread, "compiler-list", write_list, list, err);
    if (status)
        compiler_list_stop(list);
    else
        *out = list;
    return status;
}

void compiler_list_stop(struct compiler_list *list) {
    if (!list) return;
    thread_release(&list->thread);
    job_store_free(list->store);
    free(list);
}
