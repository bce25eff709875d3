/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/store/takedown/takedown_folder.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/arena.h"
#include "lib/base/folder.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

#define EXTENSION ".json"

enum { FILE_LIMIT_BYTES = 1 << 20 };

static enum status make_folder(const char *folder, struct error *err) {
    enum status status = folder_make(folder, err);
    if (!status && chmod(folder, 0700) != 0)
        status = error_set(err, STATUS_INTERNAL, "%s cannot be closed to others: %s.", folder, strerror(errno));
    return status;
}

enum status takedown_folder_write(const char *folder, const struct takedown *takedown, struct error *err) {
    struct text path = {0}, json = {0};
    text_append_format(&path, "%s/%s" EXTENSION, folder, takedown->reference);
    takedown_append_json(&json, takedown);
    enum status status = make_folder(folder, err);
    if (!status) status = file_write(path.bytes, json.bytes, json.length, err);
    text_release(&json);
    text_release(&path);
    return status;
}

static enum status read_case(struct takedown *out, const char *path, struct arena *arena, struct error *err) {
    struct text json = {0};
    enum status status = file_read(path, FILE_LIMIT_BYTES, &json, err);
    if (!status) status = takedown_read_json(out, text_view(&json), json.length, arena, err);
    if (status) error_prefix(err, "%s", path);
    text_release(&json);
    return status;
}

/* False for other files, as those that a killed writer left. */
static bool is_case_file(const char *name) {
    char reference[TAKEDOWN_REFERENCE_MAX];
    if (strlen(name) != sizeof reference - 1 + strlen(EXTENSION) || !text_ends_with(name, EXTENSION)) return false;
    memcpy(reference, name, sizeof reference - 1);
    reference[sizeof reference - 1] = '\0';
    return takedown_reference_is_well_formed(reference);
}

static void add(struct takedown_list *list, const struct takedown *takedown, size_t *capacity, struct arena *arena) {
    if (list->count == *capacity) {
        struct takedown *larger = arena_alloc(arena, (*capacity * 2 + 16) * sizeof *larger);
        if (list->count) memcpy(larger, list->items, list->count * sizeof *larger);
        list->items = larger;
        *capacity = *capacity * 2 + 16;
    }
    list->items[list->count++] = *takedown;
}

enum status takedown_folder_read(const char *folder, struct arena *arena, struct takedown_list *out, struct error *err) {
    size_t capacity = 0;
    enum status status = STATUS_OK;
    *out = (struct takedown_list){0};
    DIR *entries = opendir(folder);
    if (!entries && errno == ENOENT) return STATUS_OK;
    if (!entries) return error_set(err, STATUS_INTERNAL, "Cannot read %s: %s.", folder, strerror(errno));
    for (const struct dirent *entry; !status && (entry = readdir(entries));) {
        struct takedown takedown;
        if (!is_case_file(entry->d_name)) continue;
        status = read_case(&takedown, arena_format(arena, "%s/%s", folder, entry->d_name), arena, err);
        if (!status) add(out, &takedown, &capacity, arena);
    }
    closedir(entries);
    return status;
}
