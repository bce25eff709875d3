/* SPDX-License-Identifier: BSD-3-Clause
 *
 * GET /assets/NAME.HASH.EXTENSION
 */
#include "services/gateway/web/assets.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/folder.h"
#include "lib/base/hash.h"
#include "lib/base/text.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"
#include "services/gateway/web/assets/excuses.js.h"
#include "services/gateway/web/assets/icon.svg.h"
#include "services/gateway/web/assets/job.js.h"
#include "services/gateway/web/assets/jobs.js.h"
#include "services/gateway/web/assets/matrix.js.h"
#include "services/gateway/web/assets/package_search.js.h"
#include "services/gateway/web/assets/site.css.h"

#define FOLDER "/assets/"
#define SCRIPT "text/javascript; charset=utf-8"

enum { HASH_LENGTH = 16, FILE_LIMIT_BYTES = 1 << 20 };

struct asset {
    const char *name, *type, *bytes;
    size_t length;
    char address[64];
};

static struct asset assets[] = {
    {.name = "excuses.js", .type = SCRIPT, .bytes = excuses_js, .length = sizeof excuses_js - 1},
    {.name = "icon.svg", .type = "image/svg+xml", .bytes = icon_svg, .length = sizeof icon_svg - 1},
    {.name = "job.js", .type = SCRIPT, .bytes = job_js, .length = sizeof job_js - 1},
    {.name = "jobs.js", .type = SCRIPT, .bytes = jobs_js, .length = sizeof jobs_js - 1},
    {.name = "matrix.js", .type = SCRIPT, .bytes = matrix_js, .length = sizeof matrix_js - 1},
    {.name = "package_search.js", .type = SCRIPT, .bytes = package_search_js, .length = sizeof package_search_js - 1},
    {.name = "site.css", .type = "text/css; charset=utf-8", .bytes = site_css, .length = sizeof site_css - 1},
};

enum { ASSET_COUNT = sizeof assets / sizeof *assets };

static void name_all(void) {
    for (size_t i = 0; i < ASSET_COUNT; i++) {
        struct asset *asset = &assets[i];
        char hash[SHA256_HEX_MAX];
        const char *extension = strrchr(asset->name, '.');
        hash_sha256_hex(asset->bytes, asset->length, hash);
        snprintf(asset->address, sizeof asset->address, FOLDER "%.*s.%.*s%s", (int)(extension - asset->name), asset->name,
                 HASH_LENGTH, hash, extension);
    }
}

static struct asset *named_assets(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, name_all);
    return assets;
}

const char *asset_address(const char *name) {
    const struct asset *asset = named_assets();
    while (strcmp(asset->name, name) != 0) {
        asset++;
        assert(asset < assets + ASSET_COUNT);
    }
    return asset->address;
}

void get_asset(struct call *call) {
    const struct asset *asset = named_assets(), *end = asset + ASSET_COUNT;
    while (asset < end && strcmp(asset->address + strlen(FOLDER), call->parameters[0]) != 0)
        asset++;
    if (asset == end) {
        call_fail(call, STATUS_NOT_FOUND, NULL, "There is no such file.");
        return;
    }
    struct answer *answer = &call->answer;
    const char *folder = call->gateway->settings->web_dir;
    struct error err;
    if (folder && file_read(arena_format(&call->arena, "%s/%s", folder, asset->name), FILE_LIMIT_BYTES, &answer->body, &err)) {
        call_fail_with(call, &err);
        return;
    }
    if (!folder) text_append_bytes(&answer->body, asset->bytes, asset->length);
    answer->content_type = asset->type;
    answer_header(answer, "cache-control", folder ? "no-store" : "public, max-age=31536000, immutable");
    call_send(call);
}
