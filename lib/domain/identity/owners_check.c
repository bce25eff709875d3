/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/identity/owners_check.h"

#include "lib/base/arena.h"
#include "lib/domain/identity/ssh_key.h"
#include "lib/domain/package/json_fields.h"

static enum status check_owner(const struct owner *owner, struct arena *scratch, struct error *err) {
    struct ssh_key key;
    enum status status = ssh_key_read_public(&key, owner, scratch, err);
    if (status || key.kind != OWNER_KEY_RSA || ssh_key_rsa_bits(&key) >= SSH_RSA_BITS_MIN_NEW) return status;
    return error_set_at(
        err, STATUS_INVALID, "public",
        "The RSA key has %zu bits, which is too weak for an owner: use a key of type ssh-ed25519, or an RSA key "
        "of %d bits or more.",
        ssh_key_rsa_bits(&key), SSH_RSA_BITS_MIN_NEW);
}

enum status owners_check(const struct owners *owners, struct error *err) {
    struct arena scratch = {0};
    enum status status = STATUS_OK;
    for (size_t i = 0; i < owners->count && !status; i++)
        status = within_item(i, check_owner(&owners->items[i], &scratch, err), err);
    arena_release(&scratch);
    return status;
}
