/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/registry/publication.h"

#include <string.h>

#include "lib/base/json_writer.h"
#include "lib/domain/registry/manifest_index.h"

const char *publication_event(const struct publication *publication) {
    return publication->reason ? "unpublished" : "published";
}

bool publication_is_before(const struct publication *one, const struct publication *other) {
    if (one->time_ms != other->time_ms) return one->time_ms > other->time_ms;
    int names = strcmp(one->package, other->package);
    if (names != 0) return names < 0;
    int versions = version_compare(one->version, other->version);
    return versions != 0 ? versions > 0 : one->reason && !other->reason;
}

void publication_list(const struct indexed_package *package, void (*take)(void *context, const struct publication *publication),
                      void *context) {
    const struct metadata *metadata = package->metadata;
    for (size_t i = 0; metadata && i < metadata->published_count; i++) {
        const struct published_version *version = &metadata->published[i];
        take(context, &(struct publication){package->name, version->version, version->published_ms, NULL});
    }
    for (size_t i = 0; metadata && i < metadata->unpublished_count; i++) {
        const struct unpublished_version *version = &metadata->unpublished[i];
        take(context, &(struct publication){package->name, version->version, version->published_ms, NULL});
        take(context, &(struct publication){package->name, version->version, version->unpublished_ms, version->reason});
    }
}

void publication_write(struct json_writer *writer, const struct publication *publication) {
    char version[VERSION_TEXT_MAX];
    version_print(publication->version, version);
    json_writer_open(writer, '{');
    json_writer_text_field(writer, "event", publication_event(publication));
    json_writer_text_field(writer, "package", publication->package);
    json_writer_text_field(writer, "version", version);
    json_writer_time_field(writer, "time", publication->time_ms);
    json_writer_text_field(writer, "reason", publication->reason);
    json_writer_close(writer, '}');
}
