/*
 * The ClearError that answers a failure is neither lost to a second failure nor delivered after a
 * close that came first.
 */
#include "engine.h"
#include "roles.h"

#define SIZE 4096

static char name[NAME_SIZE];
static struct engine engine;
static struct journal journal = JOURNAL_INITIALIZER;
static VDS_Command commands[3];
static struct answer writes[2];

/* The client holds two writes and fails the first; the server answers with ClearError. */
static void start(struct peer client)
{
    client_named(client, CREATE, name, NOERROR);
    engine_open(&engine, name, 1, SIZE, 2);
    client_open_device(client, name, 0);
    journal.count = 0;
    for (unsigned i = 0; i < 2; i++) {
        command_prepare(&commands[i], &journal, VDC_Write, engine_buffer(&engine, SIZE), SIZE);
        CHECK_RESULT(vdi_server_send_command(engine.devices[0], &commands[i]), NOERROR);
        writes[i] = client_fetch(client, 0, VDC_Write);
    }
    ASK(client, NOERROR, COMPLETE, .slot = writes[0].slot, .code = ERROR_DISK_FULL);
    CHECK_JOURNAL(&journal, 0, &commands[0], ERROR_DISK_FULL);
    command_prepare(&commands[2], &journal, VDC_ClearError, NULL, 0);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &commands[2]), NOERROR);
}

/* The other write fails, too, whether the client has looked at the queue before or not. [ERR-12] */
static void second_failure(struct peer client, int looks)
{
    start(client);
    if (looks)
        ASK(client, VD_E_TIMEOUT, GET_COMMAND, .timeout = 0);
    ASK(client, NOERROR, COMPLETE, .slot = writes[1].slot, .code = ERROR_EOM_OVERFLOW);
    CHECK_JOURNAL(&journal, 1, &commands[1], ERROR_EOM_OVERFLOW);
    struct answer clear = ASK(client, NOERROR, GET_COMMAND, .timeout = 0);
    CHECK_EQUAL(clear.command.commandCode, VDC_ClearError);
    ASK(client, NOERROR, COMPLETE, .slot = clear.slot);
    CHECK_JOURNAL(&journal, 2, &commands[2], ERROR_SUCCESS);
    engine_close(&engine);
    ASK(client, NOERROR, CLOSE);
}

/*
 * The close is there before the client looks; nothing but the ClearError is outstanding. [AMB-17,
 * ERR-08]
 */
static void close_first(struct peer client, int looks)
{
    start(client);
    if (looks)
        ASK(client, VD_E_TIMEOUT, GET_COMMAND, .timeout = 0);
    ASK(client, NOERROR, COMPLETE, .slot = writes[1].slot, .bytes = SIZE);
    CHECK_JOURNAL(&journal, 1, &commands[1], ERROR_SUCCESS);
    CHECK_RESULT(vdi_server_close_device(engine.devices[0]), NOERROR);
    ASK(client, VD_E_CLOSE, GET_COMMAND, .timeout = VDI_INFINITE);
    CHECK_JOURNAL(&journal, 2, &commands[2], ERROR_OPERATION_ABORTED);
    CHECK_EQUAL(journal.entries[2].bytes, 0);
    CHECK_RESULT(caller_join(&engine.agent), NOERROR);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    ASK(client, NOERROR, CLOSE);
}

static void run(void)
{
    unique_name(name);
    struct peer client = spawn_client();
    for (int looks = 0; looks <= 1; looks++) {
        second_failure(client, looks);
        close_first(client, looks);
    }
    client_leave(client);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
