/* SPDX-License-Identifier: BSD-3-Clause
 *
 * How registryctl's commands send a request that becomes a job. Each prints the job's id and, if --follow is given, its log:
 * then the gateway's absence is waited out, and a job that fails is STATUS_REFUSED.
 */
#ifndef OPS_REGISTRYCTL_REQUESTS_H
#define OPS_REGISTRYCTL_REQUESTS_H

#include "lib/base/error.h"

struct invocation;
struct json_writer;
struct text;

/* Posts the body to a path of the gateway. */
CHECK_RESULT enum status request_send(struct invocation *call, const char *path, const char *body, struct error *err);

/* Ends the object of a payload that will be signed, with a unique field: the server carries out the same signed bytes only once,
 * ever, but a command that is called again means a new request. (The server ignores unknown fields.) */
void request_close_payload(struct json_writer *writer);

/* Posts `{payload, signature}`, signed once with the OpenSSH private key in the file, so that a retry is the same request.
 * `key_file` NULL: without a signature. */
CHECK_RESULT enum status request_send_payload(struct invocation *call, const char *path, const char *key_file,
                                              const struct text *payload, struct error *err);

/* Posts a trustee's action by the options `actor`, `issue`, `reason` and `token-file`, which the command must have. Errors in
 * action and payload, a text of JSON, are left to the gateway. */
CHECK_RESULT enum status request_send_action(struct invocation *call, const char *action, const char *payload,
                                             struct error *err);

#endif
