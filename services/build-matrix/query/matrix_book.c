/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Order of locks: `making`, then `guard`, then the view's.
 */
#include "services/build-matrix/query/matrix_book.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/store/job/connection_pool.h"
#include "lib/store/redis/matrix_store.h"
#include "services/build-matrix/matrix_service.h"

enum {
    FOLLOW_MS = 500,
    CHUNK_US = 3000, /* of planning with the view's lock held: writers of the registry in memory wait meanwhile */
};

/* What the registry says. */
struct base {
    struct arena arena;
    struct whole_matrix matrix;
    struct registry_view_state state;
};

struct matrix_book {
    struct matrix_service *service;
    pthread_mutex_t making; /* held by the thread that brings the book up to date */
    pthread_rwlock_t guard; /* of everything below */
    struct base *base;      /* NULL: nothing is read yet */
    struct build_notes notes;
    struct whole_matrix matrix; /* the base's, with cells of its own */
    struct text json;
    char tag[MATRIX_TAG_MAX];
    atomic_bool is_made;
    atomic_llong followed_ms; /* monotonic: when it was last brought up to date */
};

struct matrix_book *matrix_book_create(struct matrix_service *service) {
    struct matrix_book *book = memory_alloc(sizeof *book);
    book->service = service;
    pthread_mutex_init(&book->making, NULL);
    pthread_rwlock_init(&book->guard, NULL);
    return book;
}

static void free_base(struct base *base) {
    if (base) arena_release(&base->arena);
    free(base);
}

void matrix_book_free(struct matrix_book *book) {
    if (!book) return;
    free_base(book->base);
    free(book->matrix.cells);
    build_notes_release(&book->notes);
    text_release(&book->json);
    pthread_rwlock_destroy(&book->guard);
    pthread_mutex_destroy(&book->making);
    free(book);
}

/* ---- What the registry says ---- */

static bool is_current(const struct base *base, const struct registry_view_state *state, const struct version *compilers,
                       size_t count) {
    if (!base || base->matrix.compiler_count != count) return false;
    for (size_t i = 0; i < count; i++)
        if (!version_equal(base->matrix.compilers[i], compilers[i])) return false;
    return strcmp(base->state.registry_commit, state->registry_commit) == 0 &&
           strcmp(base->state.index_commit, state->index_commit) == 0;
}

static struct base *make_base(struct registry_view *view, const struct registry_view_state *state,
                              const struct version *compilers, size_t count) {
    struct base *base = memory_alloc(sizeof *base);
    base->state = *state;
    whole_matrix_read(&base->matrix, registry_view_lock(view), compilers, count, &base->arena);
    registry_view_unlock(view);
    for (size_t row = 0; row < base->matrix.row_count;) {
        whole_matrix_plan(&base->matrix, registry_view_lock(view), &row, clock_monotonic_us() + CHUNK_US);
        registry_view_unlock(view);
    }
    return base;
}

/* ---- Up to date ---- */

/* Makes the cells of base and notes. `guard` is held for writing. */
static void put_together(struct matrix_book *book) {
    char hash[SHA256_HEX_MAX];
    const struct whole_matrix *base = &book->base->matrix;
    size_t size = base->row_count * base->compiler_count;
    free(book->matrix.cells);
    book->matrix = *base;
    book->matrix.cells = memory_alloc(size + 1);
    if (size > 0) memcpy(book->matrix.cells, base->cells, size);
    build_notes_apply(&book->notes, &book->matrix);
    text_clear(&book->json);
    whole_matrix_append_json(&book->json, &book->matrix);
    hash_sha256_hex(book->json.bytes, book->json.length, hash);
    snprintf(book->tag, sizeof book->tag, "%.*s", MATRIX_TAG_MAX - 1, hash);
}

/* The changes of jobs are read before the registry: a build that has succeeded is in the registry before its job has ended, so
 * it is not taken for one that has failed. */
static enum status follow(struct matrix_book *book, struct job_store *store, struct arena *arena, struct error *err) {
    struct matrix_service *service = book->service;
    struct version *compilers;
    struct base *base = book->base;
    size_t count;
    bool has_changed = false;
    enum status status = compiler_list_read(store, arena, &compilers, &count, err);
    if (!status && base) { /* else after the registry, whose versions are read then */
        pthread_rwlock_wrlock(&book->guard);
        status = build_notes_follow(&book->notes, store, &base->matrix, &has_changed, err);
        pthread_rwlock_unlock(&book->guard);
    }
    if (status) return status;
    fresh_view_follow(&service->fresh);
    const struct registry_view_state state = registry_view_state(service->repositories.view);
    if (!is_current(base, &state, compilers, count)) base = make_base(service->repositories.view, &state, compilers, count);
    if (base == book->base && !has_changed) return STATUS_OK;
    pthread_rwlock_wrlock(&book->guard);
    if (!book->base) status = build_notes_follow(&book->notes, store, &base->matrix, &has_changed, err);
    if (base != book->base && !status) {
        free_base(book->base);
        book->base = base;
    } else if (base != book->base) {
        free_base(base);
    }
    if (!status) put_together(book);
    pthread_rwlock_unlock(&book->guard);
    return status;
}

static bool was_just_followed(const struct matrix_book *book) {
    return atomic_load(&book->is_made) && clock_monotonic_ms() - atomic_load(&book->followed_ms) < FOLLOW_MS;
}

static enum status bring_up_to_date(struct matrix_book *book, struct error *err) {
    struct arena arena = {0};
    enum status status = STATUS_OK;
    if (was_just_followed(book)) return STATUS_OK;
    if (!atomic_load(&book->is_made))
        pthread_mutex_lock(&book->making);
    else if (pthread_mutex_trylock(&book->making))
        return STATUS_OK;
    if (!was_just_followed(book)) {
        struct job_store *store = connection_pool_take(book->service->stores);
        status = follow(book, store, &arena, err);
        connection_pool_give_back(book->service->stores, store);
        if (!status) atomic_store(&book->followed_ms, clock_monotonic_ms());
        if (!status) atomic_store(&book->is_made, true);
    }
    pthread_mutex_unlock(&book->making);
    arena_release(&arena);
    return status;
}

enum status matrix_book_open(struct matrix_book *book, struct matrix_page *out, struct error *err) {
    enum status status = bring_up_to_date(book, err);
    if (status) return status;
    pthread_rwlock_rdlock(&book->guard);
    *out = (struct matrix_page){.matrix = &book->matrix, .notes = &book->notes, .json = &book->json, .tag = book->tag};
    return STATUS_OK;
}

void matrix_book_close(struct matrix_book *book) {
    pthread_rwlock_unlock(&book->guard);
}
