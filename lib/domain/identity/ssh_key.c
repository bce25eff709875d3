/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/identity/ssh_key.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/hash.h"
#include "lib/base/text.h"

#define FILE_BEGIN "-----BEGIN OPENSSH PRIVATE KEY-----"
#define FILE_END "-----END OPENSSH PRIVATE KEY-----"

enum { PRIVATE_FILE_BYTES_MAX = 64 * 1024 };

/* ---- The wire form ---- */

/* The rest of the input. Reading beyond the end returns empty values and sets is_damaged, which is checked once, at the end. */
struct reader {
    const unsigned char *at;
    size_t left;
    bool is_damaged;
};

static uint32_t read_number(struct reader *reader) {
    if (reader->left < 4) {
        reader->is_damaged = true;
        return 0;
    }
    const unsigned char *at = reader->at;
    reader->at += 4;
    reader->left -= 4;
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static struct ssh_bytes read_bytes(struct reader *reader) {
    size_t length = read_number(reader);
    if (reader->is_damaged || length > reader->left) {
        reader->is_damaged = true;
        return (struct ssh_bytes){0};
    }
    struct ssh_bytes out = {reader->at, length};
    reader->at += length;
    reader->left -= length;
    return out;
}

/* A positive number in its canonical form: with a leading zero byte if, and only if, the first bit would be the sign. */
static struct ssh_bytes read_positive(struct reader *reader) {
    struct ssh_bytes number = read_bytes(reader);
    bool has_zero = number.length > 0 && number.bytes[0] == 0;
    if (has_zero) {
        number.bytes++;
        number.length--;
    }
    if (number.length == 0 || (number.bytes[0] >= 0x80) != has_zero) reader->is_damaged = true;
    return number;
}

static bool bytes_equal(struct ssh_bytes a, struct ssh_bytes b) {
    return a.length == b.length && (a.length == 0 || memcmp(a.bytes, b.bytes, a.length) == 0);
}

static bool bytes_are(struct ssh_bytes bytes, const char *text) {
    return bytes_equal(bytes, (struct ssh_bytes){(const unsigned char *)text, strlen(text)});
}

/* ---- Public keys ---- */

struct curve {
    const char *name;
    size_t coordinate_bytes;
};

/* By kind of key; no name for kinds other than ECDSA. */
static const struct curve curves[OWNER_KEY_COUNT] = {
    [OWNER_KEY_ECDSA_P256] = {"nistp256", 32},
    [OWNER_KEY_ECDSA_P384] = {"nistp384", 48},
    [OWNER_KEY_ECDSA_P521] = {"nistp521", 66},
};

static void read_point(struct ssh_key *out, struct reader *reader) {
    const struct curve *curve = &curves[out->kind];
    if (curve->name && !bytes_are(read_bytes(reader), curve->name)) reader->is_damaged = true;
    out->point = read_bytes(reader);
    if (!curve->name && out->point.length != SSH_ED25519_BYTES) reader->is_damaged = true;
    if (curve->name && (out->point.length != 1 + 2 * curve->coordinate_bytes || out->point.bytes[0] != 4))
        reader->is_damaged = true;
}

/* The length in bits of a positive number. */
static size_t count_bits(struct ssh_bytes number) {
    size_t bits = number.length * 8;
    for (unsigned first = number.length ? number.bytes[0] : 0x80; first < 0x80; first <<= 1)
        bits--;
    return bits;
}

size_t ssh_key_rsa_bits(const struct ssh_key *key) {
    return count_bits(key->modulus);
}

static enum status check_rsa(const struct ssh_key *key, struct error *err) {
    size_t bits = ssh_key_rsa_bits(key);
    if (bits < SSH_RSA_BITS_MIN || bits > SSH_RSA_BITS_MAX)
        return error_set_at(err, STATUS_INVALID, "public", "An RSA key must have %d to %d bits, but this one has %zu.",
                            SSH_RSA_BITS_MIN, SSH_RSA_BITS_MAX, bits);
    bool is_odd = key->exponent.bytes[key->exponent.length - 1] & 1;
    if (key->exponent.length <= 8 && is_odd && count_bits(key->exponent) > 1) return STATUS_OK;
    return error_set_at(err, STATUS_INVALID, "public", "The exponent of the RSA key is not supported.");
}

enum status ssh_key_read_public(struct ssh_key *out, const struct owner *owner, struct arena *arena, struct error *err) {
    unsigned char *wire = NULL;
    size_t wire_bytes = 0;
    *out = (struct ssh_key){0};
    enum status status = owner_decode(owner, arena, &out->kind, &wire, &wire_bytes, err);
    if (status) return status;
    struct reader reader = {.at = wire, .left = wire_bytes};
    read_bytes(&reader); /* the type, which owner_decode() has checked */
    if (out->kind == OWNER_KEY_RSA) {
        out->exponent = read_positive(&reader);
        out->modulus = read_positive(&reader);
    } else {
        read_point(out, &reader);
    }
    if (reader.is_damaged || reader.left > 0)
        return error_set_at(err, STATUS_INVALID, "public", "The public key is not a complete key of type \"%s\".",
                            owner->key_type);
    return out->kind == OWNER_KEY_RSA ? check_rsa(out, err) : STATUS_OK;
}

/* ---- Private keys ---- */

static enum status damaged(struct error *err) {
    return error_set(err, STATUS_INVALID, "The private key is damaged.");
}

/* Decodes the base64 between the first and the last line of the file. */
static enum status decode_file(struct reader *out, const char *text, struct arena *arena, struct error *err) {
    const char *begin = strstr(text, FILE_BEGIN), *end = strstr(text, FILE_END);
    if (!begin || !end || begin > end || strlen(text) > PRIVATE_FILE_BYTES_MAX)
        return error_set(err, STATUS_INVALID,
                         "This is not a private key in OpenSSH's format, which begins with \"" FILE_BEGIN
                         "\"; `ssh-keygen -p -f FILE` converts other formats.");
    char *base64 = arena_alloc(arena, (size_t)(end - begin) + 1), *to = base64;
    for (const char *at = begin + strlen(FILE_BEGIN); at < end; at++)
        if (!strchr("\r\n", *at)) *to++ = *at;
    unsigned char *bytes;
    size_t length;
    if (!hash_base64_decode(arena, base64, &bytes, &length)) return damaged(err);
    *out = (struct reader){.at = bytes, .left = length};
    return STATUS_OK;
}

/* Reads the outer part of the file: it must have no passphrase and one key. */
static enum status read_envelope(struct reader *file, struct ssh_bytes *public_key, struct ssh_bytes *secrets,
                                 struct error *err) {
    static const char magic[] = "openssh-key-v1"; /* with its NUL */
    if (file->left < sizeof magic || memcmp(file->at, magic, sizeof magic) != 0) return damaged(err);
    file->at += sizeof magic;
    file->left -= sizeof magic;
    bool is_plain = bytes_are(read_bytes(file), "none");
    is_plain = bytes_are(read_bytes(file), "none") && is_plain;
    read_bytes(file); /* the KDF's options */
    bool is_one = read_number(file) == 1;
    *public_key = read_bytes(file);
    *secrets = read_bytes(file);
    if (file->is_damaged || file->left > 0 || !is_one) return damaged(err);
    if (is_plain) return STATUS_OK;
    return error_set(
        err, STATUS_INVALID,
        "The private key is protected by a passphrase; `ssh-keygen -p -N '' -f FILE` removes it (do so on a copy).");
}

/* Reads the secret, and checks that the public key, which the secret part repeats, is the same. */
static void read_secret(struct ssh_key *out, struct reader *reader) {
    struct ssh_key again = {.kind = out->kind};
    if (out->kind == OWNER_KEY_RSA) {
        again.modulus = read_positive(reader);
        again.exponent = read_positive(reader);
        out->secret = read_positive(reader);
        for (int i = 0; i < 3; i++) /* derived from the rest */
            read_bytes(reader);
    } else {
        read_point(&again, reader);
        out->secret = out->kind == OWNER_KEY_ED25519 ? read_bytes(reader) : read_positive(reader);
    }
    if (!bytes_equal(again.point, out->point) || !bytes_equal(again.modulus, out->modulus) ||
        !bytes_equal(again.exponent, out->exponent))
        reader->is_damaged = true;
    if (out->kind != OWNER_KEY_ED25519) return;
    if (out->secret.length != 2 * SSH_ED25519_BYTES) reader->is_damaged = true;
    if (!reader->is_damaged) out->secret.length = SSH_ED25519_BYTES; /* the seed only; the point follows it once more */
}

static enum status read_secrets(struct ssh_key *out, struct owner *owner, struct ssh_bytes secrets, struct arena *arena,
                                struct error *err) {
    struct reader reader = {.at = secrets.bytes, .left = secrets.length};
    uint32_t check = read_number(&reader), check_again = read_number(&reader);
    bool is_of_type = bytes_are(read_bytes(&reader), owner->key_type);
    if (reader.is_damaged || check != check_again || !is_of_type) return damaged(err);
    read_secret(out, &reader);
    struct ssh_bytes comment = read_bytes(&reader);
    for (unsigned i = 1; reader.left > 0 && !reader.is_damaged; i++, reader.left--)
        if (*reader.at++ != (unsigned char)i) reader.is_damaged = true;
    if (reader.is_damaged) return damaged(err);
    if (comment.length > 0) owner->id = arena_copy_bytes(arena, comment.bytes, comment.length);
    return STATUS_OK;
}

enum status ssh_key_read_private(struct ssh_key *out, struct owner *owner, const char *text, struct arena *arena,
                                 struct error *err) {
    struct reader file;
    struct ssh_bytes public_key, secrets;
    enum status status = decode_file(&file, text, arena, err);
    if (!status) status = read_envelope(&file, &public_key, &secrets, err);
    if (status) return status;
    struct reader reader = {.at = public_key.bytes, .left = public_key.length};
    struct ssh_bytes type = read_bytes(&reader);
    *owner = (struct owner){.key_type = arena_copy_bytes(arena, type.bytes, type.length),
                            .public_key = hash_base64_encode(arena, public_key.bytes, public_key.length)};
    status = ssh_key_read_public(out, owner, arena, err);
    return status ? status : read_secrets(out, owner, secrets, arena, err);
}
