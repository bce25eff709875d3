/* SPDX-License-Identifier: BSD-3-Clause
 *
 * GET /NAME/VERSION.tar.gz if the storage is a local folder; if S3_API_URL is set, only for requests to its host
 * (services/gateway/README.md, Packages and tarballs). A published tarball never changes, so caches may keep it for ever; its
 * hash is its ETag.
 */
#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/base/hash.h"
#include "lib/base/url.h"
#include "lib/domain/package/package_name.h"
#include "lib/domain/package/version.h"
#include "lib/store/tarball/tarball_store.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/byte_range.h"
#include "services/gateway/http/call.h"
#include "services/gateway/http/header_lists.h"
#include "services/gateway/routes/file_hashes.h"

/* The name of the object and the relevant request headers, in the call's arena. */
struct download {
    const char *name; /* for messages */
    const char *range;
    const char *if_range;
    const char *if_none_match;
};

/* Sets status, range and headers of the answer: the whole file, a part of it, or nothing. */
static void choose_part(struct call *call, const struct download *download, int64_t size, const char *tag) {
    struct answer *answer = &call->answer;
    if (header_list_has_tag(download->if_none_match, tag)) {
        answer->http_status = 304;
        close(answer->file);
        answer->file = -1;
        return;
    }
    answer->file_offset = 0;
    answer->file_length = size;
    const char *range = download->if_range && strcmp(download->if_range, tag) != 0 ? NULL : download->range;
    switch (byte_range_parse(range, size, &answer->file_offset, &answer->file_length)) {
    case BYTE_RANGE_WHOLE: break;
    case BYTE_RANGE_PART:
        answer->http_status = 206;
        answer_header(answer, "content-range",
                      arena_format(&call->arena, "bytes %" PRId64 "-%" PRId64 "/%" PRId64, answer->file_offset,
                                   answer->file_offset + answer->file_length - 1, size));
        break;
    case BYTE_RANGE_IMPOSSIBLE:
        answer->http_status = 416;
        answer->file_length = 0;
        answer_header(answer, "content-range", arena_format(&call->arena, "bytes */%" PRId64, size));
        break;
    }
}

static enum status open_tarball(struct call *call, struct job_store *store, struct error *err) {
    (void)store;
    const struct download *download = call->work_data;
    char hash[SHA256_SRI_MAX];
    int64_t size;
    enum status status = STATUS_OK;
    if (call->answer.file < 0)
        status =
            tarball_store_open_file(&call->answer.file, call->gateway->settings, call->parameters[0], call->parameters[1], err);
    if (!status) status = file_hashes_find(call->gateway->file_hashes, call->answer.file, download->name, hash, &size, err);
    if (status) return status;
    const char *tag = arena_format(&call->arena, "\"%s\"", hash);
    call->answer.content_type = "application/gzip";
    answer_header(&call->answer, "etag", tag);
    answer_header(&call->answer, "cache-control", "public, max-age=31536000, immutable");
    answer_header(&call->answer, "accept-ranges", "bytes");
    choose_part(call, download, size, tag);
    return STATUS_OK;
}

/* True if `authority` is that of `url`: "packages.example.org:8080" of "https://packages.example.org:8080/…" */
static bool is_host_of(const char *url, const h2o_iovec_t *authority) {
    struct url parts;
    url_split(&parts, url);
    return parts.authority.length == authority->len && strncasecmp(parts.authority.bytes, authority->base, authority->len) == 0;
}

void get_tarball(struct call *call) {
    const struct settings *settings = call->gateway->settings;
    struct error err;
    struct version version;
    bool is_elsewhere = settings->s3_api_url && !is_host_of(settings->s3_api_url, &call->req->authority);
    if (!tarball_store_is_folder(settings) || is_elsewhere) {
        call_fail(call, STATUS_NOT_FOUND, NULL, "There is nothing at this address.");
        return;
    }
    if (package_name_check(call->parameters[0], &err) || version_parse(&version, call->parameters[1], &err)) {
        call_fail(call, STATUS_NOT_FOUND, NULL, err.message);
        return;
    }
    struct download *download = arena_alloc(&call->arena, sizeof *download);
    download->name = arena_format(&call->arena, "%s/%s.tar.gz", call->parameters[0], call->parameters[1]);
    download->range = call_request_header(call, "range");
    download->if_range = call_request_header(call, "if-range");
    download->if_none_match = call_request_header(call, "if-none-match");
    call->work_data = download;
    call_work(call, open_tarball);
}
