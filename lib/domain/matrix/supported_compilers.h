/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The compilers of a registry: the publish service's, which it keeps in Redis for the others (compiler_list_write() in
 * lib/store/redis/matrix_store.h). A request for another one is refused by the same sentence everywhere.
 */
#ifndef LIB_DOMAIN_MATRIX_SUPPORTED_COMPILERS_H
#define LIB_DOMAIN_MATRIX_SUPPORTED_COMPILERS_H

#include "lib/base/error.h"
#include "lib/domain/package/version.h"

/* STATUS_REFUSED, with `compiler` as path and a sentence that lists `supported`: `compiler` is not one of them. */
CHECK_RESULT enum status supported_compilers_check(const struct version *supported, size_t count, struct version compiler,
                                                   struct error *err);

#endif
