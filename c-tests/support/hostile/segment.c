#include "segment.h"

#include "harness.h"
#include "wire.h"

#include <inttypes.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { HEADER_SIZE = 1280, DEVICE_HEADER = 896, SLOT = 64, HANDLE_ENTRY = 32 };

#define WORD_FACTS(word, block, offset, size) {#word, block, offset, size},
static const struct {
    const char *name;
    enum block block;
    size_t offset, size;
} words[] = {WORDS(WORD_FACTS)};

const char *word_name(enum word word)
{
    return words[word].name;
}

size_t word_size(enum word word)
{
    return words[word].size;
}

int word_has_device(enum word word)
{
    return words[word].block != IN_HEADER;
}

int word_has_slot(enum word word)
{
    return word_has_device(word) && words[word].block != IN_DEVICE;
}

static size_t block_size(unsigned capacity)
{
    size_t size = DEVICE_HEADER + (2 * SLOT + HANDLE_ENTRY) * (size_t)capacity;
    return (size + 127) / 128 * 128;
}

size_t segment_size(unsigned devices, unsigned capacity)
{
    return HEADER_SIZE + devices * block_size(capacity);
}

size_t segment_offset(const struct segment *segment, struct spot spot)
{
    size_t device = HEADER_SIZE + spot.device * block_size(segment->capacity);
    size_t slots = device + DEVICE_HEADER, ring = (size_t)SLOT * segment->capacity;
    switch (words[spot.word].block) {
    case IN_HEADER:
        return words[spot.word].offset;
    case IN_DEVICE:
        return device + words[spot.word].offset;
    case IN_COMMAND:
        return slots + (size_t)SLOT * spot.slot + words[spot.word].offset;
    case IN_COMPLETION:
        return slots + ring + (size_t)SLOT * spot.slot + words[spot.word].offset;
    case IN_HANDLE:
        return slots + 2 * ring + (size_t)HANDLE_ENTRY * spot.slot + words[spot.word].offset;
    }
    check_failed(__FILE__, __LINE__, "%d is no word", (int)spot.word);
}

uint64_t segment_load(const struct segment *segment, struct spot spot)
{
    char *at = segment->base + segment_offset(segment, spot);
    return words[spot.word].size == 8 ? __atomic_load_n((uint64_t *)at, __ATOMIC_SEQ_CST)
                                      : __atomic_load_n((uint32_t *)at, __ATOMIC_SEQ_CST);
}

void segment_store(const struct segment *segment, struct spot spot, uint64_t value)
{
    char *at = segment->base + segment_offset(segment, spot);
    if (words[spot.word].size == 8)
        __atomic_store_n((uint64_t *)at, value, __ATOMIC_SEQ_CST);
    else
        __atomic_store_n((uint32_t *)at, (uint32_t)value, __ATOMIC_SEQ_CST);
}

uint32_t header_load(const struct segment *segment, enum word word)
{
    return (uint32_t)segment_load(segment, (struct spot){.word = word});
}

void header_store(const struct segment *segment, enum word word, uint64_t value)
{
    segment_store(segment, (struct spot){.word = word}, value);
}

uint32_t device_load(const struct segment *segment, unsigned device, enum word word)
{
    return (uint32_t)segment_load(segment, (struct spot){.word = word, .device = device});
}

void device_store(const struct segment *segment, unsigned device, enum word word, uint64_t value)
{
    segment_store(segment, (struct spot){.word = word, .device = device}, value);
}

void device_name_store(const struct segment *segment, unsigned device, const char *name)
{
    struct spot bytes = {.word = NAME_BYTES, .device = device};
    memcpy(segment->base + segment_offset(segment, bytes), name, strlen(name));
    device_store(segment, device, NAME_LENGTH, strlen(name));
}

static char *map(int memory, size_t size)
{
    char *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    CHECK(base != MAP_FAILED);
    return base;
}

struct segment segment_make(const char *name, unsigned devices)
{
    struct segment segment = {
        .size = segment_size(devices, VDI_QUEUE_CAPACITY),
        .devices = devices,
        .capacity = VDI_QUEUE_CAPACITY,
    };
    segment.memory = sealed_memory("hostile-control", segment.size);
    segment.base = map(segment.memory, segment.size);
    header_store(&segment, SIZE, segment.size);
    header_store(&segment, VERSION, 0x00020000);
    header_store(&segment, DEVICES, devices);
    header_store(&segment, CAPACITY, segment.capacity);
    header_store(&segment, NAME_WAIT, 30000);
    header_store(&segment, TAG, 0x123456789abcdef0);
    header_store(&segment, REQUESTED, devices);
    header_store(&segment, PRIMARY_PID, (uint32_t)getpid());
    header_store(&segment, PRIMARY_LIFE, WAITERS | (uint32_t)gettid());
    device_name_store(&segment, 0, name);
    header_store(&segment, PHASE, CREATED);
    memcpy(segment.base, "libvdi\0C", 8);
    return segment;
}

struct segment segment_open(int memory)
{
    struct segment segment = {.memory = memory};
    struct stat status;
    CHECK(fstat(memory, &status) == 0);
    segment.size = (size_t)status.st_size;
    segment.base = map(memory, segment.size);
    segment.devices = header_load(&segment, DEVICES);
    segment.capacity = header_load(&segment, CAPACITY);
    CHECK_EQUAL(segment.size, segment_size(segment.devices, segment.capacity));
    return segment;
}

struct segment segment_of_library(unsigned number)
{
    struct segment segment = {.memory = -1};
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "re");
    CHECK(maps != NULL);
    while (fgets(line, sizeof line, maps) != NULL) {
        uintptr_t start, end;
        if (strstr(line, "/memfd:vdi-control") == NULL ||
            sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &start, &end) != 2 || end - start <= BLOCK_SIZE)
            continue; /* a single page is that of a sign of life */
        if (number-- > 0)
            continue;
        segment.base = (char *)start;
        segment.size = end - start;
        segment.devices = header_load(&segment, DEVICES);
        segment.capacity = header_load(&segment, CAPACITY);
        break;
    }
    fclose(maps);
    return segment;
}

void segment_close(struct segment *segment)
{
    CHECK(munmap(segment->base, segment->size) == 0);
    close(segment->memory);
    segment->base = NULL;
}

void segment_configure(const struct segment *segment)
{
    header_store(segment, DECIDED, 1);
    header_store(segment, DECIDED_FEATURES, VDF_WriteMedia);
    header_store(segment, DECIDED_ALIGNMENT, BLOCK_SIZE);
    header_store(segment, DECIDED_BLOCK, BLOCK_SIZE);
    header_store(segment, DECIDED_DEPTH, VDI_IO_DEPTH);
    header_store(segment, DECIDED_TRANSFER, TRANSFER_SIZE);
    header_store(segment, PHASE, CONFIGURED);
    device_store(segment, 0, SERVER_STATE, OPEN);
}

void segment_wake(const struct segment *segment, struct spot spot)
{
    char *at = segment->base + segment_offset(segment, spot);
    syscall(SYS_futex, at, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void segment_ring(const struct segment *segment, enum word bell, unsigned device)
{
    struct spot spot = {.word = bell, .device = device};
    segment_store(segment, spot, 0);
    segment_wake(segment, spot);
}
