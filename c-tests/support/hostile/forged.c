#include "forged.h"

#include "harness.h"

#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* A side that hears nothing new for so many looks stops waiting. */
enum { PATIENCE = 100, WINDOW = 3, SECONDARY_STEPS = 40 };

static unsigned commands_ended;

unsigned forged_commands_ended(void)
{
    return commands_ended;
}

static void moment_passes(void)
{
    struct timespec moment = {.tv_nsec = 20000};
    nanosleep(&moment, NULL);
}

/* What the other side says is read, and an area is kept; whether the other side is still there. */
static int listen_politely(struct forged *forged)
{
    char byte;
    struct packet packet;
    int descriptor;
    ssize_t size;
    while ((size = recv(forged->connection, &byte, 1, MSG_PEEK | MSG_DONTWAIT)) > 0) {
        if (wire_receive(forged->connection, &packet, &descriptor) != AREA)
            continue;
        /* To a primary; a server that was told so would end the set. */
        if (forged->is_secondary)
            wire_send_one(forged->connection, wire_mapped(wire_field(&packet, 0) + 1), -1);
        close(forged->area);
        forged->area = descriptor;
    }
    return size != 0;
}

static void hang_up(struct forged *forged)
{
    if (forged->at_the_end != NULL)
        forged->at_the_end();
    shutdown(forged->connection, SHUT_RDWR);
    close(forged->connection);
    close(forged->area);
    segment_close(&forged->segment);
}

/* The positions of one side in the rings of a device. */
struct place {
    uint32_t sent, received;
};

static void send_command(struct forged *forged, unsigned device, struct place *place,
                         attack_at *attack)
{
    static const uint32_t codes[] = {VDC_Write, VDC_Read, VDC_Flush};
    struct segment *segment = &forged->segment;
    uint32_t number = place->sent++, code = codes[number % 3];
    uint32_t buffer = (number + 3 * device) % FORGED_BUFFERS;
    struct {
        enum word word;
        uint64_t value;
    } const fields[] = {
        {COMMAND_TICKET, number % segment->capacity},
        {COMMAND_CODE, code},
        {COMMAND_SIZE, code == VDC_Flush ? 0 : FORGED_BUFFER},
        {COMMAND_AREA, code == VDC_Flush ? NO_AREA : 0},
        {COMMAND_POSITION, number},
        {COMMAND_OFFSET, 4096 + buffer * 8192},
    };
    for (unsigned i = 0; i < sizeof fields / sizeof *fields; i++) {
        struct spot spot = {fields[i].word, device, number % segment->capacity};
        segment_store(segment, spot, fields[i].value);
    }
    attack(PUBLISHING, forged);
    device_store(segment, device, COMMAND_TAIL, place->sent);
    segment_ring(segment, BELL, device);
}

/* Sends commands and waits for their ends, as far as they come. */
static void command(struct forged *forged, attack_at *attack)
{
    struct place places[FORGED_DEVICES] = {{0}};
    unsigned idle = 0;
    commands_ended = 0;
    while (idle++ < PATIENCE && commands_ended < FORGED_DEVICES * FORGED_COMMANDS) {
        if (!listen_politely(forged) || header_load(&forged->segment, PHASE) == ABORTED)
            return;
        for (unsigned device = 0; device < FORGED_DEVICES; device++) {
            struct place *place = &places[device];
            uint32_t tail = device_load(&forged->segment, device, COMPLETION_TAIL);
            if (tail != place->received && tail - place->received <= WINDOW) {
                commands_ended += tail - place->received;
                place->received = tail;
                idle = 0;
            }
            if (place->sent - place->received < WINDOW && place->sent < FORGED_COMMANDS) {
                attack(RUNNING, forged);
                send_command(forged, device, place, attack);
                idle = 0;
            }
        }
        moment_passes();
    }
    attack(RUNNING, forged);
}

static void close_devices(struct forged *forged, attack_at *attack)
{
    struct segment *segment = &forged->segment;
    for (unsigned device = 0; device < FORGED_DEVICES; device++) {
        device_store(segment, device, SERVER_STATE, CLOSED);
        segment_ring(segment, BELL, device);
        attack(ENDING, forged);
    }
    header_store(segment, SERVER_PID, 0);
    header_store(segment, PHASE, TERMINATED);
    segment_ring(segment, SET_BELL, 0);
    attack(ENDING, forged);
    moment_passes();
}

static void decide(struct segment *segment)
{
    header_store(segment, DECIDED, FORGED_DEVICES);
    header_store(segment, DECIDED_FEATURES, VDF_WriteMedia | VDF_ReadMedia);
    header_store(segment, DECIDED_PREFIX, FORGED_PREFIX);
    header_store(segment, DECIDED_ALIGNMENT, BLOCK_SIZE);
    header_store(segment, DECIDED_BLOCK, BLOCK_SIZE);
    header_store(segment, DECIDED_DEPTH, VDI_IO_DEPTH);
    header_store(segment, DECIDED_TRANSFER, TRANSFER_SIZE);
    header_store(segment, DECIDED_AREA, FORGED_AREA);
    header_store(segment, SERVER_LIFE, WAITERS | (uint32_t)gettid());
    header_store(segment, SERVER_PID, (uint32_t)getpid());
}

static void open_devices(struct segment *segment, const char *name)
{
    for (unsigned device = 0; device < FORGED_DEVICES; device++) {
        char device_named[NAME_SIZE];
        device_name(device_named, name, device);
        device_name_store(segment, device, device_named);
        device_store(segment, device, SERVER_STATE, OPEN);
    }
    segment_ring(segment, SET_BELL, 0);
}

void forged_server(const char *name, attack_at *attack)
{
    int memory;
    struct forged forged = {.connection = wire_connect(name), .area = -1};
    CHECK(forged.connection >= 0);
    wire_send_one(forged.connection, wire_hello(SERVER, name), -1);
    CHECK_EQUAL(wire_receive(forged.connection, NULL, &memory), WELCOME);
    forged.segment = segment_open(memory);
    header_store(&forged.segment, PHASE, CONNECTED);
    attack(JOINING, &forged);
    forged.area = sealed_memory("hostile-area", FORGED_AREA);
    wire_send_one(forged.connection, wire_area(0, FORGED_AREA), forged.area);
    header_store(&forged.segment, PHASE, CONFIGURABLE);
    decide(&forged.segment);
    attack(CONFIGURING, &forged);
    header_store(&forged.segment, PHASE, CONFIGURED);
    open_devices(&forged.segment, name);
    attack(CONFIGURING, &forged);
    command(&forged, attack);
    close_devices(&forged, attack);
    hang_up(&forged);
}

static void complete_command(struct forged *forged, unsigned device, struct place *place,
                             attack_at *attack)
{
    struct segment *segment = &forged->segment;
    struct spot from = {.device = device, .slot = place->received++ % segment->capacity};
    struct spot to = {.device = device, .slot = place->sent % segment->capacity};
    static const enum word copied[][2] = {{COMMAND_TICKET, COMPLETION_TICKET},
                                          {COMMAND_SIZE, COMPLETION_BYTES},
                                          {COMMAND_POSITION, COMPLETION_POSITION}};
    for (unsigned i = 0; i < sizeof copied / sizeof *copied; i++) {
        from.word = copied[i][0];
        to.word = copied[i][1];
        segment_store(segment, to, segment_load(segment, from));
    }
    to.word = COMPLETION_CODE;
    segment_store(segment, to, ERROR_SUCCESS);
    attack(PUBLISHING, forged);
    device_store(segment, device, COMPLETION_TAIL, ++place->sent);
    segment_ring(segment, AGENT_BELL, 0);
}

static int is_over(const struct segment *segment)
{
    int closed = 1;
    for (unsigned device = 0; device < FORGED_DEVICES; device++)
        closed &= device_load(segment, device, SERVER_STATE) == CLOSED;
    return closed || header_load(segment, PHASE) == ABORTED;
}

/* Completes commands, as far as they come. */
static void obey(struct forged *forged, attack_at *attack)
{
    struct place places[FORGED_DEVICES] = {{0}};
    unsigned idle = 0, seen = 0;
    commands_ended = 0;
    while (idle++ < PATIENCE && listen_politely(forged) && !is_over(&forged->segment)) {
        uint32_t phase = header_load(&forged->segment, PHASE);
        if (phase != seen && phase <= CONFIGURED)
            attack(CONFIGURING, forged);
        seen = phase;
        for (unsigned device = 0; device < FORGED_DEVICES; device++) {
            struct place *place = &places[device];
            uint32_t tail = device_load(&forged->segment, device, COMMAND_TAIL);
            if (tail == place->received || tail - place->received > forged->segment.capacity)
                continue;
            attack(RUNNING, forged);
            complete_command(forged, device, place, attack);
            commands_ended++;
            idle = 0;
        }
        moment_passes();
    }
    attack(RUNNING, forged);
}

void forged_primary(const char *name, int listener, enum wire_role guest, attack_at *attack)
{
    struct forged forged = {.segment = segment_make(name, FORGED_DEVICES), .area = -1};
    struct segment *segment = &forged.segment;
    header_store(segment, REQUESTED_PREFIX, FORGED_PREFIX);
    if (guest == SECONDARY) {
        decide(segment);
        open_devices(segment, name);
        header_store(segment, PHASE, CONFIGURED);
    }
    attack(JOINING, &forged);
    forged.connection = wire_accept(listener);
    wire_unlisten(name, listener);
    wire_send_one(forged.connection, wire_welcome(2, segment->size), segment->memory);
    if (guest == SECONDARY) {
        forged.area = sealed_memory("hostile-area", FORGED_AREA);
        wire_send_one(forged.connection, wire_area(0, FORGED_AREA), forged.area);
        attack(CONFIGURING, &forged);
        command(&forged, attack);
        close_devices(&forged, attack);
    } else {
        obey(&forged, attack);
        attack(ENDING, &forged);
        header_store(segment, PRIMARY_PID, 0);
    }
    hang_up(&forged);
}

void forged_secondary(const char *name, void (*joined)(void), attack_at *attack)
{
    int memory;
    struct forged forged = {.connection = wire_connect(name), .area = -1, .is_secondary = 1};
    CHECK(forged.connection >= 0);
    wire_send_one(forged.connection, wire_hello(SECONDARY, name), -1);
    CHECK_EQUAL(wire_receive(forged.connection, NULL, &memory), WELCOME);
    forged.segment = segment_open(memory);
    attack(JOINING, &forged);
    joined();
    for (unsigned step = 0; step < SECONDARY_STEPS && listen_politely(&forged); step++) {
        attack(RUNNING, &forged);
        moment_passes();
    }
    attack(ENDING, &forged);
    hang_up(&forged);
}
