/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/source/license_check.h"

#include <jansson.h>
#include <string.h>
#include <strings.h>

#include "lib/base/clock.h"
#include "lib/base/deadline.h"
#include "lib/base/folder.h"
#include "lib/base/json.h"
#include "lib/base/text.h"
#include "lib/domain/package/license.h"
#include "lib/source/package_files.h"
#include "lib/source/text_encoding.h"
#include "lib/tools/licensee.h"

enum {
    JSON_BYTES_MAX = 1 << 20,
    TEXT_BYTES_MAX = 256 << 10, /* the longest license, the GPL, has 35 KB */
};

/* Reads a file of the package's root folder, as UTF-8. STATUS_INVALID: it is no text. */
static enum status read_root_file(const struct license_check *check, const char *name, size_t limit_bytes, struct arena *arena,
                                  struct text *out) {
    struct error ignored;
    struct text bytes = {0};
    enum status status = file_read(arena_format(arena, "%s/%s", check->folder, name), limit_bytes, &bytes, &ignored);
    text_clear(out);
    if (!status && !text_append_decoded(out, text_view(&bytes), bytes.length)) status = STATUS_INVALID;
    text_release(&bytes);
    return status;
}

/* True if the manifest has every license of `recognised`, or if that is no license expression; else *missing is one that it
 * lacks. */
static bool agrees(const struct license_check *check, const char *recognised, const char **missing, struct arena *arena) {
    struct error ignored;
    *missing = NULL;
    return license_find_missing(missing, check->expression, recognised, arena, &ignored) || !*missing;
}

/* ---- Fields ---- */

static enum status check_one(const struct license_check *check, const char *file, const char *recognised, struct arena *arena,
                             struct error *err) {
    const char *missing = NULL;
    if (!recognised || agrees(check, recognised, &missing, arena)) return STATUS_OK;
    return error_set_at(err, STATUS_REFUSED, "license",
                        "The file %s declares the license \"%s\", but the manifest's \"license\" is \"%s\", which does not "
                        "include %s. Make the two agree.",
                        file, recognised, check->expression, missing);
}

/* A `license` field is a text, or, in old packages, an object with a `type`; `licenses` and bower's field are lists of
 * these. */
static enum status check_field(const struct license_check *check, const char *file, const json_t *field, struct arena *arena,
                               struct error *err) {
    enum status status = STATUS_OK;
    size_t index;
    json_t *item;
    if (json_is_string(field)) return check_one(check, file, json_string_value(field), arena, err);
    if (json_is_object(field)) return check_one(check, file, json_string_value(json_object_get(field, "type")), arena, err);
    json_array_foreach(field, index, item) {
        const char *text = json_string_value(json_is_object(item) ? json_object_get(item, "type") : item);
        if (!status) status = check_one(check, file, text, arena, err);
    }
    return status;
}

static enum status check_json_file(const struct license_check *check, const char *file, struct arena *arena,
                                   struct error *err) {
    static const char *const fields[] = {"license", "licenses"};
    struct text bytes = {0};
    struct error ignored;
    json_t *object = NULL;
    enum status status = STATUS_OK;
    bool is_there = !read_root_file(check, file, JSON_BYTES_MAX, arena, &bytes) &&
                    !json_read(&object, text_view(&bytes), bytes.length, file, &ignored);
    for (size_t i = 0; is_there && !status && i < sizeof fields / sizeof fields[0]; i++)
        status = check_field(check, file, json_object_get(object, fields[i]), arena, err);
    json_decref(object);
    text_release(&bytes);
    return status;
}

enum status license_check_fields(const struct license_check *check, struct arena *arena, struct error *err) {
    enum status status = STATUS_OK;
    for (size_t i = 0; i < check->files->count && !status; i++) {
        const char *path = check->files->paths[i];
        if (text_equal(path, "package.json") || text_equal(path, "bower.json"))
            status = check_json_file(check, path, arena, err);
    }
    return status;
}

/* ---- Texts ---- */

static bool is_license_text(const char *path) {
    return !strchr(path, '/') && (strncasecmp(path, "LICENSE", 7) == 0 || strncasecmp(path, "LICENCE", 7) == 0);
}

static void warn(struct license_warnings *warnings, struct arena *arena, const char *file, const char *why) {
    if (warnings->count == LICENSE_WARNINGS_MAX) return;
    warnings->items[warnings->count++] =
        arena_format(arena, "The text of the file %s was not compared with the manifest's \"license\": %s", file, why);
}

/* Reads the license files, with their contents in the arena; returns their number. */
static size_t collect_texts(const struct license_check *check, struct licensee_file out[LICENSE_TEXTS_MAX],
                            struct license_warnings *warnings, struct arena *arena) {
    size_t count = 0;
    struct text text = {0};
    for (size_t i = 0; i < check->files->count; i++) {
        const char *path = check->files->paths[i];
        if (!is_license_text(path)) continue;
        enum status status = read_root_file(check, path, TEXT_BYTES_MAX, arena, &text);
        if (status == STATUS_TOO_LARGE)
            warn(warnings, arena, path, "it is too large for a license.");
        else if (status == STATUS_INVALID)
            warn(warnings, arena, path, "it is not text.");
        else if (status)
            warn(warnings, arena, path, "it cannot be read.");
        else if (count == LICENSE_TEXTS_MAX)
            warn(warnings, arena, path, "there are too many of them.");
        else
            out[count++] = (struct licensee_file){path, arena_copy_bytes(arena, text_view(&text), text.length), text.length};
    }
    text_release(&text);
    return count;
}

static enum status compare_findings(const struct license_check *check, const struct licensee_findings *findings,
                                    struct arena *arena, struct error *err) {
    for (size_t i = 0; i < findings->count; i++) {
        const char *missing = NULL;
        if (agrees(check, findings->items[i].identifier, &missing, arena)) continue;
        return error_set_at(err, STATUS_REFUSED, "license",
                            "The text in the file %s is the license %s, but the manifest's \"license\" is \"%s\", which does "
                            "not include %s. Make the two agree.",
                            findings->items[i].file, findings->items[i].identifier, check->expression, missing);
    }
    return STATUS_OK;
}

/* Divides the time until `end_ms` into that many shares and starts the first. */
static void begin_share(struct deadline *deadline, int64_t end_ms, size_t shares) {
    int64_t now_ms = clock_monotonic_ms();
    deadline->at_ms = end_ms > now_ms ? now_ms + (end_ms - now_ms) / (int64_t)shares : now_ms;
}

static enum status recognise(struct licensee_findings *out, const struct license_check *check,
                             const struct licensee_file *files, size_t count, struct arena *arena, struct deadline *deadline,
                             struct error *err) {
    enum status status = licensee_recognise(out, check->licensee, files, count, check->work_folder, arena, deadline, err);
    return status == STATUS_TIMEOUT ? error_set(err, status, "The license detector took too long.") : status;
}

/* Compares one by one, after the detector failed at all of them together; those at which it fails get a warning. */
static enum status compare_one_by_one(const struct license_check *check, const struct licensee_file *files, size_t count,
                                      int64_t end_ms, struct license_warnings *warnings, struct arena *arena,
                                      struct deadline *deadline, struct error *err) {
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && !status; i++) {
        struct licensee_findings findings;
        struct error why = {0};
        begin_share(deadline, end_ms, count - i);
        if (recognise(&findings, check, &files[i], 1, arena, deadline, &why))
            warn(warnings, arena, files[i].name, why.message);
        else
            status = compare_findings(check, &findings, arena, err);
        if (atomic_load(&deadline->cancelled)) return deadline_check(deadline, err);
    }
    return status;
}

enum status license_check_texts(const struct license_check *check, struct license_warnings *warnings, struct arena *arena,
                                struct deadline *deadline, struct error *err) {
    struct licensee_file files[LICENSE_TEXTS_MAX];
    struct licensee_findings findings;
    struct error why = {0};
    int64_t end_ms = clock_monotonic_ms() + check->limit_ms;
    *warnings = (struct license_warnings){0};
    size_t count = collect_texts(check, files, warnings, arena);
    if (count == 0) return STATUS_OK;
    begin_share(deadline, end_ms, count > 1 ? 2 : 1); /* the other half is for one by one */
    enum status status = recognise(&findings, check, files, count, arena, deadline, &why);
    if (!status) return compare_findings(check, &findings, arena, err);
    if (atomic_load(&deadline->cancelled)) return deadline_check(deadline, err);
    if (status == STATUS_NOT_FOUND || count == 1) {
        for (size_t i = 0; i < count; i++)
            warn(warnings, arena, files[i].name, why.message);
        return STATUS_OK;
    }
    return compare_one_by_one(check, files, count, end_ms, warnings, arena, deadline, err);
}
