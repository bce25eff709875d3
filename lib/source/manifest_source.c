/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/source/manifest_source.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/json.h"
#include "lib/base/text.h"
#include "lib/source/bower_json.h"
#include "lib/tools/spago_yaml.h"

enum { MANIFEST_BYTES_MAX = 1000000 };

/* Appends the file `name` of `folder`, which may be a link within it. STATUS_NOT_FOUND if there is none. */
static enum status read_root_file(struct text *out, const char *folder, const char *name, struct error *err) {
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    struct stat information;
    enum status status = STATUS_OK;
    int root = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int file = root < 0 ? -1 : (int)syscall(SYS_openat2, root, name, &how, sizeof how);
    if (root >= 0) close(root);
    if (file < 0 && errno == ENOENT) return error_set(err, STATUS_NOT_FOUND, "There is no file %s.", name);
    if (file < 0) return error_set(err, STATUS_REFUSED, "The file %s cannot be opened: %s.", name, strerror(errno));
    if (fstat(file, &information) || !S_ISREG(information.st_mode))
        status = error_set(err, STATUS_REFUSED, "%s is not a plain file.", name);
    else if (information.st_size > MANIFEST_BYTES_MAX)
        status = error_set(err, STATUS_REFUSED, "The file %s is larger than %d bytes.", name, MANIFEST_BYTES_MAX);
    while (!status) {
        ssize_t length = read(file, text_reserve(out, MANIFEST_BYTES_MAX), MANIFEST_BYTES_MAX);
        if (length == 0 || out->length > MANIFEST_BYTES_MAX) break;
        if (length < 0)
            status = error_set(err, STATUS_INTERNAL, "The file %s cannot be read: %s.", name, strerror(errno));
        else
            out->length += (size_t)length;
    }
    close(file);
    if (out->bytes) out->bytes[out->length] = '\0';
    return status;
}

static enum status read_purs_json(struct manifest *out, struct arena *arena, const char *bytes, size_t length,
                                  const struct manifest_request *request, struct error *err) {
    (void)request; /* it has everything itself */
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
    return error_set(err, STATUS_REFUSED, "A spago.dhall can no longer be published from: add a spago.yaml or a purs.json.");
}

/* The first that is there is read. */
static const struct manifest_format {
    const char *file_name;
    enum status (*read)(struct manifest *out, struct arena *arena, const char *bytes, size_t length,
                        const struct manifest_request *request, struct error *err);
} formats[] = {
    {"purs.json", read_purs_json},
    {"spago.yaml", read_spago_yaml},
    {"bower.json", bower_json_read},
    {"spago.dhall", refuse_spago_dhall},
};

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
    if (location_equal(&manifest->location, request->location)) return STATUS_OK;
    struct text in_file = {0}, in_request = {0};
    location_append_text(&in_file, &manifest->location);
    location_append_text(&in_request, request->location);
    error_set_at(err, STATUS_REFUSED, "location", "The location is %s in %s, but the package is at %s.", text_view(&in_file),
                 file_name, text_view(&in_request));
    text_release(&in_file);
    text_release(&in_request);
    return STATUS_REFUSED;
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
    if (status == STATUS_NOT_FOUND)
        return error_set(err, STATUS_REFUSED, "There is no manifest in the package's folder: add a spago.yaml or a purs.json.");
    *file_name = format->file_name;
    if (!status) status = format->read(out, arena, text_view(&file), file.length, request, err);
    if (status == STATUS_INVALID && !strstr(err->message, format->file_name)) error_prefix(err, "In %s", format->file_name);
    if (!status) status = check_request(out, format->file_name, request, err);
    if (!status) status = manifest_check_new(out, err);
    text_release(&file);
    return status;
}
