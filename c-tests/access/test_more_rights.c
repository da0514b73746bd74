/*
 * A program that runs with more rights than its caller is not led by the caller's environment.
 *
 * Bert starts a copy of this program that acts as root, with directories of root in the environment: all
 * that a directory must have to be trusted. The program covers /tmp and /run for itself and looks where
 * its set was announced.
 */
#include "people.h"

#include <dirent.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/mount.h>
#include <sys/sendfile.h>

/* No status of a failed check. */
#define NOTHING_TO_SEE 3

/* Whether the set is announced in a directory; one that does not exist has none. */
static int has_socket(const char *path)
{
    struct stat found;
    int has = 0;
    DIR *directory = opendir(path);
    if (directory == NULL)
        return 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        has |= fstatat(dirfd(directory), entry->d_name, &found, AT_SYMLINK_NOFOLLOW) == 0 &&
               S_ISSOCK(found.st_mode);
    closedir(directory);
    return has;
}

/* A set of this process is announced there. */
static void announced_at(const char *path)
{
    VDConfig config = {.deviceCount = 1};
    vdi_set *set;
    CHECK_RESULT(vdi_create(NULL, "with more rights", &config, NULL, &set), NOERROR);
    CHECK(has_socket(path));
    CHECK_RESULT(vdi_close(set), NOERROR);
}

static int privileged(int argc, char **argv)
{
    (void)argc, (void)argv;
    if (getauxval(AT_SECURE) == 0 || geteuid() != 0 || getuid() == 0)
        return NOTHING_TO_SEE;
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", "", MS_REC | MS_PRIVATE, NULL) != 0)
        return NOTHING_TO_SEE;
    CHECK(mount("none", "/tmp", "tmpfs", 0, "mode=1777") == 0);
    CHECK(mount("none", "/run", "tmpfs", 0, "mode=0755") == 0);
    CHECK(mkdir("/run/chosen", 0700) == 0 && mkdir("/run/session", 0700) == 0);
    announced_at("/tmp/vdi-0");
    CHECK(mkdir("/run/vdi", 0755) == 0);
    announced_at("/run/vdi");
    return 0;
}

/* What the program does when Bert starts it with these variables. */
static int started_by_bert(const char *path, const char *chosen, const char *session)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        set_variable("VDI_RUNTIME_DIR", chosen);
        set_variable("XDG_RUNTIME_DIR", session);
        become(BERT, 022);
        execl(path, path, "privileged", "0", (char *)NULL);
        _exit(NOTHING_TO_SEE);
    }
    return wait_child(child);
}

static void copy_this_program(const char *path)
{
    struct stat status;
    int from = open(this_program(), O_RDONLY | O_CLOEXEC);
    int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
    CHECK(from >= 0 && to >= 0 && fstat(from, &status) == 0);
    for (off_t done = 0; done < status.st_size;)
        CHECK(sendfile(to, from, &done, (size_t)(status.st_size - done)) > 0);
    CHECK(fchmod(to, 04755) == 0 && close(from) == 0 && close(to) == 0);
}

static void run(void)
{
    static const char *const words[][2] = {
        {"/run/chosen", NOWHERE}, {NOWHERE, "/run/session"}, {"relative", ""}, {"", "/run/session"}};
    char path[256];
    if (geteuid() != 0)
        skip("needs root to become other users");
    open_runtime_directory();
    snprintf(path, sizeof path, "%s/privileged", test_directory());
    copy_this_program(path);
    for (unsigned i = 0; i < 4; i++) {
        int status = started_by_bert(path, words[i][0], words[i][1]);
        /* On a file system that gives no rights, under valgrind, or without the right to mount. */
        if (status == NOTHING_TO_SEE)
            skip("a program cannot get more rights than its caller here");
        CHECK_EQUAL(status, 0);
    }
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {PERSON_ROLE, {"privileged", privileged}, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
