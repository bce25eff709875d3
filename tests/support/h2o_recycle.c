/* SPDX-License-Identifier: BSD-3-Clause
 *
 * In the gateway of a build with sanitizers, in place of h2o's functions of the same names: h2o 2.2.5 keeps freed buffers for
 * the next connection, in lists of each thread. There the sanitizers do not see an access after the end, and every list is
 * a leak once its thread has ended, which costs a tenth of a second for each gateway that ends: the leak's stack is compared
 * with tests/support/lsan.supp by name, and for names libasan reads all debugging information.
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
