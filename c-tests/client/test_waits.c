/*
 * The three client functions that wait, in the primary and in a secondary process: each is shown to
 * wait, and to end with each of its endings as the specification says, outputs included.
 *
 * The test directs three processes: the primary P, the secondary S, and the server. One of P and S
 * waits; the others bring about the ending.
 */
#include "engine.h"
#include "roles.h"

enum step { ATTACH, CONFIGURE, ANNOUNCE, ANNOUNCE_LAST, SEND, CLOSE_DEVICE, ABORT, CLOSE_SERVER };

static vdi_result server_end_configuration(vdi_server *server)
{
    vdi_server_parameters parameters = {.size = sizeof parameters,
                                        .features = VDF_WriteMedia,
                                        .blockSize = BLOCK_SIZE,
                                        .maxTransferSize = VDI_TRANSFER_UNIT};
    CHECK_RESULT(vdi_server_begin_configuration(server, &parameters), NOERROR);
    CHECK_RESULT(vdi_server_request_buffers(server, BLOCK_SIZE, 0, 1), NOERROR);
    return vdi_server_end_configuration(server);
}

/* argv: the set. A server process; every number that it hears is a step; it tells the result. */
static int server_role(int argc, char **argv)
{
    static struct journal journal = JOURNAL_INITIALIZER;
    static VDS_Command command;
    vdi_server *server = NULL;
    vdi_server_device *devices[3];
    char last[NAME_SIZE];
    CHECK_EQUAL(argc, 2);
    for (;;) {
        vdi_result result = NOERROR;
        enum step step = (enum step)hear(parent());
        switch (step) {
        case ATTACH:
            result = vdi_server_open(NULL, argv[1], &server);
            break;
        case CONFIGURE:
            result = server_end_configuration(server);
            break;
        case ANNOUNCE:
            CHECK_RESULT(vdi_server_open_device(server, argv[1], &devices[0]), NOERROR);
            device_name(last, argv[1], 1);
            result = vdi_server_open_device(server, last, &devices[1]);
            break;
        case ANNOUNCE_LAST:
            device_name(last, argv[1], 2);
            result = vdi_server_open_device(server, last, &devices[2]);
            break;
        case SEND:
            command_prepare(&command, &journal, VDC_Flush, NULL, 0);
            result = vdi_server_send_command(devices[1], &command);
            break;
        case CLOSE_DEVICE:
            result = vdi_server_close_device(devices[1]);
            break;
        case ABORT:
            result = vdi_server_signal_abort(server, "a test");
            break;
        case CLOSE_SERVER:
            result = vdi_server_close(server);
            break;
        }
        tell(parent(), result);
        if (step == CLOSE_SERVER)
            return 0;
    }
}

/* The functions that wait. */
enum call { CONFIGURATION, COMMAND, NAME, CALLS };
static const char *const calls[] = {"GetConfiguration", "GetCommand", "OpenDevice"};

/* What ends a wait. */
enum ending {
    RESULT,
    TIME_OUT,
    DEVICE_CLOSED,
    ALL_NAMES_KNOWN,
    ABORT_BY_PRIMARY,
    ABORT_BY_SECONDARY,
    ABORT_BY_SERVER,
    PRIMARY_CLOSES,
    SECONDARY_CLOSES,
    SERVER_CLOSES,
    SERVER_DIES,
    PRIMARY_DIES,
    ENDINGS
};
static const char *const endings[] = {
    "its result",         "the time-out",       "the close of the device",
    "the last name",      "abort by primary",   "abort by secondary",
    "abort by server",    "close by primary",   "close by secondary",
    "close by server",    "death of the server", "death of the primary"};

static char name[NAME_SIZE];
static struct peer primary, secondary, server;

static void serve(enum step step, vdi_result wanted)
{
    tell(server, step);
    CHECK_EQUAL(hear(server), wanted);
}

/* Whether this ending can end this call in this process. */
static int is_possible(enum call call, enum ending ending, int in_primary)
{
    /* Once there are secondaries, GetConfiguration does not wait. */
    if (call == CONFIGURATION && !in_primary)
        return 0;
    switch (ending) {
    case DEVICE_CLOSED:
        return call == COMMAND;
    case ALL_NAMES_KNOWN:
        return call == NAME;
    case ABORT_BY_PRIMARY:
    case PRIMARY_CLOSES:
    case PRIMARY_DIES:
        return !in_primary;
    case ABORT_BY_SECONDARY:
    case SECONDARY_CLOSES:
        return in_primary && call != CONFIGURATION;
    default:
        return 1;
    }
}

/*
 * A set of three devices in which the call can wait: device 1 is the waiter's, and the other client
 * process has device 0. Name 2 is not announced.
 */
static void prepare(enum call call, enum ending ending, struct peer waiter, struct peer other)
{
    struct order order = {.action = CREATE,
                          .config.deviceCount = 3,
                          .options = {.size = sizeof order.options, .nameWait = 3600000}};
    if (ending == TIME_OUT)
        order.options.nameWait = 150;
    strcpy(order.name, name);
    client_ask(__FILE__, __LINE__, "CREATE", primary, NOERROR, order);
    server = spawn_role("server", name, (char *)NULL);
    serve(ATTACH, NOERROR);
    if (call == CONFIGURATION)
        return;
    serve(CONFIGURE, NOERROR);
    serve(ANNOUNCE, NOERROR);
    client_named(secondary, OPEN_IN_SECONDARY, name, NOERROR);
    client_open_device(other, name, 0);
    client_open_device(waiter, name, 1);
}

/* The order for the call that waits; with a time-out if that is what ends it. */
static struct order waiting_order(enum call call, enum ending ending)
{
    static const enum action actions[] = {GET_CONFIGURATION, GET_COMMAND, OPEN_DEVICE};
    struct order order = {.action = actions[call],
                          .device = call == NAME ? 2 : 1,
                          .timeout = ending == TIME_OUT ? 150 : VDI_INFINITE};
    if (call == NAME) {
        device_name(order.name, name, 2);
        if (ending == ALL_NAMES_KNOWN)
            strcat(order.name, "-never");
    }
    return order;
}

static void bring_about(enum call call, enum ending ending)
{
    static const enum step results[] = {CONFIGURE, SEND, ANNOUNCE_LAST};
    switch (ending) {
    case RESULT:
        serve(results[call], NOERROR);
        break;
    case TIME_OUT:
    case ENDINGS:
        break;
    case DEVICE_CLOSED:
        serve(CLOSE_DEVICE, NOERROR);
        break;
    case ALL_NAMES_KNOWN:
        serve(ANNOUNCE_LAST, NOERROR);
        break;
    case ABORT_BY_PRIMARY:
        ASK(primary, NOERROR, SIGNAL_ABORT);
        break;
    case ABORT_BY_SECONDARY:
        ASK(secondary, NOERROR, SIGNAL_ABORT);
        break;
    case ABORT_BY_SERVER:
        serve(ABORT, NOERROR);
        break;
    case PRIMARY_CLOSES:
        ASK(primary, VD_E_OPEN, CLOSE);
        break;
    case SECONDARY_CLOSES:
        ASK(secondary, VD_E_OPEN, CLOSE);
        break;
    case SERVER_CLOSES: /* with devices open, or before any was */
        serve(CLOSE_SERVER, call == CONFIGURATION ? NOERROR : VD_E_PROTOCOL);
        break;
    case SERVER_DIES:
        kill_and_wait(server);
        break;
    case PRIMARY_DIES:
        kill_and_wait(primary);
        break;
    }
}

static vdi_result wanted_result(enum call call, enum ending ending)
{
    switch (ending) {
    case RESULT:
        return NOERROR;
    case TIME_OUT:
        return call == NAME ? VD_E_INVALID : VD_E_TIMEOUT;
    case DEVICE_CLOSED:
        return VD_E_CLOSE;
    case ALL_NAMES_KNOWN:
        return VD_E_INVALID;
    default:
        return VD_E_ABORT;
    }
}

/*
 * After the wait: what a failure leaves in the outputs, and that later calls agree. The client role
 * itself checks that a failing GetCommand and OpenDevice give null.
 * [CSET-GETCFG-08, CSET-OPENDEV-08, CDEV-GETCMD-12]
 */
static void look_again(enum call call, enum ending ending, struct peer waiter)
{
    vdi_result wanted = wanted_result(call, ending);
    struct answer answer = client_answer(__FILE__, __LINE__, "the wait", waiter, wanted);
    VDConfig untouched;
    memset(&untouched, UNTOUCHED, sizeof untouched);
    if (call == CONFIGURATION && wanted != NOERROR)
        CHECK(memcmp(&answer.config, &untouched, sizeof untouched) == 0);
    if (call == COMMAND && wanted == NOERROR) {
        CHECK_EQUAL(answer.command.commandCode, VDC_Flush);
        ASK(waiter, NOERROR, COMPLETE, .device = 1, .slot = answer.slot);
    }
    if (call == COMMAND && ending == DEVICE_CLOSED)
        ASK(waiter, VD_E_PROTOCOL, GET_COMMAND, .device = 1, .timeout = VDI_INFINITE);
    if (wanted == VD_E_ABORT) {
        struct order again = waiting_order(call, ending);
        client_ask(__FILE__, __LINE__, "the call again", waiter, VD_E_ABORT, again);
    }
    if (ending == TIME_OUT && call != NAME) { /* nothing has changed: it may be repeated */
        struct order again = waiting_order(call, ending);
        again.timeout = 0;
        client_ask(__FILE__, __LINE__, "a poll", waiter, VD_E_TIMEOUT, again);
        serve(call == COMMAND ? SEND : CONFIGURE, NOERROR);
        again = waiting_order(call, RESULT);
        client_ask(__FILE__, __LINE__, "the call again", waiter, NOERROR, again);
    }
}

/* Everybody leaves, aborted if it is not yet. */
static void part(enum call call, enum ending ending)
{
    if (ending == PRIMARY_DIES)
        primary = spawn_client();
    else if (ending != PRIMARY_CLOSES)
        ASK(primary, NOERROR, SIGNAL_ABORT);
    if (ending != SECONDARY_CLOSES && call != CONFIGURATION)
        ASK(secondary, NOERROR, CLOSE);
    if (ending != SERVER_DIES) {
        if (ending != SERVER_CLOSES)
            serve(CLOSE_SERVER, NOERROR);
        CHECK_EQUAL(wait_exit(server), 0);
    }
    if (ending != PRIMARY_DIES && ending != PRIMARY_CLOSES)
        ASK(primary, NOERROR, CLOSE);
}

/*
 * BEGIN returns when the client sleeps in the call, so a call that does not wait is found by its
 * answer, which is then not the wanted one, or by the CHECK here.
 * [CSET-GETCFG-01, CSET-GETCFG-03, CSET-GETCFG-04, CDEV-GETCMD-01, CDEV-GETCMD-03, CDEV-GETCMD-04]
 * [CDEV-GETCMD-05, CDEV-GETCMD-06, CSET-OPENDEV-06, CSET-OPENDEV-07, AMB-16, TMO-02]
 */
static void ends(enum call call, enum ending ending, int in_primary)
{
    struct peer waiter = in_primary ? primary : secondary;
    printf("%s in the %s, ended by %s\n", calls[call], in_primary ? "primary" : "secondary",
           endings[ending]);
    prepare(call, ending, waiter, in_primary ? secondary : primary);
    client_begin(waiter, waiting_order(call, ending));
    struct answer early;
    if (ending != TIME_OUT)
        CHECK(recv(waiter.socket, &early, sizeof early, MSG_DONTWAIT | MSG_PEEK) < 0);
    bring_about(call, ending);
    look_again(call, ending, waiter);
    part(call, ending);
}

static void run(void)
{
    unique_name(name);
    primary = spawn_client();
    secondary = spawn_client();
    for (enum call call = CONFIGURATION; call < CALLS; call++)
        for (enum ending ending = RESULT; ending < ENDINGS; ending++)
            for (int in_primary = 0; in_primary <= 1; in_primary++)
                if (is_possible(call, ending, in_primary))
                    ends(call, ending, in_primary);
    /* The last death left nothing that keeps a new set from having the name. */
    client_named(primary, CREATE, name, NOERROR);
    ASK(primary, NOERROR, CLOSE);
    client_leave(primary);
    client_leave(secondary);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {"server", server_role}, {NULL, NULL}};
    setvbuf(stdout, NULL, _IOLBF, 0);
    return test_main(argc, argv, roles, run);
}
