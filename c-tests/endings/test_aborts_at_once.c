/*
 * Several participants abort at the same moment, some by leaving with open devices: everybody has
 * aborted, all agree on one reason, and each command ends once.
 */
#include "engine.h"
#include "roles.h"

#define CLIENTS 3
#define ROUNDS 40
#define PER_DEVICE 4

static char name[NAME_SIZE];
static struct engine engine;
static struct peer clients[CLIENTS];
static struct journal journal = JOURNAL_INITIALIZER;
static VDS_Command commands[CLIENTS * PER_DEVICE];

/* Each client process has a device with commands, some of them fetched. */
static void start(void)
{
    journal.count = 0;
    client_creates(clients[0], name, (VDConfig){.deviceCount = CLIENTS});
    engine_open(&engine, name, CLIENTS, 4096, 0);
    for (unsigned i = 0; i < CLIENTS; i++) {
        if (i > 0)
            client_named(clients[i], OPEN_IN_SECONDARY, name, NOERROR);
        client_open_device(clients[i], name, i);
        for (unsigned k = 0; k < PER_DEVICE; k++) {
            VDS_Command *command = &commands[i * PER_DEVICE + k];
            command_prepare(command, &journal, VDC_Flush, NULL, 0);
            CHECK_RESULT(vdi_server_send_command(engine.devices[i], command), NOERROR);
        }
        client_fetch(clients[i], i, VDC_Flush);
    }
}

static void order_abort(struct peer client, unsigned number)
{
    struct order order = {.action = SIGNAL_ABORT};
    snprintf(order.name, sizeof order.name, "client %u", number);
    order_client(client, order);
}

/* The reason is one of those that were given, and the same for all. [ABT-01, ST-41] */
static void all_agree(void)
{
    uint32_t code;
    char text[256];
    CHECK_RESULT(vdi_server_abort_reason(engine.server, &code, text, sizeof text), NOERROR);
    if (code == VDI_ABORT_SERVER)
        CHECK_TEXT(text, "server");
    else
        CHECK(code == VDI_ABORT_CLIENT && strncmp(text, "client ", 7) == 0);
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct answer why = ASK(clients[i], NOERROR, ABORT_REASON);
        CHECK_EQUAL(why.reason, code);
        CHECK_TEXT(why.text, text);
        ASK(clients[i], VD_E_ABORT, GET_COMMAND, .device = i, .timeout = VDI_INFINITE);
    }
}

/* All of them call SignalAbort. [ABT-01, ABT-08, AMB-50] */
static void all_signal(unsigned round)
{
    start();
    for (unsigned i = 0; i < CLIENTS; i++)
        if ((i + round) % 4 != 3)
            order_abort(clients[i], i);
    vdi_result mine = vdi_server_signal_abort(engine.server, "server");
    for (unsigned i = 0; i < CLIENTS; i++)
        if ((i + round) % 4 != 3)
            FINISH(clients[i], NOERROR);
    CHECK_RESULT(mine, NOERROR);
    CHECK_RESULT(caller_join(&engine.agent), VD_E_ABORT);
    journal_check_all(&journal, commands, CLIENTS * PER_DEVICE, ERROR_OPERATION_ABORTED);
    all_agree();
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    for (unsigned i = CLIENTS; i-- > 0;)
        ASK(clients[i], NOERROR, CLOSE);
}

static int32_t closed(struct peer client)
{
    struct answer answer;
    CHECK(recv(client.socket, &answer, sizeof answer, 0) == sizeof answer);
    return answer.result;
}

/*
 * All of them leave with open devices: the first one is told so, and the others as well, unless
 * they find the set aborted. [ABT-15, AMB-04, AMB-50]
 */
static void all_leave(void)
{
    start();
    for (unsigned i = 0; i < CLIENTS; i++)
        order_client(clients[i], (struct order){.action = CLOSE});
    vdi_result mine = vdi_server_close(engine.server);
    unsigned told = mine == VD_E_PROTOCOL;
    CHECK(told || mine == NOERROR);
    for (unsigned i = 0; i < CLIENTS; i++) {
        int32_t result = closed(clients[i]);
        CHECK(result == VD_E_OPEN || result == NOERROR);
        told += result == VD_E_OPEN;
    }
    CHECK(told >= 1);
    agent_left(&engine.agent);
    journal_check_all(&journal, commands, CLIENTS * PER_DEVICE, ERROR_OPERATION_ABORTED);
}

static void run(void)
{
    unique_name(name);
    for (unsigned i = 0; i < CLIENTS; i++)
        clients[i] = spawn_client();
    for (unsigned round = 0; round < ROUNDS; round++) {
        all_signal(round);
        all_leave();
    }
    for (unsigned i = 0; i < CLIENTS; i++)
        client_leave(clients[i]);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
