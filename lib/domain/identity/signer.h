/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Finds the signer of a request to unpublish or to transfer (lib/domain/README.md, Unpublish): an owner of the package, by one
 * of the keys in its metadata, or pacchettibotti, the registry's own account, whose signature suffices for every package.
 * Unusable keys in old metadata are skipped. A package set belongs to nobody, so pacchettibotti alone signs for it.
 */
#ifndef LIB_DOMAIN_IDENTITY_SIGNER_H
#define LIB_DOMAIN_IDENTITY_SIGNER_H

#include "lib/base/hash.h"
#include "lib/domain/identity/owner.h"
#include "lib/domain/job/job.h"
#include "lib/domain/job/operation.h"

#define SIGNER_PACCHETTIBOTTI "pacchettibotti"
#define REGISTRY_ISSUES_URL "https://github.com/purescript/registry/issues"

struct signing_key;

struct signer {
    const char *actor;       /* "pacchettibotti", or the fingerprint, which an owner cannot forge */
    const char *fingerprint; /* of the key, in the arena */
    const struct owner *key; /* borrowed from the arguments of signer_find() */
};

/* Reads the setting PACCHETTIBOTTI_ED25519_PUB, the base64 of an OpenSSH line, into the arena; *out is NULL if `setting` is.
 * STATUS_INVALID with the variable as path. */
CHECK_RESULT enum status signer_read_pacchettibotti(const struct owner **out, const char *setting, struct arena *arena,
                                                    struct error *err);

/* Reads the setting PACCHETTIBOTTI_ED25519, the base64 of an OpenSSH private key; *out is NULL if `setting` is. The caller owns
 * *out. STATUS_INVALID with the variable as path. */
CHECK_RESULT enum status signer_read_private_key(struct signing_key **out, const char *setting, struct error *err);
CHECK_RESULT enum status signer_check_private_key(const char *setting, struct error *err); /* only checks it */

/* `pacchettibotti` may be NULL: its key is not configured. STATUS_REFUSED, with "signature" as path, lists the keys that may
 * sign, or explains how to proceed if the package has no owners. */
CHECK_RESULT enum status signer_find(struct signer *out, const struct signed_request *request, const char *package,
                                     const struct owners *owners, const struct owner *pacchettibotti, struct arena *arena,
                                     struct error *err);

/* The same for a request for a package set, which only pacchettibotti may sign (lib/domain/README.md, Package set update).
 * STATUS_REFUSED, with "signature" as path: there is no signature, it is not pacchettibotti's over exactly this payload, or
 * there is no key to check it with (`pacchettibotti` is NULL); the message explains how to proceed. */
CHECK_RESULT enum status signer_find_for_package_set(struct signer *out, const struct signed_request *request,
                                                     const struct owner *pacchettibotti, struct arena *arena,
                                                     struct error *err);

/* The signer's proof as job.credential has it: type and fingerprint of the key, in the arena. */
const char *signer_credential(const struct signer *signer, struct arena *arena);

/* The key for the detection of replays, hex of a SHA-256 over kind, fingerprint and payload: the same for every valid signature
 * of this payload by this signer. */
void signer_replay_key(const struct signer *signer, const struct signed_request *request, enum job_kind kind,
                       char out[SHA256_HEX_MAX]);

#endif
