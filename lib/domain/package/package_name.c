/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/package/package_name.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#include "lib/base/text.h"

static const char blessed_name[] = "purescript-compiler-backend-utilities";

static const char *const reserved_names[] = {"metadata", "purs"};

static bool is_letter_or_digit(char character) {
    return (character >= 'a' && character <= 'z') || (character >= '0' && character <= '9');
}

/* The rule that the name violates, as the end of a sentence; NULL if none. */
static const char *find_fault(const char *name) {
    size_t length = strlen(name);
    if (length == 0) return "it must not be empty";
    if (length > PACKAGE_NAME_MAX) return "it must not be longer than 150 characters";
    for (size_t i = 0; i < length; i++) {
        if (isupper((unsigned char)name[i])) return "its letters must be lower-case";
        if (!is_letter_or_digit(name[i]) && name[i] != '-')
            return "it must consist of lower-case letters, digits and hyphens only";
    }
    if (!is_letter_or_digit(name[0])) return "it must start with a letter or a digit";
    if (!is_letter_or_digit(name[length - 1])) return "it must end with a letter or a digit";
    if (strstr(name, "--")) return "it must not contain two hyphens in a row";
    if (text_starts_with(name, "purescript-") && !text_equal(name, blessed_name))
        return "it must not start with \"purescript-\": leave that prefix out";
    return NULL;
}

enum status package_name_check(const char *name, struct error *err) {
    const char *fault = find_fault(name);
    if (!fault) return STATUS_OK;
    return error_set(err, STATUS_INVALID, "\"%s\" is not a package name: %s.", name, fault);
}

bool package_name_is_reserved(const char *name) {
    for (size_t i = 0; i < sizeof reserved_names / sizeof *reserved_names; i++)
        if (text_equal(name, reserved_names[i])) return true;
    return false;
}
