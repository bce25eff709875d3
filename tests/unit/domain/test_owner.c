/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/json.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "lib/domain/identity/owner.h"
#include "lib/domain/identity/owners_check.h"

static const char ed25519[] = "AAAAC3NzaC1lZDI1NTE5AAAAIFO1kn/983377PaE6JQO9UoiJ67ZZWNZxyouUVkhJYKd";

static struct arena arena;

static int release_arena(void **state) {
    (void)state;
    arena_release(&arena);
    return 0;
}

static enum status read_owners(struct owners *out, const char *text, struct error *err) {
    json_t *json = NULL;
    assert_int_equal(json_read(&json, text, strlen(text), "The test", NULL), STATUS_OK);
    enum status status = owners_read(out, json, &arena, err);
    json_decref(json);
    return status;
}

static void owners_print_in_the_order_of_the_format(void **state) {
    (void)state;
    struct owners owners;
    struct text printed = {0};
    assert_int_equal(
        read_owners(&owners, "[{\"public\":\"p\",\"keytype\":\"k\",\"id\":\"me\"},{\"keytype\":\"k\",\"public\":\"q\"}]", NULL),
        STATUS_OK);
    owners_write(&(struct json_writer){.out = &printed}, &owners);
    assert_string_equal(text_view(&printed),
                        "[{\"id\":\"me\",\"keytype\":\"k\",\"public\":\"p\"},{\"keytype\":\"k\",\"public\":\"q\"}]");
    text_release(&printed);
}

static void a_bad_owner_is_named_by_its_place(void **state) {
    (void)state;
    struct owners owners;
    struct error err = {0};
    assert_int_equal(read_owners(&owners, "[{\"public\":\"p\",\"keytype\":\"k\"},{\"keytype\":\"k\"}]", &err), STATUS_INVALID);
    assert_string_equal(err.path, "[1].public");
    assert_int_equal(read_owners(&owners, "[]", &err), STATUS_INVALID);
    assert_int_equal(read_owners(&owners, "[7]", &err), STATUS_INVALID);
    assert_int_equal(owners_read(&owners, NULL, &arena, &err), STATUS_OK);
    assert_int_equal(owners.count, 0);
}

static void a_key_is_decoded_to_its_wire_form(void **state) {
    (void)state;
    struct owner owner = {.key_type = "ssh-ed25519", .public_key = ed25519};
    enum owner_key key;
    unsigned char *wire;
    size_t wire_bytes;
    assert_int_equal(owner_decode(&owner, &arena, &key, &wire, &wire_bytes, NULL), STATUS_OK);
    assert_int_equal(key, OWNER_KEY_ED25519);
    assert_int_equal(wire_bytes, 4 + 11 + 4 + 32);
    assert_memory_equal(wire + 4, "ssh-ed25519", 11);
}

static void both_names_of_the_type_must_agree(void **state) {
    (void)state;
    static const struct {
        const char *type, *key, *path;
    } rows[] = {
        {"ssh-rsa", ed25519, "public"},          {"ssh-dss", ed25519, "keytype"},
        {"SSH-ED25519", ed25519, "keytype"},     {"ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5", "public"},
        {"ssh-ed25519", "not base64", "public"}, {"ssh-ed25519", "", "public"},
        {"ssh-ed25519", "AAAA", "public"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct owner owner = {.key_type = rows[i].type, .public_key = rows[i].key};
        struct owners owners = {&owner, 1};
        struct error err = {0};
        assert_int_equal(owners_check(&owners, &err), STATUS_INVALID);
        assert_int_equal(strncmp(err.path, "[0].", 4), 0);
        assert_string_equal(err.path + 4, rows[i].path);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(owners_print_in_the_order_of_the_format),
        cmocka_unit_test(a_bad_owner_is_named_by_its_place),
        cmocka_unit_test(a_key_is_decoded_to_its_wire_form),
        cmocka_unit_test(both_names_of_the_type_must_agree),
    };
    return cmocka_run_group_tests(tests, NULL, release_arena);
}
