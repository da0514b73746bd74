/*
 * A process that writes nonsense into the shared memory: it can end the set, and nothing else.
 */
#include "engine.h"
#include "hostile/segment.h"
#include "roles.h"

#define BUFFER 4096

/* argv: set. A secondary that writes the words that it is told: offset and value. */
static int intruder_role(int argc, char **argv)
{
    vdi_set *set;
    CHECK_EQUAL(argc, 2);
    CHECK_RESULT(vdi_open_in_secondary(NULL, argv[1], &set), NOERROR);
    struct segment segment = segment_of_library(0);
    CHECK(segment.base != NULL);
    tell(parent(), 0);
    for (int64_t told; (told = hear(parent())) >= 0;) {
        uint64_t order = (uint64_t)told;
        uint32_t value = (uint32_t)order;
        __atomic_store_n((uint32_t *)(segment.base + (order >> 32)), value, __ATOMIC_SEQ_CST);
        tell(parent(), 0);
    }
    return 0;
}

static char name[NAME_SIZE];
static struct engine engine;
static struct peer client, intruder;
static struct journal journal = JOURNAL_INITIALIZER;
static VDS_Command command;

static size_t place_of(enum word word)
{
    static const struct segment segment = {.devices = 1, .capacity = VDI_QUEUE_CAPACITY};
    return segment_offset(&segment, (struct spot){.word = word});
}

static void spoil_at(size_t place, uint32_t value)
{
    tell(intruder, (int64_t)(place << 32 | value));
    hear(intruder);
}

static void spoil(enum word word, uint64_t value)
{
    for (size_t half = 0; half < word_size(word); half += sizeof(uint32_t))
        spoil_at(place_of(word) + half, (uint32_t)(value >> 8 * half));
}

/* A set with a Write in the queue of its device; the agent comes later. */
static void start(void)
{
    vdi_server *server;
    journal.count = 0;
    client_named(client, CREATE, name, NOERROR);
    server = server_configure(name, BUFFER, 1);
    engine.server = server;
    CHECK_RESULT(vdi_server_open_device(server, name, &engine.devices[0]), NOERROR);
    client_open_device(client, name, 0);
    command_prepare(&command, &journal, VDC_Write, engine_buffer(&engine, BUFFER), BUFFER);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &command), NOERROR);
    intruder = spawn_role("intruder", name, (char *)NULL);
    hear(intruder);
}

/* The set is aborted for everybody, with the reason, and its command has ended. */
static void is_corrupted(vdi_result agent)
{
    uint32_t code;
    CHECK_EQUAL(ASK(client, NOERROR, ABORT_REASON).reason, VDI_ABORT_CORRUPTION);
    ASK(client, VD_E_ABORT, GET_COMMAND, .timeout = VDI_INFINITE);
    ASK(client, VD_E_ABORT, GET_CONFIGURATION, .timeout = VDI_INFINITE);
    CHECK_RESULT(vdi_server_execute_completion_agent(engine.server), agent);
    CHECK_JOURNAL(&journal, 0, &command, ERROR_OPERATION_ABORTED);
    CHECK_RESULT(vdi_server_abort_reason(engine.server, &code, NULL, 0), NOERROR);
    CHECK_EQUAL(code, VDI_ABORT_CORRUPTION);
}

static void finish(void)
{
    kill_and_wait(intruder);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    ASK(client, NOERROR, CLOSE);
    CHECK_EQUAL(journal_count(&journal), 1);
}

/* What the client reads from the queue. [SEC-07, AMB-31] */
static void spoiled_commands(void)
{
    static const struct {
        enum word word;
        uint64_t value;
    } faults[] = {
        {COMMAND_TAIL, VDI_QUEUE_CAPACITY + 1}, {COMMAND_TAIL, 0xffffffff},
        {COMMAND_TICKET, VDI_QUEUE_CAPACITY},   {COMMAND_TICKET, 0xffffffff},
        {COMMAND_SIZE, 0x7fffffff},             {COMMAND_SIZE, 0x80000000},
        {COMMAND_OFFSET, 0x7ffff000},           {COMMAND_OFFSET, 0xffffffff00001000},
        {COMMAND_OFFSET, 1},
    };
    for (unsigned i = 0; i < sizeof faults / sizeof *faults; i++) {
        start();
        spoil(faults[i].word, faults[i].value);
        ASK(client, VD_E_UNEXPECTED, GET_COMMAND, .timeout = VDI_INFINITE);
        is_corrupted(VD_E_ABORT);
        finish();
    }
}

/* What the server reads from the client. [SEC-07, AMB-31] */
static void spoiled_completions(void)
{
    static const struct {
        enum word word;
        uint64_t value;
    } faults[] = {
        {COMPLETION_TAIL, VDI_QUEUE_CAPACITY + 1}, {COMPLETION_TICKET, VDI_QUEUE_CAPACITY},
        {COMPLETION_TICKET, 5},                    {COMPLETION_BYTES, BUFFER + 1},
    };
    for (unsigned i = 0; i < sizeof faults / sizeof *faults; i++) {
        start();
        struct answer got = client_fetch(client, 0, VDC_Write);
        ASK(client, NOERROR, COMPLETE, .slot = got.slot, .bytes = BUFFER);
        spoil(faults[i].word, faults[i].value);
        CHECK_RESULT(vdi_server_execute_completion_agent(engine.server), VD_E_UNEXPECTED);
        is_corrupted(VD_E_ABORT);
        finish();
    }
}

/* The state and the configuration; and an abort is not taken back. [SEC-07, AMB-31, ST-41] */
static void spoiled_set(void)
{
    start();
    spoil(DECIDED, 2);
    ASK(client, VD_E_UNEXPECTED, GET_CONFIGURATION, .timeout = VDI_INFINITE);
    is_corrupted(VD_E_ABORT);
    spoil(PHASE, CONFIGURED);
    is_corrupted(VD_E_ABORT);
    finish();
    start();
    spoil(PHASE, 99);
    ASK(client, VD_E_ABORT, GET_COMMAND, .timeout = VDI_INFINITE);
    is_corrupted(VD_E_ABORT);
    finish();
}

static uint32_t next_random(void)
{
    static uint64_t state = 0x9e3779b97f4a7c15;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}

/*
 * Anything anywhere: calls return something, the command ends once, and nobody crashes or hangs.
 * [SEC-07]
 */
static void random_words(void)
{
    const size_t some = place_of(COMMAND_TICKET) + 128;
    const size_t all = segment_size(1, VDI_QUEUE_CAPACITY);
    for (unsigned round = 0; round < 60; round++) {
        start();
        caller_start(&engine.agent, completion_agent, engine.server);
        for (unsigned i = 0; i < 20; i++) {
            uint32_t at = next_random() % (uint32_t)(i % 2 ? all : some);
            spoil_at(at & ~3u, i % 3 ? next_random() : next_random() % 70);
            struct answer answer;
            order_client(client, (struct order){.action = GET_COMMAND});
            CHECK(recv(client.socket, &answer, sizeof answer, 0) == sizeof answer);
            if (answer.result == NOERROR)
                order_client(client, (struct order){.action = COMPLETE, .slot = answer.slot});
            else
                order_client(client, (struct order){.action = GET_CONFIGURATION});
            CHECK(recv(client.socket, &answer, sizeof answer, 0) == sizeof answer);
        }
        ASK(client, NOERROR, SIGNAL_ABORT);
        CHECK_RESULT(vdi_server_signal_abort(engine.server, NULL), NOERROR);
        journal_wait(&journal, 1);
        /* Any result is right: what is written may end the set in whatever way first. */
        (void)caller_join(&engine.agent);
        finish();
    }
}

static void run(void)
{
    unique_name(name);
    client = spawn_client();
    spoiled_commands();
    spoiled_completions();
    spoiled_set();
    random_words();
    client_leave(client);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {
        CLIENT_ROLE, {"intruder", intruder_role}, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
