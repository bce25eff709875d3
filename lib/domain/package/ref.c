/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The rules of git-check-ref-format(1), and a few stricter ones.
 */
#include "lib/domain/package/ref.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/text.h"

static bool is_commit_id(const char *ref) {
    size_t length = strlen(ref);
    return (length == 40 || length == 64) && strspn(ref, "0123456789abcdefABCDEF") == length;
}

static bool has_forbidden_character(const char *ref) {
    for (const char *at = ref; *at; at++)
        if (iscntrl((unsigned char)*at) || strchr(" ~^:?*[\\", *at)) return true;
    return strstr(ref, "..") || strstr(ref, "@{");
}

/* True if each part between slashes is not empty, does not begin with a dot and does not end with `.lock`. */
static bool has_proper_parts(const char *ref) {
    for (const char *part = ref;;) {
        size_t length = strcspn(part, "/");
        if (length == 0 || part[0] == '.') return false;
        if (length >= 5 && memcmp(part + length - 5, ".lock", 5) == 0) return false;
        part += length;
        if (*part++ == '\0') return true;
    }
}

/* The rule that the ref violates, as the end of a sentence; NULL if none. */
static const char *find_fault(const char *ref) {
    if (*ref == '\0') return "it must not be empty";
    if (strlen(ref) > REF_MAX) return "it must not be longer than 255 bytes";
    if (is_commit_id(ref)) return "it looks like a commit id: use the name of a tag or a branch";
    if (text_starts_with(ref, "refs/"))
        return "it must be a tag's or branch's own name, without \"refs/tags/\" or \"refs/heads/\"";
    if (text_starts_with(ref, "pull/")) return "pull requests cannot be published: use the name of a tag or a branch";
    if (*ref == '-' || *ref == '+' || text_equal(ref, "@") || text_equal(ref, "HEAD"))
        return "it must be the name of a tag or a branch";
    if (!text_is_utf8(ref, strlen(ref)) || has_forbidden_character(ref))
        return "the name of a tag or a branch has no blanks, no \"..\" or \"@{\", and none of ~ ^ : ? * [ \\";
    if (!has_proper_parts(ref) || text_ends_with(ref, ".")) return "git has no tags or branches of such a name";
    return NULL;
}

enum status ref_check(const char *ref, struct error *err) {
    const char *fault = find_fault(ref);
    if (!fault) return STATUS_OK;
    return error_set(err, STATUS_INVALID, "\"%s\" cannot be used as a ref: %s.", ref, fault);
}
