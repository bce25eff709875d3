/* SPDX-License-Identifier: BSD-3-Clause
 *
 * `registryctl storage`: checks storage, a folder or S3, with the settings of the publish service. Reading proves address and
 * key; --write also stores, downloads and removes an object, the only proof of access for writing.
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/hash.h"
#include "lib/base/settings.h"
#include "lib/base/text.h"
#include "lib/store/tarball/tarball_store.h"
#include "ops/registryctl/command.h"

enum { PATIENCE_MS = 60000 };

static const char check_name[] = "_check"; /* cannot be a package's name */

static enum status try_to_write(struct tarball_store *store, struct deadline *deadline, struct error *err) {
    char version[UUID_TEXT_MAX], hash[SHA256_SRI_MAX];
    struct text back = {0};
    hash_random_uuid(version);
    size_t length = strlen(version);
    hash_sha256_sri(version, length, hash);
    enum status status = tarball_store_put(store, check_name, version, version, length, deadline, err);
    if (status) return status;
    status = tarball_store_read(store, check_name, version, hash, (int64_t)length, &back, deadline, err);
    enum status removed = tarball_store_remove(store, check_name, version, deadline, status ? NULL : err);
    text_release(&back);
    return status ? status : removed;
}

static enum status print_versions(struct tarball_store *store, struct invocation *call, struct deadline *deadline,
                                  struct error *err) {
    struct stored_versions versions;
    enum status status = tarball_store_list(store, call->arguments[0], &call->arena, &versions, deadline, err);
    for (size_t i = 0; !status && i < versions.count; i++)
        puts(versions.items[i]);
    return status;
}

enum status command_storage(struct invocation *call, struct error *err) {
    struct settings settings = {0};
    struct tarball_store *store = NULL;
    struct deadline deadline;
    bool is_written = take_flag(call, "write");
    deadline_start(&deadline, PATIENCE_MS);
    enum status status = settings_load(&settings, PROGRAM_PUBLISH, err);
    if (!status) status = tarball_store_open(&store, &settings, err);
    if (!status) status = tarball_store_check(store, &deadline, err);
    if (!status && is_written) status = try_to_write(store, &deadline, err);
    if (!status && call->count > 0) status = print_versions(store, call, &deadline, err);
    if (!status && call->count == 0)
        printf("Storage %s %s: %s.\n", settings.spaces_key ? "on S3, in the bucket" : "in the folder",
               settings.spaces_key ? settings.s3_bucket : settings.storage_dir,
               is_written ? "stored, read and removed an object" : "it is accessible");
    tarball_store_free(store);
    settings_release(&settings);
    return status;
}
