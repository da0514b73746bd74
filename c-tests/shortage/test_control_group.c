/*
 * The memory of a control group: buffers that it does not allow are an error, not the kernel's end
 * of the process, and what the group holds of files does not stand in the way.
 */
#include "engine.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>

#define MIB (1u << 20)

static char name[NAME_SIZE], outer[200], group[256];
/* The file of `outer` that limits its memory. */
static const char *limit;

static void write_text(const char *directory, const char *file, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", directory, file);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

/* Fills most of the group with pages of a file. */
static void read_a_file(void)
{
    static char zeros[MIB];
    char path[512];
    snprintf(path, sizeof path, "%s/file", test_directory());
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    for (int count = 0; count < 60; count++)
        CHECK(write(fd, zeros, sizeof zeros) == (ssize_t)sizeof zeros);
    CHECK(fsync(fd) == 0);
    close(fd);
}

static void live_in_the_group(void)
{
    vdi_server *server;
    char number[32];
    vdi_server_parameters parameters = {.size = sizeof parameters,
                                        .features = VDF_WriteMedia,
                                        .blockSize = BLOCK_SIZE,
                                        .maxTransferSize = TRANSFER_SIZE};
    snprintf(number, sizeof number, "%d", (int)getpid());
    write_text(group, "cgroup.procs", number);
    read_a_file();
    vdi_set *set = client_create(name, 1);
    CHECK_RESULT(vdi_server_open(NULL, name, &server), NOERROR);
    CHECK_RESULT(vdi_server_begin_configuration(server, &parameters), NOERROR);
    CHECK_RESULT(vdi_server_request_buffers(server, 64 * MIB, 0, 2), NOERROR);
    CHECK_RESULT(vdi_server_end_configuration(server), VD_E_MEMORY); /* [BUF-14] */
    CHECK_RESULT(vdi_server_request_buffers(server, 16 * MIB, 0, 1), NOERROR);
    CHECK_RESULT(vdi_server_end_configuration(server), NOERROR);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    CHECK_RESULT(vdi_close(set), NOERROR);
    _exit(0);
}

/* A group inside that of this process, which only the group around it limits. */
static int make_group(void)
{
    static const char *const kinds[][3] = {
        {":memory:", "/sys/fs/cgroup/memory", "memory.limit_in_bytes"},
        {"0::", "/sys/fs/cgroup", "memory.max"},
    };
    char line[512];
    FILE *file = fopen("/proc/self/cgroup", "re");
    CHECK(file != NULL);
    int made = 0;
    while (!made && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        for (size_t kind = 0; !made && kind < 2; kind++) {
            char limits[512];
            const char *found = strstr(line, kinds[kind][0]);
            if (found == NULL)
                continue;
            const char *own = found + strlen(kinds[kind][0]);
            snprintf(outer, sizeof outer, "%s%s/vdi-test-%d", kinds[kind][1],
                     strcmp(own, "/") == 0 ? "" : own, (int)getpid());
            if (mkdir(outer, 0755) != 0)
                continue;
            snprintf(limits, sizeof limits, "%s/%s", outer, kinds[kind][2]);
            made = access(limits, W_OK) == 0;
            limit = kinds[kind][2];
            if (!made)
                CHECK(rmdir(outer) == 0);
        }
    }
    fclose(file);
    return made;
}

/* The kernel takes a moment to empty it. */
static void remove_group(const char *directory)
{
    for (int tries = 0; rmdir(directory) != 0; tries++) {
        if (errno == ENOENT)
            return;
        if (errno != EBUSY || tries == 10000)
            check_failed(__FILE__, __LINE__, "%s: %s", directory, strerror(errno));
        usleep(1000);
    }
}

/*
 * Removes the groups when no other process of the test is left, however it ended. Not in the test's
 * process group, which the guardian kills.
 */
static pid_t start_cleaner(int *lives)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    pid_t cleaner = fork();
    CHECK(cleaner >= 0);
    if (cleaner == 0) {
        setpgid(0, 0);
        close(ends[1]);
        struct pollfd lives_on = {.fd = ends[0], .events = POLLIN};
        /* The guardian ends them all before. */
        CHECK(poll(&lives_on, 1, 2 * (int)test_number("VDI_TEST_SECONDS", TEST_SECONDS) * 1000) == 1);
        remove_group(group);
        remove_group(outer);
        _exit(0);
    }
    setpgid(cleaner, cleaner);
    close(ends[0]);
    *lives = ends[1];
    return cleaner;
}

static void run(void)
{
    int lives;
    unique_name(name);
    if (!make_group())
        skip("no control group with a limit of memory can be made here");
    snprintf(group, sizeof group, "%s/inner", outer);
    pid_t cleaner = start_cleaner(&lives);
    write_text(outer, limit, "83886080");
    CHECK(mkdir(group, 0755) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0)
        live_in_the_group();
    int status = wait_child(child);
    close(lives);
    CHECK_EQUAL(wait_child(cleaner), 0);
    CHECK_EQUAL(status, 0);
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
