/* SPDX-License-Identifier: BSD-3-Clause
 *
 * GET /api/v1/publications: the newest publications and unpublishings of all packages. build-matrix answers it:
 * publication_query. (As a feed: services/gateway/web/feeds.c)
 */
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"
#include "services/gateway/routes/registry_query.h"

void get_publications(struct call *call) {
    const struct registry_query query = {
        .asker = call->gateway->matrix_asker,
        .request = {.tag = MESSAGE_publication_query,
                    .publication_query = {.limit = query_number(&call->query, "limit")}},
        .has_tag = true,
        .unavailable = "Publications cannot be looked up at the moment: try again in a few seconds.",
    };
    registry_query_ask(call, &query);
}
