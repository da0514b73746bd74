/*
 * How soon the death of a peer is noticed, whatever memory it had. A bare socket to the same process
 * hangs up only when that memory is gone.
 *
 * Prints the distributions. VDI_TEST_ROUNDS is the number of deaths of a small peer; a tenth of it,
 * at least five, is that of a large one, which has 1 GiB with VDI_TEST_FULL=1.
 */
#include "engine.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>

#define MOST 1000
#define MIB 1048576u

static char name[NAME_SIZE];

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Memory that this process really has. */
static void weigh(const char *mebibytes)
{
    size_t size = (size_t)(strtoull(mebibytes, NULL, 10) * MIB);
    volatile char *memory = malloc(size + 1);
    CHECK(memory != NULL);
    for (size_t at = 0; at <= size; at += 4096)
        memory[at] = 1;
    tell(parent(), 0);
    for (;;)
        pause();
}

/* argv: set, mebibytes. */
static int server_role(int argc, char **argv)
{
    static struct engine engine;
    CHECK_EQUAL(argc, 3);
    engine_open(&engine, argv[1], 1, 4096, 1);
    weigh(argv[2]);
    return 0;
}

static int primary_role(int argc, char **argv)
{
    vdi_device *device;
    VDC_Command *command;
    VDConfig config;
    CHECK_EQUAL(argc, 3);
    vdi_set *set = client_create(argv[1], 1);
    tell(parent(), 0);
    CHECK_RESULT(vdi_get_configuration(set, VDI_INFINITE, &config), NOERROR);
    CHECK_RESULT(vdi_open_device(set, argv[1], &device), NOERROR);
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &command), NOERROR);
    weigh(argv[2]);
    return 0;
}

/* When a bare socket to a process hung up. */
struct bare {
    int socket;
    int64_t at;
};

static vdi_result watch_bare(void *argument)
{
    struct bare *bare = argument;
    struct pollfd event = {bare->socket, POLLIN, 0};
    while (poll(&event, 1, -1) <= 0)
        continue;
    bare->at = now_us();
    return NOERROR;
}

struct getting {
    vdi_device *device;
    int64_t at;
};

static vdi_result get(void *argument)
{
    struct getting *getting = argument;
    VDC_Command *command;
    vdi_result result = vdi_get_command(getting->device, VDI_INFINITE, &command);
    getting->at = now_us();
    return result;
}

static int64_t called_at;

static void called(VDS_Command *command)
{
    called_at = now_us();
    CHECK_EQUAL(command->completionCode, ERROR_OPERATION_ABORTED);
}

/* Kills a process; when it was killed, and when its socket told of it. */
static int64_t kill_watched(struct peer victim, struct bare *bare)
{
    struct caller watcher;
    *bare = (struct bare){victim.socket, 0};
    caller_start(&watcher, watch_bare, bare);
    int64_t killed = now_us();
    kill_and_wait((struct peer){victim.pid, dup(victim.socket)});
    caller_join(&watcher);
    close(victim.socket);
    return killed;
}

/* The time until GetCommand returns after the death of the server, and until the hang-up. */
static void server_dies(const char *mebibytes, int64_t *library, int64_t *socket)
{
    struct bare bare;
    struct caller caller;
    struct getting getting = {NULL, 0};
    vdi_set *set = client_create(name, 1);
    struct peer server = spawn_role("server", name, mebibytes, (char *)NULL);
    hear(server);
    CHECK_RESULT(vdi_open_device(set, name, &getting.device), NOERROR);
    caller_start(&caller, get, &getting);
    int64_t killed = kill_watched(server, &bare);
    CHECK_RESULT(caller_join(&caller), VD_E_ABORT);
    CHECK_RESULT(vdi_close(set), NOERROR);
    *library = getting.at - killed;
    *socket = bare.at - killed;
}

/* The time until the routine of a command is called after the death of the primary. */
static void primary_dies(const char *mebibytes, int64_t *library, int64_t *socket)
{
    struct bare bare;
    struct engine engine;
    VDS_Command command = {.commandCode = VDC_Flush, .completionRoutine = called};
    struct peer primary = spawn_role("primary", name, mebibytes, (char *)NULL);
    hear(primary);
    engine_open(&engine, name, 1, 4096, 1);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &command), NOERROR);
    hear(primary);
    wait_asleep(getpid(), engine.agent.id);
    int64_t killed = kill_watched(primary, &bare);
    engine_close_aborted(&engine);
    *library = called_at - killed;
    *socket = bare.at - killed;
}

static int earlier(const void *one, const void *two)
{
    int64_t difference = *(const int64_t *)one - *(const int64_t *)two;
    return (difference > 0) - (difference < 0);
}

/* Prints a distribution; returns its median. */
static int64_t row(const char *what, const char *mebibytes, int64_t *times, unsigned count)
{
    qsort(times, count, sizeof *times, earlier);
    printf("%-32s %5s %6u %8lld %8lld %8lld %8lld %8lld\n", what, mebibytes, count,
           (long long)times[0], (long long)times[count / 2], (long long)times[count * 9 / 10],
           (long long)times[count * 99 / 100], (long long)times[count - 1]);
    return times[count / 2];
}

/* Deaths of peers of one size, of both kinds in turn; a large one is noticed before its hang-up. */
static void deaths(const char *mebibytes, unsigned count, int is_large)
{
    static int64_t client[MOST], server[MOST], sockets[2][MOST];
    for (unsigned i = 0; i < count; i++) {
        server_dies(mebibytes, &client[i], &sockets[0][i]);
        primary_dies(mebibytes, &server[i], &sockets[1][i]);
    }
    int64_t got = row("server dies: GetCommand", mebibytes, client, count);
    int64_t hung_up = row("server dies: bare socket", mebibytes, sockets[0], count);
    CHECK(!is_large || 2 * got < hung_up);
    got = row("primary dies: completion routine", mebibytes, server, count);
    hung_up = row("primary dies: bare socket", mebibytes, sockets[1], count);
    CHECK(!is_large || 2 * got < hung_up);
}

/* Whether the kernel lets a sleeper watch several words; it shows by the robust list alone. */
static int has_early_witness(void)
{
    struct timespec none = {0, 0};
    return syscall(SYS_futex_waitv, NULL, 0, 0, &none, CLOCK_MONOTONIC) == 0 || errno != ENOSYS;
}

/* [AMB-37] */
static void run(void)
{
    unsigned count = test_rounds(10);
    CHECK(count > 0 && count <= MOST);
    unique_name(name);
    printf("%-32s %5s %6s %8s %8s %8s %8s %8s\n", "us from kill to", "MiB", "kills", "min", "p50",
           "p90", "p99", "max");
    deaths("0", count, 0);
    deaths(test_full() ? "1024" : "256", count < 50 ? 5 : count / 10, has_early_witness());
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {
        {"server", server_role}, {"primary", primary_role}, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
