/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Who signed a request to unpublish or to transfer (lib/domain/README.md, Unpublish): an owner of the package, by one of the
 * keys in its metadata, or pacchettibotti, the registry's own account, whose signature suffices for every package. Keys in old
 * metadata that cannot be used are passed over.
 */
#ifndef LIB_DOMAIN_SIGNER_H
#define LIB_DOMAIN_SIGNER_H

#include "lib/base/hash.h"
#include "lib/domain/job.h"
#include "lib/domain/operation.h"
#include "lib/domain/owner.h"

#define SIGNER_PACCHETTIBOTTI "pacchettibotti"
#define REGISTRY_ISSUES_URL "https://github.com/purescript/registry/issues"

struct signing_key;

struct signer {
    const char *actor;       /* "pacchettibotti", or the fingerprint: no owner can pass for somebody else */
    const char *fingerprint; /* of the key, in the arena */
    const struct owner *key; /* one of those given */
};

/* Reads the setting PACCHETTIBOTTI_ED25519_PUB, the base64 of an OpenSSH line; NULL where `setting` is. STATUS_INVALID with the
 * variable as path. */
CHECK_RESULT enum status signer_read_pacchettibotti(const struct owner **out, const char *setting, struct arena *arena,
                                                    struct error *err);

/* Reads the setting PACCHETTIBOTTI_ED25519, the base64 of an OpenSSH private key; NULL where `setting` is. The caller owns
 * *out. STATUS_INVALID with the variable as path. */
CHECK_RESULT enum status signer_read_private_key(struct signing_key **out, const char *setting, struct error *err);
CHECK_RESULT enum status signer_check_private_key(const char *setting, struct error *err); /* the same, and forgets it */

/* `pacchettibotti` NULL: this server does not know its key. STATUS_REFUSED says who could sign, or what to do where nobody can.
 */
CHECK_RESULT enum status signer_find(struct signer *out, const struct signed_request *request, const char *package,
                                     const struct owners *owners, const struct owner *pacchettibotti, struct arena *arena,
                                     struct error *err);

/* Of payload and key, hex of a SHA-256: the same for every signature that this signer can make of this payload. */
void signer_replay_key(const struct signer *signer, const struct signed_request *request, enum job_kind kind,
                       char out[SHA256_HEX_MAX]);

#endif
