/*
 * What a hostile peer costs in processor time: a word that is written once costs a look, and nothing
 * after it; one that is written all the time costs no more than the writing; and a client that
 * rings for completions all the time, and makes none, is as silent as one that does nothing.
 */
#include "engine.h"
#include "hostile/guest.h"
#include "hostile/victim_checks.h"
#include "roles.h"

enum { BUSY_MS = 30, WRITES = 100000, MOST_RATIO = 30, SILENCE_MS = 50 };

static char name[NAME_SIZE];

static int64_t cpu_of(clockid_t clock)
{
    struct timespec used;
    CHECK(clock_gettime(clock, &used) == 0);
    return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

static clockid_t clock_of(pid_t process)
{
    clockid_t clock;
    CHECK(clock_getcpuclockid(process, &clock) == 0);
    return clock;
}

/*
 * A victim that waits uses next to nothing of the time in which this thread is busy: one that does
 * not sleep would get about as much, however busy the machine is.
 */
static void waits_quietly(clockid_t victim, enum word word)
{
    int64_t used = cpu_of(victim), start = cpu_of(CLOCK_THREAD_CPUTIME_ID), spent;
    do
        spent = cpu_of(CLOCK_THREAD_CPUTIME_ID) - start;
    while (spent < BUSY_MS * 1000000);
    used = cpu_of(victim) - used;
    if (used > spent / 5)
        check_failed(__FILE__, __LINE__, "%s costs %d ms while this process uses %d",
                     word_name(word), (int)(used / 1000000), BUSY_MS);
}

/* Words that may lie without ending the set. */
static const struct {
    enum word word;
    uint64_t value;
} lies[] = {
    {SET_BELL, UINT64_MAX},   {SET_BELL, 0}, {AGENT_BELL, 2},       {AGENT_BELL, 0},
    {BELL, UINT64_MAX},       {BELL, 0},     {PRIMARY_LIFE, 0},
    {PRIMARY_LIFE, WAITERS},  {SERVER_LIFE, 0}, {SERVER_LIFE, 1},   {PRIMARY_PID, 0},
    {SERVER_PID, UINT64_MAX}, {ABORT_CLAIM, 1}, {NAME_WAIT, 0},     {OWNER, 77},
};

static void lie_once(const struct segment *segment, clockid_t victim)
{
    for (unsigned i = 0; i < sizeof lies / sizeof *lies; i++) {
        struct spot spot = {.word = lies[i].word};
        segment_store(segment, spot, lies[i].value);
        segment_wake(segment, spot);
        waits_quietly(victim, spot.word);
    }
}

/* The victim is woken for nothing, as often as the test can. */
static void lie_always(const struct segment *segment, clockid_t victim, enum word bell)
{
    int64_t used = cpu_of(victim), spent = cpu_of(CLOCK_THREAD_CPUTIME_ID);
    for (unsigned i = 0; i < WRITES; i++)
        segment_ring(segment, bell, 0);
    used = cpu_of(victim) - used;
    spent = cpu_of(CLOCK_THREAD_CPUTIME_ID) - spent;
    if (used > MOST_RATIO * spent)
        check_failed(__FILE__, __LINE__, "%s costs %d times as much as it costs to ring",
                     word_name(bell), (int)(used / spent));
    waits_quietly(victim, bell);
}

/* A client waits for a command, and a secondary lies. [SEC-07] */
static void waiting_client(void)
{
    static struct engine engine;
    int memory;
    struct peer client = spawn_client();
    client_named(client, CREATE, name, NOERROR);
    engine_open(&engine, name, 1, BLOCK_SIZE, 1);
    client_open_device(client, name, 0);
    int connection = wire_connect(name);
    CHECK(wire_send_one(connection, wire_hello(SECONDARY, name), -1));
    CHECK_EQUAL(wire_receive(connection, NULL, &memory), WELCOME);
    struct segment segment = segment_open(memory);
    BEGIN(client, GET_COMMAND, .timeout = VDI_INFINITE);
    lie_once(&segment, clock_of(client.pid));
    lie_always(&segment, clock_of(client.pid), BELL);
    CHECK_RESULT(vdi_server_signal_abort(engine.server, NULL), NOERROR);
    FINISH(client, VD_E_ABORT);
    engine_close_aborted(&engine);
    ASK(client, NOERROR, CLOSE);
    client_leave(client);
    segment_close(&segment);
    close(connection);
}

/* A server that a primary of the test's own has let it be, with its agent and one command. */
static void server_start(struct guest *guest, struct caller *agent, VDS_Command *command)
{
    vdi_server_parameters parameters = {
        .size = sizeof parameters,
        .features = VDF_WriteMedia,
        .blockSize = BLOCK_SIZE,
        .maxTransferSize = TRANSFER_SIZE,
    };
    vdi_server_device *device;
    CHECK_RESULT(caller_join(&guest->caller), NOERROR);
    CHECK_RESULT(vdi_server_begin_configuration(guest->server, &parameters), NOERROR);
    CHECK_RESULT(vdi_server_end_configuration(guest->server), NOERROR);
    caller_start(agent, completion_agent, guest->server);
    CHECK_RESULT(vdi_server_open_device(guest->server, name, &device), NOERROR);
    CHECK_RESULT(vdi_server_send_command(device, command), NOERROR);
}

/* The agent waits for a completion, and the client lies; or only rings. */
static void waiting_server(int ringing)
{
    static struct journal journal = JOURNAL_INITIALIZER;
    struct guest guest;
    struct caller agent;
    VDS_Command command;
    uint32_t reason;
    clockid_t clock;
    journal.count = 0;
    command_prepare(&command, &journal, VDC_Flush, NULL, 0);
    int listener = wire_listen(name);
    struct segment segment = guest_segment(SERVER, name);
    header_store(&segment, REQUESTED_TIMEOUT, ringing ? SILENCE_MS : 0);
    int connection = guest_expect(&guest, SERVER, name, listener);
    CHECK(wire_send_one(connection, wire_welcome(2, segment.size), segment.memory));
    wire_unlisten(name, listener);
    server_start(&guest, &agent, &command);
    if (ringing) {
        while (caller_waits(&agent))
            for (unsigned i = 0; i < WRITES; i++)
                segment_ring(&segment, AGENT_BELL, 0);
    } else {
        CHECK(pthread_getcpuclockid(agent.thread, &clock) == 0);
        lie_once(&segment, clock);
        lie_always(&segment, clock, AGENT_BELL);
        CHECK_RESULT(vdi_server_signal_abort(guest.server, NULL), NOERROR);
    }
    CHECK_RESULT(caller_join(&agent), VD_E_ABORT);
    CHECK_JOURNAL(&journal, 0, &command, ERROR_OPERATION_ABORTED);
    CHECK_RESULT(vdi_server_abort_reason(guest.server, &reason, NULL, 0), NOERROR);
    if (ringing)
        CHECK_EQUAL(reason, VDI_ABORT_TIMEOUT);
    CHECK_RESULT(vdi_server_close(guest.server), NOERROR);
    close(connection);
    segment_close(&segment);
}

/* [SEC-07, TMO-10] */
static void run(void)
{
    unique_name(name);
    waiting_client();
    waiting_server(0);
    waiting_server(1);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
