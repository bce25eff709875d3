/* SPDX-License-Identifier: BSD-3-Clause
 *
 * entry.json of the build store (lib/tools/purs/build_store.h): the contents of an entry. A JSON object that holds its own
 * hash, so that a single wrong byte is noticed:
 *
 *   {"sum":"SHA-256 in hex of the text between `"entry":` and the last brace","entry":{
 *     "key":"…","succeeded":true,"errors":null,"warnings":"[…]",
 *     "modules":[{"name":"Data.Maybe","imports":["Prelude"],"cache":"{…}",
 *                 "files":[["externs.cbor",123,"SHA-256 in hex"],…]},…]}}
 *
 * Modules and files are sorted by name, without duplicates; texts that are JSON themselves are kept as given. Files are those
 * of the module's folder, which has no subfolders. A change of this form must raise BUILD_RECIPE_VERSION.
 */
#ifndef LIB_TOOLS_PURS_BUILD_ENTRY_H
#define LIB_TOOLS_PURS_BUILD_ENTRY_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/tools/purs/built_package.h"

struct arena;
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

/* Validates the name of a module (its folder's name) or of a file: not empty, not hidden, not too long, without `/`. */
bool build_entry_name_is_good(const char *name);

/* Appends the whole file. The record must be one that build_entry_parse() accepts. */
void build_entry_append(struct text *out, const struct entry_record *record);

/* True if the hash in the file matches. */
bool build_entry_sum_is_right(const char *bytes, size_t length);

/* Parses the file without checking its hash; texts live in the arena. STATUS_INVALID: not in the form above. */
CHECK_RESULT enum status build_entry_parse(struct entry_record *out, const char *bytes, size_t length, struct arena *arena,
                                           struct error *err);

#endif
