/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/takedown/takedown.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/json.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"

#define PREFIX "DMCA-"

enum { DRAWN = TAKEDOWN_REFERENCE_MAX - sizeof PREFIX };

/* Without letters that are taken for digits or for each other when they are read aloud. */
static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void takedown_reference_make(char out[TAKEDOWN_REFERENCE_MAX]) {
    unsigned char drawn[DRAWN];
    hash_random_bytes(drawn, sizeof drawn);
    memcpy(out, PREFIX, sizeof PREFIX);
    for (size_t i = 0; i < DRAWN; i++)
        out[sizeof PREFIX - 1 + i] = alphabet[drawn[i] % (sizeof alphabet - 1)];
    out[TAKEDOWN_REFERENCE_MAX - 1] = '\0';
}

bool takedown_reference_is_well_formed(const char *text) {
    return strlen(text) == TAKEDOWN_REFERENCE_MAX - 1 && text_starts_with(text, PREFIX) &&
           strspn(text + sizeof PREFIX - 1, alphabet) == DRAWN;
}

void takedown_hash(const struct takedown *takedown, char out[SHA256_HEX_MAX]) {
    const char *const typed[] = {
        takedown->name, takedown->email, takedown->work, takedown->package, takedown->version, takedown->signature, NULL};
    struct text all = {0};
    for (size_t i = 0; i < sizeof typed / sizeof *typed - 1; i++)
        text_append_bytes(&all, typed[i] ? typed[i] : "", typed[i] ? strlen(typed[i]) + 1 : 1); /* each ends with its NUL */
    hash_sha256_hex(all.bytes, all.length, out);
    text_release(&all);
}

void takedown_append_json(struct text *out, const struct takedown *takedown) {
    struct json_writer writer = {.out = out};
    json_writer_open(&writer, '{');
    json_writer_text_field(&writer, "reference", takedown->reference);
    json_writer_integer_field(&writer, "receivedAt", takedown->received_ms);
    json_writer_text_field(&writer, "name", takedown->name);
    json_writer_text_field(&writer, "email", takedown->email);
    json_writer_text_field(&writer, "work", takedown->work);
    json_writer_text_field(&writer, "package", takedown->package);
    json_writer_text_field(&writer, "version", takedown->version);
    json_writer_boolean_field(&writer, "isKnown", takedown->is_known);
    json_writer_text_field(&writer, "signature", takedown->signature);
    if (takedown->closed_ms) json_writer_integer_field(&writer, "closedAt", takedown->closed_ms);
    json_writer_text_field(&writer, "decision", takedown->decision);
    json_writer_close(&writer, '}');
}

/* ---- Reading ---- */

static enum status read_texts(struct takedown *out, const json_t *json, struct arena *arena, struct error *err) {
    const struct {
        const char *name;
        const char **place;
        bool is_optional;
    } fields[] = {{"name", &out->name, false},       {"email", &out->email, false},    {"work", &out->work, false},
                  {"package", &out->package, false}, {"version", &out->version, true}, {"signature", &out->signature, false},
                  {"decision", &out->decision, true}};
    enum status status = STATUS_OK;
    for (size_t i = 0; i < sizeof fields / sizeof *fields && !status; i++) {
        const char *value = NULL;
        status = fields[i].is_optional ? json_want_text(json, fields[i].name, &value, err)
                                       : json_need_text(json, fields[i].name, &value, err);
        *fields[i].place = value ? arena_copy(arena, value) : NULL;
    }
    return status;
}

static enum status read_object(struct takedown *out, const json_t *json, struct arena *arena, struct error *err) {
    const char *reference = NULL;
    enum status status = json_need_text(json, "reference", &reference, err);
    if (!status && !takedown_reference_is_well_formed(reference))
        status = error_set_at(err, STATUS_INVALID, "reference", "\"%s\" is no reference of a case.", reference);
    if (!status) status = json_need_integer(json, "receivedAt", &out->received_ms, err);
    if (!status) status = read_texts(out, json, arena, err);
    if (!status && out->decision) status = json_need_integer(json, "closedAt", &out->closed_ms, err);
    if (status) return status;
    memcpy(out->reference, reference, sizeof out->reference);
    out->is_known = json_is_true(json_object_get(json, "isKnown"));
    return STATUS_OK;
}

enum status takedown_read_json(struct takedown *out, const char *bytes, size_t length, struct arena *arena, struct error *err) {
    json_t *json = NULL;
    *out = (struct takedown){0};
    enum status status = json_read(&json, bytes, length, "The case", err);
    if (!status) status = read_object(out, json, arena, err);
    json_decref(json);
    return status;
}

enum status takedown_check_decision(const char *decision, struct error *err) {
    size_t length = strlen(decision);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)decision[i] < ' ' || decision[i] == 0x7f)
            return error_set(err, STATUS_INVALID, "The decision must be one line without control characters.");
    size_t characters = text_is_utf8(decision, length) ? text_count_characters(decision) : 0;
    if (!text_is_blank(decision) && characters >= TAKEDOWN_DECISION_MIN && characters <= TAKEDOWN_DECISION_MAX)
        return STATUS_OK;
    return error_set(
        err, STATUS_INVALID,
        "The decision must be a sentence of %d to %d characters that says what was decided; everybody can read it.",
        TAKEDOWN_DECISION_MIN, TAKEDOWN_DECISION_MAX);
}
