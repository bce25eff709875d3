/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Publishes the list of supported compilers: this service finds the compilers, and build-matrix plans with the list stored in
 * Redis (lib/store/redis/matrix_store.h). It is written once, by a thread of its own, because Redis may start after this
 * service.
 */
#ifndef SERVICES_PUBLISH_COMPILER_LIST_H
#define SERVICES_PUBLISH_COMPILER_LIST_H

#include "lib/base/error.h"
#include "lib/domain/package/version.h"

struct compiler_list;

/* Starts a thread that retries until the list is stored. `compilers` may be empty; borrowed until compiler_list_stop(). */
CHECK_RESULT enum status compiler_list_start(struct compiler_list **out, const char *redis_url, const struct version *compilers,
                                             size_t count, struct error *err);

/* Stops and joins the thread, even if the list is not stored yet. NULL is allowed. */
void compiler_list_stop(struct compiler_list *list);

#endif
