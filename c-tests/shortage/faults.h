/*
 * faults.h - which system call of the library fails, with which error, and what must come of it
 *
 * The faults are told to the library by syscalls.h. A fault that nobody can answer, as when a
 * connection is never accepted, ends in a time-out of the library; impatience_start() lets the time
 * fly then. A program that includes this replaces clock_gettime(); see clock.h.
 */
#ifndef FAULTS_H
#define FAULTS_H

#include "clock.h"
#include "life.h"
#include "syscalls.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#define MAX_ERRORS 9

/*
 * What each function can fail with, by its page of the manual, for the arguments that the library
 * gives. Left out are errors that only a wrong argument causes, and those that tell of a fact, as
 * EPIPE does of a peer that has gone: they come with the fact, not alone.
 */
struct possible {
    const char *name;
    int errors[MAX_ERRORS];
};

static const struct possible possible[] = {
    {"accept4", {EMFILE, ENFILE, ENOMEM, ENOBUFS, ECONNABORTED, EAGAIN, EINTR, EPERM}},
    {"bind", {EACCES, EADDRINUSE, ENOENT, ENOMEM, ENOSPC, EROFS, EDQUOT}},
    {"clock_nanosleep", {EINTR}},
    {"close", {EIO, EINTR, ENOSPC}},
    {"closedir", {EINTR}},
    {"connect", {EAGAIN, ECONNREFUSED, EACCES, ENOENT, ENOMEM, EINTR}},
    {"epoll_create1", {EMFILE, ENFILE, ENOMEM}},
    {"epoll_ctl", {ENOMEM, ENOSPC}},
    {"epoll_wait", {EINTR}},
    {"eventfd", {EMFILE, ENFILE, ENOMEM}},
    {"fallocate", {ENOSPC, ENOMEM, EINTR, EIO, EFBIG, EOPNOTSUPP}},
    {"fchmod", {EIO, EPERM, EROFS}},
    {"fchmodat", {EACCES, EPERM, ENOENT, EROFS, ENOMEM}},
    {"fchownat", {EPERM, EACCES, ENOENT, EROFS, EIO}},
    {"fcntl_add_seals", {EPERM, EBUSY, EINVAL}},
    {"fcntl_dup", {EMFILE}},
    {"flock", {ENOLCK, EWOULDBLOCK}},
    {"fstat", {ENOMEM, EIO}},
    {"fstatat", {ENOMEM, EACCES, ENOENT}},
    {"fstatfs", {EIO, ENOMEM, ENOSYS}},
    {"ftruncate", {EINTR, EIO, EPERM, EFBIG}},
    {"futex_wait", {EINTR, EAGAIN}},
    {"futex_waitv", {ENOSYS, EPERM, ENOMEM, EINTR, EAGAIN}},
    {"getrandom", {EINTR, EAGAIN, ENOSYS}},
    {"getrlimit", {EPERM}},
    {"getsockopt", {ENOPROTOOPT, EINVAL, ESRCH, EMFILE, ENOMEM}},
    {"listen", {EADDRINUSE, ENOMEM}},
    {"madvise", {ENOMEM, EINVAL, EAGAIN, EIO}},
    {"memfd_create", {EMFILE, ENFILE, ENOMEM, EPERM, ENOSYS}},
    {"mmap", {ENOMEM, EAGAIN, ENFILE, EPERM}},
    {"mmap64", {ENOMEM, EAGAIN, ENFILE, EPERM}},
    {"munmap", {ENOMEM}},
    {"open64", {EMFILE, ENFILE, ENOENT, EACCES, ENOMEM, EINTR}},
    {"openat", {EMFILE, ENFILE, EACCES, ENOENT, ENOMEM, ENOTDIR, EINTR}},
    {"opendir", {EMFILE, ENFILE, EACCES, ENOMEM}},
    {"poll", {ENOMEM, EINTR, EINVAL}},
    {"pthread_create", {EAGAIN, EPERM}},
    {"read", {EIO, EINTR, ENOMEM}},
    {"readdir64", {EIO, ENOENT}},
    {"recvmsg", {ENOMEM, ENOBUFS, EINTR, EAGAIN, ECONNRESET}},
    {"sched_getaffinity", {EINVAL, EPERM}},
    {"sendmsg", {EAGAIN, ENOBUFS, ENOMEM, ETOOMANYREFS, EINTR}},
    {"set_robust_list", {ENOSYS}},
    {"setsockopt", {ENOMEM, EPERM}},
    {"shutdown", {ENOTCONN}},
    {"socket", {EMFILE, ENFILE, ENOMEM, ENOBUFS, EACCES}},
    {"statx", {ENOMEM, EACCES, ENOSYS}},
    {"unlinkat", {EACCES, EROFS, EIO, EBUSY, ENOENT}},
    {NULL, {0}},
};

struct fault {
    const char *call; /* NULL: any of the table, each with its first error */
    int error;
    unsigned number; /* of the call that fails, from 1 */
    int lasting;     /* and all that follow */
};

static struct fault fault_now;
static unsigned calls_made, faults_made;
/* Faults begun, and how often the clock was moved for one. */
static unsigned faults_begun, times_flown;

static inline const struct possible *possible_of(const char *call)
{
    for (const struct possible *entry = possible; entry->name != NULL; entry++)
        if (strcmp(entry->name, call) == 0)
            return entry;
    return NULL;
}

/* What never fails for long: a signal passes, and who was woken for nothing sleeps again. */
static inline int passes(const char *call, int error)
{
    return error == EINTR || error == EAGAIN || strncmp(call, "futex", 5) == 0;
}

static inline int fault_hook(const char *call)
{
    int error = fault_now.error;
    if (fault_now.call == NULL) {
        const struct possible *entry = possible_of(call);
        if (entry == NULL || passes(call, entry->errors[0]))
            return 0;
        error = entry->errors[0];
    } else if (strcmp(call, fault_now.call) != 0) {
        return 0;
    }
    unsigned number = __atomic_add_fetch(&calls_made, 1, __ATOMIC_SEQ_CST);
    if (fault_now.lasting ? number < fault_now.number : number != fault_now.number)
        return 0;
    if (passes(call, error) && number > fault_now.number + 20)
        return 0;
    __atomic_add_fetch(&faults_made, 1, __ATOMIC_SEQ_CST);
    return error;
}

static inline void fault_begin(const struct fault *fault)
{
    fault_now = *fault;
    calls_made = 0;
    faults_made = 0;
    times_flown = 0;
    __atomic_add_fetch(&faults_begun, 1, __ATOMIC_SEQ_CST);
    hook_syscalls(fault_hook);
}

/*
 * The next N. A connection that is closed is emptied with a thousand calls, whose results mean
 * nothing: not every one of those is failed.
 */
static inline unsigned next_number(unsigned number, unsigned step)
{
    return number + (number < (test_full() ? 512 : 40) ? step : 113);
}

/* How many calls failed. */
static inline unsigned fault_end(void)
{
    hook_syscalls(NULL);
    __atomic_add_fetch(&faults_begun, 1, __ATOMIC_SEQ_CST);
    return __atomic_exchange_n(&faults_made, 0, __ATOMIC_SEQ_CST);
}

/* A lasting fault that takes this long, on a machine of usual speed, waits for a time-out. */
#define MOMENT_MS 150

static pthread_t impatient_for;

static inline void nothing(int signal)
{
    (void)signal;
}

static inline void *impatience(void *unused)
{
    unsigned seen = 0, moment_ms = MOMENT_MS * test_slowness();
    struct timespec moment = {.tv_sec = moment_ms / 1000, .tv_nsec = moment_ms % 1000 * 1000000L};
    (void)unused;
    for (;;) {
        nanosleep(&moment, NULL);
        unsigned begun = __atomic_load_n(&faults_begun, __ATOMIC_SEQ_CST);
        int lasts = fault_now.lasting && __atomic_load_n(&faults_made, __ATOMIC_SEQ_CST) > 0;
        if (begun == seen && lasts) {
            /* More than any time-out of the library; the signal makes its poll() look at the clock. */
            __atomic_add_fetch(&times_flown, 1, __ATOMIC_SEQ_CST);
            clock_add(15);
            pthread_kill(impatient_for, SIGUSR1);
        }
        seen = begun;
    }
    return NULL;
}

/* From now on time flies if the calling thread waits for long. Once per process. */
static inline void impatience_start(void)
{
    pthread_t thread;
    struct sigaction action = {.sa_handler = nothing, .sa_flags = SA_RESTART};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    impatient_for = pthread_self();
    CHECK(pthread_create(&thread, NULL, impatience, NULL) == 0);
    CHECK(pthread_detach(thread) == 0);
}

/* The text that stands for an error when the library knows what it means. */
static inline const char *meaning(const struct fault *fault)
{
    static const struct {
        const char *call;
        int error;
        const char *text;
    } meanings[] = {
        {"connect", EACCES, "user"},
        {"connect", EAGAIN, ""},
        {"connect", ECONNREFUSED, "no set"},
        {"connect", ENOENT, "no set"},
        {"flock", EAGAIN, "keeps the runtime directory"},
        {"fstatat", ENOENT, "no set"},
        {"getsockopt", EINVAL, "no set"},
        {"getsockopt", ESRCH, "no set"},
        {"openat", ENOTDIR, "symbolic link"},
        {"sendmsg", EAGAIN, "does not read"},
    };
    for (size_t index = 0; index < sizeof meanings / sizeof *meanings; index++)
        if (fault->call != NULL && strcmp(fault->call, meanings[index].call) == 0 &&
            fault->error == meanings[index].error)
            return meanings[index].text;
    return NULL;
}

/* Whether a text tells of the fault. */
static inline int tells_of(const struct fault *fault, const char *text)
{
    char number[32];
    snprintf(number, sizeof number, "(os error %d)", fault->error);
    if (strstr(text, fault->call == NULL ? "(os error " : number) != NULL)
        return 1;
    const char *meant = meaning(fault);
    if (meant != NULL && strstr(text, meant) != NULL)
        return 1;
    /* A primary that cannot say what it lacks, or takes the other process for dead. */
    if ((fault->lasting || meant != NULL) && (strstr(text, "without an answer") != NULL ||
                           strstr(text, "has ended its connection") != NULL))
        return 1;
    return times_flown > 0 && strstr(text, "does not answer") != NULL;
}

static inline int is_one_of(int error, const int *errors)
{
    while (*errors != 0)
        if (*errors++ == error)
            return 1;
    return 0;
}

/* Whether a call is one of a server that joins a set. */
static inline int serves(const char *call)
{
    return strncmp(call, "vdi_server_open", 15) == 0 && strcmp(call, "vdi_server_open_device") != 0;
}

/* The code that the header promises for an error of the operating system. */
static inline int is_code_for(vdi_result result, const struct fault *fault, const char *call)
{
    static const int memory[] = {ENOMEM, ENOSPC, EDQUOT, EFBIG, EAGAIN, 0};
    static const int permission[] = {EACCES, EPERM, EROFS, ENOTDIR, 0};
    int opens = strcmp(call, "vdi_create") == 0 || strcmp(call, "vdi_open_in_secondary") == 0;
    switch (result) {
    case VD_E_MEMORY:
        return fault->call == NULL || is_one_of(fault->error, memory);
    case VD_E_SECURITY:
        return (opens || serves(call)) && (fault->call == NULL || is_one_of(fault->error, permission));
    case VD_E_UNEXPECTED:
        /* Not for a lack of memory, unless nobody could say so. */
        return fault->call == NULL || fault->error == EAGAIN || fault->lasting ||
               !is_one_of(fault->error, memory);
    case VD_E_INVALID:
        return serves(call) && (fault->call == NULL || meaning(fault) != NULL ||
                          is_one_of(fault->error, permission));
    case VD_E_PROTOCOL:
        return opens && (fault->call == NULL || meaning(fault) != NULL);
    default:
        return 0;
    }
}

/* What came of a life with a fault is what the header says. */
static inline void fault_check(const struct fault *fault, const struct life *life)
{
    if (life->failed == NULL)
        return;
    CHECK_CONTAINS(life->text, life->failed);
    if (strstr(life->text, "hangs up without an answer") != NULL) {
        /*
         * A primary that cannot even say what it lacks, or takes the other process for dead, is as
         * one that is not there. What fails only once leaves it able to say so.
         */
        CHECK(fault->lasting || meaning(fault) != NULL);
        CHECK_RESULT(life->result, serves(life->failed) ? VD_E_INVALID : VD_E_PROTOCOL);
        return;
    }
    if (life->result == VD_E_ABORT) {
        CHECK_EQUAL(life->reason, VDI_ABORT_RESOURCES);
        if (!tells_of(fault, life->reason_text))
            check_failed(__FILE__, __LINE__, "the abort is explained by \"%s\"", life->reason_text);
    } else if (life->reason == VDI_ABORT_RESOURCES &&
               strcmp(life->failed, "vdi_map_buffer_handle") == 0) {
        /* The memory of the buffer cannot come to this process; why not is its own error. */
        return;
    } else if (!is_code_for(life->result, fault, life->failed) || !tells_of(fault, life->text)) {
        check_failed(__FILE__, __LINE__, "%s is %s; %s", life->failed,
                     vdi_result_name(life->result), life->text);
    }
}

#endif
