/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: keys of package owners, made by ssh-keygen, and signatures. ECDSA signatures can also be made by the openssl
 * program, and be rewritten, because one payload can have several valid ones.
 */
#ifndef TESTS_SUPPORT_OWNER_KEY_H
#define TESTS_SUPPORT_OWNER_KEY_H

#include "lib/base/arena.h"

/* Texts in the arena that it was made in. */
struct owner_key_pair {
    const char *path;        /* of the private key's file; the public one is beside it, ".pub" */
    const char *fingerprint; /* by ssh-keygen: `SHA256:…` */
    const char *json;        /* as a manifest's `owners` have it */
    const char *line;        /* of the ".pub" file, without its line break */
};

/* `arguments` are ssh-keygen's: "-t ed25519". The folder must be there. */
struct owner_key_pair owner_key_make(struct arena *arena, const char *folder, const char *name, const char *arguments,
                                     const char *comment);

/* The signature in hex: by our own lib/domain/identity/signature.h, or by the openssl program with a digest ("sha1"; ECDSA and
 * RSA). */
const char *owner_key_sign(struct arena *arena, const struct owner_key_pair *key, const char *payload);
const char *owner_key_sign_by_openssl(struct arena *arena, const struct owner_key_pair *key, const char *digest,
                                      const char *payload);

/* Another valid signature, made from one of the P-256 key without the key: (r, s) becomes (r, n - s). */
const char *ecdsa_p256_make_another(struct arena *arena, const char *signature);

/* `{"payload": …, "signature": …}` */
const char *signed_request_body(struct arena *arena, const char *payload, const char *signature);

#endif
