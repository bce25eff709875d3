/* SPDX-License-Identifier: BSD-3-Clause
 *
 * In the gateway of a build with sanitizers, in place of h2o's functions of the same names: h2o 2.2.5 keeps freed buffers for
 * the next connection, in lists of each thread. The sanitizers do not see a use after free of a buffer in such a list, and
 * every list is a leak once its thread has ended. Each gateway then takes a tenth of a second longer to end: the leak's stack
 * is compared with tests/support/lsan.supp by name, and for names libasan reads all debugging information.
 */
#include <stdlib.h>

#include "services/gateway/http/h2o_all.h"

void *h2o_mem_alloc_recycle(h2o_mem_recycle_t *allocator, size_t size_bytes) {
    (void)allocator;
    return h2o_mem_alloc(size_bytes);
}

void h2o_mem_free_recycle(h2o_mem_recycle_t *allocator, void *bytes) {
    (void)allocator;
    free(bytes);
}
