/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/tools/sandbox_filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/syscall.h>

/* REFUSED(call, errno). ENOSYS lets the C library take another way (clone3 hides its flags from us, so clone it is). */
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

#if defined(__x86_64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#ifdef OWN_ARCHITECTURE

#define FOREIGN_CALLS 0x40000000u /* x86-64's calls with short pointers begin here */
#define NEW_NAMESPACES                                                                                                         \
    ((uint32_t)(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP))

#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (offset))
#define ANSWER(problem) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (problem))
/* What is refused is one test, and an answer that is jumped over where it is another call. */
#define REFUSED(call, problem) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 1), ANSWER(problem),

static const struct sock_filter filter[] = {
    LOAD(offsetof(struct seccomp_data, arch)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCHITECTURE, 1, 0),
    ANSWER(ENOSYS),
    LOAD(offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, FOREIGN_CALLS, 0, 1),
    ANSWER(ENOSYS),
    REFUSED_TABLE(REFUSED) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3),
    LOAD(offsetof(struct seccomp_data, args[0])), /* its lower half, both kinds of processor being little-endian */
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, NEW_NAMESPACES, 0, 1),
    ANSWER(EPERM),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};

const void *sandbox_filter(size_t *length) {
    *length = sizeof filter;
    return filter;
}

#else

const void *sandbox_filter(size_t *length) {
    *length = 0;
    return NULL;
}

#endif
