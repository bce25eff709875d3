/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/build-matrix/revision/revision_record.h"

#include <string.h>

#include "lib/base/json.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "lib/domain/package/json_fields.h"

void revision_record_append_json(struct text *out, const struct revision_record *record) {
    struct json_writer writer = {.out = out};
    json_writer_open(&writer, '{');
    json_writer_key(&writer, "before");
    manifest_write(&writer, &record->before);
    json_writer_key(&writer, "after");
    manifest_write(&writer, &record->after);
    json_writer_integer_field(&writer, "revision", record->number);
    json_writer_close(&writer, '}');
}

enum status revision_record_parse(struct revision_record *out, const char *text, struct arena *arena, struct error *err) {
    json_t *record = NULL;
    const json_t *before, *after;
    enum status status = json_read(&record, text, strlen(text), "The job's record", err);
    if (!status) status = json_must_be_object(record, "The job's record", err);
    if (!status) status = json_need_object(record, "before", &before, err);
    if (!status) status = json_need_object(record, "after", &after, err);
    if (!status) status = json_need_integer(record, "revision", &out->number, err);
    if (!status && out->number < 1)
        status = error_set_at(err, STATUS_INVALID, "revision", "The field \"revision\" must be at least 1.");
    if (!status) status = manifest_read(&out->before, before, arena, err);
    if (!status) status = manifest_read(&out->after, after, arena, err);
    json_decref(record);
    return status;
}
