/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads the input as the body of POST /api/v1/trustee. An accepted request gives a complete job of a trustee; a refusal has a
 * message in UTF-8.
 */
#include <jansson.h>

#include "lib/base/json.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"
#include "services/gateway/trustee/trustee_request.h"
#include "tests/fuzz/fuzz.h"

static void check_job(const struct trustee_request *request) {
    const struct job_request *job = request->job;
    assert(text_equal(job->authority, JOB_AUTHORITY_TRUSTEE) && text_equal(job->actor, request->actor));
    assert(job->issue && job->duplicate_key && !job->address);
    assert(text_is_utf8(request->actor, strlen(request->actor)));
    assert(request->retry_of || job->payload);
    if (!request->retry_of && job->kind != JOB_KIND_PACKAGE_SET) assert(job->package);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    const struct settings settings = {.trustee_requires_issue = true};
    struct gateway gateway = {.settings = &settings};
    for (size_t i = 0; i < SERVICE_COUNT; i++)
        gateway.services[i] = (struct message_client *)&gateway; /* only compared with NULL */
    struct call call = {.gateway = &gateway};
    struct error err = {0};
    json_t *body = NULL;
    if (!json_read(&body, (const char *)bytes, length, "It", NULL)) {
        struct trustee_request request;
        if (!trustee_request_read(&request, &call, body, &err))
            check_job(&request);
        else
            assert(err.message[0] && text_is_utf8(err.message, strlen(err.message)));
    }
    json_decref(body);
    arena_release(&call.arena);
    return 0;
}
