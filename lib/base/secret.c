/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/base/secret.h"

#include <pthread.h>
#include <string.h>

#include "lib/base/array.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

enum { SECRET_MIN_BYTES = 8 };

static pthread_rwlock_t secrets_lock = PTHREAD_RWLOCK_INITIALIZER;
static struct {
    char **items;
    size_t count, capacity;
} secrets;

const char *secret_keep(const char *value) {
    if (!value) return NULL;
    char *kept = NULL;
    pthread_rwlock_wrlock(&secrets_lock);
    for (size_t i = 0; i < secrets.count && !kept; i++)
        if (strcmp(secrets.items[i], value) == 0) kept = secrets.items[i];
    if (!kept) {
        kept = memory_copy_text(value);
        *array_add(&secrets) = kept;
    }
    pthread_rwlock_unlock(&secrets_lock);
    return kept;
}

static void blank_one(struct text *text, const char *secret) {
    const char *found = strstr(text_view(text), secret);
    if (!found) return;
    struct text clean = {0};
    const char *rest = text_view(text);
    for (; found; found = strstr(rest, secret)) {
        text_append_bytes(&clean, rest, (size_t)(found - rest));
        text_append(&clean, "[secret]");
        rest = found + strlen(secret);
    }
    text_append(&clean, rest);
    text_release(text);
    *text = clean;
}

void secret_blank(struct text *text) {
    pthread_rwlock_rdlock(&secrets_lock);
    for (size_t i = 0; i < secrets.count; i++)
        if (strlen(secrets.items[i]) >= SECRET_MIN_BYTES) blank_one(text, secrets.items[i]);
    pthread_rwlock_unlock(&secrets_lock);
}

void secret_wipe(void *bytes, size_t length) {
    explicit_bzero(bytes, length);
}
