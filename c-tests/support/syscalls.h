/*
 * syscalls.h - the system calls of the library under test, seen and failed by the test
 *
 * A program linked with syscalls.c defines the C library's functions that make system calls or
 * start threads, and the dynamic linker takes its definitions for libvdi.so, too. The library under
 * test is the one that ships. Calls are told from those of the test by where they return to, so
 * that those of the library's background thread are seen, and those of a completion routine are
 * not. shortage/test_imports.c checks that no function which the library imports is forgotten.
 */
#ifndef SYSCALLS_H
#define SYSCALLS_H

/*
 * Called on the calling thread before each system call that the library makes through the C
 * library. Returns 0 to let it pass, or the errno with which it fails without having been made.
 * Only close() is made all the same: on Linux the descriptor is gone, whatever close() says.
 *
 * `name` is the C function's name; for syscall() that of the system call: "futex_wait",
 * "futex_wake", "futex_waitv", "pidfd_open", "set_robust_list", or "syscall" for any other; and for
 * fcntl() "fcntl_dup", "fcntl_add_seals", or "fcntl" for any other.
 *
 * The hook may make system calls and run on several threads at a time. What it calls through the
 * library is seen again.
 */
typedef int (*syscall_hook)(const char *name);

/* Every system call of the library asks this hook from now on; NULL takes it away. */
void hook_syscalls(syscall_hook hook);

#endif
