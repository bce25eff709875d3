/* SPDX-License-Identifier: BSD-3-Clause
 *
 * entry.json of the build store (lib/tools/build_store.h): what is in an entry. One JSON object with the hash of its own
 * inside, so that a single wrong byte is noticed:
 *
 *   {"sum":"SHA-256 in hex of what is between `"entry":` and the last brace","entry":{
 *     "key":"…","succeeded":true,"errors":null,"warnings":"[…]",
 *     "modules":[{"name":"Data.Maybe","imports":["Prelude"],"cache":"{…}","files":[["externs.cbor",123,"SHA-256 in
 * hex"],…]},…]}}
 *
 * Modules and files are sorted by name, none twice; texts that are JSON themselves are kept as they were given. Files are those
 * of the module's folder, which has no folders in it. Whoever changes the form raises BUILD_RECIPE_VERSION.
 */
#ifndef LIB_TOOLS_BUILD_ENTRY_H
#define LIB_TOOLS_BUILD_ENTRY_H

#include "lib/tools/build_store.h"

struct text;

enum {
    ENTRY_MODULES_MAX = 20000,
    ENTRY_FILES_MAX = 1000, /* of one module */
    ENTRY_NAME_MAX = 255,
    ENTRY_JSON_MAX_BYTES = 64 << 20,
};

struct entry_file {
    const char *name;
    int64_t size_bytes;
    unsigned char hash[SHA256_BYTES];
};

struct entry_module {
    struct entry_file *files;
    size_t file_count;
};

struct entry_record {
    const char *key;
    struct build_entry entry;     /* `folder` is not in the file */
    struct entry_module *modules; /* as many as entry.modules, in their order */
};

/* Neither empty nor hidden nor too long, and in no folder: a module's name, which is a folder's, or a file's. */
bool build_entry_name_is_good(const char *name);

/* Appends the whole file. The record is as build_entry_parse() would take it. */
void build_entry_append(struct text *out, const struct entry_record *record);

/* Whether the bytes are those that were written. */
bool build_entry_sum_is_right(const char *bytes, size_t length);

/* Reads the file, whatever its sum; all texts are in the arena. STATUS_INVALID for anything that is not as drawn above. */
CHECK_RESULT enum status build_entry_parse(struct entry_record *out, const char *bytes, size_t length, struct arena *arena,
                                           struct error *err);

#endif
