/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/registry/moved_repository.h"

#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "lib/domain/registry/manifest_index.h"

void repository_move_init(struct repository_move *out, const char *package, const struct location *from,
                          const struct github_repository *target) {
    *out = (struct repository_move){
        .package = package,
        .from = *from,
        .to = {.kind = LOCATION_GITHUB, .github_owner = target->owner, .github_repo = target->name, .subdir = from->subdir}};
}

enum status repository_move_check(const struct repository_move *move, const struct manifest_index *index, struct error *err) {
    const struct metadata *metadata = manifest_index_find_metadata(index, move->package);
    if (!metadata || !location_equal(&metadata->location, &move->from))
        return error_set(err, STATUS_STALE, "%s is at another location meanwhile.", move->package);
    if (location_equal(&move->from, &move->to))
        return error_set(err, STATUS_CONFLICT, "%s is at this location already.", move->package);
    enum status status = location_check_published(&move->to, err);
    return status ? status : manifest_index_check_place(index, move->package, &move->to, "newLocation", err);
}

void repository_move_append_payload(struct text *out, const struct repository_move *move, int64_t seen_ms) {
    struct json_writer writer = {.out = out};
    json_writer_open(&writer, '{');
    json_writer_text_field(&writer, "name", move->package);
    json_writer_key(&writer, "newLocation");
    location_write(&writer, &move->to);
    json_writer_time_field(&writer, "seenAt", seen_ms);
    json_writer_close(&writer, '}');
}
