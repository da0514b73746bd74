/*
 * Several commands in flight: delivered in order, completed in any order and from any thread.
 */
#include "engine.h"
#include "roles.h"

#include <signal.h>

#define COMMANDS 64
#define SIZE 4096

static struct engine engine;
static struct journal journal = JOURNAL_INITIALIZER;
static VDS_Command commands[COMMANDS];

static void send_command(unsigned index, uint8_t *buffer)
{
    command_prepare(&commands[index], &journal, buffer ? VDC_Write : VDC_Flush, buffer,
                    buffer ? SIZE : 0);
    commands[index].inPosition = index;
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &commands[index]), NOERROR);
}

/*
 * The client fetches a full queue before it completes anything, then in an order of its own.
 * [CDEV-GETCMD-01, CDEV-GETCMD-02, CDEV-GETCMD-03, CDEV-GETCMD-07, AMB-21]
 */
static void fetched_in_order_completed_in_disorder(struct peer client)
{
    uint8_t *buffers[COMMANDS];
    struct answer got[COMMANDS];
    for (unsigned i = 0; i < COMMANDS; i++) {
        buffers[i] = engine_buffer(&engine, SIZE);
        pattern_fill(buffers[i], SIZE, (uint8_t)i);
        send_command(i, buffers[i]);
    }
    for (unsigned i = 0; i < COMMANDS; i++) {
        got[i] = client_fetch(client, 0, VDC_Write); /* [CDEV-GETCMD-09] */
        CHECK_EQUAL(got[i].command.position, i);     /* [CDEV-GETCMD-08] */
    }
    ASK(client, VD_E_TIMEOUT, GET_COMMAND, .timeout = 0);
    ASK(client, VD_E_TIMEOUT, GET_COMMAND, .timeout = 50);
    CHECK_EQUAL(journal_count(&journal), 0);
    for (unsigned i = 0; i < COMMANDS; i++) {
        unsigned index = (i * 37 + 11) % COMMANDS; /* [PROC-11] */
        ASK(client, 1, LOOK, .address = got[index].address, .bytes = SIZE, .seed = (uint8_t)index);
        ASK(client, NOERROR, COMPLETE, .slot = got[index].slot, .bytes = index * 8,
            .position = -(int64_t)index);
        journal_wait(&journal, i + 1); /* each arrives while the others stay outstanding */
        CHECK_JOURNAL(&journal, i, &commands[index], ERROR_SUCCESS);
        CHECK_EQUAL(commands[index].bytesTransferred, index * 8);
        CHECK_EQUAL(commands[index].outPosition, -(int64_t)index);
        CHECK(pthread_equal(journal.entries[i].thread, engine.agent.thread)); /* [SSET-AGENT-10] */
    }
    journal_check_all(&journal, commands, COMMANDS, ERROR_SUCCESS); /* [SSET-AGENT-09] */
    for (unsigned i = 0; i < COMMANDS; i++)
        CHECK_RESULT(vdi_server_free_buffer(engine.server, buffers[i], SIZE), NOERROR);
    journal.count = 0;
}

/* Thousands in a window that slides: the queues wrap around many times. [CDEV-GETCMD-08] */
static void long_run(struct peer client)
{
    enum { TOTAL = 700, WINDOW = 48 };
    struct answer window[WINDOW];
    for (unsigned i = 0; i < TOTAL + WINDOW; i++) {
        if (i >= WINDOW) {
            ASK(client, NOERROR, COMPLETE, .slot = window[i % WINDOW].slot,
                .position = i - WINDOW);
            CHECK_JOURNAL(&journal, i - WINDOW, &commands[(i - WINDOW) % COMMANDS],
                          ERROR_SUCCESS);
            CHECK_EQUAL(commands[(i - WINDOW) % COMMANDS].outPosition, i - WINDOW);
        }
        if (i < TOTAL) {
            send_command(i % COMMANDS, NULL);
            window[i % WINDOW] = client_fetch(client, 0, VDC_Flush);
            CHECK_EQUAL(window[i % WINDOW].command.position, i % COMMANDS);
        }
    }
    CHECK_EQUAL(journal_count(&journal), TOTAL);
    journal.count = 0;
}

static void take_signal(int number)
{
    (void)number;
}

/* One thread waits in GetCommand; another one completes what was fetched before. [PROC-10] */
static int threads_role(int argc, char **argv)
{
    CHECK_EQUAL(argc, 2);
    vdi_set *set = client_create(argv[1], 1);
    tell(parent(), 0);
    VDConfig config;
    CHECK_RESULT(vdi_get_configuration(set, VDI_INFINITE, &config), NOERROR);
    struct getter getter;
    struct caller caller;
    CHECK_RESULT(vdi_open_device(set, argv[1], &getter.device), NOERROR);
    VDC_Command *first = NULL, *other = (VDC_Command *)set;
    CHECK_RESULT(vdi_get_command(getter.device, VDI_INFINITE, &first), NOERROR);

    caller_start(&caller, get_command, &getter);
    CHECK_RESULT(vdi_get_command(getter.device, 0, &other), VD_E_BUSY); /* [AMB-31] */
    CHECK(other == NULL);
    other = (VDC_Command *)set;
    CHECK_RESULT(vdi_get_command(getter.device, VDI_INFINITE, &other), VD_E_BUSY);
    CHECK(other == NULL);
    /* A signal does not end the wait. [LNX-10] */
    struct sigaction action = {.sa_handler = take_signal};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    CHECK(pthread_kill(caller.thread, SIGUSR1) == 0);
    wait_asleep(getpid(), caller.id);
    CHECK(caller_waits(&caller));

    CHECK_EQUAL(first->commandCode, VDC_Flush);
    CHECK_RESULT(vdi_complete_command(getter.device, first, ERROR_SUCCESS, 0, 1), NOERROR);
    CHECK_RESULT(caller_join(&caller), NOERROR);
    CHECK_EQUAL(getter.command->position, 1);
    CHECK_RESULT(vdi_complete_command(getter.device, getter.command, ERROR_SUCCESS, 0, 2),
                 NOERROR);
    CHECK_RESULT(vdi_get_command(getter.device, VDI_INFINITE, &other), VD_E_CLOSE);
    CHECK_RESULT(vdi_close(set), NOERROR);
    return 0;
}

static void completion_beside_a_wait(void)
{
    char name[NAME_SIZE];
    unique_name(name);
    struct peer client = spawn_role("threads", name, (char *)NULL);
    hear(client);
    engine_open(&engine, name, 1, SIZE, 1);
    send_command(0, NULL);
    /* The second command follows the completion of the first. */
    CHECK_JOURNAL(&journal, 0, &commands[0], ERROR_SUCCESS);
    send_command(1, NULL);
    CHECK_JOURNAL(&journal, 1, &commands[1], ERROR_SUCCESS);
    engine_close(&engine);
    CHECK_EQUAL(wait_exit(client), 0);
}

static void run(void)
{
    char name[NAME_SIZE];
    unique_name(name);
    struct peer client = spawn_client();
    client_named(client, CREATE, name, NOERROR);
    engine_open(&engine, name, 1, SIZE, COMMANDS);
    client_open_device(client, name, 0);
    fetched_in_order_completed_in_disorder(client);
    long_run(client);
    engine_close(&engine);
    ASK(client, VD_E_CLOSE, GET_COMMAND, .timeout = VDI_INFINITE);
    ASK(client, NOERROR, CLOSE);
    client_leave(client);
    completion_beside_a_wait();
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {"threads", threads_role}, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
