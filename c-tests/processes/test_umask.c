/*
 * The permissions of what the library makes in the file system do not depend on the umask.
 */
#include "harness.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char name[NAME_SIZE];

/* The only socket in a directory. */
static struct stat the_socket(const char *path)
{
    DIR *directory = opendir(path);
    CHECK(directory != NULL);
    struct stat found = {0};
    struct dirent *entry;
    unsigned count = 0;
    while ((entry = readdir(directory)) != NULL) {
        if (strstr(entry->d_name, ".set") == NULL)
            continue;
        CHECK(fstatat(dirfd(directory), entry->d_name, &found, AT_SYMLINK_NOFOLLOW) == 0);
        CHECK(S_ISSOCK(found.st_mode));
        count++;
    }
    closedir(directory);
    CHECK_EQUAL(count, 1);
    return found;
}

/* The socket belongs to this user and its default group. [SEC-05, SEC-03, AMB-26] */
static void socket_mode(uint32_t flags, mode_t wanted)
{
    VDConfig config = {.deviceCount = 1};
    vdi_create_options options = {
        .size = sizeof options, .flags = flags, .uid = geteuid() + 1, .gid = getegid()};
    vdi_set *set;
    CHECK_RESULT(vdi_create(NULL, name, &config, &options, &set), NOERROR);
    struct stat found = the_socket(getenv("VDI_RUNTIME_DIR"));
    CHECK_EQUAL(found.st_mode & 07777, wanted);
    CHECK_EQUAL(found.st_uid, geteuid());
    CHECK_EQUAL(found.st_gid, getegid());
    /* And a server gets in. */
    CHECK_RESULT(vdi_server_close(server_configure(name, 4096, 1)), NOERROR);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

/* The runtime directory that the library makes is for its user, who can use it. [SEC-05] */
static void directory_mode(void)
{
    char session[256], made[512];
    struct stat found;
    if (access("/run/vdi", F_OK) == 0)
        return; /* would be preferred */
    mode_t mask = umask(0);
    snprintf(session, sizeof session, "%s/session-%o", test_directory(), (unsigned)mask);
    CHECK(mkdir(session, 0755) == 0);
    umask(mask);
    CHECK(setenv("XDG_RUNTIME_DIR", session, 1) == 0 && unsetenv("VDI_RUNTIME_DIR") == 0);
    vdi_set *set = client_create(name, 1);
    snprintf(made, sizeof made, "%s/vdi", session);
    CHECK(stat(made, &found) == 0);
    CHECK_EQUAL(found.st_mode & 07777, 0700);
    CHECK_EQUAL(the_socket(made).st_mode & 07777, 0600);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

/* argv: the umask */
static int creator_role(int argc, char **argv)
{
    CHECK_EQUAL(argc, 2);
    umask((mode_t)strtoul(argv[1], NULL, 8));
    unique_name(name);
    socket_mode(0, 0600);
    socket_mode(VDI_CREATE_ALLOW_GID, 0660);
    socket_mode(VDI_CREATE_ALLOW_UID, 0666);
    directory_mode();
    return 0;
}

static void run(void)
{
    static const char *const masks[] = {"0000", "0022", "0077", "0777"};
    for (unsigned i = 0; i < sizeof masks / sizeof *masks; i++)
        CHECK_EQUAL(wait_exit(spawn_role("creator", masks[i], (char *)NULL)), 0);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {{"creator", creator_role}, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
