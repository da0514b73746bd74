/*
 * Every word of the control segment is set to every value that is likely to be trouble, at every
 * moment of a statement, in all directions. VDI_TEST_ROUNDS is how many of the cases are tried, evenly
 * spread; the number of a case is its VDI_TEST_SEED.
 */
#include "hostile/attack.h"
#include "hostile/victim.h"

enum value { ZERO, ONE, ALL_ONES, HIGH_BIT, NEIGHBOUR, VALUES };
enum { PARTS = 4 };
/* Ways to pick a device and a slot: the first, and others. */
enum { PLACES = 2 };

/* A case of all. */
static struct {
    enum part part;
    enum moment moment;
    enum word word;
    enum value value;
    unsigned place;
    unsigned done;
} now;

static uint64_t value_of(const struct segment *segment, struct spot spot)
{
    struct spot neighbour = spot;
    switch (now.value) {
    case ZERO:
        return 0;
    case ONE:
        return 1;
    case ALL_ONES:
        return UINT64_MAX;
    case HIGH_BIT:
        return (uint64_t)1 << (8 * word_size(spot.word) - 1);
    default:
        neighbour.word = (enum word)((spot.word + 1) % WORD_COUNT);
        return segment_load(segment, neighbour);
    }
}

static void one_word(enum moment moment, struct forged *forged)
{
    if (moment != now.moment || now.done)
        return;
    struct spot spot = {.word = now.word, .device = now.place, .slot = now.place};
    attack_write(forged, moment, spot, value_of(&forged->segment, spot));
    /* Whatever is put into a slot is spoiled before it is published. */
    now.done = !word_has_slot(now.word);
}

/* Cases that follow each other differ in the part, then in the moment, and so on. */
static void choose_case(uint64_t number)
{
    static const enum part parts[PARTS] = {BE_SERVER, BE_PRIMARY, BE_SECONDARY, BE_BOTH};
    now.part = parts[number % PARTS];
    number /= PARTS;
    now.moment = (enum moment)(number % MOMENTS);
    number /= MOMENTS;
    now.value = (enum value)(number % VALUES);
    number /= VALUES;
    now.word = (enum word)(number % WORD_COUNT);
    number /= WORD_COUNT;
    now.place = (unsigned)(number % PLACES);
    now.done = 0;
}

static void no_attack(enum moment moment, struct forged *forged)
{
    (void)moment;
    forged->at_the_end = NULL;
}

/* A peer that is left alone plays its statement to the end: what is attacked takes place. */
static void without_attack(struct peer victim, const char *name)
{
    static const enum part parts[] = {BE_SERVER, BE_PRIMARY, BE_SECONDARY};
    attack_begin(0);
    for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++)
        /* On a busy machine it may lose its patience now and then. */
        do
            attack_play(victim, parts[i], name, no_attack);
        while (forged_commands_ended() != FORGED_DEVICES * FORGED_COMMANDS);
}

/* [SEC-07, AMB-31] */
static void run(void)
{
    uint64_t cases = (uint64_t)PARTS * MOMENTS * VALUES * WORD_COUNT * PLACES;
    /* A stride without a common divisor comes to every case, the last of them first. */
    uint64_t stride = 7919;
    unsigned rounds = attack_rounds(400);
    char name[NAME_SIZE];
    unique_name(name);
    struct peer victim = victim_start(name);
    without_attack(victim, name);
    for (uint64_t round = 0; round < rounds && round < cases; round++) {
        uint64_t number = (attack_first_seed() + round * stride) % cases;
        attack_begin(number);
        choose_case(number);
        attack_play(victim, now.part, name, one_word);
    }
    victim_leave(victim);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {VICTIM_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
