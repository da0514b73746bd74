/*
 * A process that may not open more files: calls fail and leave nothing, and who wants to join is
 * told at once that the primary cannot let it in.
 */
#include "resources.h"
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

#define MOST 1024

static int taken[MOST];
static unsigned takes;

/* Opens descriptors until this process, which may have 256, can have only `few` more. */
static void take_all_but(unsigned few)
{
    limit_descriptors(256);
    while ((taken[takes] = open("/", O_RDONLY | O_CLOEXEC)) >= 0)
        CHECK(++takes < MOST);
    for (; few > 0 && takes > 0; few--)
        close(taken[--takes]);
}

static void give_back(void)
{
    while (takes > 0)
        close(taken[--takes]);
    limit_descriptors(usual);
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

/* argv: set. Joins twice: first the primary cannot, then it can. */
static int server_role(int argc, char **argv)
{
    vdi_server *server;
    CHECK_EQUAL(argc, 2);
    tell(parent(), 0);
    hear(parent());
    CHECK_RESULT(vdi_server_open(NULL, argv[1], &server), VD_E_UNEXPECTED);
    CHECK_CONTAINS(vdi_last_error_message(), "cannot let anybody into its set");
    CHECK_CONTAINS(vdi_last_error_message(), "(os error 24)");
    tell(parent(), 0);
    hear(parent());
    CHECK_RESULT(vdi_server_open(NULL, argv[1], &server), NOERROR);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    return 0;
}

/*
 * The primary has no descriptor for a connection, and says so instead of letting the server wait
 * for its time-out; later it has one. Again and again, since the one in reserve is taken back.
 */
static void join_when_none_is_left(void)
{
    vdi_set *set;
    CHECK_RESULT(create(&set), NOERROR);
    for (int again = 0; again < 3; again++) {
        struct peer server = spawn_role("server", name, (char *)NULL);
        hear(server);
        take_all_but(0);
        tell(server, 0);
        hear(server);
        give_back();
        tell(server, 0);
        CHECK_EQUAL(wait_exit(server), 0);
        if (again == 2)
            break;
        CHECK_RESULT(vdi_close(set), NOERROR);
        CHECK_RESULT(create(&set), NOERROR);
    }
    CHECK_RESULT(vdi_close(set), NOERROR);
}

/* argv: set. A server that comes with few in the primary; tells what it got. */
static int guest_role(int argc, char **argv)
{
    CHECK_EQUAL(argc, 2);
    for (;;) {
        vdi_server *server = NULL;
        vdi_server_parameters parameters = {.size = sizeof parameters,
                                            .features = VDF_WriteMedia,
                                            .blockSize = BLOCK_SIZE,
                                            .maxTransferSize = TRANSFER_SIZE};
        if (hear(parent()) == 0)
            return 0;
        vdi_result result = vdi_server_open(NULL, argv[1], &server);
        if (result == NOERROR)
            result = vdi_server_begin_configuration(server, &parameters);
        if (result == NOERROR)
            result = vdi_server_request_buffers(server, 65536, 0, 1);
        if (result == NOERROR)
            result = vdi_server_end_configuration(server);
        /* The buffers may be on their way still: the primary maps them, or ends the set. */
        VDConfig config;
        while (result == NOERROR && area_bytes(getppid()) == 0)
            result = vdi_server_get_configuration(server, &config);
        if (result != NOERROR && result != VD_E_UNEXPECTED && result != VD_E_ABORT)
            check_failed(__FILE__, __LINE__, "%s; %s", vdi_result_name(result),
                         vdi_last_error_message());
        CHECK(strstr(vdi_last_error_message(), "does not answer") == NULL);
        tell(parent(), result);
        if (hear(parent()) != 0 && server != NULL)
            CHECK_RESULT(vdi_server_close(server), NOERROR);
        tell(parent(), 0);
    }
}

/* With 0, 1, 2, ... free descriptors in the primary: a refusal, an abort, or all that is needed. */
static void serve_with_few(void)
{
    struct peer guest = spawn_role("guest", name, (char *)NULL);
    unsigned refused = 0, aborted = 0;
    vdi_result result = VD_E_ABORT, seen;
    for (unsigned few = 0; result != NOERROR; few++) {
        vdi_set *set;
        VDConfig config;
        CHECK(few < 64);
        CHECK_RESULT(create(&set), NOERROR);
        take_all_but(few);
        tell(guest, 1);
        result = (vdi_result)hear(guest);
        seen = result;
        if (result != VD_E_UNEXPECTED)
            seen = result = vdi_get_configuration(set, VDI_INFINITE, &config);
        CHECK(seen == NOERROR || seen == VD_E_ABORT || seen == VD_E_UNEXPECTED);
        refused += seen == VD_E_UNEXPECTED;
        aborted += seen == VD_E_ABORT;
        tell(guest, 1);
        hear(guest);
        give_back();
        CHECK_RESULT(vdi_close(set), NOERROR);
    }
    printf("of the counts that are too few, %u are a refusal and %u an abort\n", refused, aborted);
    CHECK(refused >= 2 && aborted >= 1);
    tell(guest, 0);
    CHECK_EQUAL(wait_exit(guest), 0);
}

static void run(void)
{
    unique_name(name);
    create_with_few();
    open_with_few();
    join_when_none_is_left();
    serve_with_few();
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {{"primary", primary_role},
                                        {"server", server_role},
                                        {"guest", guest_role},
                                        {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
