/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Signatures of payloads by owners' SSH keys (lib/domain/README.md, Signature): lower-case hex of
 *
 *   ed25519    the 64 bytes
 *   ECDSA      the DER form, over SHA-256, SHA-384, SHA-512 for the curves nistp256, nistp384, nistp521
 *   RSA        PKCS #1 v1.5 over SHA-1 (the default of the clients' SSH library), SHA-256 or SHA-512
 *
 * The content of a payload and the choice of owners do not matter here. All functions are thread-safe.
 *
 * ECDSA signatures are malleable: from one valid signature of a payload anybody can make another. A replay must therefore be
 * detected by the payload and the key (signer_replay_key()), not by the signature.
 */
#ifndef LIB_DOMAIN_IDENTITY_SIGNATURE_H
#define LIB_DOMAIN_IDENTITY_SIGNATURE_H

#include <stddef.h>

#include "lib/domain/identity/owner.h"

struct text;

/* STATUS_OK: `signature` is the owner's over exactly these bytes. STATUS_REFUSED: it is not. STATUS_INVALID with the field as
 * path: the owner's key ("keytype", "public") cannot be used, or the signature ("signature") is not lower-case hex. */
CHECK_RESULT enum status signature_check(const struct owner *owner, const void *payload, size_t payload_bytes,
                                         const char *signature, struct error *err);

/* A private key. */
struct signing_key;

/* Reads the text of an OpenSSH private key file without a passphrase, of any of the owners' key types; the caller owns *out.
 * STATUS_INVALID gives the reason. */
CHECK_RESULT enum status signing_key_read(struct signing_key **out, const char *text, struct error *err);
void signing_key_free(struct signing_key *key);

/* The public key, with the file's comment as id; borrowed from `key`. */
const struct owner *signing_key_owner(const struct signing_key *key);

/* Appends the signature, in hex; RSA uses SHA-512. STATUS_INTERNAL: signing failed, or the result does not verify with the
 * public key. */
CHECK_RESULT enum status signing_key_sign(const struct signing_key *key, const void *payload, size_t payload_bytes,
                                          struct text *out, struct error *err);

#endif
