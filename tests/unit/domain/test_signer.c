/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Who signed a request: an owner, pacchettibotti, or nobody; and the key by which a request that was signed again is
 * recognised. (The signatures themselves are tested in test_signature.c.)
 */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/hash.h"
#include "lib/base/text.h"
#include "lib/domain/identity/signature.h"
#include "lib/domain/identity/signer.h"
#include "tests/support/owner_key.h"
#include "tests/support/shell.h"
#include "tests/support/temporary_folder.h"

static struct temporary_folder folder;
static struct arena arena;
static struct owner_key_pair first, second, bot;
static struct owner owners[2], bot_owner;

static struct owner owner_of(const struct owner_key_pair *key) {
    struct owner owner;
    assert_int_equal(owner_parse_line(&owner, key->line, &arena, NULL), STATUS_OK);
    return owner;
}

static int make_keys(void **state) {
    (void)state;
    temporary_folder_make(&folder);
    first = owner_key_make(&arena, folder.path, "first", "-t ed25519", "first");
    second = owner_key_make(&arena, folder.path, "second", "-t ecdsa -b 256", "second");
    bot = owner_key_make(&arena, folder.path, "bot", "-t ed25519", "pacchettibotti@purescript.org");
    owners[0] = owner_of(&first);
    owners[1] = owner_of(&second);
    bot_owner = owner_of(&bot);
    return 0;
}

static int forget_keys(void **state) {
    (void)state;
    arena_release(&arena);
    temporary_folder_remove(&folder);
    return 0;
}

static const char payload[] = "{\"name\":\"a\"}";

static enum status find(struct signer *signer, const struct owner_key_pair *key, const struct owners *list,
                        const struct owner *pacchettibotti, struct error *err) {
    const struct signed_request request = {payload, key == NULL ? NULL : owner_key_sign(&arena, key, payload)};
    return signer_find(signer, &request, "a", list, pacchettibotti, &arena, err);
}

static void a_fingerprint_is_the_one_that_ssh_keygen_shows(void **state) {
    (void)state;
    assert_string_equal(owner_fingerprint(&owners[0], &arena), first.fingerprint);
    assert_string_equal(owner_fingerprint(&owners[1], &arena), second.fingerprint);
    struct owner broken = {.key_type = "ssh-ed25519", .public_key = "?"};
    assert_null(owner_fingerprint(&broken, &arena));
}

static void any_owner_is_found_by_fingerprint(void **state) {
    (void)state;
    /* Old metadata may have unusable keys. */
    struct owner with_broken[] = {{"x", "ssh-dss", "AAAA"}, {"y", "ssh-ed25519", "?"}, owners[0], owners[1]};
    const struct owners list = {with_broken, 4};
    struct signer signer;
    assert_int_equal(find(&signer, &first, &list, &bot_owner, NULL), STATUS_OK);
    assert_string_equal(signer.actor, first.fingerprint);
    assert_int_equal(find(&signer, &second, &list, NULL, NULL), STATUS_OK);
    assert_string_equal(signer.actor, second.fingerprint);
    assert_ptr_equal(signer.key, &with_broken[3]);
}

static void pacchettibotti_is_found_for_every_package(void **state) {
    (void)state;
    const struct owners none = {0}, list = {owners, 2};
    struct signer signer;
    assert_int_equal(find(&signer, &bot, &none, &bot_owner, NULL), STATUS_OK);
    assert_string_equal(signer.actor, "pacchettibotti");
    assert_string_equal(signer.fingerprint, bot.fingerprint);
    assert_int_equal(find(&signer, &bot, &list, &bot_owner, NULL), STATUS_OK);
    assert_int_equal(find(&signer, &bot, &list, NULL, NULL), STATUS_REFUSED);
}

static void a_refusal_says_who_could_sign(void **state) {
    (void)state;
    const struct owners none = {0}, list = {owners, 1};
    struct signer signer;
    struct error err = {0};
    assert_int_equal(find(&signer, &second, &list, &bot_owner, &err), STATUS_REFUSED);
    assert_non_null(strstr(err.message, first.fingerprint));
    assert_int_equal(find(&signer, &second, &none, &bot_owner, &err), STATUS_REFUSED);
    assert_non_null(strstr(err.message, "has no owners"));
    assert_int_equal(find(&signer, NULL, &list, &bot_owner, &err), STATUS_REFUSED); /* no signature at all */
    assert_string_equal(err.path, "signature");
}

static enum status find_for_package_set(struct signer *signer, const char *signed_text, const struct owner_key_pair *key,
                                        const struct owner *pacchettibotti, struct error *err) {
    const struct signed_request request = {payload, key == NULL ? NULL : owner_key_sign(&arena, key, signed_text)};
    return signer_find_for_package_set(signer, &request, pacchettibotti, &arena, err);
}

static void a_package_set_is_signed_by_pacchettibotti_alone(void **state) {
    (void)state;
    struct signer signer;
    assert_int_equal(find_for_package_set(&signer, payload, &bot, &bot_owner, NULL), STATUS_OK);
    assert_string_equal(signer.actor, "pacchettibotti");
    assert_string_equal(signer.fingerprint, bot.fingerprint);
    assert_ptr_equal(signer.key, &bot_owner);
    assert_string_equal(signer_credential(&signer, &arena), arena_format(&arena, "ssh-ed25519 %s", bot.fingerprint));
    const struct {
        const char *text;
        const struct owner_key_pair *key;
        const struct owner *pacchettibotti;
        const char *words;
    } rows[] = {
        {payload, &first, &bot_owner, "not by its key"},
        {"{\"name\": \"a\"}", &bot, &bot_owner, "over exactly this payload"},
        {payload, NULL, &bot_owner, "sign the bytes of the payload"},
        {payload, &bot, NULL, "PACCHETTIBOTTI_ED25519_PUB is not set"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error err = {0};
        assert_int_equal(find_for_package_set(&signer, rows[i].text, rows[i].key, rows[i].pacchettibotti, &err),
                         STATUS_REFUSED);
        assert_string_equal(err.path, "signature");
        assert_non_null(strstr(err.message, rows[i].words));
        assert_non_null(strstr(err.message, "POST /api/v1/trustee"));
        if (rows[i].pacchettibotti) assert_non_null(strstr(err.message, bot.fingerprint));
    }
}

static const char *replay_key(const struct signer *signer, const char *text, enum job_kind kind) {
    char key[SHA256_HEX_MAX];
    const struct signed_request request = {text, "00"};
    signer_replay_key(signer, &request, kind, key);
    return arena_copy(&arena, key);
}

static void a_replay_is_the_same_payload_key_and_kind(void **state) {
    (void)state;
    const struct owners list = {owners, 2};
    struct signer one, other;
    assert_int_equal(find(&one, &first, &list, NULL, NULL), STATUS_OK);
    assert_int_equal(find(&other, &second, &list, NULL, NULL), STATUS_OK);
    const char *key = replay_key(&one, payload, JOB_KIND_TRANSFER);
    assert_string_equal(replay_key(&one, payload, JOB_KIND_TRANSFER), key);
    assert_string_not_equal(replay_key(&one, payload, JOB_KIND_UNPUBLISH), key);
    assert_string_not_equal(replay_key(&other, payload, JOB_KIND_TRANSFER), key);
    assert_string_not_equal(replay_key(&one, "{\"name\":\"a\"} ", JOB_KIND_TRANSFER), key);
}

/* From a signature, another valid one can be computed: the replay key is the same for both. */
static void another_signature_of_the_same_key_is_good_too(void **state) {
    (void)state;
    const char *signature = owner_key_sign(&arena, &second, payload);
    const char *another = ecdsa_p256_make_another(&arena, signature);
    assert_string_not_equal(another, signature);
    const struct signed_request request = {payload, another};
    const struct owners list = {owners, 2};
    struct signer signer;
    assert_int_equal(signer_find(&signer, &request, "a", &list, NULL, &arena, NULL), STATUS_OK);
    assert_string_equal(signer.actor, second.fingerprint);
}

static const char *base64_of(const char *line) {
    return hash_base64_encode(&arena, line, strlen(line));
}

static void the_bots_key_must_be_its_own(void **state) {
    (void)state;
    const struct owner *read = &bot_owner;
    assert_int_equal(signer_read_pacchettibotti(&read, NULL, &arena, NULL), STATUS_OK);
    assert_null(read);
    assert_int_equal(signer_read_pacchettibotti(&read, base64_of(arena_format(&arena, "%s\n", bot.line)), &arena, NULL),
                     STATUS_OK);
    assert_string_equal(read->id, bot_owner.id);
    assert_string_equal(read->key_type, bot_owner.key_type);
    assert_string_equal(read->public_key, bot_owner.public_key);
    const char *const bad[] = {bot.line,
                               "",
                               "AAAA",
                               base64_of(first.line),
                               base64_of(second.line),
                               base64_of("ssh-ed25519"),
                               base64_of("ssh-ed25519 AAAA pacchettibotti@purescript.org")};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct error err = {0};
        assert_int_equal(signer_read_pacchettibotti(&read, bad[i], &arena, &err), STATUS_INVALID);
        assert_string_equal(err.path, "PACCHETTIBOTTI_ED25519_PUB");
        assert_null(read);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fingerprint_is_the_one_that_ssh_keygen_shows),
        cmocka_unit_test(any_owner_is_found_by_fingerprint),
        cmocka_unit_test(pacchettibotti_is_found_for_every_package),
        cmocka_unit_test(a_refusal_says_who_could_sign),
        cmocka_unit_test(a_package_set_is_signed_by_pacchettibotti_alone),
        cmocka_unit_test(a_replay_is_the_same_payload_key_and_kind),
        cmocka_unit_test(another_signature_of_the_same_key_is_good_too),
        cmocka_unit_test(the_bots_key_must_be_its_own),
    };
    return cmocka_run_group_tests(tests, make_keys, forget_keys);
}
