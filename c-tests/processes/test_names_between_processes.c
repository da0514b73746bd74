/*
 * Names between processes: a set is found by exactly its name, which is that of its first device;
 * the names of the other devices mean something in their own set only.
 */
#include "engine.h"
#include "roles.h"

#include <ctype.h>

enum { SETS = 2 };

static char names[SETS][NAME_SIZE];
static struct engine engines[SETS];
static struct peer primaries[SETS], secondary;

/*
 * The first device has the set's name; the second ones of both sets have the same name, which is
 * that of no set. [NAME-06, NAME-07]
 */
static void start(unsigned index)
{
    vdi_server *server, *none = (vdi_server *)0x10;
    struct engine *engine = &engines[index];
    unique_name(names[index]);
    primaries[index] = spawn_client();
    client_creates(primaries[index], names[index], (VDConfig){.deviceCount = 2});
    server = server_configure(names[index], 4096, 0);
    CHECK_RESULT(vdi_server_open_device(server, "stripe", &engine->devices[0]), VD_E_INVALID);
    CHECK_RESULT(vdi_server_open_device(server, names[index], &engine->devices[0]), NOERROR);
    CHECK_RESULT(vdi_server_open_device(server, "stripe", &engine->devices[1]), NOERROR);
    engine->server = server;
    engine->count = 2;
    caller_start(&engine->agent, completion_agent, server);
    CHECK_RESULT(vdi_server_open(NULL, "stripe", &none), VD_E_INVALID); /* [NAME-05] */
    CHECK(none == NULL);
}

/* Another spelling is another name, for secondaries and servers. [NAME-04, CSET-SECOND-05] */
static void spelling(void)
{
    char other[NAME_SIZE];
    snprintf(other, sizeof other, "%s", names[0]);
    other[0] = (char)toupper(other[0]);
    client_named(secondary, OPEN_IN_SECONDARY, other, VD_E_PROTOCOL);
    vdi_server *server = (vdi_server *)0x10;
    CHECK_RESULT(vdi_server_open(NULL, other, &server), VD_E_INVALID);
    CHECK(server == NULL);
    client_named(primaries[0], OPEN_DEVICE, "Stripe", VD_E_INVALID);
    client_named(primaries[0], OPEN_DEVICE, other, VD_E_INVALID);
}

static void send_position(unsigned index, unsigned device, int64_t position)
{
    static struct journal journal = JOURNAL_INITIALIZER;
    static VDS_Command commands[2 * SETS];
    VDS_Command *command = &commands[2 * index + device];
    command_prepare(command, &journal, VDC_Flush, NULL, 0);
    command->inPosition = position;
    CHECK_RESULT(vdi_server_send_command(engines[index].devices[device], command), NOERROR);
}

/* The same name, opened by a secondary in one set and by the primary in the other. [NAME-07] */
static void stripes(void)
{
    client_named(secondary, OPEN_IN_SECONDARY, names[0], NOERROR);
    client_named(secondary, OPEN_DEVICE, "stripe", NOERROR);
    client_named(primaries[1], OPEN_DEVICE, "stripe", NOERROR);
    client_named(primaries[0], OPEN_DEVICE, "stripe", VD_E_PROTOCOL); /* open already */
    struct peer clients[SETS] = {secondary, primaries[1]};
    for (unsigned index = 0; index < SETS; index++) {
        send_position(index, 0, 500 + index);
        send_position(index, 1, 700 + index);
        client_open_device(primaries[index], names[index], 0);
    }
    for (unsigned index = 0; index < SETS; index++) {
        /* client_named() keeps a device at the last place. */
        unsigned last = VDI_MAX_DEVICES - 1;
        struct answer got = client_fetch(primaries[index], 0, VDC_Flush);
        CHECK_EQUAL(got.command.position, 500 + index);
        ASK(primaries[index], NOERROR, COMPLETE, .slot = got.slot);
        got = client_fetch(clients[index], last, VDC_Flush);
        CHECK_EQUAL(got.command.position, 700 + index);
        ASK(clients[index], NOERROR, COMPLETE, .device = last, .slot = got.slot);
    }
}

/* While a set lives, its name is taken, for every process. [NAME-01] */
static void taken(void)
{
    struct peer rival = spawn_client();
    client_named(rival, CREATE, names[0], VD_E_PROTOCOL);
    client_named(rival, CREATE, "stripe", NOERROR);
    ASK(rival, NOERROR, CLOSE);
    client_leave(rival);
}

static void run(void)
{
    secondary = spawn_client();
    for (unsigned index = 0; index < SETS; index++)
        start(index);
    spelling();
    stripes();
    taken();
    for (unsigned index = 0; index < SETS; index++)
        engine_close(&engines[index]);
    ASK(secondary, NOERROR, CLOSE);
    client_leave(secondary);
    for (unsigned index = 0; index < SETS; index++) {
        ASK(primaries[index], NOERROR, CLOSE);
        client_leave(primaries[index]);
    }
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
