/* SPDX-License-Identifier: BSD-3-Clause */
#include "ops/registryctl/matrix_line.h"

#include <string.h>

#include "lib/base/json.h"
#include "lib/service/message/message_client.h"

enum { TIMEOUT_MS = 10000 };

enum status matrix_line_open(struct matrix_line *line, struct error *err) {
    return settings_load(&line->settings, PROGRAM_BUILD_MATRIX, err);
}

/* Connects at the first query only: a connection that is closed during its handshake stops a listener of nng 1.5, and a
 * wrong call would cause that. */
static enum status connect_line(struct matrix_line *line, struct error *err) {
    if (line->client) return STATUS_OK;
    const struct message_client_options options = {.address = line->settings.build_matrix_address,
                                                   .service_key = line->settings.service_key};
    return message_client_create(&line->client, &options, err);
}

void matrix_line_close(struct matrix_line *line) {
    message_client_free(line->client);
    settings_release(&line->settings);
}

enum status matrix_line_ask(struct matrix_line *line, const struct message *request, json_t **out, struct error *err) {
    struct arena arena = {0};
    struct message answer;
    enum status status = connect_line(line, err);
    if (!status) status = message_client_ask(line->client, request, MESSAGE_json_answer, TIMEOUT_MS, &arena, &answer, err);
    const char *json = status || !answer.json_answer.json ? "" : answer.json_answer.json;
    if (!status) status = json_read(out, json, strlen(json), "The answer", err);
    if (status == STATUS_UNAVAILABLE)
        status = error_set(err, status, "The request to the build-matrix service at %s failed: %s",
                           line->settings.build_matrix_address, err->message);
    arena_release(&arena);
    return status;
}
