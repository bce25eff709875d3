/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Parsing SSH keys: an owner's public key, and a private key in OpenSSH's file format. Parsing is strict, to the last byte; the
 * cryptography is in signature.c.
 *
 *   text    = length (4 bytes, most significant first), bytes
 *   public  = text TYPE, ed25519: text POINT | ecdsa: text CURVE, text POINT | rsa: text EXPONENT, text MODULUS
 *   file    = "openssh-key-v1" NUL, text CIPHER ("none"), text KDF ("none"), text "", count (1), text PUBLIC, text SECRETS
 *   SECRETS = check, check again, text TYPE,
 *             ed25519: text POINT, text SEED and POINT | ecdsa: text CURVE, text POINT, text SCALAR |
 *             rsa: text MODULUS, EXPONENT, PRIVATE EXPONENT, and three more derived from these,
 *             text COMMENT, padding 1 2 3 …
 */
#ifndef LIB_DOMAIN_IDENTITY_SSH_KEY_H
#define LIB_DOMAIN_IDENTITY_SSH_KEY_H

#include <stddef.h>

#include "lib/domain/identity/owner.h"

enum {
    SSH_ED25519_BYTES = 32,      /* of a point, and of a seed */
    SSH_RSA_BITS_MIN = 1024,     /* of keys that are already in the registry */
    SSH_RSA_BITS_MIN_NEW = 2048, /* of newly submitted keys */
    SSH_RSA_BITS_MAX = 16384,
};

/* Numbers are without leading zeros, most significant byte first. */
struct ssh_bytes {
    const unsigned char *bytes;
    size_t length;
};

/* Borrowed from the arena that it was read into. Fields that a kind of key does not have are empty. */
struct ssh_key {
    enum owner_key kind;
    struct ssh_bytes point;    /* ed25519; ECDSA, uncompressed */
    struct ssh_bytes modulus;  /* RSA */
    struct ssh_bytes exponent; /* RSA */
    struct ssh_bytes secret;   /* of a private key: ed25519's seed, ECDSA's scalar, RSA's private exponent */
};

/* STATUS_INVALID with the field ("keytype", "public") as path: another kind of key, an incomplete key, or an RSA key whose size
 * or exponent is out of bounds. */
CHECK_RESULT enum status ssh_key_read_public(struct ssh_key *out, const struct owner *owner, struct arena *arena,
                                             struct error *err);

/* The length in bits of an RSA key's modulus. */
size_t ssh_key_rsa_bits(const struct ssh_key *key);

/* Reads the text of a private key file; `owner` gets its public key and comment. STATUS_INVALID: not a private key file,
 * damaged, another kind of key, or protected by a passphrase. */
CHECK_RESULT enum status ssh_key_read_private(struct ssh_key *out, struct owner *owner, const char *text, struct arena *arena,
                                              struct error *err);

#endif
