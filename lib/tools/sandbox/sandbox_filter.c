/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/tools/sandbox/sandbox_filter.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/memory.h"

/* REFUSED(call, errno). ENOSYS makes the C library fall back to another call (clone3 has its flags in memory, which a filter
 * cannot read, so clone is used). */
#define REFUSED_TABLE(REFUSED)                                                                                                 \
    REFUSED(socket, EPERM)                                                                                                     \
    REFUSED(socketpair, EPERM)                                                                                                 \
    REFUSED(memfd_create, ENOSYS)                                                                                              \
    REFUSED(memfd_secret, ENOSYS)                                                                                              \
    REFUSED(shmget, ENOSYS)                                                                                                    \
    REFUSED(msgget, ENOSYS)                                                                                                    \
    REFUSED(mq_open, ENOSYS)                                                                                                   \
    REFUSED(fallocate, EOPNOTSUPP)                                                                                             \
    REFUSED(clone3, ENOSYS)                                                                                                    \
    REFUSED(unshare, EPERM)                                                                                                    \
    REFUSED(setns, EPERM)                                                                                                      \
    REFUSED(mount, EPERM)                                                                                                      \
    REFUSED(umount2, EPERM)                                                                                                    \
    REFUSED(pivot_root, EPERM)                                                                                                 \
    REFUSED(chroot, EPERM)                                                                                                     \
    REFUSED(move_mount, ENOSYS)                                                                                                \
    REFUSED(open_tree, ENOSYS)                                                                                                 \
    REFUSED(fsopen, ENOSYS)                                                                                                    \
    REFUSED(fsmount, ENOSYS)                                                                                                   \
    REFUSED(mount_setattr, ENOSYS)                                                                                             \
    REFUSED(open_by_handle_at, EPERM)                                                                                          \
    REFUSED(ptrace, EPERM)                                                                                                     \
    REFUSED(process_vm_readv, EPERM)                                                                                           \
    REFUSED(process_vm_writev, EPERM)                                                                                          \
    REFUSED(pidfd_getfd, EPERM)                                                                                                \
    REFUSED(keyctl, ENOSYS)                                                                                                    \
    REFUSED(add_key, ENOSYS)                                                                                                   \
    REFUSED(request_key, ENOSYS)                                                                                               \
    REFUSED(bpf, EPERM)                                                                                                        \
    REFUSED(perf_event_open, EPERM)                                                                                            \
    REFUSED(userfaultfd, ENOSYS)                                                                                               \
    REFUSED(io_uring_setup, ENOSYS)                                                                                            \
    REFUSED(io_uring_enter, ENOSYS)                                                                                            \
    REFUSED(io_uring_register, ENOSYS)                                                                                         \
    REFUSED(fanotify_init, ENOSYS)                                                                                             \
    REFUSED(quotactl, EPERM)                                                                                                   \
    REFUSED(swapon, EPERM)                                                                                                     \
    REFUSED(init_module, EPERM)                                                                                                \
    REFUSED(finit_module, EPERM)                                                                                               \
    REFUSED(kexec_load, EPERM)

#ifdef __s390__
#define CLONE_FLAGS 1 /* the position of the flags among the arguments of clone */
#else
#define CLONE_FLAGS 0
#endif

static const unsigned long new_namespaces[] = {CLONE_NEWUSER, CLONE_NEWNS,  CLONE_NEWPID,   CLONE_NEWNET,
                                               CLONE_NEWIPC,  CLONE_NEWUTS, CLONE_NEWCGROUP};

static struct {
    pthread_once_t once;
    int problem; /* an errno; 0: the program was made */
    void *program;
    size_t length;
} made = {.once = PTHREAD_ONCE_INIT};

/* Returns 0 or a negative errno, as libseccomp does. */
static int add_rules(scmp_filter_ctx filter) {
    int result = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS)); /* x86-64: 32-bit calls, too */
#define REFUSED(call, problem)                                                                                                 \
    if (!result) result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(problem), SCMP_SYS(call), 0);
    REFUSED_TABLE(REFUSED)
#undef REFUSED
    for (size_t i = 0; !result && i < sizeof new_namespaces / sizeof new_namespaces[0]; i++)
        result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                                  SCMP_CMP(CLONE_FLAGS, SCMP_CMP_MASKED_EQ, new_namespaces[i], new_namespaces[i]));
    return result;
}

/* Exports by way of a file, because libseccomp 2.5 has no other. Returns 0 or a negative errno. */
static int export_program(scmp_filter_ctx filter) {
    int file = memfd_create("filter", MFD_CLOEXEC);
    if (file < 0) return -errno;
    int result = seccomp_export_bpf(filter, file);
    off_t length = lseek(file, 0, SEEK_END);
    if (!result && length <= 0) result = -EIO;
    if (!result) {
        made.length = (size_t)length;
        made.program = memory_alloc(made.length);
        if (pread(file, made.program, made.length, 0) != length) result = -EIO;
    }
    close(file);
    return result;
}

static void make(void) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int result = filter ? add_rules(filter) : -ENOMEM;
    if (!result) result = export_program(filter);
    if (filter) seccomp_release(filter);
    made.problem = -result;
}

enum status sandbox_filter(const void **out, size_t *length, struct error *err) {
    pthread_once(&made.once, make);
    if (made.problem)
        return error_set(err, STATUS_UNAVAILABLE, "The filter of system calls cannot be created: %s.", strerror(made.problem));
    *out = made.program;
    *length = made.length;
    return STATUS_OK;
}
