/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The changes that a request makes to the latest package set, and its refusals before anything is built
 * (lib/domain/README.md, Package set update). No I/O; the caller holds the read lock of the index.
 */
#ifndef LIB_DOMAIN_SET_SET_REQUEST_H
#define LIB_DOMAIN_SET_SET_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"
#include "lib/domain/set/set_changes.h"

struct arena;
struct package_set_request;

struct set_request_rules {
    const struct version *compilers; /* the supported ones, ascending */
    size_t compiler_count;
    bool may_downgrade; /* a trustee's action */
};

/* A change that is not made. */
struct set_rejection {
    const char *package;
    const char *reason; /* a sentence */
};

/* In the arena; borrows from index and set. */
struct set_request_result {
    struct version compiler;    /* of the new set */
    struct set_changes changes; /* in order; may be empty where the compiler changes or `removes_lost` */
    bool removes_lost;          /* a member of which the index has no trace at all is removed, without a row in `changes` */
    struct set_rejection *rejections;
    size_t rejection_count;
};

/* Checks the request against the latest set (`members` are read from it). A change that cannot be made is rejected, and so are
 * those that cannot be made without it; the others stay. STATUS_REFUSED, with a sentence and the field as path: the compiler is
 * lower or not supported, a version is lower than the set's and may not be, or no change is left and the compiler is not
 * higher. */
CHECK_RESULT enum status set_request_check(struct set_request_result *out, const struct set_members *members,
                                           const struct package_set *set, const struct package_set_request *request,
                                           const struct set_request_rules *rules, struct arena *arena, struct error *err);

#endif
