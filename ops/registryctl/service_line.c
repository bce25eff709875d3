/* SPDX-License-Identifier: BSD-3-Clause */
#include "ops/registryctl/service_line.h"

#include <string.h>

#include "lib/base/json.h"
#include "lib/service/message/message_client.h"

enum { TIMEOUT_MS = 10000 };

enum status service_line_open(struct service_line *line, enum service service, struct error *err) {
    line->service = service;
    return settings_load(&line->settings, service_program(service), err);
}

/* Connects at the first query only: a connection that is closed during its handshake stops a listener of nng 1.5, and a
 * wrong call would cause that. */
static enum status connect_line(struct service_line *line, struct error *err) {
    if (line->client) return STATUS_OK;
    const struct message_client_options options = {.address = settings_service_address(&line->settings, line->service),
                                                   .service_key = line->settings.service_key};
    return message_client_create(&line->client, &options, err);
}

void service_line_close(struct service_line *line) {
    message_client_free(line->client);
    settings_release(&line->settings);
}

enum status service_line_ask(struct service_line *line, const struct message *request, json_t **out, struct error *err) {
    struct arena arena = {0};
    struct message answer;
    enum status status = connect_line(line, err);
    if (!status) status = message_client_ask(line->client, request, MESSAGE_json_answer, TIMEOUT_MS, &arena, &answer, err);
    const char *json = status || !answer.json_answer.json ? "" : answer.json_answer.json;
    if (!status) status = json_read(out, json, strlen(json), "The answer", err);
    if (status == STATUS_UNAVAILABLE)
        status = error_set(err, status, "The request to the %s service at %s failed: %s", program_name(service_program(line->service)),
                           settings_service_address(&line->settings, line->service), err->message);
    arena_release(&arena);
    return status;
}
