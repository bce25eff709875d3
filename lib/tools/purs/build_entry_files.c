/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/tools/purs/build_entry_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/array.h"
#include "lib/base/folder.h"
#include "lib/base/number.h"
#include "lib/base/text.h"

enum {
    BLOCK_BYTES = 4096,
    FILE_MAX_BYTES = 256 << 20,
    USED_MAX_BYTES = 32,
    FOLDER_MODE = 0555,
    FILE_MODE = 0444,
    OPEN_FOLDER = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
};

static const struct timespec zero_times[2] = {{0}, {0}};

int64_t build_entry_disk_bytes(int64_t size_bytes) {
    return (size_bytes + BLOCK_BYTES - 1) / BLOCK_BYTES * BLOCK_BYTES;
}

/* ---- Names in a folder ---- */

struct name_list {
    const char **items; /* sorted by bytes */
    size_t count, capacity;
};

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* False, with errno. Stops after `most` + 1 names, which suffice to detect an excess. */
static bool list_names(struct name_list *out, int folder, size_t most, struct arena *arena) {
    struct name_list names = {0};
    int again = openat(folder, ".", OPEN_FOLDER); /* with its own read position */
    DIR *open_folder = again >= 0 ? fdopendir(again) : NULL;
    if (!open_folder) {
        if (again >= 0) close(again);
        return false;
    }
    for (struct dirent *item; errno = 0, names.count <= most && (item = readdir(open_folder));) {
        if (strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0) continue;
        *array_add(&names) = arena_copy(arena, item->d_name);
    }
    int cause = errno;
    closedir(open_folder);
    *out = (struct name_list){.items = arena_alloc(arena, (names.count + 1) * sizeof *names.items), .count = names.count};
    if (names.count > 0) {
        qsort(names.items, names.count, sizeof *names.items, compare_names);
        memcpy(out->items, names.items, names.count * sizeof *names.items);
    }
    free(names.items);
    errno = cause;
    return cause == 0;
}

/* ---- Files ---- */

bool build_entry_read(struct text *out, int folder, const char *name, int64_t limit_bytes) {
    struct stat about;
    bool is_read = false;
    int file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0) return false;
    if (fstat(file, &about) == 0) {
        errno = S_ISREG(about.st_mode) && about.st_nlink == 1 ? EFBIG : EINVAL;
        is_read = errno == EFBIG && about.st_size <= limit_bytes;
    }
    text_reserve(out, 1)[0] = '\0';
    for (int64_t left = is_read ? about.st_size : 0; left > 0 && is_read;) {
        ssize_t count = read(file, text_reserve(out, (size_t)left), (size_t)left);
        if (count == 0) errno = EIO; /* it was truncated meanwhile */
        if (count == 0 || (count < 0 && errno != EINTR)) is_read = false;
        if (count <= 0) continue;
        out->length += (size_t)count;
        out->bytes[out->length] = '\0';
        left -= count;
    }
    int cause = errno;
    close(file);
    errno = cause;
    return is_read;
}

enum status build_entry_write(int folder, const char *name, const void *bytes, size_t length, struct error *err) {
    int file = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool is_written = file >= 0 && file_write_all(file, bytes, length) && fchmod(file, FILE_MODE) == 0;
    is_written = is_written && futimens(file, zero_times) == 0;
    int cause = errno;
    if (file >= 0 && close(file) != 0 && is_written) {
        cause = errno;
        is_written = false;
    }
    if (is_written) return STATUS_OK;
    return error_set(err, STATUS_INTERNAL, "Cannot write %s in the build store: %s.", name, strerror(cause));
}

static enum status copy_file(struct entry_file *out, int to, int from, struct text *content, struct error *err) {
    text_clear(content);
    if (!build_entry_read(content, from, out->name, FILE_MAX_BYTES)) {
        enum status status = errno == EFBIG                                        ? STATUS_TOO_LARGE
                             : errno == EINVAL || errno == ELOOP || errno == ENXIO ? STATUS_REFUSED
                                                                                   : STATUS_INTERNAL;
        return error_set(err, status, "The compiler's file %s cannot be stored: %s.", out->name,
                         status == STATUS_REFUSED ? "it is not a regular file" : strerror(errno));
    }
    hash_sha256(text_view(content), content->length, out->hash);
    out->size_bytes = (int64_t)content->length;
    return build_entry_write(to, out->name, text_view(content), content->length, err);
}

static enum status copy_files(struct entry_module *content, int to, int from, const char *module, struct arena *arena,
                              int64_t *disk_bytes, struct error *err) {
    struct name_list list;
    struct text bytes = {0};
    enum status status = STATUS_OK;
    if (!list_names(&list, from, ENTRY_FILES_MAX, arena))
        return error_set(err, STATUS_INTERNAL, "The compiler's folder %s cannot be read: %s.", module, strerror(errno));
    if (list.count > ENTRY_FILES_MAX)
        return error_set(err, STATUS_TOO_LARGE, "There are more than %d files in the compiler's folder %s.", ENTRY_FILES_MAX,
                         module);
    content->files = arena_alloc(arena, list.count * sizeof *content->files);
    content->file_count = list.count;
    for (size_t i = 0; i < list.count && !status; i++) {
        content->files[i].name = list.items[i];
        if (!build_entry_name_is_good(list.items[i]) || !text_is_utf8(list.items[i], strlen(list.items[i])))
            status = error_set(err, STATUS_REFUSED, "The compiler's folder %s has a file whose name cannot be stored.", module);
        if (!status) status = copy_file(&content->files[i], to, from, &bytes, err);
        *disk_bytes += build_entry_disk_bytes(content->files[i].size_bytes);
    }
    text_release(&bytes);
    return status;
}

enum status build_entry_copy_module(struct entry_module *content, int to, int from, const char *module, struct arena *arena,
                                    int64_t *disk_bytes, struct error *err) {
    enum status status = STATUS_OK;
    int target = -1, source = openat(from, module, OPEN_FOLDER);
    if (source < 0) {
        status = error_set(err, STATUS_REFUSED, "The compiler's folder of the module %s cannot be stored: %s.", module,
                           strerror(errno));
        goto out;
    }
    if (mkdirat(to, module, 0700) != 0 || (target = openat(to, module, OPEN_FOLDER)) < 0) {
        status =
            error_set(err, STATUS_INTERNAL, "Cannot create the folder of %s in the build store: %s.", module, strerror(errno));
        goto out;
    }
    *disk_bytes += BLOCK_BYTES;
    status = copy_files(content, target, source, module, arena, disk_bytes, err);
    if (!status && (fchmod(target, FOLDER_MODE) != 0 || futimens(target, zero_times) != 0))
        status =
            error_set(err, STATUS_INTERNAL, "Cannot close the folder of %s in the build store: %s.", module, strerror(errno));
out:
    if (source >= 0) close(source);
    if (target >= 0) close(target);
    return status;
}

/* ---- Verification ---- */

static enum entry_state damage(struct error *err, const char *path, const char *fault) {
    bool is_ours = errno == EMFILE || errno == ENFILE || errno == ENOMEM;
    if (is_ours)
        error_set(err, STATUS_INTERNAL, "'%s' of the entry cannot be read: %s.", path, strerror(errno));
    else
        error_set(err, STATUS_INTERNAL, "'%s' of the entry %s.", path, fault);
    return is_ours ? ENTRY_UNREADABLE : ENTRY_DAMAGED;
}

enum entry_state build_entry_read_json(struct text *out, int entry, struct error *err) {
    if (build_entry_read(out, entry, ENTRY_JSON, ENTRY_JSON_MAX_BYTES)) return ENTRY_WHOLE;
    return damage(err, ENTRY_JSON, "cannot be read");
}

/* Accumulated over everything that was checked. */
struct inspection {
    struct text numbers;
    struct timespec newest;
};

static bool is_after(struct timespec a, struct timespec b) {
    return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec > b.tv_nsec;
}

/* The expected properties of a file or folder. */
struct wanted {
    const char *path;
    mode_t mode;        /* with the file type */
    int64_t size_bytes; /* -1: any */
    bool has_old_time;
};

static enum entry_state inspect(struct inspection *seen, int entry, struct wanted wanted, struct error *err) {
    struct stat about;
    if (fstatat(entry, wanted.path, &about, AT_SYMLINK_NOFOLLOW) != 0) return damage(err, wanted.path, "is missing");
    errno = 0;
    if (about.st_mode != wanted.mode) return damage(err, wanted.path, "has an unexpected type or mode");
    if (wanted.size_bytes >= 0 && about.st_size != wanted.size_bytes) return damage(err, wanted.path, "has an unexpected size");
    if (wanted.has_old_time && (about.st_mtim.tv_sec != 0 || about.st_mtim.tv_nsec != 0))
        return damage(err, wanted.path, "has a time stamp other than 0");
    const uint64_t numbers[] = {
        about.st_dev,
        about.st_ino,
        about.st_nlink,
        about.st_mode,
        about.st_uid,
        (uint64_t)about.st_size,
        (uint64_t)about.st_mtim.tv_sec,
        (uint64_t)about.st_mtim.tv_nsec,
        (uint64_t)about.st_ctim.tv_sec,
        (uint64_t)about.st_ctim.tv_nsec,
    };
    text_append_bytes(&seen->numbers, numbers, sizeof numbers);
    if (is_after(about.st_ctim, seen->newest)) seen->newest = about.st_ctim;
    return ENTRY_WHOLE;
}

static enum entry_state inspect_module(struct inspection *seen, int entry, const char *module,
                                       const struct entry_module *content, struct error *err) {
    struct text path = {0};
    text_append_format(&path, ENTRY_OUTPUT "/%s", module);
    size_t length = path.length;
    enum entry_state state = inspect(seen, entry, (struct wanted){path.bytes, S_IFDIR | FOLDER_MODE, -1, true}, err);
    for (size_t i = 0; i < content->file_count && state == ENTRY_WHOLE; i++) {
        path.length = length;
        text_append_format(&path, "/%s", content->files[i].name);
        state = inspect(seen, entry, (struct wanted){path.bytes, S_IFREG | FILE_MODE, content->files[i].size_bytes, true}, err);
    }
    text_release(&path);
    return state;
}

enum entry_state build_entry_inspect(struct entry_stamp *out, int entry, const struct entry_record *record, struct error *err) {
    struct inspection seen = {0};
    enum entry_state state = inspect(&seen, entry, (struct wanted){".", S_IFDIR | 0755, -1, false}, err);
    if (state == ENTRY_WHOLE) state = inspect(&seen, entry, (struct wanted){ENTRY_JSON, S_IFREG | FILE_MODE, -1, true}, err);
    if (state == ENTRY_WHOLE && record->entry.succeeded)
        state = inspect(&seen, entry, (struct wanted){ENTRY_OUTPUT, S_IFDIR | FOLDER_MODE, -1, true}, err);
    for (size_t i = 0; i < record->entry.module_count && state == ENTRY_WHOLE; i++)
        state = inspect_module(&seen, entry, record->entry.modules[i].name, &record->modules[i], err);
    hash_sha256(text_view(&seen.numbers), seen.numbers.length, out->bytes);
    out->newest = seen.newest;
    text_release(&seen.numbers);
    return state;
}

/* Checks that the folder holds exactly these names, which are sorted. */
static enum entry_state expect_names(int folder, const char *what, const char *const *names, size_t count, struct arena *arena,
                                     struct error *err) {
    struct name_list list;
    if (!list_names(&list, folder, count, arena)) return damage(err, what, "cannot be read");
    bool is_same = list.count == count;
    for (size_t i = 0; i < count && is_same; i++)
        is_same = strcmp(list.items[i], names[i]) == 0;
    return is_same ? ENTRY_WHOLE : damage(err, what, "lacks a file, or has an unexpected one");
}

static enum entry_state verify_module(int output, const char *module, const struct entry_module *content, struct text *bytes,
                                      struct arena *arena, struct error *err) {
    unsigned char hash[SHA256_BYTES];
    int folder = openat(output, module, OPEN_FOLDER);
    if (folder < 0) return damage(err, module, "cannot be opened");
    const char **names = arena_alloc(arena, content->file_count * sizeof *names);
    for (size_t i = 0; i < content->file_count; i++)
        names[i] = content->files[i].name;
    enum entry_state state = expect_names(folder, module, names, content->file_count, arena, err);
    for (size_t i = 0; i < content->file_count && state == ENTRY_WHOLE; i++) {
        text_clear(bytes);
        if (!build_entry_read(bytes, folder, names[i], FILE_MAX_BYTES)) {
            state = damage(err, names[i], "cannot be read");
            continue;
        }
        errno = 0;
        hash_sha256(text_view(bytes), bytes->length, hash);
        if (!hash_equal(hash, content->files[i].hash)) state = damage(err, names[i], "has unexpected content");
    }
    close(folder);
    return state;
}

static enum entry_state verify_output(int entry, const struct entry_record *record, struct arena *arena, struct error *err) {
    struct text bytes = {0};
    int output = openat(entry, ENTRY_OUTPUT, OPEN_FOLDER);
    if (output < 0) return damage(err, ENTRY_OUTPUT, "cannot be opened");
    const char **names = arena_alloc(arena, record->entry.module_count * sizeof *names);
    for (size_t i = 0; i < record->entry.module_count; i++)
        names[i] = record->entry.modules[i].name;
    enum entry_state state = expect_names(output, ENTRY_OUTPUT, names, record->entry.module_count, arena, err);
    for (size_t i = 0; i < record->entry.module_count && state == ENTRY_WHOLE; i++)
        state = verify_module(output, names[i], &record->modules[i], &bytes, arena, err);
    close(output);
    text_release(&bytes);
    return state;
}

int64_t build_entry_read_disk_bytes(int entry) {
    struct text text = {0};
    int64_t bytes = 0;
    if (build_entry_read(&text, entry, ENTRY_USED, USED_MAX_BYTES)) number_parse(&bytes, text_view(&text));
    text_release(&text);
    return bytes;
}

enum entry_state build_entry_verify(int entry, const struct entry_record *record, struct error *err) {
    static const char *const names[] = {ENTRY_JSON, ENTRY_OUTPUT, ENTRY_USED}, *const names_of_failure[] = {ENTRY_JSON,
                                                                                                            ENTRY_USED};
    struct arena arena = {0};
    bool has_output = record->entry.succeeded;
    enum entry_state state = has_output ? expect_names(entry, ".", names, 3, &arena, err)
                                        : expect_names(entry, ".", names_of_failure, 2, &arena, err);
    if (state == ENTRY_WHOLE && build_entry_read_disk_bytes(entry) == 0)
        state = damage(err, ENTRY_USED, "does not contain a number");
    if (state == ENTRY_WHOLE && has_output) state = verify_output(entry, record, &arena, err);
    arena_release(&arena);
    return state;
}
