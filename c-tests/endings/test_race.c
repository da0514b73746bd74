/*
 * Threads in every function while another thread aborts or closes the set: each call ends with a
 * documented result, each command has its one completion, and nothing hangs or crashes.
 */
#include "engine.h"
#include "roles.h"

#include <stdatomic.h>
#include <stdlib.h>

#define SIZE 8192
#define DEVICES 2
#define IN_FLIGHT 8
#define ROUNDS 60

enum ending { CLIENT_ABORTS, CLIENT_CLOSES, SERVER_ABORTS, SERVER_CLOSES, ENDINGS };

/* One set with both sides in this process. */
struct arena {
    char name[NAME_SIZE];
    vdi_set *set;
    vdi_server *server;
    vdi_device *devices[DEVICES];
    vdi_server_device *server_devices[DEVICES];
    atomic_uint transfers;
    atomic_int outstanding;
};

static struct arena arena;

static int ended(vdi_result result)
{
    return result == VD_E_ABORT || result == VD_E_PROTOCOL;
}

/* Only the results that the end of a set can give. */
static int goes_on(vdi_result result)
{
    if (result != NOERROR && !ended(result))
        check_failed(__FILE__, __LINE__, "unexpected %s; %s", vdi_result_name(result),
                     vdi_last_error_message());
    return result == NOERROR;
}

static void *client_works(void *device)
{
    VDC_Command *command;
    while (goes_on(vdi_get_command(device, VDI_INFINITE, &command))) {
        /* Only memory that stays mapped during a call is touched by the library, not by this. */
        if (!goes_on(vdi_complete_command(device, command, ERROR_SUCCESS, 0, 0)))
            break;
        arena.transfers++;
    }
    return NULL;
}

/* The calls that do not wait, over and over. */
static void *client_asks(void *nothing)
{
    VDConfig config;
    uint32_t handle, code;
    void *address;
    vdi_device *device;
    while (goes_on(vdi_get_configuration(arena.set, VDI_INFINITE, &config))) {
        vdi_result result = vdi_open_device(arena.set, arena.name, &device);
        CHECK(ended(result) || result == VD_E_OPEN);
        result = vdi_get_buffer_handle(arena.set, arena.name, &handle);
        CHECK(result == VD_E_INVALID || result == VD_E_PROTOCOL);
        result = vdi_map_buffer_handle(arena.set, 12345, &address);
        CHECK(result == VD_E_INVALID || result == VD_E_PROTOCOL);
        result = vdi_abort_reason(arena.set, &code, NULL, 0);
        CHECK(result == NOERROR || result == VD_E_PROTOCOL);
    }
    return nothing;
}

static void landed(VDS_Command *command)
{
    CHECK(command->completionCode == ERROR_SUCCESS ||
          command->completionCode == ERROR_OPERATION_ABORTED ||
          command->completionCode == ERROR_INVALID_HANDLE);
    atomic_fetch_sub(&arena.outstanding, 1);
    if (command->completionCode != ERROR_SUCCESS)
        return;
    vdi_server_device *device = *(vdi_server_device **)command->completionContext;
    atomic_fetch_add(&arena.outstanding, 1);
    /* If it fails, this function has been called again. [SDEV-SEND-04] */
    (void)goes_on(vdi_server_send_command(device, command));
}

static void *server_asks(void *nothing)
{
    VDConfig config;
    while (goes_on(vdi_server_get_configuration(arena.server, &config))) {
        uint32_t count;
        void *buffer;
        vdi_server_device *device;
        goes_on(vdi_server_query_available_buffers(arena.server, SIZE, 0, &count));
        if (goes_on(vdi_server_allocate_buffer(arena.server, SIZE, 0, &buffer)))
            goes_on(vdi_server_free_buffer(arena.server, buffer, SIZE));
        vdi_result result = vdi_server_open_device(arena.server, "another", &device);
        CHECK(ended(result) || result == VD_E_OPEN);
        CHECK(!vdi_server_is_shared_buffer(arena.server, arena.name));
    }
    return nothing;
}

/* Opens everything, and lets all threads run until some commands have completed. */
static void fill_arena(VDS_Command *commands, struct caller *agent)
{
    unique_name(arena.name);
    arena.transfers = 0;
    arena.outstanding = 0;
    arena.set = client_create(arena.name, DEVICES);
    arena.server = server_configure(arena.name, SIZE, 2);
    caller_start(agent, completion_agent, arena.server);
    for (unsigned i = 0; i < DEVICES; i++) {
        char device[NAME_SIZE];
        device_name(device, arena.name, i);
        CHECK_RESULT(vdi_server_open_device(arena.server, device, &arena.server_devices[i]),
                     NOERROR);
        CHECK_RESULT(vdi_open_device(arena.set, device, &arena.devices[i]), NOERROR);
    }
    for (unsigned i = 0; i < DEVICES * IN_FLIGHT; i++) {
        commands[i] = (VDS_Command){.commandCode = VDC_Flush,
                                    .completionRoutine = landed,
                                    .completionContext = &arena.server_devices[i % DEVICES]};
        atomic_fetch_add(&arena.outstanding, 1);
        CHECK_RESULT(vdi_server_send_command(arena.server_devices[i % DEVICES], &commands[i]),
                     NOERROR);
    }
}

static void empty_arena(enum ending ending, struct caller *agent)
{
    switch (ending) {
    case CLIENT_ABORTS:
        CHECK_RESULT(vdi_signal_abort(arena.set, "race"), NOERROR);
        break;
    case CLIENT_CLOSES:
        CHECK_RESULT(vdi_close(arena.set), VD_E_OPEN);
        break;
    case SERVER_ABORTS:
        CHECK_RESULT(vdi_server_signal_abort(arena.server, "race"), NOERROR);
        break;
    default:
        CHECK_RESULT(vdi_server_close(arena.server), VD_E_PROTOCOL);
        CHECK_EQUAL(arena.outstanding, 0); /* [SSET-CLOSE-03] */
        break;
    }
    vdi_result left = caller_join(agent);
    CHECK(left == VD_E_ABORT || (ending == SERVER_CLOSES && left == NOERROR));
    CHECK_EQUAL(arena.outstanding, 0);
}

/* [CSET-ABORT-05, SSET-AGENT-07, AMB-50] */
static void round_of(enum ending ending)
{
    VDS_Command commands[DEVICES * IN_FLIGHT];
    struct caller agent;
    pthread_t threads[DEVICES + 2];
    fill_arena(commands, &agent);
    for (unsigned i = 0; i < DEVICES; i++)
        CHECK(pthread_create(&threads[i], NULL, client_works, arena.devices[i]) == 0);
    CHECK(pthread_create(&threads[DEVICES], NULL, client_asks, NULL) == 0);
    CHECK(pthread_create(&threads[DEVICES + 1], NULL, server_asks, NULL) == 0);
    while (arena.transfers < 100)
        sched_yield();
    empty_arena(ending, &agent);
    for (unsigned i = 0; i < DEVICES + 2; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    if (ending != SERVER_CLOSES)
        CHECK_RESULT(vdi_server_close(arena.server), NOERROR);
    if (ending != CLIENT_CLOSES)
        CHECK_RESULT(vdi_close(arena.set), NOERROR);
}

static atomic_int winners;

static void *close_set(void *set)
{
    vdi_result result = vdi_close(set);
    CHECK(result == NOERROR || result == VD_E_PROTOCOL);
    winners += result == NOERROR;
    return NULL;
}

/* Of several threads that close a set at once, one does it. [CSET-CLOSE-02] */
static void one_closes(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        char name[NAME_SIZE];
        pthread_t threads[3];
        unique_name(name);
        vdi_set *set = client_create(name, 1);
        winners = 0;
        for (int i = 0; i < 3; i++)
            CHECK(pthread_create(&threads[i], NULL, close_set, set) == 0);
        for (int i = 0; i < 3; i++)
            CHECK(pthread_join(threads[i], NULL) == 0);
        CHECK_EQUAL(winners, 1);
    }
}

static void run(void)
{
    for (int round = 0; round < ROUNDS; round++)
        round_of((enum ending)(round % ENDINGS));
    one_closes();
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
