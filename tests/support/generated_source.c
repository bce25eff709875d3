/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/generated_source.h"

#include <string.h>

#include "lib/base/hash.h"
#include "lib/base/text.h"

const char *generated_fault_text(enum generated_fault fault) {
    static const char *const texts[] = {
#define GENERATED_FAULT(name, text) text,
        GENERATED_FAULT_TABLE(GENERATED_FAULT)
#undef GENERATED_FAULT
    };
    return texts[fault];
}

uint64_t generated_number(int64_t seed, const char *name, const struct version *version) {
    struct text text = {0};
    char printed[VERSION_TEXT_MAX] = "";
    unsigned char digest[SHA256_BYTES];
    uint64_t number;
    if (version) version_print(*version, printed);
    text_append_format(&text, "%lld %s@%s", (long long)seed, name, printed);
    hash_sha256(text.bytes, text.length, digest);
    memcpy(&number, digest, sizeof number);
    text_release(&text);
    return number;
}

static size_t count_parts(const struct generated_source *source) {
    const struct manifest *manifest = source->manifest;
    return (generated_number(source->seed, manifest->name, &manifest->version) >> 32) % (GENERATED_PARTS_MAX + 1);
}

size_t generated_module_count(const struct generated_source *source) {
    return 1 + count_parts(source) + (source->extra_module != NULL);
}

/* `foo-bar` becomes `PackagefooZbar`. That is unique, because package names have no capitals. (A module's name may only have
 * letters and digits.) */
static const char *name_module(struct arena *arena, const char *package) {
    char *name = arena_format(arena, "Package%s", package);
    for (char *at = name; *at; at++)
        if (*at == '-') *at = 'Z';
    return name;
}

static void append_import(struct text *out, const char *module) {
    text_append_format(out, "import %s as %s\n", module, module);
}

/* Each dependency is imported by one part, in turn (by the package's own module if there are none), and the first dependency
 * by every module. */
static void append_dependencies(struct text *out, const struct generated_source *source, size_t part, size_t part_count,
                                struct arena *arena) {
    const struct manifest *manifest = source->manifest;
    for (size_t i = 0; i < manifest->dependency_count; i++)
        if (i == 0 || part_count == 0 || i % part_count + 1 == part)
            append_import(out, name_module(arena, manifest->dependencies[i].name));
}

/* The module of that number: 0 is the package's own, the parts follow. */
static const char *print_module(const struct generated_source *source, size_t part, size_t part_count, struct arena *arena) {
    struct text text = {0};
    char version[VERSION_TEXT_MAX], compiler[VERSION_TEXT_MAX];
    const char *package = name_module(arena, source->manifest->name);
    version_print(source->manifest->version, version);
    version_print(source->fails_from, compiler);
    text_append_format(&text, part ? "module %s.Part%zu where\n\n" : "module %s where\n\n", package, part);
    append_dependencies(&text, source, part, part_count, arena);
    if (part > 1) append_import(&text, arena_format(arena, "%s.Part%zu", package, part - 1));
    for (size_t i = 1; part == 0 && i <= part_count; i++)
        append_import(&text, arena_format(arena, "%s.Part%zu", package, i));
    if (part == 0 && source->extra_import) append_import(&text, source->extra_import);
    bool is_last = part == part_count; /* so that of several modules some compile before it fails */
    if (is_last && source->fault == GENERATED_FAULT_IMPORT) append_import(&text, "Module.That.Is.Nowhere");
    if (part == 0 && source->extra_pragma) text_append_format(&text, "\n-- stand-in: %s\n", source->extra_pragma);
    if (source->sleep_ms) text_append_format(&text, "\n-- stand-in: sleep %d\n", source->sleep_ms);
    if (is_last && source->fault == GENERATED_FAULT_TYPE)
        text_append_format(&text, "\n-- stand-in: fail-from %s Could not match type Int with type String\n", compiler);
    text_append_format(&text, "\nname :: String\nname = \"%s@%s\"\n", source->manifest->name, version);
    const char *copy = arena_copy(arena, text.bytes);
    text_release(&text);
    return copy;
}

static struct archive_item item(const char *path, const char *content) {
    return (struct archive_item){path, content, strlen(content)};
}

size_t generated_files(struct archive_item out[GENERATED_FILES_MAX], const struct generated_source *source,
                       struct arena *arena) {
    struct text manifest = {0};
    size_t part_count = count_parts(source), count = 0;
    const char *package = name_module(arena, source->manifest->name);
    manifest_append_file(&manifest, source->manifest);
    out[count++] = item("purs.json", arena_copy(arena, manifest.bytes));
    text_release(&manifest);
    for (size_t part = 0; part <= part_count; part++) {
        const char *path =
            part ? arena_format(arena, "src/%s/Part%zu.purs", package, part) : arena_format(arena, "src/%s.purs", package);
        out[count++] = item(path, print_module(source, part, part_count, arena));
    }
    if (source->extra_module)
        out[count++] = item(arena_format(arena, "src/%s.purs", source->extra_module),
                            arena_format(arena, "module %s where\n\nextra :: Int\nextra = 1\n", source->extra_module));
    return count;
}
