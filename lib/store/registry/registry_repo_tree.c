/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A folder is a git tree object: a row of entries `MODE NAME\0ID`, the id in 20 bytes, sorted by name, where a folder's name
 * counts as if it ended in a slash.
 */
#include "lib/store/registry/registry_repo_tree.h"

#include <string.h>

#include "lib/store/registry/registry_repo_parts.h"

#define FILE_MODE "100644"
#define FOLDER_MODE "40000"

struct entry {
    const char *mode, *name;
    size_t mode_length, name_length;
    const unsigned char *id;
    size_t length; /* of the whole entry */
};

static bool read_entry(struct entry *out, const char *bytes, size_t length) {
    const char *space = memchr(bytes, ' ', length), *end = memchr(bytes, '\0', length);
    if (!space || !end || space > end || length - (size_t)(end - bytes) <= GIT_OID_RAWSZ) return false;
    *out = (struct entry){.mode = bytes,
                          .mode_length = (size_t)(space - bytes),
                          .name = space + 1,
                          .name_length = (size_t)(end - space - 1),
                          .id = (const unsigned char *)end + 1,
                          .length = (size_t)(end - bytes) + 1 + GIT_OID_RAWSZ};
    return true;
}

static bool is_folder(const struct entry *entry) {
    return entry->mode_length == strlen(FOLDER_MODE) && memcmp(entry->mode, FOLDER_MODE, entry->mode_length) == 0;
}

static bool is_file(const struct entry *entry) {
    return entry->mode_length == strlen(FILE_MODE) && memcmp(entry->mode, "100", 3) == 0;
}

/* Does an entry of this name and kind sort before the other? */
static bool comes_before(const char *name, size_t length, bool is_of_folder, const struct entry *other) {
    size_t least = length < other->name_length ? length : other->name_length;
    int order = memcmp(name, other->name, least);
    if (order != 0) return order < 0;
    int ours = length > least ? (unsigned char)name[least] : is_of_folder ? '/' : 0;
    int theirs = other->name_length > least ? (unsigned char)other->name[least] : is_folder(other) ? '/' : 0;
    return ours < theirs;
}

/* Finds the level's entry in its folder; `found->id` stays NULL if it is missing. False: the folder is malformed. */
static bool find_entry(struct registry_tree_level *level, bool is_of_folder, struct entry *found) {
    const char *bytes = level->folder;
    size_t length = level->folder_length;
    struct entry entry;
    bool has_place = false;
    for (size_t at = 0; at < length; at += entry.length) {
        if (!read_entry(&entry, bytes + at, length - at)) return false;
        if (entry.name_length == level->name_length && memcmp(entry.name, level->name, entry.name_length) == 0) {
            level->at = at;
            level->length = entry.length;
            *found = entry;
            return true;
        }
        if (!has_place && comes_before(level->name, level->name_length, is_of_folder, &entry)) {
            level->at = at;
            has_place = true;
        }
    }
    if (!has_place) level->at = length;
    return true;
}

static bool read_folder(struct registry_tree_level *level, const struct registry_pack *pack, const git_oid *id) {
    level->id = *id;
    level->folder = registry_pack_find(pack, id, &level->folder_length);
    if (level->folder) return true;
    if (git_odb_read(&level->read, pack->odb, id) < 0) return false;
    level->folder = git_odb_object_data(level->read);
    level->folder_length = git_odb_object_size(level->read);
    return true;
}

/* Reads the folder `id` and looks up the path's next name in it; `id` becomes the id of that entry, zero if it is missing. */
static enum status descend(struct registry_tree_level *level, const struct registry_pack *pack, git_oid *id, bool is_last,
                           const char *path, struct error *err) {
    struct entry entry = {0};
    if (git_oid_is_zero(id)) return STATUS_OK;
    if (!read_folder(level, pack, id) || !find_entry(level, !is_last, &entry)) return registry_repo_cannot_read(path, err);
    memset(id, 0, sizeof *id);
    if (!entry.id) return STATUS_OK;
    if (is_last && !is_file(&entry)) return error_set(err, STATUS_REFUSED, "'%s' in the repository is not a file.", path);
    if (!is_last && !is_folder(&entry))
        return error_set(err, STATUS_REFUSED, "'%.*s' in the repository is not a folder, so it cannot have the file '%s'.",
                         (int)(level->name + level->name_length - path), path, path);
    git_oid_fromraw(id, entry.id);
    return STATUS_OK;
}

enum status registry_tree_find(struct registry_tree_path *out, const struct registry_pack *pack, const git_oid *root,
                               const char *path, struct error *err) {
    enum status status = STATUS_OK;
    *out = (struct registry_tree_path){0};
    if (root) out->file = *root;
    for (const char *name = path; !status && name; out->depth++) {
        if (out->depth == TREE_DEPTH_MAX) return error_set(err, STATUS_REFUSED, "The path '%s' is nested too deeply.", path);
        struct registry_tree_level *level = &out->levels[out->depth];
        level->name = name;
        level->name_length = strcspn(name, "/");
        name = name[level->name_length] ? name + level->name_length + 1 : NULL;
        status = descend(level, pack, &out->file, !name, path, err);
    }
    return status;
}

void registry_tree_release(struct registry_tree_path *path) {
    for (int i = 0; i < TREE_DEPTH_MAX; i++)
        git_odb_object_free(path->levels[i].read);
}

int registry_tree_replace(git_oid *out, const struct registry_tree_path *path, struct registry_pack *pack, const git_oid *file,
                          bool is_whole) {
    struct text folder = {0};
    bool is_there = file != NULL;
    int code = 0;
    if (is_there) *out = *file;
    for (int i = path->depth - 1; i >= 0 && code == 0; i--) {
        const struct registry_tree_level *level = &path->levels[i];
        struct registry_pack_base base = {0};
        if (level->folder)
            base = (struct registry_pack_base){.id = level->id,
                                               .length = level->folder_length,
                                               .before = level->at,
                                               .after = level->folder_length - level->at - level->length};
        const char *old = level->folder ? level->folder : "";
        text_clear(&folder);
        text_append_bytes(&folder, old, base.before);
        if (is_there) {
            text_append_format(&folder, "%s %.*s", i == path->depth - 1 ? FILE_MODE : FOLDER_MODE, (int)level->name_length,
                               level->name);
            text_append_bytes(&folder, "", 1);
            text_append_bytes(&folder, out->id, GIT_OID_RAWSZ);
        }
        text_append_bytes(&folder, old + base.length - base.after, base.after);
        is_there = folder.length > 0 || i == 0;
        if (is_there)
            code = registry_pack_add(pack, out, GIT_OBJECT_TREE, text_view(&folder), folder.length,
                                     level->folder && !is_whole ? &base : NULL);
    }
    text_release(&folder);
    return code;
}
