/*
 * segment.h - the control segment of docs/shared-memory-format.md, without the library
 *
 * Every word has a name, so that an attack can be written as data: which word, which value, when.
 */
#ifndef SEGMENT_H
#define SEGMENT_H

#include <stddef.h>
#include <stdint.h>

/* Where the words of a block begin. */
enum block { IN_HEADER, IN_DEVICE, IN_COMMAND, IN_COMPLETION, IN_HANDLE };

/* word, block, offset, size */
#define WORDS(X) \
    X(MAGIC, IN_HEADER, 0, 8) X(SIZE, IN_HEADER, 8, 8) X(VERSION, IN_HEADER, 16, 4) \
    X(DEVICES, IN_HEADER, 20, 4) X(CAPACITY, IN_HEADER, 24, 4) X(NAME_WAIT, IN_HEADER, 28, 4) \
    X(TAG, IN_HEADER, 32, 8) X(REQUESTED, IN_HEADER, 40, 4) \
    X(REQUESTED_PREFIX, IN_HEADER, 48, 4) X(REQUESTED_ALIGNMENT, IN_HEADER, 52, 4) \
    X(REQUESTED_TIMEOUT, IN_HEADER, 64, 4) X(DECIDED, IN_HEADER, 84, 4) \
    X(DECIDED_FEATURES, IN_HEADER, 88, 4) X(DECIDED_PREFIX, IN_HEADER, 92, 4) \
    X(DECIDED_ALIGNMENT, IN_HEADER, 96, 4) X(DECIDED_BLOCK, IN_HEADER, 112, 4) \
    X(DECIDED_DEPTH, IN_HEADER, 116, 4) X(DECIDED_TRANSFER, IN_HEADER, 120, 4) \
    X(DECIDED_AREA, IN_HEADER, 124, 4) X(PHASE, IN_HEADER, 128, 4) \
    X(SET_BELL, IN_HEADER, 256, 4) X(AGENT_BELL, IN_HEADER, 384, 4) \
    X(PRIMARY_LIFE, IN_HEADER, 512, 4) X(PRIMARY_PID, IN_HEADER, 516, 4) \
    X(SERVER_LIFE, IN_HEADER, 640, 4) X(SERVER_PID, IN_HEADER, 644, 4) \
    X(ABORT_CLAIM, IN_HEADER, 768, 4) X(ABORT_CODE, IN_HEADER, 896, 4) \
    X(ABORT_LENGTH, IN_HEADER, 904, 4) X(ABORT_BYTES, IN_HEADER, 912, 8) \
    X(OWNER, IN_DEVICE, 0, 4) X(SERVER_STATE, IN_DEVICE, 128, 4) \
    X(NAME_LENGTH, IN_DEVICE, 136, 4) X(NAME_BYTES, IN_DEVICE, 144, 8) \
    X(BELL, IN_DEVICE, 512, 4) X(COMMAND_TAIL, IN_DEVICE, 640, 4) \
    X(COMPLETION_TAIL, IN_DEVICE, 768, 4) \
    X(COMMAND_TICKET, IN_COMMAND, 0, 4) X(COMMAND_CODE, IN_COMMAND, 4, 4) \
    X(COMMAND_SIZE, IN_COMMAND, 8, 4) X(COMMAND_AREA, IN_COMMAND, 12, 4) \
    X(COMMAND_POSITION, IN_COMMAND, 16, 8) X(COMMAND_OFFSET, IN_COMMAND, 24, 8) \
    X(COMPLETION_TICKET, IN_COMPLETION, 0, 4) X(COMPLETION_CODE, IN_COMPLETION, 4, 4) \
    X(COMPLETION_BYTES, IN_COMPLETION, 8, 4) X(COMPLETION_ZERO, IN_COMPLETION, 12, 4) \
    X(COMPLETION_POSITION, IN_COMPLETION, 16, 8) \
    X(HANDLE, IN_HANDLE, 0, 4) X(HANDLE_AREA, IN_HANDLE, 4, 4) X(HANDLE_OFFSET, IN_HANDLE, 8, 8) \
    X(HANDLE_SIZE, IN_HANDLE, 16, 8)

#define WORD_VALUE(word, block, offset, size) word,
enum word { WORDS(WORD_VALUE) WORD_COUNT };

enum phase { CREATED = 1, CONNECTED, CONFIGURABLE, CONFIGURED, TERMINATED, ABORTED };
enum device_state { UNOPENED, OPEN, CLOSED };

#define DIED 0x40000000u
#define WAITERS 0x80000000u
#define NO_AREA 0xffffffffu

struct segment {
    char *base;
    size_t size;
    unsigned devices, capacity;
    int memory;
};

/* One word of one device and one slot; both are 0 for the header. */
struct spot {
    enum word word;
    unsigned device, slot;
};

const char *word_name(enum word word);
size_t word_size(enum word word);
int word_has_device(enum word word);
int word_has_slot(enum word word);

size_t segment_size(unsigned devices, unsigned capacity);
size_t segment_offset(const struct segment *segment, struct spot spot);

/* A new segment, as the primary of a set of that name makes it; phase Created. */
struct segment segment_make(const char *name, unsigned devices);

/* The segment behind a received descriptor, which is kept. */
struct segment segment_open(int memory);

/* That of the library in this process, mapped before by it; base is NULL after the last one. */
struct segment segment_of_library(unsigned number);

void segment_close(struct segment *segment);

/* The words of a server that has configured the set and opened its first device. */
void segment_configure(const struct segment *segment);

/* Words of 4 bytes have the upper half 0. */
uint64_t segment_load(const struct segment *segment, struct spot spot);
void segment_store(const struct segment *segment, struct spot spot, uint64_t value);

/* Shorthand for the words of the header and of a device. */
uint32_t header_load(const struct segment *segment, enum word word);
void header_store(const struct segment *segment, enum word word, uint64_t value);
uint32_t device_load(const struct segment *segment, unsigned device, enum word word);
void device_store(const struct segment *segment, unsigned device, enum word word, uint64_t value);
void device_name_store(const struct segment *segment, unsigned device, const char *name);

/* Wakes who sleeps on a word, whatever it says. */
void segment_wake(const struct segment *segment, struct spot spot);

/* As a ringer does: 0 into the word, and a wake. */
void segment_ring(const struct segment *segment, enum word bell, unsigned device);

#endif
