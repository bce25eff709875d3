/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: POST /api/v1/trustee.
 */
#ifndef TESTS_SUPPORT_TRUSTEE_CALL_H
#define TESTS_SUPPORT_TRUSTEE_CALL_H

#include "tests/support/server/server_fixture.h"

struct trustee_answer {
    int status;
    const char *job_id; /* "" if refused; texts in the server's arena */
    bool created;
    const char *path, *message; /* of a refusal; "" if accepted */
};

/* Asks with `Authorization: Bearer TOKEN` (NULL: without), from the address if the server trusts X-Forwarded-For from 127.0.0.1
 * (NULL: as 127.0.0.1 itself). */
struct trustee_answer trustee_ask(struct server *server, const char *token, const char *address, const char *body);

/* `{"action", "payload", "actor", "issue": 7, "reason"?}` in the server's arena. `reason` may be NULL. */
const char *trustee_body(struct server *server, const char *action, const char *payload, const char *actor, const char *reason);

/* Must be accepted; returns the job's id. */
const char *trustee_expect_job(struct server *server, const char *token, const char *body);

/* Must be refused with these; `path` "" if the refusal names none. */
void trustee_expect_refusal(struct server *server, const char *token, const char *address, const char *body, int status,
                            const char *path);

#endif
