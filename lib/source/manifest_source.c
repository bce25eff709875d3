/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/source/manifest_source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/folder.h"
#include "lib/base/json.h"
#include "lib/base/text.h"
#include "lib/source/bower_json.h"
#include "lib/tools/spago_yaml.h"

enum { MANIFEST_BYTES_MAX = 1000000 };

/* Sets the error for a file that could not be opened; STATUS_NOT_FOUND: it does not exist. */
static enum status explain_absence(int root, const char *name, int reason, struct error *err) {
    struct stat information;
    bool is_link = root >= 0 && fstatat(root, name, &information, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(information.st_mode);
    if (is_link)
        return error_set(err, STATUS_REFUSED, "The file %s is a link, but no file of the repository is at its target.", name);
    if (reason == ENOENT) return error_set(err, STATUS_NOT_FOUND, "There is no file %s.", name);
    return error_set(err, STATUS_INTERNAL, "The file %s cannot be opened: %s.", name, strerror(reason));
}

/* Appends the file `name` of `folder`, following links within it. STATUS_NOT_FOUND: no such file. */
static enum status read_root_file(struct text *out, const char *folder, const char *name, struct error *err) {
    struct stat information;
    enum status status = STATUS_OK;
    int root = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int file = root < 0 ? -1 : file_open_below(root, name, O_RDONLY | O_NONBLOCK);
    if (file < 0) status = explain_absence(root, name, errno, err);
    if (root >= 0) close(root);
    if (status) return status;
    if (fstat(file, &information) || !S_ISREG(information.st_mode))
        status = error_set(err, STATUS_REFUSED, "The file %s is not a regular file.", name);
    else if (information.st_size > MANIFEST_BYTES_MAX)
        status = error_set(err, STATUS_REFUSED, "The file %s is larger than the %d bytes that a manifest may have.", name,
                           MANIFEST_BYTES_MAX);
    while (!status) {
        ssize_t length = read(file, text_reserve(out, MANIFEST_BYTES_MAX), MANIFEST_BYTES_MAX);
        if (length == 0 || out->length > MANIFEST_BYTES_MAX) break;
        if (length < 0 && errno == EINTR) continue;
        if (length < 0)
            status = error_set(err, STATUS_INTERNAL, "The file %s cannot be read: %s.", name, strerror(errno));
        else
            out->length += (size_t)length;
    }
    close(file);
    if (out->bytes) out->bytes[out->length] = '\0';
    return status;
}

/* ---- Formats ---- */

static enum status read_purs_json(struct manifest *out, struct arena *arena, const char *bytes, size_t length,
                                  const struct manifest_request *request, struct error *err) {
    (void)request; /* the file has all fields */
    return manifest_parse(out, bytes, length, "The file purs.json", arena, err);
}

static enum status read_spago_yaml(struct manifest *out, struct arena *arena, const char *bytes, size_t length,
                                   const struct manifest_request *request, struct error *err) {
    json_t *object = NULL;
    enum status status = spago_yaml_read(&object, bytes, length, request->ref, err);
    if (!status) status = manifest_read(out, object, arena, err);
    if (!status) manifest_sort_dependencies(out);
    json_decref(object);
    return status;
}

static enum status refuse_spago_dhall(struct manifest *out, struct arena *arena, const char *bytes, size_t length,
                                      const struct manifest_request *request, struct error *err) {
    (void)out;
    (void)arena;
    (void)bytes;
    (void)length;
    (void)request;
    return error_set(err, STATUS_REFUSED,
                     "Packages with a spago.dhall can no longer be published: add a spago.yaml or a purs.json.");
}

/* In order of precedence: the first file that exists is read. */
static const struct manifest_format {
    const char *file_name;
    enum status (*read)(struct manifest *out, struct arena *arena, const char *bytes, size_t length,
                        const struct manifest_request *request, struct error *err);
    void (*place_error)(
        struct error *err); /* converts err->path from the manifest's field to the file's; NULL: they are the same */
} formats[] = {
    {"purs.json", read_purs_json, NULL},
    {"spago.yaml", read_spago_yaml, spago_yaml_place_error},
    {"bower.json", bower_json_read, NULL},
    {"spago.dhall", refuse_spago_dhall, NULL},
};

static enum status read_as(const struct manifest_format *format, struct manifest *out, struct arena *arena, const char *bytes,
                           size_t length, const struct manifest_request *request, struct error *err) {
    enum status status = format->read(out, arena, bytes, length, request, err);
    if (!status) status = manifest_check_new(out, err);
    if (status != STATUS_INVALID || text_starts_with(err->message, "The file ")) return status;
    if (format->place_error) format->place_error(err);
    return err->path[0] ? error_prefix(err, "In %s, at %s", format->file_name, err->path)
                        : error_prefix(err, "In %s", format->file_name);
}

enum status manifest_source_parse(struct manifest *out, struct arena *arena, const char *file_name, const char *bytes,
                                  size_t length, const struct manifest_request *request, struct error *err) {
    const struct manifest_format *format = formats;
    while (!text_equal(format->file_name, file_name))
        format++;
    return read_as(format, out, arena, bytes, length, request, err);
}

/* ---- Comparison with the request ---- */

static enum status check_request(const struct manifest *manifest, const char *file_name, const struct manifest_request *request,
                                 struct error *err) {
    char has[VERSION_TEXT_MAX], wants[VERSION_TEXT_MAX];
    if (!text_equal(manifest->name, request->name))
        return error_set_at(err, STATUS_REFUSED, "name", "The package is called \"%s\" in %s, but \"%s\" in the request.",
                            manifest->name, file_name, request->name);
    version_print(manifest->version, has);
    version_print(request->version, wants);
    if (!version_equal(manifest->version, request->version))
        return error_set_at(err, STATUS_REFUSED, "version", "The version is %s in %s, but %s in the request.", has, file_name,
                            wants);
    if (location_equal(&manifest->location, request->location)) {
        if (text_equal(manifest->ref, request->ref)) return STATUS_OK;
        return error_set_at(err, STATUS_REFUSED, "ref",
                            "The ref is \"%s\" in %s, but \"%s\" in the request. Make the two agree.", manifest->ref, file_name,
                            request->ref);
    }
    struct text in_file = {0}, in_request = {0};
    location_append_text(&in_file, &manifest->location);
    location_append_text(&in_request, request->location);
    error_set_at(err, STATUS_REFUSED, "location",
                 "The location is %s in %s, but the package is published from %s. Make the two agree.", text_view(&in_file),
                 file_name, text_view(&in_request));
    text_release(&in_file);
    text_release(&in_request);
    return STATUS_REFUSED;
}

static enum status refuse_without_manifest(const struct manifest_request *request, struct error *err) {
    const char *subdir = request->location->subdir;
    return error_set(err, STATUS_REFUSED,
                     "There is no manifest in the %s%s at %s: add a spago.yaml with a publish section, or a purs.json.",
                     subdir ? "folder " : "repository", subdir ? subdir : "", request->ref);
}

enum status manifest_source_read(struct manifest *out, const char **file_name, struct arena *arena, const char *folder,
                                 const struct manifest_request *request, struct error *err) {
    struct text file = {0};
    const struct manifest_format *format = formats, *end = formats + sizeof formats / sizeof formats[0];
    enum status status = STATUS_NOT_FOUND;
    for (; format < end; format++) {
        status = read_root_file(&file, folder, format->file_name, err);
        if (status != STATUS_NOT_FOUND) break;
    }
    if (status == STATUS_NOT_FOUND) return refuse_without_manifest(request, err);
    *file_name = format->file_name;
    if (!status) status = read_as(format, out, arena, text_view(&file), file.length, request, err);
    if (!status) status = check_request(out, format->file_name, request, err);
    text_release(&file);
    return status;
}
