/*
 * Close on both sides in every situation: the result, what the others see, and that the name is
 * free.
 */
#include "engine.h"
#include "roles.h"

#define SIZE 4096

static char name[NAME_SIZE];
static struct engine engine;

static void server_reads_reason(uint32_t wanted)
{
    uint32_t code;
    CHECK_RESULT(vdi_server_abort_reason(engine.server, &code, NULL, 0), NOERROR);
    CHECK_EQUAL(code, wanted);
}

static void client_reads_reason(struct peer client, uint32_t wanted)
{
    struct answer why = ASK(client, NOERROR, ABORT_REASON);
    CHECK_EQUAL(why.reason, wanted);
    CHECK(why.text[0] != '\0');
}

/*
 * The name can be used again at once, and the old handles stay closed. [CSET-CLOSE-02,
 * CSET-CLOSE-07]
 */
static void name_is_free(struct peer client)
{
    ASK(client, VD_E_PROTOCOL, CLOSE);
    client_named(client, CREATE, name, NOERROR);
    vdi_server *server;
    CHECK_RESULT(vdi_server_open(NULL, name, &server), NOERROR);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    ASK(client, NOERROR, CLOSE);
}

/*
 * The primary closes before any device was opened: no server, or one that learns it. [AMB-04,
 * CSET-CLOSE-08]
 */
static void primary_early(struct peer primary)
{
    VDConfig config;
    client_named(primary, CREATE, name, NOERROR);
    ASK(primary, NOERROR, CLOSE);
    name_is_free(primary);

    client_named(primary, CREATE, name, NOERROR); /* Connected */
    CHECK_RESULT(vdi_server_open(NULL, name, &engine.server), NOERROR);
    ASK(primary, NOERROR, CLOSE);
    CHECK_RESULT(vdi_server_get_configuration(engine.server, &config), VD_E_ABORT);
    server_reads_reason(VDI_ABORT_CLIENT_CLOSED);
    name_is_free(primary); /* while the old server is still attached to the old set */
    CHECK_RESULT(vdi_server_get_configuration(engine.server, &config), VD_E_ABORT);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);

    client_named(primary, CREATE, name, NOERROR); /* Initializing, the agent is waiting */
    engine_open(&engine, name, 1, SIZE, 1);
    ASK(primary, NOERROR, CLOSE);
    CHECK_RESULT(caller_join(&engine.agent), VD_E_ABORT);
    server_reads_reason(VDI_ABORT_CLIENT_CLOSED);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    name_is_free(primary);
}

/*
 * The primary closes with its device open, and commands in every place. [CSET-CLOSE-03, ABT-15,
 * AMB-04]
 */
static void primary_with_open_device(struct peer primary)
{
    static struct journal journal = JOURNAL_INITIALIZER;
    VDS_Command commands[4];
    client_named(primary, CREATE, name, NOERROR);
    engine_open(&engine, name, 1, SIZE, 4);
    client_open_device(primary, name, 0);
    for (unsigned i = 0; i < 4; i++) {
        command_prepare(&commands[i], &journal, VDC_Read, engine_buffer(&engine, SIZE), SIZE);
        CHECK_RESULT(vdi_server_send_command(engine.devices[0], &commands[i]), NOERROR);
    }
    struct answer got = client_fetch(primary, 0, VDC_Read);
    client_fetch(primary, 0, VDC_Read);
    ASK(primary, VD_E_OPEN, CLOSE);
    ASK(primary, VD_E_PROTOCOL, COMPLETE, .slot = got.slot); /* [CSET-CLOSE-04] */
    ASK(primary, VD_E_PROTOCOL, GET_COMMAND, .timeout = VDI_INFINITE);
    CHECK_RESULT(caller_join(&engine.agent), VD_E_ABORT);
    journal_check_all(&journal, commands, 4, ERROR_OPERATION_ABORTED);
    server_reads_reason(VDI_ABORT_CLIENT_CLOSED);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    name_is_free(primary);
}

/* A device of a secondary is open when the primary closes. [AMB-04] */
static void primary_while_a_secondary_works(struct peer primary, struct peer secondary)
{
    client_named(primary, CREATE, name, NOERROR);
    engine_open(&engine, name, 1, SIZE, 1);
    client_named(secondary, OPEN_IN_SECONDARY, name, NOERROR);
    client_open_device(secondary, name, 0);
    BEGIN(secondary, GET_COMMAND, .timeout = VDI_INFINITE);
    ASK(primary, VD_E_OPEN, CLOSE);
    FINISH(secondary, VD_E_ABORT);
    client_reads_reason(secondary, VDI_ABORT_CLIENT_CLOSED);
    engine_close_aborted(&engine);
    ASK(secondary, NOERROR, CLOSE); /* aborted already */
    name_is_free(primary);
}

/* Closed by the server counts as closed, VD_E_CLOSE fetched or not. [AMB-04] */
static void closed_but_not_fetched(struct peer primary)
{
    client_creates(primary, name, (VDConfig){.deviceCount = 2});
    engine_open(&engine, name, 2, SIZE, 1);
    client_open_device(primary, name, 0);
    client_open_device(primary, name, 1);
    engine_finish(&engine);
    ASK(primary, NOERROR, CLOSE);
    uint32_t code;
    CHECK_RESULT(vdi_server_abort_reason(engine.server, &code, NULL, 0), NOERROR);
    CHECK_EQUAL(code, VDI_ABORT_NONE);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);

    /* Of two devices, one is closed by the server. */
    client_creates(primary, name, (VDConfig){.deviceCount = 2});
    engine_open(&engine, name, 2, SIZE, 1);
    client_open_device(primary, name, 0);
    client_open_device(primary, name, 1);
    CHECK_RESULT(vdi_server_close_device(engine.devices[0]), NOERROR);
    ASK(primary, VD_E_CLOSE, GET_COMMAND, .timeout = VDI_INFINITE);
    ASK(primary, VD_E_OPEN, CLOSE);
    engine_close_aborted(&engine);
}

/* The server leaves before it has opened devices. [AMB-40] */
static void server_early(struct peer primary)
{
    for (int configured = 0; configured <= 1; configured++) {
        client_named(primary, CREATE, name, NOERROR);
        if (configured) {
            engine.server = server_configure(name, SIZE, 1);
            client_open_device(primary, name, 0);
            BEGIN(primary, GET_COMMAND, .timeout = VDI_INFINITE);
        } else {
            CHECK_RESULT(vdi_server_open(NULL, name, &engine.server), NOERROR);
            BEGIN(primary, GET_CONFIGURATION, .timeout = VDI_INFINITE);
        }
        CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
        CHECK_RESULT(vdi_server_close(engine.server), VD_E_PROTOCOL);
        FINISH(primary, VD_E_ABORT);
        client_reads_reason(primary, VDI_ABORT_SERVER_CLOSED);
        ASK(primary, NOERROR, CLOSE);
    }
}

/*
 * The server leaves with open devices and outstanding commands. [SSET-CLOSE-02, SSET-CLOSE-03,
 * ABT-15, SSET-CLOSE-01]
 */
static void server_with_open_device(struct peer primary)
{
    static struct journal journal = JOURNAL_INITIALIZER;
    VDS_Command commands[3];
    client_named(primary, CREATE, name, NOERROR);
    engine_open(&engine, name, 1, SIZE, 3);
    client_open_device(primary, name, 0);
    for (unsigned i = 0; i < 3; i++) {
        command_prepare(&commands[i], &journal, VDC_Read, engine_buffer(&engine, SIZE), SIZE);
        CHECK_RESULT(vdi_server_send_command(engine.devices[0], &commands[i]), NOERROR);
    }
    struct answer got = client_fetch(primary, 0, VDC_Read);
    CHECK_RESULT(vdi_server_close(engine.server), VD_E_PROTOCOL);
    /* Close waited for the routines, and the agent has left with the abort. */
    CHECK_EQUAL(journal_count(&journal), 3);
    journal_check_all(&journal, commands, 3, ERROR_OPERATION_ABORTED);
    for (unsigned i = 0; i < 3; i++)
        CHECK(pthread_equal(journal.entries[i].thread, engine.agent.thread));
    vdi_result agent = caller_join(&engine.agent);
    CHECK(agent == VD_E_ABORT || agent == NOERROR);
    CHECK_RESULT(vdi_server_close(engine.server), VD_E_PROTOCOL);
    CHECK_RESULT(vdi_server_close_device(engine.devices[0]), VD_E_PROTOCOL);
    ASK(primary, VD_E_ABORT, GET_COMMAND, .timeout = VDI_INFINITE);
    client_reads_reason(primary, VDI_ABORT_SERVER_CLOSED);
    /* The client's memory is still there. [ABT-10] */
    ASK(primary, NOERROR, FILL, .address = got.address, .bytes = SIZE, .seed = 1);
    ASK(primary, VD_E_ABORT, COMPLETE, .slot = got.slot);
    ASK(primary, NOERROR, CLOSE);
}

/*
 * Close while another thread waits in GetCommand: that thread gets VD_E_PROTOCOL. [CSET-CLOSE-04]
 */
static void during_a_wait(void)
{
    for (int round = 0; round < 50; round++) {
        vdi_set *set = client_create(name, 1);
        engine_open(&engine, name, 1, SIZE, 1);
        struct getter getter = {.command = (VDC_Command *)set};
        struct caller caller;
        CHECK_RESULT(vdi_open_device(set, name, &getter.device), NOERROR);
        caller_start(&caller, get_command, &getter);
        CHECK_RESULT(vdi_close(set), VD_E_OPEN);
        CHECK_RESULT(caller_join(&caller), VD_E_PROTOCOL);
        CHECK(getter.command == NULL);
        engine_close_aborted(&engine);
    }
}

static void run(void)
{
    unique_name(name);
    struct peer primary = spawn_client(), secondary = spawn_client();
    primary_early(primary);
    primary_with_open_device(primary);
    primary_while_a_secondary_works(primary, secondary);
    closed_but_not_fetched(primary);
    server_early(primary);
    server_with_open_device(primary);
    during_a_wait();
    client_leave(primary);
    client_leave(secondary);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
