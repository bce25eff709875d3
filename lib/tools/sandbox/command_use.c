/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/tools/sandbox/command_use.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/clock.h"

enum {
    NESTED_MAX = 100,   /* depth of folders */
    ENTRY_BYTES = 8192, /* counted for an entry of a folder at least, which bounds the number of entries in a walk */
    LIST_BYTES = 4096,  /* buffer for the entries of a folder */
    PAUSE_MS = 2000,    /* between two walks, if nothing is suspicious */
    PAUSE_WALKS = 50,   /* the same, in durations of a walk */
    SUSPICIOUS_PAUSE_WALKS = 2,
};

/* ---- Reading /proc ---- */

/* A path below /proc, built without snprintf(), which is not async-signal-safe. */
struct proc_path {
    char text[80];
    size_t length;
};

static void append_word(struct proc_path *path, const char *word) {
    for (; *word && path->length + 1 < sizeof path->text; word++)
        path->text[path->length++] = *word;
    path->text[path->length] = '\0';
}

static void append_number(struct proc_path *path, pid_t number) {
    char digits[12];
    size_t at = sizeof digits - 1;
    digits[at] = '\0';
    do
        digits[--at] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    append_word(path, digits + at);
}

/* Reads /proc/PROCESS/task/THREAD/NAME, truncated to fit; false if it is gone. */
static bool read_thread_file(pid_t process, pid_t thread, const char *name, char *out, size_t size) {
    struct proc_path path = {.length = 0};
    append_word(&path, "/proc/");
    append_number(&path, process);
    append_word(&path, "/task/");
    append_number(&path, thread);
    append_word(&path, name);
    int file = open(path.text, O_RDONLY | O_CLOEXEC);
    ssize_t length = file >= 0 ? read(file, out, size - 1) : -1;
    if (file >= 0) close(file);
    out[length > 0 ? length : 0] = '\0';
    return length >= 0;
}

/* Parses the number at *text and moves *text past it; -1: no number, or it ends the text and may be truncated. */
static pid_t take_number(const char **text) {
    pid_t number = 0;
    const char *at = *text;
    for (; *at >= '0' && *at <= '9'; at++)
        number = number * 10 + (*at - '0');
    if (at == *text || *at == '\0') return -1;
    *text = at;
    return number;
}

/* The value of the line `NAME: 123 kB` of a status file, in bytes; 0 if it is missing. */
static int64_t memory_field(const char *status, const char *name) {
    const char *at = strstr(status, name);
    if (!at) return 0;
    at += strlen(name);
    at += strspn(at, " \t");
    pid_t kilobytes = take_number(&at);
    return kilobytes > 0 ? (int64_t)kilobytes * 1024 : 0;
}

static int64_t thread_memory(pid_t process, pid_t thread) {
    char status[4096];
    if (!read_thread_file(process, thread, "/status", status, sizeof status)) return 0;
    return memory_field(status, "\nVmRSS:") + memory_field(status, "\nVmSwap:") + memory_field(status, "\nVmPTE:");
}

/* Calls `visit` for every entry of an open folder except `.` and `..`, until it returns false. False with errno: the folder
 * cannot be read. */
static bool list_folder(int folder, bool (*visit)(void *context, const char *name, unsigned char type), void *context) {
    char list[LIST_BYTES] __attribute__((aligned(8)));
    for (;;) {
        long length = syscall(SYS_getdents64, folder, list, sizeof list);
        if (length <= 0) return length == 0;
        for (long at = 0; at < length;) {
            const struct dirent64 *entry = (const void *)(list + at);
            at += entry->d_reclen;
            if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
            if (!visit(context, entry->d_name, entry->d_type)) return true;
        }
    }
}

/* ---- Processes ---- */

/* A walk through the descendants of this process. The kernel lists children by the thread that started them. */
struct process_walk {
    pid_t pending[COMMAND_USE_PROCESSES_MAX];
    size_t pending_count;
    pid_t process;          /* whose threads are being visited */
    int64_t process_memory; /* of it, read from any thread: a main thread that has ended reports none */
    struct process_use use;
    int64_t most;
    bool knows_children;
};

static bool visit_thread(void *context, const char *name, unsigned char type) {
    (void)type;
    struct process_walk *walk = context;
    char children[16384];
    struct proc_path text = {.length = 0};
    append_word(&text, name);
    append_word(&text, " ");
    const char *at = text.text;
    pid_t thread = take_number(&at);
    if (thread < 0) return true;
    walk->use.count++;
    if (walk->process_memory == 0) walk->process_memory = thread_memory(walk->process, thread);
    if (read_thread_file(walk->process, thread, "/children", children, sizeof children)) walk->knows_children = true;
    at = children;
    for (pid_t child; walk->pending_count < COMMAND_USE_PROCESSES_MAX && (child = take_number(&at)) > 0; at += *at == ' ')
        walk->pending[walk->pending_count++] = child;
    return walk->use.count <= walk->most;
}

/* Opens the folder /proc/PROCESS/NAME; -1: gone or not permitted. */
static int open_process_folder(pid_t process, const char *name) {
    struct proc_path path = {.length = 0};
    append_word(&path, "/proc/");
    append_number(&path, process);
    append_word(&path, name);
    return open(path.text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void visit_process(struct process_walk *walk, pid_t process) {
    int threads = open_process_folder(process, "/task");
    if (threads < 0) return;
    walk->process = process;
    walk->process_memory = 0;
    list_folder(threads, visit_thread, walk);
    walk->use.memory_bytes += walk->process_memory;
    close(threads);
}

/* Starts a walk with the children of this process. */
static void begin_walk(struct process_walk *walk, int64_t most) {
    walk->pending_count = 0;
    walk->knows_children = false;
    walk->use = (struct process_use){0};
    walk->most = INT64_MAX;
    visit_process(walk, getpid());
    walk->use = (struct process_use){0};
    walk->most = most;
}

struct process_use process_use_measure(int64_t most) {
    struct process_walk walk;
    begin_walk(&walk, most);
    while (walk.pending_count > 0 && walk.use.count <= most)
        visit_process(&walk, walk.pending[--walk.pending_count]);
    return walk.use;
}

bool process_use_kill(void) {
    struct process_walk walk;
    begin_walk(&walk, INT64_MAX);
    while (walk.pending_count > 0) {
        pid_t process = walk.pending[--walk.pending_count];
        visit_process(&walk, process);
        kill(process, SIGKILL);
    }
    return walk.knows_children;
}

/* ---- Folders ---- */

struct folder_walk {
    int64_t bytes, most;
    int nested;
    int folder;
    bool is_measurable;
};

static bool visit_entry(void *context, const char *name, unsigned char type);

static void walk_folder(struct folder_walk *walk, const char *name) {
    int above = walk->folder, folder = openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0 || ++walk->nested > NESTED_MAX) {
        if (folder >= 0 || (errno != ENOENT && errno != ENOTDIR && errno != ELOOP)) walk->is_measurable = false;
    } else {
        walk->folder = folder;
        if (!list_folder(folder, visit_entry, walk) && errno != ENOENT) walk->is_measurable = false;
        walk->folder = above;
    }
    if (folder >= 0) {
        walk->nested--;
        close(folder);
    }
}

static bool visit_entry(void *context, const char *name, unsigned char type) {
    struct folder_walk *walk = context;
    struct stat information;
    int64_t bytes = 0;
    if (type != DT_DIR && type != DT_LNK && fstatat(walk->folder, name, &information, AT_SYMLINK_NOFOLLOW) == 0) {
        int64_t blocks = (int64_t)information.st_blocks * 512;
        if (S_ISREG(information.st_mode)) bytes = information.st_size > blocks ? information.st_size : blocks;
        if (S_ISDIR(information.st_mode)) type = DT_DIR; /* not every file system reports types in the list */
    }
    walk->bytes += bytes > ENTRY_BYTES ? bytes : ENTRY_BYTES;
    if (type == DT_DIR) walk_folder(walk, name);
    return walk->bytes <= walk->most && walk->is_measurable;
}

/* Free bytes, with ENTRY_BYTES for each free inode. */
static int64_t free_bytes(int folder) {
    struct statvfs information;
    if (fstatvfs(folder, &information)) return 0;
    return (int64_t)(information.f_bfree * information.f_frsize + information.f_ffree * ENTRY_BYTES);
}

/* Sums up the unlinked files on one file system. */
struct unlinked_walk {
    int list; /* /proc/PID/fd or /proc/PID/map_files: each entry leads to an open file */
    dev_t device;
    int64_t bytes;
};

static bool visit_open_file(void *context, const char *name, unsigned char type) {
    (void)type;
    struct unlinked_walk *walk = context;
    struct stat information;
    if (fstatat(walk->list, name, &information, 0) == 0 && S_ISREG(information.st_mode) && information.st_nlink == 0 &&
        information.st_dev == walk->device)
        walk->bytes += (int64_t)information.st_blocks * 512;
    return true;
}

int64_t folder_use_measure_unlinked(const struct folder_use *use) {
    static const char *const lists[] = {"/fd", "/map_files"};
    struct process_walk processes;
    struct unlinked_walk walk = {.bytes = 0};
    struct stat information;
    if (fstat(use->folder, &information)) return 0;
    walk.device = information.st_dev;
    begin_walk(&processes, COMMAND_USE_PROCESSES_MAX);
    while (processes.pending_count > 0) {
        pid_t process = processes.pending[--processes.pending_count];
        visit_process(&processes, process);
        for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
            walk.list = open_process_folder(process, lists[i]);
            if (walk.list < 0) continue;
            list_folder(walk.list, visit_open_file, &walk);
            close(walk.list);
        }
    }
    return walk.bytes;
}

bool folder_use_open(struct folder_use *use, const char *path) {
    *use = (struct folder_use){.folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (use->folder < 0) return false;
    use->free_bytes = free_bytes(use->folder);
    use->measured_ms = clock_monotonic_ms();
    return true;
}

int64_t folder_use_measure(struct folder_use *use, int64_t most) {
    struct folder_walk walk = {.most = most, .folder = use->folder, .is_measurable = true};
    int64_t begin_ms = clock_monotonic_ms();
    use->free_bytes = free_bytes(use->folder); /* before the walk: bytes written meanwhile count next time */
    walk_folder(&walk, ".");
    use->bytes = walk.is_measurable ? walk.bytes : INT64_MAX;
    use->measured_ms = clock_monotonic_ms();
    use->took_ms = use->measured_ms - begin_ms + 1;
    return use->bytes;
}

bool folder_use_is_suspect(const struct folder_use *use, int64_t most) {
    int64_t since_ms = clock_monotonic_ms() - use->measured_ms;
    if (since_ms >= PAUSE_MS && since_ms >= use->took_ms * PAUSE_WALKS) return true;
    if (since_ms < use->took_ms * SUSPICIOUS_PAUSE_WALKS) return false;
    return use->bytes + use->free_bytes - free_bytes(use->folder) > most;
}
