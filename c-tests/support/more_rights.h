/*
 * more_rights.h - a program that runs with more rights than its caller: a copy of this one, that acts as
 * root when another user starts it
 */
#ifndef MORE_RIGHTS_H
#define MORE_RIGHTS_H

#include "check.h"
#include "processes.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

/* Its status if it has no more rights: on a file system that gives none, under valgrind, or where
 * nobody may mount. */
#define NO_MORE_RIGHTS 3

/* Makes the program; skips the test if only root can. */
static inline void make_privileged(char *path, size_t size)
{
    struct stat status;
    if (geteuid() != 0)
        skip("needs root to become other users");
    snprintf(path, size, "%s/privileged", test_directory());
    int from = open(this_program(), O_RDONLY | O_CLOEXEC);
    int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
    CHECK(from >= 0 && to >= 0 && fstat(from, &status) == 0);
    for (off_t done = 0; done < status.st_size;)
        CHECK(sendfile(to, from, &done, (size_t)(status.st_size - done)) > 0);
    CHECK(fchmod(to, 04755) == 0 && close(from) == 0 && close(to) == 0);
    CHECK(chmod(test_directory(), 0755) == 0);
}

/* Another user starts it, in the role "privileged"; its status. Skips the test if it has no more rights. */
static inline int start_privileged(const char *path)
{
    enum { BERT = 61002 };
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(setgroups(0, NULL) == 0 && setgid(BERT) == 0 && setuid(BERT) == 0);
        execl(path, path, "privileged", "0", (char *)NULL);
        _exit(NO_MORE_RIGHTS);
    }
    int status = wait_child(child);
    if (status == NO_MORE_RIGHTS)
        skip("a program cannot get more rights than its caller here");
    return status;
}

/* In the program: gives it a /tmp and a /run of its own. Ends it if it has no more rights. */
static inline void begin_privileged(void)
{
    if (getauxval(AT_SECURE) == 0 || geteuid() != 0 || getuid() == 0)
        _exit(NO_MORE_RIGHTS);
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", "", MS_REC | MS_PRIVATE, NULL) != 0)
        _exit(NO_MORE_RIGHTS);
    CHECK(mount("none", "/tmp", "tmpfs", 0, "mode=1777") == 0);
    CHECK(mount("none", "/run", "tmpfs", 0, "mode=0755") == 0);
}

#endif
