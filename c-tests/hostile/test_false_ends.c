/*
 * A peer that writes that all is over, or has not begun, and hangs up: whoever waits for something
 * that only the peer could send is not left waiting.
 */
#include "hostile/guest.h"
#include "hostile/victim_checks.h"

#include <sys/socket.h>

static char name[NAME_SIZE];

/* What the peer leaves in the segment, besides the good words. */
struct lie {
    uint32_t phase, state, commands, area;
    vdi_result result;
};

static void leave(int connection, const struct segment *segment, const struct lie *lie)
{
    device_store(segment, 0, COMMAND_AREA, lie->area);
    device_store(segment, 0, COMMAND_TAIL, lie->commands);
    device_store(segment, 0, SERVER_STATE, lie->state);
    header_store(segment, PHASE, lie->phase);
    CHECK(shutdown(connection, SHUT_RDWR) == 0);
}

/* The call of a thread that waits for a command ends, and says that the set is not right. */
static void ends(struct caller *waiter, vdi_set *set, vdi_result wanted)
{
    uint32_t reason;
    CHECK_RESULT(caller_join(waiter), wanted);
    CHECK_RESULT(vdi_abort_reason(set, &reason, NULL, 0), NOERROR);
    CHECK(wanted == VD_E_CLOSE ? reason == VDI_ABORT_NONE : reason != VDI_ABORT_NONE);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

/* A primary, and its server. [SEC-07, CRASH-01] */
static void false_end_of_a_server(const struct lie *lie)
{
    int memory;
    struct caller waiter;
    struct getter getter;
    vdi_set *set = client_create(name, 1);
    int connection = wire_connect(name);
    CHECK(wire_send_one(connection, wire_hello(SERVER, name), -1));
    CHECK_EQUAL(wire_receive(connection, NULL, &memory), WELCOME);
    struct segment segment = segment_open(memory);
    segment_configure(&segment);
    CHECK_RESULT(vdi_open_device(set, name, &getter.device), NOERROR);
    caller_start(&waiter, get_command, &getter);
    leave(connection, &segment, lie);
    ends(&waiter, set, lie->result);
    close(connection);
    segment_close(&segment);
}

static struct segment secondary_joins(struct guest *guest, int *connection)
{
    int listener = wire_listen(name);
    struct segment segment = guest_segment(SECONDARY, name);
    segment_configure(&segment);
    /* An hour: whoever waits for so long has not understood. */
    header_store(&segment, NAME_WAIT, 3600000);
    *connection = guest_expect(guest, SECONDARY, name, listener);
    CHECK(wire_send_one(*connection, wire_welcome(2, segment.size), segment.memory));
    CHECK_RESULT(caller_join(&guest->caller), NOERROR);
    wire_unlisten(name, listener);
    return segment;
}

/* A secondary, and its primary. [SEC-07, CRASH-02] */
static void false_end_of_a_primary(const struct lie *lie)
{
    struct guest guest;
    struct caller waiter;
    struct getter getter;
    int connection;
    struct segment segment = secondary_joins(&guest, &connection);
    CHECK_RESULT(vdi_open_device(guest.set, name, &getter.device), NOERROR);
    caller_start(&waiter, get_command, &getter);
    leave(connection, &segment, lie);
    ends(&waiter, guest.set, lie->result);
    close(connection);
    segment_close(&segment);
}

/* Waits other than for a command. */
struct opener {
    vdi_set *set;
    vdi_device *device;
};

static vdi_result open_unknown(void *argument)
{
    struct opener *opener = argument;
    return vdi_open_device(opener->set, "not announced", &opener->device);
}

static vdi_result map_unknown(void *argument)
{
    void *address;
    return vdi_map_buffer_handle(argument, 1u << 12, &address);
}

/* A name and an area that nobody is left to send, and a configuration that was there. [SEC-07] */
static void other_waits(void)
{
    struct guest guest;
    struct caller opening, mapping, configuring;
    struct opener opener;
    struct waiter waiter;
    int connection;
    struct segment segment = secondary_joins(&guest, &connection);
    opener.set = waiter.set = guest.set;
    device_store(&segment, 0, NAME_LENGTH, 0);
    device_store(&segment, 0, HANDLE_AREA, 7);
    device_store(&segment, 0, HANDLE, 1u << 12);
    caller_start(&opening, open_unknown, &opener);
    caller_start(&mapping, map_unknown, guest.set);
    leave(connection, &segment, &(struct lie){.phase = CONFIGURED, .state = CLOSED});
    CHECK_RESULT(caller_join(&opening), VD_E_INVALID);
    CHECK_RESULT(caller_join(&mapping), VD_E_INVALID);
    header_store(&segment, PHASE, CREATED);
    caller_start(&configuring, get_configuration, &waiter);
    CHECK_RESULT(caller_join(&configuring), VD_E_UNEXPECTED);
    CHECK_RESULT(vdi_close(guest.set), NOERROR);
    close(connection);
    segment_close(&segment);
}

/* A reason that this library does not know is one that is not known. [SEC-07] */
static void unknown_reason(void)
{
    static const uint32_t codes[] = {VDI_ABORT_INTERNAL + 1, 0x80000000, 0xffffffff};
    struct guest guest;
    uint32_t reason;
    int connection;
    struct segment segment = secondary_joins(&guest, &connection);
    header_store(&segment, PHASE, ABORTED);
    for (unsigned i = 0; i < sizeof codes / sizeof *codes; i++) {
        header_store(&segment, ABORT_CODE, codes[i]);
        CHECK_RESULT(vdi_abort_reason(guest.set, &reason, NULL, 0), NOERROR);
        CHECK_EQUAL(reason, VDI_ABORT_UNKNOWN);
    }
    CHECK_RESULT(vdi_close(guest.set), NOERROR);
    close(connection);
    segment_close(&segment);
}

static void run(void)
{
    static const struct lie lies[] = {
        {TERMINATED, OPEN, 0, NO_AREA, VD_E_UNEXPECTED},
        {TERMINATED, 77, 0, NO_AREA, VD_E_UNEXPECTED},
        {TERMINATED, CLOSED, 1, 9, VD_E_UNEXPECTED},
        {TERMINATED, CLOSED, 0, NO_AREA, VD_E_CLOSE},
        {CREATED, OPEN, 0, NO_AREA, VD_E_ABORT},
        {CONFIGURED, OPEN, 0, NO_AREA, VD_E_ABORT},
    };
    unique_name(name);
    for (unsigned i = 0; i < sizeof lies / sizeof *lies; i++)
        false_end_of_a_server(&lies[i]);
    false_end_of_a_primary(&(struct lie){CONFIGURED, CLOSED, 1, 9, VD_E_UNEXPECTED});
    false_end_of_a_primary(&(struct lie){CONFIGURED, CLOSED, 0, NO_AREA, VD_E_CLOSE});
    false_end_of_a_primary(&(struct lie){TERMINATED, OPEN, 0, NO_AREA, VD_E_ABORT});
    other_waits();
    unknown_reason();
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
