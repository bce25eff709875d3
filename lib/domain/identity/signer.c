/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/identity/signer.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/domain/identity/signature.h"
#include "lib/domain/identity/ssh_key.h"

static const char bot_variable[] = "PACCHETTIBOTTI_ED25519_PUB";
static const char bot_comment[] = "pacchettibotti@purescript.org";

enum status signer_read_pacchettibotti(const struct owner **out, const char *setting, struct arena *arena, struct error *err) {
    *out = NULL;
    if (!setting) return STATUS_OK;
    struct owner *owner = arena_alloc(arena, sizeof *owner);
    unsigned char *line;
    size_t length;
    struct ssh_key key;
    struct error why = {0};
    if (!hash_base64_decode(arena, setting, &line, &length) || !text_is_utf8((const char *)line, length))
        error_set(&why, STATUS_INVALID, "The value is not the base64 of a text.");
    else if (!owner_parse_line(owner, arena_copy_bytes(arena, line, length), arena, &why) &&
             !ssh_key_read_public(&key, owner, arena, &why) &&
             (key.kind != OWNER_KEY_ED25519 || !text_equal(owner->id, bot_comment)))
        error_set(&why, STATUS_INVALID, "The key has the type %s and the comment \"%s\".", owner->key_type,
                  owner->id ? owner->id : "");
    if (!why.status) {
        *out = owner;
        return STATUS_OK;
    }
    return error_set_at(err, STATUS_INVALID, bot_variable,
                        "%s must be the base64 of the line `ssh-ed25519 … %s`, but it is not. %s", bot_variable, bot_comment,
                        why.message);
}

enum status signer_read_private_key(struct signing_key **out, const char *setting, struct error *err) {
    static const char variable[] = "PACCHETTIBOTTI_ED25519";
    *out = NULL;
    if (!setting) return STATUS_OK;
    struct arena arena = {0};
    unsigned char *bytes = NULL;
    size_t length = 0;
    struct error why = {0};
    enum status status = STATUS_INVALID;
    if (!hash_base64_decode(&arena, setting, &bytes, &length) || !text_is_utf8((const char *)bytes, length))
        error_set(&why, STATUS_INVALID, "The value is not the base64 of a text.");
    else
        status = signing_key_read(out, arena_copy_bytes(&arena, bytes, length), &why);
    if (status)
        error_set_at(err, STATUS_INVALID, variable, "%s must be the base64 of an OpenSSH private key, but it is not. %s",
                     variable, why.message);
    arena_release(&arena);
    return status ? STATUS_INVALID : STATUS_OK;
}

enum status signer_check_private_key(const char *setting, struct error *err) {
    struct signing_key *key = NULL;
    enum status status = signer_read_private_key(&key, setting, err);
    signing_key_free(key);
    return status;
}

static bool has_signed(const struct owner *owner, const struct signed_request *request) {
    return request->signature &&
           signature_check(owner, request->payload, strlen(request->payload), request->signature, NULL) == STATUS_OK;
}

/* ---- No valid signature ---- */

static void append_owners(struct text *out, const struct owners *owners, struct arena *arena) {
    for (size_t i = 0; i < owners->count; i++) {
        const struct owner *owner = &owners->items[i];
        const char *fingerprint = owner_fingerprint(owner, arena);
        text_append_format(out, "\n  %s %s%s%s", owner->key_type, fingerprint ? fingerprint : "(not a key)",
                           owner->id ? " " : "", owner->id ? owner->id : "");
    }
}

static enum status refuse(const char *package, const struct owners *owners, struct arena *arena, struct error *err) {
    struct text keys = {0};
    append_owners(&keys, owners, arena);
    enum status status;
    if (owners->count == 0)
        status = error_set_at(
            err, STATUS_REFUSED, "signature",
            "The package %s has no owners, so only the registry's trustees can do this. Ask them at %s. To be able to sign for "
            "it yourself from now on, publish a version whose manifest has your SSH public key among its \"owners\".",
            package, REGISTRY_ISSUES_URL);
    else
        status = error_set_at(err, STATUS_REFUSED, "signature",
                              "No owner of %s has signed exactly this payload. Sign the bytes of the payload, as they are "
                              "sent, with the key of one of its owners:%s\nor ask the registry's trustees at %s.",
                              package, text_view(&keys), REGISTRY_ISSUES_URL);
    text_release(&keys);
    return status;
}

enum status signer_find(struct signer *out, const struct signed_request *request, const char *package,
                        const struct owners *owners, const struct owner *pacchettibotti, struct arena *arena,
                        struct error *err) {
    const struct owner *key = NULL;
    for (size_t i = 0; i < owners->count && !key; i++)
        if (has_signed(&owners->items[i], request)) key = &owners->items[i];
    bool is_bot = !key && pacchettibotti && has_signed(pacchettibotti, request);
    if (is_bot) key = pacchettibotti;
    if (!key) return refuse(package, owners, arena, err);
    const char *fingerprint = owner_fingerprint(key, arena);
    *out = (struct signer){is_bot ? SIGNER_PACCHETTIBOTTI : fingerprint, fingerprint, key};
    return STATUS_OK;
}

/* ---- package sets ---- */

static enum status refuse_for_package_set(const char *why, struct error *err) {
    return error_set_at(err, STATUS_REFUSED, "signature",
                        "A compiler, or the removal of a package, needs pacchettibotti's signature: %s The registry's trustees "
                        "can make this request without a signature, by POST /api/v1/trustee: ask them at %s.",
                        why, REGISTRY_ISSUES_URL);
}

enum status signer_find_for_package_set(struct signer *out, const struct signed_request *request,
                                        const struct owner *pacchettibotti, struct arena *arena, struct error *err) {
    if (!pacchettibotti)
        return refuse_for_package_set("this server has no key to verify one with (PACCHETTIBOTTI_ED25519_PUB is not set).",
                                      err);
    const char *fingerprint = owner_fingerprint(pacchettibotti, arena);
    if (!request->signature)
        return refuse_for_package_set(
            arena_format(arena, "sign the bytes of the payload, as they are sent, with the key %s.", fingerprint), err);
    if (!has_signed(pacchettibotti, request))
        return refuse_for_package_set(
            arena_format(arena, "this one is not by its key %s over exactly this payload, as it was sent.", fingerprint), err);
    *out = (struct signer){SIGNER_PACCHETTIBOTTI, fingerprint, pacchettibotti};
    return STATUS_OK;
}

/* ---- What a job keeps ---- */

const char *signer_credential(const struct signer *signer, struct arena *arena) {
    return arena_format(arena, "%s %s", signer->key->key_type, signer->fingerprint);
}

void signer_replay_key(const struct signer *signer, const struct signed_request *request, enum job_kind kind,
                       char out[SHA256_HEX_MAX]) {
    struct text identity = {0};
    text_append_format(&identity, "%s\n%s\n%s", job_kind_text(kind), signer->fingerprint, request->payload);
    hash_sha256_hex(identity.bytes, identity.length, out);
    text_release(&identity);
}
