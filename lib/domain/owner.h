/* SPDX-License-Identifier: BSD-3-Clause
 *
 * An owner of a package: an SSH public key (lib/domain/README.md, Owner), which may sign unpublishing and transfer. Checking
 * signatures is not here.
 */
#ifndef LIB_DOMAIN_OWNER_H
#define LIB_DOMAIN_OWNER_H

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

/* Texts belong to the arena that it was read into. */
struct owner {
    const char *id;         /* the key's comment, NULL where there is none */
    const char *key_type;   /* as read; owner_check() knows whether it is one of the table */
    const char *public_key; /* base64 of the key's SSH wire form */
};

struct owners {
    struct owner *items;
    size_t count; /* 0: the file has no such field */
};

/* A JSON array, which must not be empty; NULL (no such field) gives no owners. Reads the shape alone: STATUS_INVALID with the
 * field as path. */
CHECK_RESULT enum status owners_read(struct owners *out, const json_t *array, struct arena *arena, struct error *err);

/* Reads a line as in OpenSSH's ".pub" files, `TYPE BASE64 COMMENT`, the comment (the owner's id) optional. Shape alone, too:
 * STATUS_INVALID where there are no two words. */
CHECK_RESULT enum status owner_parse_line(struct owner *out, const char *line, struct arena *arena, struct error *err);

/* The key's kind and its SSH wire form (in the arena): STATUS_INVALID where the kind is not known, the base64 is none, or the
 * type that the wire form begins with is another. */
CHECK_RESULT enum status owner_decode(const struct owner *owner, struct arena *arena, enum owner_key *key, unsigned char **wire,
                                      size_t *wire_bytes, struct error *err);

/* Whether each is a whole key of its type, and an RSA key has 2,048 bits at least, for what is newly submitted. (Keys that are
 * in the registry already verify with fewer.) */
CHECK_RESULT enum status owners_check(const struct owners *owners, struct error *err);

/* As OpenSSH shows a key, `SHA256:` and the base64, unpadded, of the wire form's sum: what a key is called that nobody can
 * choose as they choose its comment. In the arena; NULL where `public_key` is no base64. */
const char *owner_fingerprint(const struct owner *owner, struct arena *arena);

void owners_write(struct json_writer *writer, const struct owners *owners);
bool owner_equal(const struct owner *a, const struct owner *b);

#endif
