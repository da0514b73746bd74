#include "attack.h"

#include "victim.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t state;
static char story[2000];
static size_t story_length;

unsigned attack_rounds(unsigned rounds)
{
    return test_rounds(rounds);
}

uint64_t attack_first_seed(void)
{
    return test_number("VDI_TEST_SEED", 1);
}

void attack_begin(uint64_t seed)
{
    /* Neighbouring seeds give choices that have nothing to do with each other. */
    state = seed * 0x9e3779b97f4a7c15 + 0x1234567;
    for (unsigned i = 0; i < 8; i++)
        attack_number();
    story_length = 0;
    attack_note("VDI_TEST_SEED=%" PRIu64 " VDI_TEST_ROUNDS=1:", seed);
}

uint64_t attack_number(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state * 0x2545f4914f6cdd1d;
}

uint32_t attack_choose(uint32_t limit)
{
    return (uint32_t)((attack_number() >> 32) % limit);
}

void attack_note(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length =
        vsnprintf(story + story_length, sizeof story - story_length, format, arguments);
    va_end(arguments);
    story_length += (size_t)length;
    if (story_length >= sizeof story)
        story_length = sizeof story - 1;
}

const char *attack_story(void)
{
    return story;
}

struct spot attack_spot(const struct segment *segment)
{
    struct spot spot = {.word = (enum word)attack_choose(WORD_COUNT)};
    if (word_has_device(spot.word))
        spot.device = attack_choose(segment->devices);
    if (word_has_slot(spot.word))
        /* The first slots are in use. */
        spot.slot = attack_choose(attack_choose(4) == 0 ? segment->capacity : 4);
    return spot;
}

uint64_t attack_value(const struct segment *segment, struct spot spot)
{
    uint64_t now = segment_load(segment, spot);
    switch (attack_choose(10)) {
    case 0:
        return 0;
    case 1:
        return UINT64_MAX;
    case 2:
        return now ^ (uint64_t)1 << attack_choose(8 * (uint32_t)word_size(spot.word));
    case 3:
        return now + 1;
    case 4:
        return now - 1;
    case 5:
        return attack_choose(8);
    case 6:
        return segment->capacity - 1 + attack_choose(3);
    case 7:
        return segment_load(segment, attack_spot(segment));
    case 8:
        return (uint64_t)1 << attack_choose(64);
    default:
        return attack_number();
    }
}

void attack_write(struct forged *forged, enum moment moment, struct spot spot, uint64_t value)
{
    attack_note(" %u:%s[%u,%u]=%" PRIx64, (unsigned)moment, word_name(spot.word), spot.device,
                spot.slot, value);
    segment_store(&forged->segment, spot, value);
    segment_wake(&forged->segment, spot);
}

static struct peer playing_with;

/* The statement of primary and server begins when the secondary is there. */
static void has_joined(void)
{
    victim_continue(playing_with);
}

void attack_play(struct peer victim, unsigned part, const char *name, attack_at *attack)
{
    static const char *const parts[] = {"", "server", "primary", "secondary", "both"};
    enum wire_role guest = part == BE_SERVER ? SERVER : SECONDARY;
    int listener = -1;
    attack_note(" victim is %s:", parts[part]);
    if (part == BE_SERVER || part == BE_SECONDARY)
        listener = wire_listen(name);
    playing_with = victim;
    victim_begin(victim, (enum part)part);
    if (listener >= 0)
        forged_primary(name, listener, guest, attack);
    else if (part == BE_PRIMARY)
        forged_server(name, attack);
    else
        forged_secondary(name, has_joined, attack);
    victim_ended(victim, (enum part)part, story);
}
