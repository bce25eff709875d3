/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A compiler under an attacker's control. `purs compile …` reads the first line of src/Attack.purs, `-- attack: NAME WORD…`
 * (its environment is empty and its arguments are fixed, so the order comes in a file), and runs that attack. Then it reports
 * success, as a compiler does, and lists as warnings everything that it managed to do and should not have. Run by a build
 * worker it reads src/Main.purs of the package `attack-…`, and reports these as errors, so that the worker sends them on.
 * Attacks that can only be bounded (bytes, processes) count their progress in the file `progress`, in memory shared by all
 * their processes, so that the count survives them.
 *
 * Used by tests/unit/tools/test_sandbox_attacks.c, which has the expected outcome of each attack, and by
 * tests/flow/matrix/test_attacks.c. To add an attack, add a function and a row.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { MEBIBYTE = 1024 * 1024, WORDS_MAX = 16, EVERY_PROCESS = 70000, FILE_NAME_LENGTH = 255 };

static atomic_llong *progress;
static char managed[16384]; /* JSON objects, separated by commas */

/* Notes something that should not have been possible. */
__attribute__((format(printf, 1, 2))) static void note(const char *format, ...) {
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    size_t length = strlen(managed);
    snprintf(managed + length, sizeof managed - length, "%s{\"message\":\"%s\",\"errorCode\":\"Managed\"}", length ? "," : "",
             message);
}

static int answer(bool is_in_worker) {
    if (is_in_worker) fputs("[1 of 1] Compiling Main\n", stderr);
    printf("{\"errors\":[%s],\"warnings\":[%s]}\n", is_in_worker ? managed : "", is_in_worker ? "" : managed);
    fflush(stdout);
    return is_in_worker && *managed ? 1 : 0;
}

static void open_progress(void) {
    int file = open("progress", O_RDWR | O_CREAT, 0644);
    if (file < 0 || ftruncate(file, sizeof *progress)) exit(1);
    progress = mmap(NULL, sizeof *progress, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (progress == MAP_FAILED) exit(1);
    close(file);
}

/* ---- Out of the folder ---- */

static void connect_to(int family, const void *address, socklen_t length, const char *what) {
    int stream = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (stream < 0) return;
    if (connect(stream, address, length) == 0 || errno == EINPROGRESS) note("connected to %s", what);
    close(stream);
}

/* Words: a port on loopback, an abstract unix socket's name. */
static void attack_network(char *const *words) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(words[0]))};
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    connect_to(AF_INET, &address, sizeof address, "loopback");
    int datagrams = socket(AF_INET, SOCK_DGRAM, 0);
    if (datagrams >= 0 && sendto(datagrams, "x", 1, 0, (void *)&address, sizeof address) == 1) note("sent a datagram");
    inet_pton(AF_INET, "192.0.2.1", &address.sin_addr);
    connect_to(AF_INET, &address, sizeof address, "a public address");
    snprintf(local.sun_path + 1, sizeof local.sun_path - 1, "%s", words[1]);
    connect_to(AF_UNIX, &local, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(words[1])), "a socket");
    if (socket(AF_PACKET, SOCK_RAW, 0) >= 0) note("opened a raw socket");
}

/* Whether there are bytes to read at `path`. */
static bool is_readable(const char *path) {
    char byte;
    int file = open(path, O_RDONLY | O_NONBLOCK);
    bool found = file >= 0 && read(file, &byte, 1) == 1;
    if (file >= 0) close(file);
    return found;
}

/* Words: paths. */
static void attack_read(char *const *words) {
    char path[64];
    extern char **environ;
    if (environ[0] && strncmp(environ[0], "PWD=", 4) != 0) note("has the environment %s", environ[0]);
    for (; *words; words++)
        if (is_readable(*words)) note("read %s", *words);
    for (int process = 1; process < EVERY_PROCESS; process++) {
        snprintf(path, sizeof path, "/proc/%d/environ", process);
        if (process != getpid() && is_readable(path)) note("read %s", path);
        snprintf(path, sizeof path, "/proc/%d/root/etc/shadow", process);
        if (is_readable(path)) note("read %s", path);
    }
    for (int file = 3; file < 1024; file++)
        if (fcntl(file, F_GETFD) >= 0) note("has file %d open", file);
}

/* Words: folders, each with a file `kept`. */
static void attack_write(char *const *words) {
    char path[4096], here[64];
    const struct timeval times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    for (int i = 0; words[i]; i++) {
        snprintf(path, sizeof path, "%s/new", words[i]);
        if (open(path, O_WRONLY | O_CREAT, 0644) >= 0) note("made %s", path);
        if (mkdir(path, 0755) == 0) note("made the folder %s", path);
        if (utimes(words[i], times) == 0) note("changed the times of %s", words[i]);
        if (chmod(words[i], 0777) == 0) note("changed the mode of %s", words[i]);
        snprintf(path, sizeof path, "%s/kept", words[i]);
        if (open(path, O_WRONLY | O_APPEND) >= 0) note("opened %s to write", path);
        if (utimes(path, times) == 0) note("changed the times of %s", path);
        if (chmod(path, 0777) == 0) note("changed the mode of %s", path);
        if (truncate(path, 0) == 0) note("emptied %s", path);
        snprintf(here, sizeof here, "link-%d", i);
        if (symlink(path, here) == 0 && open(here, O_WRONLY | O_TRUNC) >= 0) note("wrote to %s through a link", path);
        snprintf(here, sizeof here, "hard-%d", i);
        if (link(path, here) == 0) note("linked %s to here", path);
        snprintf(here, sizeof here, "moved-%d", i);
        if (rename(path, here) == 0) note("moved %s to here", path);
        if (unlink(path) == 0) note("removed %s", path);
    }
}

/* ---- Other processes ---- */

static void attack_signals(char *const *words) {
    (void)words;
    signal(SIGTERM, SIG_IGN);
    kill(-1, SIGSTOP);
    kill(-1, SIGKILL);
    kill(getppid(), SIGKILL);
    for (int process = 1; process < EVERY_PROCESS; process++)
        if (process != getpid() && kill(process, SIGKILL) == 0 && process != 1) note("killed %d", process);
    for (int process = 1; process < EVERY_PROCESS; process += process == 1 ? getppid() : EVERY_PROCESS)
        if (ptrace(PTRACE_ATTACH, process, NULL, NULL) == 0) note("traces %d", process);
}

static void attack_namespaces(char *const *words) {
    (void)words;
    char stack[16384];
    if (unshare(CLONE_NEWUSER) == 0) note("made a user namespace");
    if (unshare(CLONE_NEWNS) == 0) note("made a mount namespace");
    if (syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, stack + sizeof stack, NULL, NULL, NULL) > 0)
        note("cloned a user namespace");
    if (mount("none", "/tmp", "tmpfs", 0, NULL) == 0) note("mounted");
    if (mount(NULL, "/usr", NULL, MS_REMOUNT | MS_BIND, NULL) == 0) note("made /usr writable");
    if (umount2("/usr", MNT_DETACH) == 0) note("unmounted /usr");
    if (chroot("/tmp") == 0) note("changed the root folder");
    if (setuid(0) == 0 && getuid() == 0) note("became root");
    if (mknod("device", S_IFBLK | 0666, makedev(8, 0)) == 0) note("made a device");
}

/* ---- More than it may ---- */

static void attack_forks(char *const *words) {
    (void)words;
    for (;;)
        if (fork() == 0) atomic_fetch_add(progress, 1);
}

/* Each process forks the next and exits, so that none lives long. */
static void attack_orphans(char *const *words) {
    (void)words;
    while (fork() > 0)
        pause();
    for (;;) {
        setsid();
        if (fork() > 0) _exit(0);
        atomic_fetch_add(progress, 1);
    }
}

static void eat_memory(void) {
    for (;;) {
        char *bytes = mmap(NULL, MEBIBYTE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (bytes == MAP_FAILED) continue;
        memset(bytes, 1, MEBIBYTE);
        atomic_fetch_add(progress, MEBIBYTE);
    }
}

static void attack_memory(char *const *words) {
    (void)words;
    eat_memory();
}

static void attack_memory_of_many(char *const *words) {
    (void)words;
    for (int i = 0; i < 20; i++)
        if (fork() == 0) eat_memory();
    pause();
}

static void *eat_in_thread(void *argument) {
    (void)argument;
    eat_memory();
    return NULL;
}

/* The first thread ends, and with it the memory counters in /proc/PID. */
static void attack_memory_without_leader(char *const *words) {
    (void)words;
    pthread_t thread;
    if (pthread_create(&thread, NULL, eat_in_thread, NULL) == 0) pthread_exit(NULL);
}

/* Writes files of one MiB to `folder` until that is refused. */
static long long fill(const char *folder) {
    static char bytes[MEBIBYTE];
    char path[4096];
    memset(bytes, 1, sizeof bytes);
    for (long long number = 0;; number++) {
        snprintf(path, sizeof path, "%s/fill-%lld", folder, number);
        int file = open(path, O_WRONLY | O_CREAT, 0644);
        ssize_t written = file >= 0 ? write(file, bytes, sizeof bytes) : -1;
        if (file >= 0) close(file);
        if (written > 0) atomic_fetch_add(progress, written);
        if (written < (ssize_t)sizeof bytes) return number;
    }
}

/* Memory that belongs to no process. */
static void attack_memory_files(char *const *words) {
    (void)words;
    fill("/tmp");
    if (fill("/dev/shm") > 0) note("wrote to /dev/shm");
    if (fill("/dev") > 0) note("wrote to /dev");
    if (fill("/") > 0) note("wrote to the root folder");
    if (memfd_create("x", 0) >= 0) note("made a file in memory");
    if (shmget(IPC_PRIVATE, MEBIBYTE, IPC_CREAT | 0600) >= 0) note("made shared memory");
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0) note("made a pair of sockets");
}

static void attack_one_file(char *const *words) {
    (void)words;
    static char bytes[MEBIBYTE];
    int file = open("big", O_WRONLY | O_CREAT, 0644);
    while (write(file, bytes, sizeof bytes) > 0)
        atomic_fetch_add(progress, MEBIBYTE);
}

static void attack_many_files(char *const *words) {
    (void)words;
    mkdir("output", 0755);
    fill("output");
}

static void attack_empty_files(char *const *words) {
    (void)words;
    char path[64];
    for (long long number = 0;; number++) {
        snprintf(path, sizeof path, "empty-%lld", number);
        int file = open(path, O_WRONLY | O_CREAT, 0644);
        if (file < 0) continue;
        close(file);
        atomic_fetch_add(progress, 1);
    }
}

/* Sparse files: large to a reader, small on the disk. */
static void attack_holes(char *const *words) {
    (void)words;
    char path[64];
    for (int number = 0; number < 1000; number++) {
        snprintf(path, sizeof path, "hole-%d", number);
        int file = open(path, O_WRONLY | O_CREAT, 0644);
        if (ftruncate(file, 16 * MEBIBYTE) == 0) atomic_fetch_add(progress, 16 * MEBIBYTE);
        if (fallocate(file, 0, 0, 16 * MEBIBYTE) == 0) note("reserved space on disk");
        close(file);
    }
}

/* Files that were removed from the folder, and stay on the disk as long as they are open. */
static void attack_unlinked_files(char *const *words) {
    (void)words;
    static char bytes[MEBIBYTE];
    for (int number = 0;; number++) {
        int file = open("unlinked", O_WRONLY | O_CREAT, 0644);
        unlink("unlinked");
        while (lseek(file, 0, SEEK_CUR) < 8 * MEBIBYTE && write(file, bytes, sizeof bytes) > 0)
            atomic_fetch_add(progress, MEBIBYTE);
    }
}

static void flood(int file) {
    static char bytes[65536];
    memset(bytes, 'x', sizeof bytes);
    for (;;) {
        ssize_t written = write(file, bytes, sizeof bytes);
        if (written > 0) atomic_fetch_add(progress, written);
    }
}

static void attack_output(char *const *words) {
    (void)words;
    flood(STDOUT_FILENO);
}

static void attack_errors(char *const *words) {
    (void)words;
    flood(STDERR_FILENO);
}

/* ---- Longer than it may ---- */

static void ignore_signals(void) {
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_IGN);
}

static void attack_deaf(char *const *words) {
    (void)words;
    ignore_signals();
    for (;;)
        pause();
}

/* Leaves processes behind that keep stdout open, and a lock that shows the test whether they are alive. */
static void attack_daemons(char *const *words) {
    (void)words;
    int lock = open("alive", O_RDWR | O_CREAT, 0644);
    flock(lock, LOCK_EX);
    for (int i = 0; i < 5; i++) {
        if (fork() > 0) continue;
        setsid();
        if (fork() > 0) _exit(0);
        ignore_signals();
        atomic_fetch_add(progress, 1);
        for (;;)
            pause();
    }
    while (atomic_load(progress) < 5)
        sched_yield();
}

/* ---- For readers of its files ---- */

static void attack_leavings(char *const *words) {
    char name[FILE_NAME_LENGTH + 1];
    mkdir("output", 0755);
    mkdir("output/Data.Closed", 0755);
    if (symlink(words[0], "output/Data.Outside") || symlink("/etc/shadow", "output/cache-db.json")) note("cannot link");
    mkfifo("output/Data.Closed/externs.cbor", 0666);
    memset(name, 'n', FILE_NAME_LENGTH);
    name[FILE_NAME_LENGTH] = '\0';
    if (mkdir(name, 0755)) note("cannot make a folder with a long name");
    chmod("output/Data.Closed", 0);
}

static void attack_depth(char *const *words) {
    (void)words;
    for (int depth = 0; depth < 5000; depth++)
        if (mkdir("deeper", 0755) || chdir("deeper")) return;
}

static void attack_suicide(char *const *words) {
    raise(atoi(words[0]));
}

static const struct {
    const char *name;
    void (*run)(char *const *words);
} attacks[] = {
    {"network", attack_network},
    {"read", attack_read},
    {"write", attack_write},
    {"signals", attack_signals},
    {"namespaces", attack_namespaces},
    {"forks", attack_forks},
    {"orphans", attack_orphans},
    {"memory", attack_memory},
    {"memory-of-many", attack_memory_of_many},
    {"memory-without-leader", attack_memory_without_leader},
    {"memory-files", attack_memory_files},
    {"one-file", attack_one_file},
    {"many-files", attack_many_files},
    {"empty-files", attack_empty_files},
    {"holes", attack_holes},
    {"unlinked-files", attack_unlinked_files},
    {"output", attack_output},
    {"errors", attack_errors},
    {"deaf", attack_deaf},
    {"daemons", attack_daemons},
    {"leavings", attack_leavings},
    {"depth", attack_depth},
    {"suicide", attack_suicide},
};

static FILE *open_source(bool *is_in_worker) {
    glob_t found = {0};
    FILE *source = fopen("src/Attack.purs", "r");
    *is_in_worker = !source;
    if (!source && glob(".registry/attack-*/src/Main.purs", 0, NULL, &found) == 0) source = fopen(found.gl_pathv[0], "r");
    globfree(&found);
    return source;
}

/* 0.15.16 of `purs-0_15_16`. */
static int print_version(const char *name) {
    const char *digits = strstr(name, "purs-");
    if (!digits) return puts("0.15.15") < 0;
    for (digits += strlen("purs-"); *digits; digits++)
        putchar(*digits == '_' ? '.' : *digits);
    return putchar('\n') < 0;
}

int main(int argc, char **argv) {
    static char line[16384];
    char *words[WORDS_MAX] = {NULL}, *rest = NULL;
    bool is_in_worker = false;
    if (argc > 1 && strcmp(argv[1], "--version") == 0) return print_version(argv[0]);
    FILE *source = open_source(&is_in_worker);
    if (!source || !fgets(line, sizeof line, source) || strncmp(line, "-- attack: ", 11) != 0) return 1;
    fclose(source);
    int count = 0;
    for (char *word = strtok_r(line + 11, " \n", &rest); word && count + 1 < WORDS_MAX; word = strtok_r(NULL, " \n", &rest))
        words[count++] = word;
    open_progress();
    for (size_t i = 0; words[0] && i < sizeof attacks / sizeof attacks[0]; i++) {
        if (strcmp(attacks[i].name, words[0]) != 0) continue;
        attacks[i].run(words + 1);
        return answer(is_in_worker);
    }
    return 1;
}
