/*
 * The library writes nothing to standard output or standard error, whatever goes wrong, and does
 * not need them. The processes of this test have both in a file, or closed.
 */
#include "engine.h"
#include "roles.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

/* In a role: standard output and error go to this file, or nowhere at all. */
static void redirect(const char *path)
{
    if (path[0] == '-') {
        close(0);
        close(1);
        close(2);
        return;
    }
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    CHECK(file >= 0);
    CHECK(dup2(file, 1) == 1 && dup2(file, 2) == 2);
    close(file);
}

/* What a caller can do wrong. Any result is good here. */
static void mistakes(const char *name)
{
    VDConfig config = {.deviceCount = 65};
    vdi_set *set;
    vdi_device *device;
    vdi_server *server;
    VDC_Command *command;
    CHECK(vdi_create(NULL, name, &config, NULL, &set) != NOERROR);
    CHECK(vdi_create("\\", name, &config, NULL, &set) != NOERROR);
    CHECK(vdi_create(NULL, "back\\slash", &config, NULL, &set) != NOERROR);
    CHECK(vdi_create(NULL, NULL, NULL, NULL, NULL) != NOERROR);
    CHECK(vdi_server_open(NULL, "no such set", &server) != NOERROR);
    CHECK(vdi_open_in_secondary(NULL, "no such set", &set) != NOERROR);
    CHECK(vdi_close((vdi_set *)0x10) != NOERROR);
    CHECK(vdi_server_close(NULL) != NOERROR);
    CHECK(vdi_get_command(NULL, 0, &command) != NOERROR);
    CHECK(vdi_open_device(NULL, name, &device) != NOERROR);
}

static void wrong_directory(void)
{
    char *before = strdup(getenv("VDI_RUNTIME_DIR"));
    CHECK(before != NULL);
    VDConfig config = {.deviceCount = 1};
    vdi_set *set;
    CHECK(setenv("VDI_RUNTIME_DIR", "/proc/no/such/directory", 1) == 0);
    CHECK(vdi_create(NULL, "nowhere", &config, NULL, &set) != NOERROR);
    CHECK(setenv("VDI_RUNTIME_DIR", "relative", 1) == 0);
    CHECK(vdi_create(NULL, "nowhere", &config, NULL, &set) != NOERROR);
    CHECK(setenv("VDI_RUNTIME_DIR", before, 1) == 0);
    free(before);
}

/* A whole set in this process, with failing commands, a full queue, and an abort. */
static void both_sides_here(const char *name)
{
    static struct engine engine;
    static struct journal journal = JOURNAL_INITIALIZER;
    static VDS_Command commands[VDI_QUEUE_CAPACITY + 1];
    VDC_Command *got;
    vdi_device *device;
    vdi_set *set = client_create(name, 1), *twice;
    VDConfig config = {.deviceCount = 1};
    CHECK_RESULT(vdi_create(NULL, name, &config, NULL, &twice), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_get_configuration(set, 0, &config), VD_E_TIMEOUT);
    engine_open(&engine, name, 1, 4096, 1);
    CHECK_RESULT(vdi_open_device(set, "not of this set", &device), VD_E_INVALID);
    CHECK_RESULT(vdi_open_device(set, name, &device), NOERROR);
    for (unsigned i = 0; i <= VDI_QUEUE_CAPACITY; i++) {
        command_prepare(&commands[i], &journal, VDC_Flush, NULL, 0);
        (void)vdi_server_send_command(engine.devices[0], &commands[i]);
    }
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &got), NOERROR);
    CHECK_RESULT(vdi_complete_command(device, got, ERROR_DISK_FULL, 0, 0), NOERROR);
    CHECK_RESULT(vdi_complete_command(device, got, ERROR_DISK_FULL, 0, 0), VD_E_INVALID);
    journal_wait(&journal, VDI_QUEUE_CAPACITY + 1);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &commands[0]), VD_E_IO_ERROR);
    CHECK_RESULT(vdi_signal_abort(set, "on purpose"), NOERROR);
    engine_close_aborted(&engine);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

/*
 * What the program prints while these are closed goes nowhere: no descriptor of the library stays there.
 * The kernel gives a new one the lowest number, so its thread may have one there for a moment.
 */
static void no_streams(const char *path)
{
    for (int stream = 0; path[0] == '-' && stream < 3; stream++)
        while (fcntl(stream, F_GETFD) != -1)
            sched_yield();
}

/* argv: the set's name, where output goes. Then it is a client whose server dies. */
static int silent_client(int argc, char **argv)
{
    char other[NAME_SIZE];
    vdi_device *device;
    VDC_Command *command;
    VDConfig config;
    CHECK_EQUAL(argc, 3);
    redirect(argv[2]);
    unique_name(other);
    mistakes(other);
    wrong_directory();
    both_sides_here(other);
    vdi_set *set = client_create(argv[1], 1);
    tell(parent(), 0);
    CHECK_RESULT(vdi_get_configuration(set, VDI_INFINITE, &config), NOERROR);
    CHECK_RESULT(vdi_open_device(set, argv[1], &device), NOERROR);
    no_streams(argv[2]);
    tell(parent(), 0);
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &command), VD_E_ABORT);
    CHECK_RESULT(vdi_close(set), NOERROR);
    return 0;
}

/* argv as above. A server whose client dies, unless it is killed first. */
static int silent_server(int argc, char **argv)
{
    static struct engine engine;
    CHECK_EQUAL(argc, 3);
    redirect(argv[2]);
    engine_open(&engine, argv[1], 1, 4096, 1);
    no_streams(argv[2]);
    tell(parent(), 0);
    engine_close_aborted(&engine);
    return 0;
}

static void both_die_once(const char *output)
{
    char name[NAME_SIZE];
    for (int client_dies = 0; client_dies <= 1; client_dies++) {
        unique_name(name);
        struct peer client = spawn_role("client", name, output, (char *)NULL);
        hear(client);
        struct peer server = spawn_role("server", name, output, (char *)NULL);
        hear(server);
        hear(client);
        kill_and_wait(client_dies ? client : server);
        CHECK_EQUAL(wait_exit(client_dies ? server : client), 0);
    }
    vdi_set *again = client_create(name, 1);
    CHECK_RESULT(vdi_close(again), NOERROR);
}

/* [LOG-02] */
static void run(void)
{
    char path[128];
    struct stat output;
    snprintf(path, sizeof path, "%s/output", test_directory());
    both_die_once(path);
    CHECK(stat(path, &output) == 0);
    CHECK_EQUAL(output.st_size, 0);
    both_die_once("-");
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {
        {"client", silent_client}, {"server", silent_server}, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
