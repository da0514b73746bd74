/*
 * Whoever may connect to the socket of a set can say anything: nonsense ends the connection, and
 * the set only if it comes from its server. Packets as in docs/shared-memory-format.md.
 */
#include "engine.h"
#include "hostile/segment.h"
#include "hostile/wire.h"
#include "roles.h"

static char name[NAME_SIZE];
static struct peer primary;

static struct packet hello_to_instance(const char *instance)
{
    struct packet packet = wire_message(1, HELLO);
    wire_number(&packet, SERVER);
    for (unsigned i = 0; i < 2; i++) {
        const char *text = i == 0 ? instance : name;
        wire_number(&packet, (uint32_t)strlen(text));
        wire_bytes(&packet, text, strlen(text));
    }
    return packet;
}

static int knock(void)
{
    int visitor = wire_connect(name);
    CHECK(visitor >= 0);
    return visitor;
}

static void say(int visitor, struct packet packet)
{
    CHECK(wire_send_one(visitor, packet, -1));
}

/* The kind of the answer; 0 for a hang-up. */
static uint32_t answer_to(int visitor)
{
    return wire_receive(visitor, NULL, NULL);
}

static void is_well(void)
{
    CHECK_EQUAL(ASK(primary, NOERROR, ABORT_REASON).reason, VDI_ABORT_NONE);
}

/* Before it is admitted, a visitor is sent away, and nobody else notices. [SEC-07] */
static void strangers(void)
{
    struct packet nonsense[] = {wire_message(2, HELLO), wire_message(1, 77),
                                wire_hello(3, name),    wire_message(1, HELLO),
                                wire_area(0, 65536),    wire_hello(SERVER, name)};
    wire_bytes(&nonsense[5], "x", 1);
    for (unsigned i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
        int visitor = knock();
        say(visitor, nonsense[i]);
        CHECK_EQUAL(answer_to(visitor), 0);
        close(visitor);
        is_well();
    }
    int visitor = knock();
    say(visitor, (struct packet){.size = sizeof nonsense[0].bytes});
    CHECK_EQUAL(answer_to(visitor), REFUSED); /* that it could not be received */
    CHECK_EQUAL(answer_to(visitor), 0);
    close(visitor);
    static const char *const wrong[] = {"another set", ""};
    for (unsigned i = 0; i < 2; i++) {
        visitor = knock();
        say(visitor, wire_hello(SERVER, wrong[i]));
        CHECK_EQUAL(answer_to(visitor), REFUSED);
        CHECK_EQUAL(answer_to(visitor), 0);
        close(visitor);
    }
    visitor = knock();
    say(visitor, hello_to_instance("another instance"));
    CHECK_EQUAL(answer_to(visitor), REFUSED);
    close(visitor);
    close(knock()); /* says nothing */
    is_well();
}

/* A secondary that talks nonsense is let go; its set goes on. [SEC-07, PROC-05] */
static void bad_secondary(void)
{
    static struct engine engine;
    int silent = knock();
    engine_open(&engine, name, 1, 4096, 0);
    int visitor = knock();
    say(visitor, wire_hello(SECONDARY, name));
    CHECK_EQUAL(answer_to(visitor), WELCOME);
    say(visitor, wire_area(7, 65536));
    CHECK_EQUAL(answer_to(visitor), 0);
    is_well();
    client_open_device(primary, name, 0);
    engine_finish(&engine);
    ASK(primary, VD_E_CLOSE, GET_COMMAND, .timeout = VDI_INFINITE);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    ASK(primary, NOERROR, CLOSE);
    CHECK_EQUAL(answer_to(silent), 0);
    close(visitor);
    close(silent);
}

/* A server that does is the end of the set. [SEC-07] */
static void bad_server(struct packet packet, uint32_t reason)
{
    client_named(primary, CREATE, name, NOERROR);
    BEGIN(primary, GET_CONFIGURATION, .timeout = VDI_INFINITE);
    int visitor = knock();
    say(visitor, wire_hello(SERVER, name));
    CHECK_EQUAL(answer_to(visitor), WELCOME);
    say(visitor, packet);
    FINISH(primary, VD_E_ABORT);
    CHECK_EQUAL(ASK(primary, NOERROR, ABORT_REASON).reason, reason);
    close(visitor);
    ASK(primary, NOERROR, CLOSE);
}

/* A server that hangs up and has not closed the set counts as dead. [CRASH-01] */
static void lost_server(void)
{
    int memory;
    client_named(primary, CREATE, name, NOERROR);
    BEGIN(primary, GET_CONFIGURATION, .timeout = VDI_INFINITE);
    int visitor = knock();
    say(visitor, wire_hello(SERVER, name));
    CHECK_EQUAL(wire_receive(visitor, NULL, &memory), WELCOME);
    struct segment segment = segment_open(memory);
    header_store(&segment, PHASE, CONNECTED);
    close(visitor);
    FINISH(primary, VD_E_ABORT);
    CHECK_EQUAL(ASK(primary, NOERROR, ABORT_REASON).reason, VDI_ABORT_SERVER_DIED);
    ASK(primary, NOERROR, CLOSE);
    segment_close(&segment);
}

static void run(void)
{
    unique_name(name);
    primary = spawn_client();
    client_named(primary, CREATE, name, NOERROR);
    strangers();
    bad_secondary();
    bad_server(wire_hello(SERVER, name), VDI_ABORT_CORRUPTION);
    bad_server(wire_message(9, AREA), VDI_ABORT_CORRUPTION);
    bad_server(wire_area(0, 65536), VDI_ABORT_RESOURCES); /* without its memory */
    lost_server();
    client_leave(primary);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
