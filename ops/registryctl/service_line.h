/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Queries to a service by messages, on a machine that reaches the service's address, with SERVICE_KEY if the service needs one.
 * Needs neither Redis nor a gateway.
 */
#ifndef OPS_REGISTRYCTL_SERVICE_LINE_H
#define OPS_REGISTRYCTL_SERVICE_LINE_H

#include <jansson.h>

#include "lib/base/error.h"
#include "lib/base/settings.h"
#include "proto/message.h"

struct message_client;

struct service_line {
    enum service service;
    struct settings settings;
    struct message_client *client;
};

/* Loads the settings. `line` must be zeroed; close it after a failure, too. */
CHECK_RESULT enum status service_line_open(struct service_line *line, enum service service, struct error *err);
void service_line_close(struct service_line *line);

/* Sends a query. *out is the JSON of the answer, which the caller owns. */
CHECK_RESULT enum status service_line_ask(struct service_line *line, const struct message *request, json_t **out,
                                          struct error *err);

#endif
