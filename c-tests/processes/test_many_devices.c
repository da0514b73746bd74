/*
 * 64 devices, each with a thread in the client process, all busy at once: each gets its own
 * commands in their order.
 */
#include "engine.h"
#include "roles.h"

#define DEVICES VDI_MAX_DEVICES
#define PER_DEVICE 200
#define IN_FLIGHT 2
#define SIZE 8192

static vdi_set *set;

struct worker {
    pthread_t thread;
    unsigned index;
    char name[NAME_SIZE];
};

/* A position says for which device the command is, and which one it is there. */
static int64_t position_of(unsigned device, unsigned number)
{
    return (int64_t)device << 32 | number;
}

/* [PROC-02, MOD-05] */
static void *work(void *argument)
{
    struct worker *worker = argument;
    vdi_device *device;
    VDC_Command *command;
    vdi_result result;
    unsigned number = 0;
    VDConfig config;
    CHECK_RESULT(vdi_open_device(set, worker->name, &device), NOERROR);
    CHECK_RESULT(vdi_get_configuration(set, VDI_INFINITE, &config), NOERROR); /* [PROC-09] */
    while ((result = vdi_get_command(device, VDI_INFINITE, &command)) == NOERROR) {
        CHECK_EQUAL(command->position, position_of(worker->index, number));
        CHECK(pattern_matches(command->buffer, SIZE, (uint8_t)(worker->index + number)));
        CHECK_RESULT(vdi_complete_command(device, command, ERROR_SUCCESS, SIZE,
                                          -command->position), NOERROR);
        number++;
    }
    CHECK_RESULT(result, VD_E_CLOSE);
    CHECK_EQUAL(number, PER_DEVICE);
    return NULL;
}

static int client_with_threads(int argc, char **argv)
{
    static struct worker workers[DEVICES];
    VDConfig config;
    CHECK_EQUAL(argc, 2);
    set = client_create(argv[1], DEVICES);
    tell(parent(), 0);
    CHECK_RESULT(vdi_get_configuration(set, VDI_INFINITE, &config), NOERROR);
    CHECK_EQUAL(config.deviceCount, DEVICES);
    for (unsigned i = 0; i < DEVICES; i++) {
        workers[i].index = i;
        device_name(workers[i].name, argv[1], i);
        CHECK(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
    }
    for (unsigned i = 0; i < DEVICES; i++)
        CHECK(pthread_join(workers[i].thread, NULL) == 0);
    /* The set has ended, or is about to: the server may not have heard of every completion. */
    vdi_device *device;
    vdi_result again = vdi_open_device(set, argv[1], &device);
    CHECK(again == VD_E_PROTOCOL || again == VD_E_OPEN);
    CHECK_RESULT(vdi_close(set), NOERROR);
    return 0;
}

static struct engine engine;
static unsigned sent[DEVICES], ended[DEVICES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct flight {
    VDS_Command command;
    unsigned device;
};
static struct flight flights[DEVICES * IN_FLIGHT];

/* Sends the next command of the flight's device; runs on the agent's thread but for the first. */
static void launch(struct flight *flight)
{
    unsigned number = sent[flight->device]++;
    flight->command.inPosition = position_of(flight->device, number);
    pattern_fill(flight->command.buffer, SIZE, (uint8_t)(flight->device + number));
    CHECK_RESULT(vdi_server_send_command(engine.devices[flight->device], &flight->command),
                 NOERROR);
}

static void landed(VDS_Command *command)
{
    struct flight *flight = command->completionContext;
    pthread_mutex_lock(&lock);
    CHECK_EQUAL(command->completionCode, ERROR_SUCCESS);
    CHECK_EQUAL(command->bytesTransferred, SIZE);
    CHECK_EQUAL(command->outPosition, -command->inPosition);
    ended[flight->device]++;
    if (sent[flight->device] < PER_DEVICE)
        launch(flight);
    else if (ended[flight->device] == PER_DEVICE)
        CHECK_RESULT(vdi_server_close_device(engine.devices[flight->device]), NOERROR);
    pthread_mutex_unlock(&lock);
}

/* [MOD-04] */
static void run(void)
{
    char name[NAME_SIZE];
    unique_name(name);
    struct peer client = spawn_role("client", name, (char *)NULL);
    hear(client);
    engine_open(&engine, name, DEVICES, SIZE, DEVICES * IN_FLIGHT);
    vdi_server_device *none = engine.devices[0];
    CHECK_RESULT(vdi_server_open_device(engine.server, "one more", &none), VD_E_OPEN);
    CHECK(none == NULL);
    /* The commands of a device are numbered in the order in which they are sent. */
    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < DEVICES * IN_FLIGHT; i++) {
        flights[i].device = i % DEVICES;
        flights[i].command = (VDS_Command){.commandCode = VDC_Write,
                                           .size = SIZE,
                                           .buffer = engine_buffer(&engine, SIZE),
                                           .completionRoutine = landed,
                                           .completionContext = &flights[i]};
        launch(&flights[i]);
    }
    pthread_mutex_unlock(&lock);
    CHECK_RESULT(caller_join(&engine.agent), NOERROR);
    for (unsigned i = 0; i < DEVICES; i++)
        CHECK_EQUAL(ended[i], PER_DEVICE);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    CHECK_EQUAL(wait_exit(client), 0);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {{"client", client_with_threads}, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
