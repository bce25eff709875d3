/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Signs and verifies the bytes on standard input (lib/domain/README.md, Signature), like an owner's transfer or unpublishing.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/folder.h"
#include "lib/base/text.h"
#include "lib/domain/identity/signature.h"
#include "ops/registryctl/command.h"
#include "ops/registryctl/signing.h"

enum { KEY_BYTES_MAX = 64 * 1024, PAYLOAD_BYTES_MAX = 16 << 20, CHUNK_BYTES = 64 * 1024 };

static enum status read_payload(struct text *out, struct error *err) {
    for (;;) {
        ssize_t length = read(STDIN_FILENO, text_reserve(out, CHUNK_BYTES), CHUNK_BYTES);
        if (length == 0) return STATUS_OK;
        if (length < 0) return error_set(err, STATUS_INTERNAL, "The payload cannot be read: %s.", strerror(errno));
        out->length += (size_t)length;
        if (out->length > PAYLOAD_BYTES_MAX)
            return error_set(err, STATUS_TOO_LARGE, "The payload has more than %d bytes.", PAYLOAD_BYTES_MAX);
    }
}

enum status command_verify(struct invocation *call, struct error *err) {
    const char *line = take_option(call, "key"), *signature = take_option(call, "signature");
    struct owner owner;
    struct text payload = {0};
    if (!line || !signature) return wrong_call(call, err, "Both --key and --signature are required.");
    enum status status = owner_parse_line(&owner, line, &call->arena, err);
    if (!status) status = read_payload(&payload, err);
    if (!status) status = signature_check(&owner, text_view(&payload), payload.length, signature, err);
    if (!status)
        printf("The %s key \"%s\" has signed these %zu bytes.\n", owner.key_type, owner.id ? owner.id : owner.public_key,
               payload.length);
    text_release(&payload);
    return status;
}

enum status sign_with_file(struct text *out, const char *path, const void *payload, size_t payload_bytes, struct error *err) {
    struct signing_key *key = NULL;
    struct text file = {0};
    enum status status = file_read(path, KEY_BYTES_MAX, &file, err);
    if (!status) status = signing_key_read(&key, text_view(&file), err);
    if (!status) status = signing_key_sign(key, payload, payload_bytes, out, err);
    signing_key_free(key);
    text_release(&file);
    return status;
}

enum status command_sign(struct invocation *call, struct error *err) {
    const char *path = take_option(call, "key");
    struct text payload = {0}, signature = {0};
    if (!path) return wrong_call(call, err, "--key is required.");
    enum status status = read_payload(&payload, err);
    if (!status) status = sign_with_file(&signature, path, text_view(&payload), payload.length, err);
    if (!status) puts(text_view(&signature));
    text_release(&signature);
    text_release(&payload);
    return status;
}
