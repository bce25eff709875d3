/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/set/set_mirror.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/json.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "lib/domain/package/json_fields.h"

/* ---- which packages ---- */

/* Marks the members that stay: none in a folder of its repository, and none that depends on one that does not stay. */
static void choose(bool *stays, const struct set_members *members) {
    for (uint32_t package = 0; package < members->package_count; package++)
        stays[package] = members->chosen[package] && !members->chosen[package]->manifest->location.subdir;
    bool has_changed = true;
    while (has_changed) {
        has_changed = false;
        for (uint32_t package = 0; package < members->package_count; package++)
            for (size_t i = 1; stays[package] && i < members->chosen[package]->need_count; i++) {
                if (stays[members->chosen[package]->needs[i].package]) continue;
                stays[package] = false;
                has_changed = true;
            }
    }
}

static const char *print_repo(const struct location *location, struct arena *arena) {
    if (location->kind == LOCATION_GIT) return location->git_url;
    return arena_format(arena, "https://github.com/%s/%s.git", location->github_owner, location->github_repo);
}

/* The entry by which these tools find the compiler's version, in its place among the names. */
static struct mirrored_package metadata_entry(struct version compiler, struct arena *arena) {
    char printed[VERSION_TEXT_MAX];
    version_print(compiler, printed);
    return (struct mirrored_package){.name = "metadata",
                                     .repo = "https://github.com/purescript/purescript-metadata.git",
                                     .version = arena_format(arena, "v%s", printed)};
}

void set_mirror_make(struct set_mirror *out, const struct set_members *members, struct arena *arena) {
    struct arena scratch = {0};
    bool *stays = arena_alloc(&scratch, members->package_count * sizeof *stays);
    bool has_metadata = false;
    choose(stays, members);
    *out = (struct set_mirror){.packages = arena_alloc(arena, (members->package_count + 1) * sizeof *out->packages),
                               .left_out = arena_alloc(arena, members->package_count * sizeof *out->left_out)};
    for (size_t position = 0; position < members->package_count; position++) {
        uint32_t package = manifest_index_by_name(members->index, position);
        if (!members->chosen[package]) continue;
        if (!stays[package]) {
            out->left_out[out->left_out_count++] = package;
            continue;
        }
        const struct manifest *manifest = members->chosen[package]->manifest;
        if (!has_metadata && strcmp(manifest->name, "metadata") > 0) {
            out->packages[out->package_count++] = metadata_entry(members->compiler, arena);
            has_metadata = true;
        }
        out->packages[out->package_count++] = (struct mirrored_package){.name = manifest->name,
                                                                        .dependencies = manifest->dependencies,
                                                                        .dependency_count = manifest->dependency_count,
                                                                        .repo = print_repo(&manifest->location, arena),
                                                                        .version = manifest->ref};
    }
    if (!has_metadata) out->packages[out->package_count++] = metadata_entry(members->compiler, arena);
    arena_release(&scratch);
}

/* ---- JSON ---- */

void set_mirror_append_json(struct text *out, const struct set_mirror *mirror) {
    struct json_writer writer = {.out = out, .indent = 2};
    json_writer_open(&writer, '{');
    for (size_t i = 0; i < mirror->package_count; i++) {
        const struct mirrored_package *package = &mirror->packages[i];
        json_writer_key(&writer, package->name);
        json_writer_open(&writer, '{');
        json_writer_key(&writer, "dependencies");
        json_writer_open(&writer, '[');
        for (size_t j = 0; j < package->dependency_count; j++) {
            json_writer_item(&writer);
            json_writer_text(&writer, package->dependencies[j].name);
        }
        json_writer_close(&writer, ']');
        json_writer_text_field(&writer, "repo", package->repo);
        json_writer_text_field(&writer, "version", package->version);
        json_writer_close(&writer, '}');
    }
    json_writer_close(&writer, '}');
    text_append_character(out, '\n');
}

/* ---- Dhall ---- */

/* Labels that are keywords of Dhall, or begin with a digit, need backquotes. */
static void append_label(struct text *out, const char *name) {
    static const char *const keywords[] = {"as",  "assert", "else",    "forall", "if",    "in",
                                           "let", "merge",  "missing", "then",   "using", "with"};
    bool is_quoted = isdigit((unsigned char)*name);
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords && !is_quoted; i++)
        is_quoted = strcmp(name, keywords[i]) == 0;
    text_append_format(out, "%s%s%s", is_quoted ? "`" : "", name, is_quoted ? "`" : "");
}

/* A double-quoted text, in which `$` would begin an interpolation. */
static void append_dhall_text(struct text *out, const char *value) {
    text_append_character(out, '"');
    for (; *value; value++) {
        if (strchr("\"\\$", *value)) text_append_character(out, '\\');
        text_append_character(out, *value);
    }
    text_append_character(out, '"');
}

static void append_dhall_dependencies(struct text *out, const struct mirrored_package *package) {
    if (package->dependency_count == 0) {
        text_append(out, " [] : List Text");
        return;
    }
    for (size_t i = 0; i < package->dependency_count; i++) {
        text_append(out, i ? "\n    , " : "\n    [ ");
        append_dhall_text(out, package->dependencies[i].name);
    }
    text_append(out, "\n    ]");
}

void set_mirror_append_dhall(struct text *out, const struct set_mirror *mirror) {
    for (size_t i = 0; i < mirror->package_count; i++) {
        const struct mirrored_package *package = &mirror->packages[i];
        text_append(out, i ? ", " : "{ ");
        append_label(out, package->name);
        text_append(out, " =\n  { dependencies =");
        append_dhall_dependencies(out, package);
        text_append(out, "\n  , repo = ");
        append_dhall_text(out, package->repo);
        text_append(out, "\n  , version = ");
        append_dhall_text(out, package->version);
        text_append(out, "\n  }\n");
    }
    text_append(out, "}\n");
}

/* ---- tags ---- */

void set_mirror_print_tag(struct version compiler, const char *date, char out[SET_TAG_MAX]) {
    char printed[VERSION_TEXT_MAX];
    version_print(compiler, printed);
    snprintf(out, SET_TAG_MAX, "psc-%s-%.4s%.2s%.2s", printed, date, date + 5, date + 8);
}

/* The tags of one compiler differ only in the date, which in some old tags is followed by a number. */
static enum status put_latest(json_t *latest, const char *compiler, const char *tag, struct error *err) {
    const char *key;
    json_t *value;
    json_object_foreach(latest, key, value) {
        if (!json_is_string(value))
            return error_set_at(err, STATUS_INVALID, key, "The latest set for compiler %s must be the name of a tag.", key);
    }
    const char *current = json_string_value(json_object_get(latest, compiler));
    if (!current || strcmp(current, tag) < 0) json_object_set_new(latest, compiler, json_string(tag));
    return STATUS_OK;
}

enum status set_mirror_append_latest(struct text *out, const char *content, size_t length, struct version compiler,
                                     const char *tag, struct error *err) {
    char printed[VERSION_TEXT_MAX];
    json_t *latest = NULL;
    version_print(compiler, printed);
    enum status status = content ? json_read(&latest, content, length, "latest-compatible-sets.json", err) : STATUS_OK;
    if (!content) latest = json_object();
    if (!status) status = json_must_be_object(latest, "latest-compatible-sets.json", err);
    if (!status) status = put_latest(latest, printed, tag, err);
    if (!status) {
        struct json_writer writer = {.out = out, .indent = 2};
        json_writer_value(&writer, latest);
        text_append_character(out, '\n');
    }
    json_decref(latest);
    return status;
}
