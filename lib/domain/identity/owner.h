/* SPDX-License-Identifier: BSD-3-Clause
 *
 * An owner of a package: an SSH public key (lib/domain/README.md, Owner), which may sign requests to unpublish and to transfer.
 * Signatures are checked in lib/domain/identity/signature.h.
 */
#ifndef LIB_DOMAIN_IDENTITY_OWNER_H
#define LIB_DOMAIN_IDENTITY_OWNER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"

struct arena;
struct json_writer;

/* OWNER_KEY(name, text) */
#define OWNER_KEY_TABLE(OWNER_KEY)                                                                                             \
    OWNER_KEY(ED25519, "ssh-ed25519")                                                                                          \
    OWNER_KEY(ECDSA_P256, "ecdsa-sha2-nistp256")                                                                               \
    OWNER_KEY(ECDSA_P384, "ecdsa-sha2-nistp384")                                                                               \
    OWNER_KEY(ECDSA_P521, "ecdsa-sha2-nistp521")                                                                               \
    OWNER_KEY(RSA, "ssh-rsa")

enum owner_key {
#define OWNER_KEY(name, text) OWNER_KEY_##name,
    OWNER_KEY_TABLE(OWNER_KEY)
#undef OWNER_KEY
        OWNER_KEY_COUNT
};

/* Texts are owned by the arena that it was read into. */
struct owner {
    const char *id;         /* the key's comment, optional (NULL) */
    const char *key_type;   /* as read; owner_decode() checks it against the table */
    const char *public_key; /* base64 of the key's SSH wire form */
};

struct owners {
    struct owner *items;
    size_t count; /* 0: no such field in the file */
};

/* Reads a JSON array, which must not be empty; NULL (no such field) gives no owners. Checks only the shape: STATUS_INVALID with
 * the field as path. */
CHECK_RESULT enum status owners_read(struct owners *out, const json_t *array, struct arena *arena, struct error *err);

/* Reads a line as in OpenSSH's ".pub" files, `TYPE BASE64 COMMENT`, the comment (the owner's id) optional. Checks only the
 * shape: STATUS_INVALID for fewer than two words or more than one line. */
CHECK_RESULT enum status owner_parse_line(struct owner *out, const char *line, struct arena *arena, struct error *err);

/* The key's kind and its SSH wire form, in the arena. STATUS_INVALID if the type is unknown, the base64 is malformed, or the
 * wire form begins with another type. */
CHECK_RESULT enum status owner_decode(const struct owner *owner, struct arena *arena, enum owner_key *key, unsigned char **wire,
                                      size_t *wire_bytes, struct error *err);

/* The fingerprint as OpenSSH prints it: `SHA256:` and the unpadded base64 of the wire form's SHA-256. Identifies a key
 * reliably, unlike its comment, which its owner chooses. In the arena; NULL if `public_key` is not base64. */
const char *owner_fingerprint(const struct owner *owner, struct arena *arena);

void owners_write(struct json_writer *writer, const struct owners *owners);

#endif
