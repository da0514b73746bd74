/*
 * A program that runs with more rights than its caller is not led by the caller's environment: the
 * directories in it have all that a directory must have to be trusted.
 */
#include "harness.h"
#include "more_rights.h"

#include <dirent.h>
#include <stdlib.h>

/* Whether a set is announced in a directory; in one that does not exist there is none. */
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
    begin_privileged();
    CHECK(mkdir("/run/chosen", 0700) == 0 && mkdir("/run/session", 0700) == 0);
    announced_at("/tmp/vdi-0");
    CHECK(mkdir("/run/vdi", 0755) == 0);
    announced_at("/run/vdi");
    return 0;
}

static void set_variable(const char *variable, const char *value)
{
    CHECK((value ? setenv(variable, value, 1) : unsetenv(variable)) == 0);
}

static void run(void)
{
    static const char *const words[][2] = {
        {"/run/chosen", NULL}, {NULL, "/run/session"}, {"relative", ""}, {"", "/run/session"}};
    char path[256];
    make_privileged(path, sizeof path);
    for (unsigned i = 0; i < 4; i++) {
        set_variable("VDI_RUNTIME_DIR", words[i][0]);
        set_variable("XDG_RUNTIME_DIR", words[i][1]);
        CHECK_EQUAL(start_privileged(path), 0);
    }
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {{"privileged", privileged}, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
