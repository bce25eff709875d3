/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Tells everybody which compilers are supported: this service looks for them, and the build matrix plans with the list that is
 * kept in Redis (lib/store/matrix_store.h). Written once, in a thread of its own, since Redis may come up after this service.
 */
#ifndef SERVICES_PUBLISH_COMPILER_LIST_H
#define SERVICES_PUBLISH_COMPILER_LIST_H

#include "lib/base/error.h"
#include "lib/domain/version.h"

struct compiler_list;

/* Begins to write the list, and tries until it is kept. `compilers` (there may be none) are borrowed. */
CHECK_RESULT enum status compiler_list_start(struct compiler_list **out, const char *redis_url, const struct version *compilers,
                                             size_t count, struct error *err);

/* Ends the thread, also where nothing was written yet. NULL is fine. */
void compiler_list_stop(struct compiler_list *list);

#endif
