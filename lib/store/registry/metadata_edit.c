/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/store/registry/metadata_edit.h"

#include "lib/base/arena.h"
#include "lib/base/text.h"

/* STATUS_INTERNAL, which is no trouble of this machine: the job's log must say what it waits for. */
static enum status blame_repository(struct error *err) {
    err->trouble = TROUBLE_REPOSITORY;
    return err->status;
}

enum status metadata_edit_read(struct metadata *out, const char *package, const struct registry_file *current,
                               struct arena *arena, struct error *err) {
    if (!current->bytes) {
        error_set(err, STATUS_INTERNAL, "The metadata of %s is no longer in the registry repository.", package);
        return blame_repository(err);
    }
    if (metadata_parse(out, current->bytes, current->length, arena, err) == STATUS_OK) return STATUS_OK;
    error_set(err, STATUS_INTERNAL, "The metadata of %s cannot be read: %s", package, err->message);
    return blame_repository(err);
}

void metadata_edit_write(struct registry_edit *out, const struct metadata *metadata, struct arena *arena) {
    struct text text = {0};
    metadata_append_file(&text, metadata);
    out->kind = REGISTRY_WRITE;
    out->content = (struct registry_file){arena_copy_bytes(arena, text.bytes, text.length), text.length};
    text_release(&text);
}
