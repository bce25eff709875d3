/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The parts of klib's khash.h that <h2o/http2_internal.h> of h2o 2.2 needs and that services/gateway/http/http2_streams.c uses
 * to iterate: Debian's h2o package has that header, but not the khash.h that it includes. The layout is that of the khash.h
 * that h2o is built with. For services/gateway/http/http2_streams.c only.
 */
#ifndef SERVICES_GATEWAY_HTTP_H2O_2_2_KHASH_H
#define SERVICES_GATEWAY_HTTP_H2O_2_2_KHASH_H

#include <stdint.h>

typedef uint32_t khiter_t;

#define KHASH_MAP_INIT_INT64(name, value_type)                                                                                 \
    struct kh_##name {                                                                                                         \
        khiter_t n_buckets, size, n_occupied, upper_bound;                                                                     \
        uint32_t *flags;                                                                                                       \
        uint64_t *keys;                                                                                                        \
        value_type *vals;                                                                                                      \
    };
#define khash_t(name) struct kh_##name
#define kh_end(table) ((table)->n_buckets)
#define kh_val(table, at) ((table)->vals[at])
#define kh_exist(table, at) (((table)->flags[(at) >> 4] >> (((at)&0xFU) << 1) & 3) == 0)
#define kh_get(name, table, key) ((void)(key), kh_end(table)) /* unused here */

#endif
