/*
 * Primary, secondary and server close in every order: after the normal end, with VD_E_CLOSE fetched
 * or not, and after an abort. Who is left sees the same as before.
 */
#include "engine.h"
#include "roles.h"

#define SIZE 4096

enum party { PRIMARY, SECONDARY, SERVER, PARTIES };

static const enum party orders[6][PARTIES] = {
    {PRIMARY, SECONDARY, SERVER}, {PRIMARY, SERVER, SECONDARY}, {SECONDARY, PRIMARY, SERVER},
    {SECONDARY, SERVER, PRIMARY}, {SERVER, PRIMARY, SECONDARY}, {SERVER, SECONDARY, PRIMARY},
};

static char name[NAME_SIZE];
static struct engine engine;
static struct peer clients[2];
static struct answer held[2];
static struct journal journal = JOURNAL_INITIALIZER;
static VDS_Command commands[2];

/* Each client has a device, and has fetched a Write of it. */
static void start(void)
{
    journal.count = 0;
    client_creates(clients[PRIMARY], name, (VDConfig){.deviceCount = 2});
    engine_open(&engine, name, 2, SIZE, 2);
    client_named(clients[SECONDARY], OPEN_IN_SECONDARY, name, NOERROR);
    for (unsigned i = 0; i < 2; i++) {
        client_open_device(clients[i], name, i);
        command_prepare(&commands[i], &journal, VDC_Write, engine_buffer(&engine, SIZE), SIZE);
        pattern_fill(commands[i].buffer, SIZE, (uint8_t)i);
        CHECK_RESULT(vdi_server_send_command(engine.devices[i], &commands[i]), NOERROR);
        held[i] = client_fetch(clients[i], i, VDC_Write);
    }
}

/* Whoever is still there after a normal end. [NT-04] */
static void is_ended(enum party party)
{
    uint32_t code;
    VDConfig config;
    if (party == SERVER) {
        CHECK_RESULT(vdi_server_get_configuration(engine.server, &config), NOERROR);
        CHECK_RESULT(vdi_server_abort_reason(engine.server, &code, NULL, 0), NOERROR);
        CHECK_EQUAL(code, VDI_ABORT_NONE);
    } else {
        ASK(clients[party], NOERROR, GET_CONFIGURATION, .timeout = VDI_INFINITE);
        CHECK_EQUAL(ASK(clients[party], NOERROR, ABORT_REASON).reason, VDI_ABORT_NONE);
    }
}

/* Whoever is still there after an abort; a client still has its buffer. [ABT-07, ABT-10] */
static void is_aborted(enum party party)
{
    VDConfig config;
    if (party == SERVER) {
        CHECK_RESULT(vdi_server_get_configuration(engine.server, &config), VD_E_ABORT);
        CHECK_EQUAL(vdi_server_is_shared_buffer(engine.server, commands[0].buffer), 1);
        pattern_fill(commands[0].buffer, SIZE, 0);
    } else {
        ASK(clients[party], VD_E_ABORT, GET_COMMAND, .device = party, .timeout = VDI_INFINITE);
        ASK(clients[party], 1, LOOK, .address = held[party].address, .bytes = SIZE,
            .seed = (uint8_t)party);
        ASK(clients[party], NOERROR, FILL, .address = held[party].address, .bytes = SIZE,
            .seed = (uint8_t)party);
    }
}

/* Nobody waits for anybody, and the buffers were not freed. [NT-04, NT-05, AMB-04] */
static void close_in_order(const enum party order[PARTIES], void (*look)(enum party))
{
    for (unsigned i = 0; i < PARTIES; i++) {
        for (unsigned k = i; k < PARTIES; k++)
            look(order[k]);
        if (order[i] == SERVER)
            CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
        else
            ASK(clients[order[i]], NOERROR, CLOSE);
    }
}

/* [NT-01, NT-02, NT-03] */
static void normal_end(const enum party order[PARTIES], int fetch)
{
    start();
    for (unsigned i = 0; i < 2; i++) {
        ASK(clients[i], NOERROR, COMPLETE, .device = i, .slot = held[i].slot, .bytes = SIZE);
        journal_wait(&journal, i + 1);
        CHECK_RESULT(vdi_server_close_device(engine.devices[i]), NOERROR);
    }
    for (unsigned i = 0; i < 2 && fetch; i++)
        ASK(clients[i], VD_E_CLOSE, GET_COMMAND, .device = i, .timeout = VDI_INFINITE);
    CHECK_RESULT(caller_join(&engine.agent), NOERROR);
    journal_check_all(&journal, commands, 2, ERROR_SUCCESS);
    close_in_order(order, is_ended);
}

/* [ABT-01, ABT-08] */
static void abort_end(const enum party order[PARTIES], enum party by)
{
    start();
    if (by == SERVER)
        CHECK_RESULT(vdi_server_signal_abort(engine.server, NULL), NOERROR);
    else
        ASK(clients[by], NOERROR, SIGNAL_ABORT);
    CHECK_RESULT(caller_join(&engine.agent), VD_E_ABORT);
    journal_check_all(&journal, commands, 2, ERROR_OPERATION_ABORTED);
    close_in_order(order, is_aborted);
}

static void run(void)
{
    unique_name(name);
    for (unsigned i = 0; i < 2; i++)
        clients[i] = spawn_client();
    for (unsigned i = 0; i < 6; i++) {
        normal_end(orders[i], 0);
        normal_end(orders[i], 1);
        for (enum party by = PRIMARY; by < PARTIES; by++)
            abort_end(orders[i], by);
    }
    for (unsigned i = 0; i < 2; i++)
        client_leave(clients[i]);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
