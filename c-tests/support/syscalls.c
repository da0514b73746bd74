#undef _FORTIFY_SOURCE

#include "syscalls.h"

#include "check.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* Where the library is mapped; every one of its instructions lies between. */
static uintptr_t library_start, library_end;
static syscall_hook current_hook;

static int find_library(struct dl_phdr_info *object, size_t size, void *address)
{
    (void)size;
    uintptr_t start = UINTPTR_MAX, end = 0;
    for (int index = 0; index < object->dlpi_phnum; index++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[index];
        if (segment->p_type != PT_LOAD)
            continue;
        uintptr_t at = object->dlpi_addr + segment->p_vaddr;
        start = at < start ? at : start;
        end = at + segment->p_memsz > end ? at + segment->p_memsz : end;
    }
    uintptr_t wanted = (uintptr_t)address;
    if (wanted < start || wanted >= end)
        return 0;
    library_start = start;
    library_end = end;
    return 1;
}

void hook_syscalls(syscall_hook hook)
{
    /* Not the address of a function of the library: that may be one inside this program. */
    void *inside = dlsym(RTLD_DEFAULT, "vdi_version");
    CHECK(inside != NULL && dl_iterate_phdr(find_library, inside) == 1);
    __atomic_store_n(&current_hook, hook, __ATOMIC_SEQ_CST);
}

/* What the hook says of a call that returns to `caller`. */
static int verdict(const char *name, void *caller)
{
    syscall_hook hook = __atomic_load_n(&current_hook, __ATOMIC_SEQ_CST);
    uintptr_t at = (uintptr_t)caller;
    if (hook == NULL || at < library_start || at >= library_end)
        return 0;
    int before = errno;
    int error = hook(name);
    errno = before;
    return error;
}

/* The C library's own function; found at first use, which may come before main(). */
#define REAL(name) \
    static __typeof__(&name) real; \
    if (__atomic_load_n(&real, __ATOMIC_ACQUIRE) == NULL) { \
        void *found = dlsym(RTLD_NEXT, #name); \
        CHECK(found != NULL); \
        __atomic_store((void **)&real, &found, __ATOMIC_RELEASE); \
    }

/* A function that says -1 (or NULL, ...) and sets errno if it fails. */
#define WRAP(type, name, parameters, arguments, failed) \
    __attribute__((noinline)) type name parameters \
    { \
        REAL(name) \
        int error = verdict(#name, __builtin_return_address(0)); \
        if (error == 0) \
            return real arguments; \
        errno = error; \
        return failed; \
    }

/* One that returns the error itself. */
#define WRAP_NUMBER(name, parameters, arguments) \
    __attribute__((noinline)) int name parameters \
    { \
        REAL(name) \
        int error = verdict(#name, __builtin_return_address(0)); \
        return error == 0 ? real arguments : error; \
    }

/* Sockets. */
WRAP(int, socket, (int domain, int type, int protocol), (domain, type, protocol), -1)
WRAP(int, bind, (int fd, __CONST_SOCKADDR_ARG address, socklen_t length),
     (fd, address, length), -1)
WRAP(int, listen, (int fd, int backlog), (fd, backlog), -1)
WRAP(int, accept4, (int fd, __SOCKADDR_ARG address, socklen_t *length, int flags),
     (fd, address, length, flags), -1)
WRAP(int, connect, (int fd, __CONST_SOCKADDR_ARG address, socklen_t length),
     (fd, address, length), -1)
WRAP(int, shutdown, (int fd, int how), (fd, how), -1)
WRAP(int, getsockopt, (int fd, int level, int option, void *value, socklen_t *length),
     (fd, level, option, value, length), -1)
WRAP(int, setsockopt, (int fd, int level, int option, const void *value, socklen_t length),
     (fd, level, option, value, length), -1)
WRAP(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags), (fd, message, flags), -1)
WRAP(ssize_t, recvmsg, (int fd, struct msghdr *message, int flags), (fd, message, flags), -1)

/* Waiting. */
WRAP(int, epoll_create1, (int flags), (flags), -1)
WRAP(int, eventfd, (unsigned count, int flags), (count, flags), -1)
WRAP(int, epoll_ctl, (int epoll, int what, int fd, struct epoll_event *event),
     (epoll, what, fd, event), -1)
WRAP(int, epoll_wait, (int epoll, struct epoll_event *events, int count, int timeout),
     (epoll, events, count, timeout), -1)
WRAP(int, poll, (struct pollfd *fds, nfds_t count, int timeout), (fds, count, timeout), -1)
WRAP_NUMBER(clock_nanosleep,
            (clockid_t clock, int flags, const struct timespec *time, struct timespec *left),
            (clock, flags, time, left))

/* Memory. */
WRAP(int, memfd_create, (const char *name, unsigned flags), (name, flags), -1)
WRAP(int, ftruncate, (int fd, off_t length), (fd, length), -1)
WRAP(int, fallocate, (int fd, int mode, off_t offset, off_t length), (fd, mode, offset, length), -1)
WRAP(void *, mmap, (void *at, size_t length, int access, int flags, int fd, off_t offset),
     (at, length, access, flags, fd, offset), MAP_FAILED)
WRAP(void *, mmap64, (void *at, size_t length, int access, int flags, int fd, off64_t offset),
     (at, length, access, flags, fd, offset), MAP_FAILED)
WRAP(int, munmap, (void *at, size_t length), (at, length), -1)
WRAP(int, mprotect, (void *at, size_t length, int access), (at, length, access), -1)
WRAP(int, madvise, (void *at, size_t length, int advice), (at, length, advice), -1)

/* Files and directories. */
WRAP(ssize_t, read, (int fd, void *into, size_t length), (fd, into, length), -1)
WRAP(ssize_t, write, (int fd, const void *from, size_t length), (fd, from, length), -1)
WRAP(ssize_t, writev, (int fd, const struct iovec *parts, int count), (fd, parts, count), -1)
WRAP(off64_t, lseek64, (int fd, off64_t offset, int from), (fd, offset, from), -1)
WRAP(int, fstat, (int fd, struct stat *found), (fd, found), -1)
WRAP(int, fstat64, (int fd, struct stat64 *found), (fd, found), -1)
WRAP(int, stat64, (const char *path, struct stat64 *found), (path, found), -1)
WRAP(int, fstatat, (int directory, const char *path, struct stat *found, int flags),
     (directory, path, found, flags), -1)
WRAP(int, statx,
     (int directory, const char *path, int flags, unsigned mask, struct statx *found),
     (directory, path, flags, mask, found), -1)
WRAP(int, fstatfs, (int fd, struct statfs *found), (fd, found), -1)
WRAP(int, faccessat, (int directory, const char *path, int mode, int flags),
     (directory, path, mode, flags), -1)
WRAP(int, mkdir, (const char *path, mode_t mode), (path, mode), -1)
WRAP(int, unlinkat, (int directory, const char *path, int flags), (directory, path, flags), -1)
WRAP(int, fchmod, (int fd, mode_t mode), (fd, mode), -1)
WRAP(int, fchmodat, (int directory, const char *path, mode_t mode, int flags),
     (directory, path, mode, flags), -1)
WRAP(int, fchownat, (int directory, const char *path, uid_t user, gid_t group, int flags),
     (directory, path, user, group, flags), -1)
WRAP(int, flock, (int fd, int what), (fd, what), -1)
WRAP(DIR *, opendir, (const char *path), (path), NULL)
WRAP(struct dirent64 *, readdir64, (DIR *directory), (directory), NULL)
WRAP(int, closedir, (DIR *directory), (directory),
     (real(directory), errno = error, -1))
WRAP(ssize_t, readlink, (const char *path, char *into, size_t size), (path, into, size), -1)
WRAP(int, close, (int fd), (fd), (real(fd), errno = error, -1))

/* The machine. */
WRAP(int, getrlimit, (__rlimit_resource_t what, struct rlimit *limits), (what, limits), -1)
WRAP(int, sched_getaffinity, (pid_t thread, size_t size, cpu_set_t *set), (thread, size, set), -1)
WRAP(ssize_t, getrandom, (void *into, size_t length, unsigned flags), (into, length, flags), -1)
WRAP_NUMBER(pthread_create,
            (pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *),
             void *argument),
            (thread, attributes, body, argument))

/* Functions with a variable argument: their kernels take one word, whatever it is. */
#define WRAP_VARIADIC(name, called, fixed_parameters, last, fixed_arguments) \
    __attribute__((noinline)) int name fixed_parameters \
    { \
        REAL(name) \
        va_list list; \
        va_start(list, last); \
        long word = va_arg(list, long); \
        va_end(list); \
        int error = verdict(called, __builtin_return_address(0)); \
        if (error == 0) \
            return real(EXPAND fixed_arguments, word); \
        errno = error; \
        return -1; \
    }
#define EXPAND(...) __VA_ARGS__

static const char *fcntl_name(int what)
{
    switch (what) {
    case F_DUPFD_CLOEXEC:
        return "fcntl_dup";
    case F_ADD_SEALS:
        return "fcntl_add_seals";
    default:
        return "fcntl";
    }
}

WRAP_VARIADIC(fcntl, fcntl_name(what), (int fd, int what, ...), what, (fd, what))
WRAP_VARIADIC(openat, "openat", (int directory, const char *path, int flags, ...), flags,
              (directory, path, flags))
WRAP_VARIADIC(open64, "open64", (const char *path, int flags, ...), flags, (path, flags))

static const char *name_of(long number, long operation)
{
    switch (number) {
    case SYS_futex:
        return (operation & FUTEX_CMD_MASK) == FUTEX_WAKE ? "futex_wake" : "futex_wait";
    case SYS_futex_waitv:
        return "futex_waitv";
    case SYS_pidfd_open:
        return "pidfd_open";
    case SYS_set_robust_list:
        return "set_robust_list";
    default:
        return "syscall";
    }
}

/* The kernel takes six words, however many the caller gave: as the C library's own, this reads on. */
__attribute__((noinline, no_sanitize("address"))) long syscall(long number, ...)
{
    REAL(syscall)
    long arguments[6];
    va_list list;
    va_start(list, number);
    for (int index = 0; index < 6; index++)
        arguments[index] = va_arg(list, long);
    va_end(list);
    int error = verdict(name_of(number, arguments[1]), __builtin_return_address(0));
    if (error == 0)
        return real(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
                    arguments[5]);
    errno = error;
    return -1;
}
