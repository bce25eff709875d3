/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The storage of tarballs: objects `NAME/VERSION.tar.gz` (lib/store/README.md, Storage), in a local folder that the gateway
 * serves, or on S3. An object is written whole or not at all, and never overwritten. Safe from several threads and processes.
 *
 * The rules are here and in tarball_store.c; struct tarball_place is the interface of a backend.
 */
#ifndef LIB_STORE_TARBALL_TARBALL_STORE_H
#define LIB_STORE_TARBALL_TARBALL_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/deadline.h"
#include "lib/base/error.h"
#include "lib/store/tarball/stored_tarball.h"

struct arena;
struct settings;
struct tarball_store;
struct text;

/* S3 if SPACES_KEY is set, by the settings that go with it; else the folder STORAGE_DIR, which is made if it is missing.
 * STATUS_INVALID names the setting. */
CHECK_RESULT enum status tarball_store_open(struct tarball_store **out, const struct settings *settings, struct error *err);
void tarball_store_free(struct tarball_store *store);

/* Sets the S3 key and its secret, from the next request on. Any thread; never blocks. Ignored by a folder. */
void tarball_store_set_key(struct tarball_store *store, const char *key, const char *secret);

/* Appends the address at which everyone gets the tarball of NAME VERSION. False if that is a path of the gateway, whose public
 * name is unknown here. */
bool tarball_store_append_address(struct text *out, const struct settings *settings, const char *name, const char *version);

/* ---- The folder that the gateway serves; it needs no struct tarball_store ---- */

/* True if tarballs are files in STORAGE_DIR; false: they are on S3, which serves them itself. */
bool tarball_store_is_folder(const struct settings *settings);

/* Opens the file of NAME VERSION (both well-formed) for reading; the caller closes *out. STATUS_NOT_FOUND: none is stored.
 * STATUS_BUSY: this process has no descriptor left. STATUS_INTERNAL: it cannot be read. */
CHECK_RESULT enum status tarball_store_open_file(int *out, const struct settings *settings, const char *name,
                                                 const char *version, struct error *err);

/* Can files in the folder be opened? */
CHECK_RESULT enum status tarball_store_check_folder(const struct settings *settings, struct error *err);

/* ---- A store ---- */

/* In all of the following `deadline` may be NULL; once it has passed, its reason is the status. STATUS_UNAVAILABLE: storage
 * cannot be used now, and the message says how an operator can help. */

/* Hash and size of the tarball of NAME VERSION; STATUS_NOT_FOUND if none is stored. */
CHECK_RESULT enum status tarball_store_look_up(struct tarball_store *store, const char *name, const char *version,
                                               struct stored_tarball *out, struct deadline *deadline, struct error *err);

/* Stores these bytes; on return they are durable. An object with the same bytes is left as it is; one with others is
 * STATUS_REFUSED (lib/domain/README.md, Publish, step 10). Not every S3 server supports a write only if the object is missing,
 * so the caller must ensure that no other process stores the same version at the same time: by the index repository's lock,
 * within whose time `deadline` must be. With READONLY nothing is stored: STATUS_FORBIDDEN, as for tarball_store_remove(). */
CHECK_RESULT enum status tarball_store_put(struct tarball_store *store, const char *name, const char *version,
                                           const void *bytes, size_t length, struct deadline *deadline, struct error *err);

/* Appends the object to `out`, checked against the hash and size in the metadata: a mismatch is STATUS_INTERNAL and appends
 * nothing. STATUS_NOT_FOUND if none is stored. */
CHECK_RESULT enum status tarball_store_read(struct tarball_store *store, const char *name, const char *version,
                                            const char *hash, int64_t size_bytes, struct text *out, struct deadline *deadline,
                                            struct error *err);

/* Removes the object; one that does not exist is no failure. */
CHECK_RESULT enum status tarball_store_remove(struct tarball_store *store, const char *name, const char *version,
                                              struct deadline *deadline, struct error *err);

/* The versions of NAME with a stored tarball. */
CHECK_RESULT enum status tarball_store_list(struct tarball_store *store, const char *name, struct arena *arena,
                                            struct stored_versions *out, struct deadline *deadline, struct error *err);

/* Is storage reachable, and does it accept our credentials? For /readyz. */
CHECK_RESULT enum status tarball_store_check(struct tarball_store *store, struct deadline *deadline, struct error *err);

#endif
