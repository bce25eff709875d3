/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Tarballs in a bucket of an S3 server. Writes, removals and look-ups go to the server itself, signed. Downloads come from the
 * public base, a shared cache, if it is set; if that fails, or does not match the metadata, from the server itself.
 *
 * Creating an object takes two steps, look and write: `If-None-Match: *` would make them one, but not every server with this
 * protocol supports it. Concurrent writers of one object are excluded by the index repository's lock, which the callers hold
 * (tarball_store_put()).
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/base/url.h"
#include "lib/store/tarball/tarball_place.h"
#include "lib/tools/http/http_client.h"
#include "lib/tools/http/s3_client.h"

enum {
    OBJECT_BYTES_MAX = 1 << 28, /* far more than any tarball */
    ERROR_PAGE_BYTES = 1 << 16, /* allowance for an error page instead of a small object */
    DOWNLOAD_TRIES = 2,
    DOWNLOAD_REDIRECTS = 3,
};

struct tarball_s3 {
    struct tarball_place place;
    struct s3_client *client;
    char *public_base; /* NULL: there is none */
    int try_timeout_ms;
    struct http_connections *connections; /* for downloads from the public base */
};

static struct tarball_s3 *s3_of(struct tarball_place *place) {
    return (struct tarball_s3 *)place;
}

/* Reads the whole object: those uploaded by others have no hash that could be asked for. */
static enum status look_up_object(struct tarball_place *place, const char *object, struct stored_tarball *out,
                                  struct deadline *deadline, struct error *err) {
    struct text bytes = {0};
    enum status status = s3_client_get(s3_of(place)->client, object, OBJECT_BYTES_MAX, &bytes, deadline, err);
    if (!status) {
        hash_sha256_sri(text_view(&bytes), bytes.length, out->hash);
        out->size_bytes = (int64_t)bytes.length;
    }
    text_release(&bytes);
    return status;
}

static enum status create_object(struct tarball_place *place, const char *object, const void *bytes, size_t length,
                                 struct deadline *deadline, struct error *err) {
    struct stored_tarball there;
    enum status status = look_up_object(place, object, &there, deadline, err);
    if (!status) return error_set(err, STATUS_CONFLICT, "%s already exists.", object);
    if (status != STATUS_NOT_FOUND) return status;
    struct s3_upload upload = {.bytes = bytes, .length = length, .content_type = "application/gzip", .is_public = true};
    return s3_client_put(s3_of(place)->client, object, &upload, deadline, err);
}

static enum status remove_object(struct tarball_place *place, const char *object, struct deadline *deadline,
                                 struct error *err) {
    return s3_client_remove(s3_of(place)->client, object, deadline, err);
}

/* ---- Reading ---- */

/* Downloads anonymously from the public base. */
static enum status download(struct tarball_s3 *s3, const char *object, const struct stored_tarball *expected, struct text *out,
                            struct deadline *deadline, struct error *err) {
    struct arena arena = {0};
    struct http_response response = {0};
    size_t start = out->length;
    struct http_request request = {
        .url = arena_format(&arena, "%s/%s", s3->public_base, object),
        .timeout_ms = s3->try_timeout_ms,
        .tries = DOWNLOAD_TRIES,
        .limit_bytes = (size_t)expected->size_bytes + ERROR_PAGE_BYTES,
        .redirects = DOWNLOAD_REDIRECTS,
        .deadline = deadline,
        .connections = s3->connections,
    };
    enum status status = http_client_send(&request, &response, err);
    if (!status && response.status != 200)
        status = error_set(err, STATUS_UNAVAILABLE, "S3_API_URL answered %d for %s.", response.status, object);
    if (!status) {
        text_append_bytes(out, text_view(&response.body), response.body.length);
        status = tarball_place_accept(out, start, object, expected, err);
    }
    http_response_release(&response);
    arena_release(&arena);
    return status;
}

static enum status read_object(struct tarball_place *place, const char *object, const struct stored_tarball *expected,
                               struct text *out, struct deadline *deadline, struct error *err) {
    struct tarball_s3 *s3 = s3_of(place);
    struct error public_err;
    enum status public_status = s3->public_base ? download(s3, object, expected, out, deadline, &public_err) : STATUS_NOT_FOUND;
    if (!public_status) return STATUS_OK;
    size_t start = out->length;
    enum status status = s3_client_get(s3->client, object, OBJECT_BYTES_MAX, out, deadline, err);
    if (!status) status = tarball_place_accept(out, start, object, expected, err);
    if (!status && s3->public_base)
        log_line(LOG_WARN, "download_fallback_to_bucket", log_field("object", object), log_field("error", public_err.message));
    return status;
}

static enum status list_objects(struct tarball_place *place, const char *folder, struct arena *arena,
                                struct stored_versions *out, struct deadline *deadline, struct error *err) {
    struct s3_listing listing;
    enum status status = s3_client_list(s3_of(place)->client, folder, 0, arena, &listing, deadline, err);
    if (status) return status;
    for (size_t i = 0; i < listing.count; i++)
        listing.names[i] += strlen(folder);
    *out = (struct stored_versions){listing.names, listing.count};
    return STATUS_OK;
}

/* ---- The bucket itself ---- */

/* A list proves address, bucket and key; that the key may not write shows only on a write. */
static enum status check_bucket(struct tarball_place *place, struct deadline *deadline, struct error *err) {
    struct arena arena = {0};
    struct s3_listing listing;
    enum status status = s3_client_list(s3_of(place)->client, "", 1, &arena, &listing, deadline, err);
    arena_release(&arena);
    return status;
}

static void set_key(struct tarball_place *place, const char *key, const char *secret) {
    s3_client_set_key(s3_of(place)->client, key, secret);
}

static void free_s3(struct tarball_place *place) {
    struct tarball_s3 *s3 = s3_of(place);
    http_connections_free(s3->connections);
    s3_client_free(s3->client);
    free(s3->public_base);
    free(s3);
}

static const struct tarball_place_functions s3_functions = {
    .look_up = look_up_object,
    .create = create_object,
    .read = read_object,
    .remove = remove_object,
    .list = list_objects,
    .check = check_bucket,
    .set_key = set_key,
    .free = free_s3,
};

enum status tarball_s3_create(struct tarball_place **out, const struct s3_options *options, const char *public_base,
                              struct error *err) {
    struct s3_client *client = NULL;
    enum status status = s3_client_create(&client, options, err);
    if (status) return status;
    struct tarball_s3 *s3 = memory_alloc(sizeof *s3);
    *s3 = (struct tarball_s3){.place.functions = &s3_functions, .client = client, .try_timeout_ms = options->try_timeout_ms};
    s3->connections = http_connections_create();
    if (public_base) {
        struct text base = {0};
        url_append_base(&base, public_base);
        s3->public_base = base.bytes;
    }
    *out = &s3->place;
    return STATUS_OK;
}
