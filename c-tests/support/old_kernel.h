/*
 * old_kernel.h - kernels that lack something, and filters that forbid it
 *
 * A filter of system calls (seccomp) answers for the kernel, for this process and all that it
 * starts. It cannot be taken back.
 */
#ifndef OLD_KERNEL_H
#define OLD_KERNEL_H

#include "check.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define ANY_ARGUMENT (-1)

/* One call fails, if its argument `place` (0 is the first) has this value. */
struct lack {
    long call;
    int place;
    uint32_t value;
    int error;
};

#define NO_PEER_PIDFD {SYS_getsockopt, 2, 77, ENOPROTOOPT}
#define NO_PASS_RIGHTS {SYS_setsockopt, 2, 83, ENOPROTOOPT}
#define NO_PIDFD(error) {SYS_pidfd_open, ANY_ARGUMENT, 0, error}
#define NO_FUTEX_WAITV(error) {449, ANY_ARGUMENT, 0, error}
#define NO_ROBUST_LIST {SYS_set_robust_list, ANY_ARGUMENT, 0, ENOSYS}
#define NO_ADVICE(advice) {SYS_madvise, 2, advice, EINVAL}
#define WIPE_ON_FORK 18
#define POPULATE_WRITE 23
#define COLLAPSE 25

/* Linux 5.10, the oldest that is supported, in what the library notices. */
#define LINUX_5_10 \
    {NO_PEER_PIDFD, NO_PASS_RIGHTS, NO_FUTEX_WAITV(ENOSYS), NO_ADVICE(POPULATE_WRITE), \
     NO_ADVICE(COLLAPSE)}

#define MAX_LACKS 8

/* From now on these calls fail; an entry without a call ends the list. */
static inline void live_with(const struct lack *lacks)
{
    struct sock_filter filter[2 + 6 * MAX_LACKS];
    unsigned short count = 0;
#define APPEND(...) filter[count++] = (struct sock_filter)__VA_ARGS__
    for (; lacks->call != 0; lacks++) {
        int looks = lacks->place != ANY_ARGUMENT;
        CHECK(count + 6 < (int)(sizeof filter / sizeof *filter));
        APPEND(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
        APPEND(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)lacks->call, 0, looks ? 3 : 1));
        if (looks) {
            uint32_t at = (uint32_t)offsetof(struct seccomp_data, args) + 8 * (uint32_t)lacks->place;
            APPEND(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at));
            APPEND(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, lacks->value, 0, 1));
        }
        APPEND(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)lacks->error));
    }
    APPEND(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
#undef APPEND
    struct sock_fprog program = {.len = count, .filter = filter};
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        skip("this kernel has no filters of system calls");
}

#endif
