/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A storage backend, as a table of functions: the interface between tarball_store.c and a folder or S3. Private to the files
 * tarball_*.c. An object's name is `NAME/VERSION.tar.gz`; `deadline` may be NULL.
 */
#ifndef LIB_STORE_TARBALL_TARBALL_PLACE_H
#define LIB_STORE_TARBALL_TARBALL_PLACE_H

#include "lib/base/error.h"
#include "lib/store/tarball/stored_tarball.h"
#include "lib/tools/http/s3_client.h"

struct arena;
struct deadline;
struct tarball_place;
struct text;

struct tarball_place_functions {
    /* STATUS_NOT_FOUND: there is no such object. */
    enum status (*look_up)(struct tarball_place *place, const char *object, struct stored_tarball *out,
                           struct deadline *deadline, struct error *err);

    /* Creates the whole object; STATUS_CONFLICT, changing nothing, if it exists, whatever its content. */
    enum status (*create)(struct tarball_place *place, const char *object, const void *bytes, size_t length,
                          struct deadline *deadline, struct error *err);

    /* Appends the object, which should be the `expected` one; with two sources, from the first that has it right.
     * STATUS_NOT_FOUND, or as tarball_place_accept(). */
    enum status (*read)(struct tarball_place *place, const char *object, const struct stored_tarball *expected,
                        struct text *out, struct deadline *deadline, struct error *err);

    /* An object that does not exist is no failure. */
    enum status (*remove)(struct tarball_place *place, const char *object, struct deadline *deadline, struct error *err);

    /* The names of objects that begin with `folder`, which ends with a slash, without that prefix; in unspecified order. */
    enum status (*list)(struct tarball_place *place, const char *folder, struct arena *arena, struct stored_versions *out,
                        struct deadline *deadline, struct error *err);

    enum status (*check)(struct tarball_place *place, struct deadline *deadline, struct error *err);

    /* As tarball_store_set_key(). */
    void (*set_key)(struct tarball_place *place, const char *key, const char *secret);

    void (*free)(struct tarball_place *place);
};

/* The first field of every place. */
struct tarball_place {
    const struct tarball_place_functions *functions;
};

/* A folder on this machine, made if it is missing. */
CHECK_RESULT enum status tarball_folder_create(struct tarball_place **out, const char *folder, struct error *err);

/* As tarball_store_open_file() and tarball_store_check_folder(); `folder` is not made. */
CHECK_RESULT enum status tarball_folder_open(int *out, const char *folder, const char *object, struct error *err);
CHECK_RESULT enum status tarball_folder_check(const char *folder, struct error *err);

/* A bucket. Downloads are from `public_base` unless it is NULL; if that fails, from the bucket itself. */
CHECK_RESULT enum status tarball_s3_create(struct tarball_place **out, const struct s3_options *options,
                                           const char *public_base, struct error *err);

/* Checks that the bytes of `out` from `start` on are the expected object; if not, removes them: STATUS_INTERNAL. */
CHECK_RESULT enum status tarball_place_accept(struct text *out, size_t start, const char *object,
                                              const struct stored_tarball *expected, struct error *err);

#endif
