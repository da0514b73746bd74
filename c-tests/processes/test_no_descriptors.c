/*
 * A process that may not open more files: calls fail and leave nothing, and who wants to join waits
 * until the primary can let it in.
 */
#include "waiting.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>

static char name[NAME_SIZE];
static rlim_t usual;

static rlim_t lowest_free(void)
{
    int lowest = open("/", O_RDONLY | O_CLOEXEC);
    CHECK(lowest >= 0);
    close(lowest);
    return (rlim_t)lowest;
}

static void limit_descriptors(rlim_t count)
{
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    if (usual == 0)
        usual = limit.rlim_cur;
    limit.rlim_cur = count;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

static unsigned sets_in_directory(void)
{
    unsigned count = 0;
    DIR *directory = opendir(getenv("VDI_RUNTIME_DIR"));
    CHECK(directory != NULL);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        count += strstr(entry->d_name, ".set") != NULL;
    closedir(directory);
    return count;
}

static vdi_result create(vdi_set **set)
{
    VDConfig config = {.deviceCount = 1};
    return vdi_create(NULL, name, &config, NULL, set);
}

/* With one descriptor more each time, until there are enough: always an error or a set. */
static void create_with_few(void)
{
    vdi_set *set;
    for (rlim_t few = 0;; few++) {
        rlim_t free = lowest_free();
        limit_descriptors(free + few);
        vdi_result result = create(&set);
        limit_descriptors(usual);
        CHECK_EQUAL(sets_in_directory(), result == NOERROR);
        if (result == NOERROR) {
            CHECK(few > 0);
            break;
        }
        CHECK_RESULT(result, VD_E_UNEXPECTED);
        CHECK(set == NULL && few < 64);
        CHECK_EQUAL(lowest_free(), free);
    }
    CHECK_RESULT(vdi_close(set), NOERROR);
}

/* The same for a server; the primary is in another process. */
static int primary_role(int argc, char **argv)
{
    vdi_set *set;
    CHECK_EQUAL(argc, 2);
    snprintf(name, sizeof name, "%s", argv[1]);
    CHECK_RESULT(create(&set), NOERROR);
    tell(parent(), 0);
    hear(parent());
    CHECK_RESULT(vdi_close(set), NOERROR);
    return 0;
}

static void open_with_few(void)
{
    struct peer primary = spawn_role("primary", name, (char *)NULL);
    vdi_server *server;
    hear(primary);
    for (rlim_t few = 0;; few++) {
        rlim_t free = lowest_free();
        limit_descriptors(free + few);
        vdi_result result = vdi_server_open(NULL, name, &server);
        limit_descriptors(usual);
        if (result == NOERROR) {
            CHECK(few > 0);
            break;
        }
        CHECK_RESULT(result, VD_E_UNEXPECTED);
        CHECK(server == NULL && few < 64);
        CHECK_EQUAL(lowest_free(), free);
    }
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    tell(primary, 0);
    CHECK_EQUAL(wait_exit(primary), 0);
}

/* argv: set. Joins as a server. */
static int server_role(int argc, char **argv)
{
    vdi_server *server;
    CHECK_EQUAL(argc, 2);
    tell(parent(), 0);
    hear(parent());
    CHECK_RESULT(vdi_server_open(NULL, argv[1], &server), NOERROR);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    return 0;
}

/* Tells when another process has fallen asleep. */
static int watcher_role(int argc, char **argv)
{
    (void)argc, (void)argv;
    pid_t process = (pid_t)hear(parent());
    wait_asleep(process, process);
    tell(parent(), 0);
    return 0;
}

/* The primary has no descriptor for a connection, and later it has. */
static void join_when_none_is_left(void)
{
    vdi_set *set;
    CHECK_RESULT(create(&set), NOERROR);
    struct peer server = spawn_role("server", name, (char *)NULL);
    struct peer watcher = spawn_role("watcher", (char *)NULL);
    hear(server);
    limit_descriptors(lowest_free());
    tell(server, 0);
    tell(watcher, server.pid);
    hear(watcher);
    limit_descriptors(usual);
    CHECK_EQUAL(wait_exit(server), 0);
    CHECK_EQUAL(wait_exit(watcher), 0);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

static void run(void)
{
    unique_name(name);
    create_with_few();
    open_with_few();
    join_when_none_is_left();
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {{"primary", primary_role},
                                        {"server", server_role},
                                        {"watcher", watcher_role},
                                        {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
