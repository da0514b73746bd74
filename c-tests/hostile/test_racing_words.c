/*
 * Words that another thread changes all the time, to and fro, while the victim reads them: what is
 * read twice differs, and what was checked is something else a moment later. Any words for a part of
 * a statement; and, for as long as a message is on its way, one word of every slot that a message
 * of the statement is in.
 */
#include "hostile/attack.h"
#include "hostile/victim.h"

#include <semaphore.h>

enum { SLOTS = FORGED_DEVICES * FORGED_COMMANDS, MOST_SPOTS = 4 };

static struct race {
    pthread_t thread;
    struct segment segment;
    struct spot spots[SLOTS];
    uint64_t good[SLOTS], wild[SLOTS];
    unsigned count;
    int running;
    sem_t begun;
} race;

/* The value that belongs there and the one that does not, in turn, each for half of the time. */
static void *rewrite(void *argument)
{
    (void)argument;
    sem_post(&race.begun);
    while (__atomic_load_n(&race.running, __ATOMIC_RELAXED)) {
        for (unsigned i = 0; i < race.count; i++)
            segment_store(&race.segment, race.spots[i], race.wild[i]);
        for (unsigned i = 0; i < race.count; i++)
            segment_store(&race.segment, race.spots[i], race.good[i]);
    }
    return NULL;
}

static void start_race(struct forged *forged)
{
    race.segment = forged->segment;
    for (unsigned i = 0; i < race.count; i++)
        race.good[i] = segment_load(&race.segment, race.spots[i]);
    race.running = 1;
    CHECK(pthread_create(&race.thread, NULL, rewrite, NULL) == 0);
    while (sem_wait(&race.begun) != 0)
        continue;
}

static void choose_any_words(struct forged *forged)
{
    race.count = 1 + attack_choose(MOST_SPOTS);
    for (unsigned i = 0; i < race.count; i++) {
        race.spots[i] = attack_spot(&forged->segment);
        race.wild[i] = attack_value(&forged->segment, race.spots[i]);
        attack_note(" %s[%u,%u]~%llx", word_name(race.spots[i].word), race.spots[i].device,
                    race.spots[i].slot, (unsigned long long)race.wild[i]);
    }
}

static void stop_race(void)
{
    __atomic_store_n(&race.running, 0, __ATOMIC_RELAXED);
    CHECK(pthread_join(race.thread, NULL) == 0);
}

/* From one moment of the statement to another; it ends at the latest when the peer hangs up. */
static void racing(enum moment moment, struct forged *forged)
{
    static enum moment first;
    if (moment == JOINING)
        first = (enum moment)attack_choose(ENDING);
    if (moment == first && !race.running) {
        choose_any_words(forged);
        start_race(forged);
    }
    forged->at_the_end = race.running ? stop_race : NULL;
}

/* What the victim checks before it believes it, and who reads it. */
static const struct {
    enum part victim;
    enum word word;
    uint64_t wild;
} checked[] = {
    {BE_SERVER, COMPLETION_BYTES, UINT32_MAX}, {BE_SERVER, COMPLETION_BYTES, FORGED_BUFFER + 1},
    {BE_SERVER, COMPLETION_TICKET, 1 << 20},   {BE_PRIMARY, COMMAND_TICKET, 1 << 20},
    {BE_PRIMARY, COMMAND_SIZE, INT32_MAX},     {BE_PRIMARY, COMMAND_CODE, VDC_Read},
    {BE_PRIMARY, COMMAND_AREA, NO_AREA},       {BE_PRIMARY, COMMAND_OFFSET, 1 << 30},
};
enum { CHECKED = sizeof checked / sizeof *checked };

static unsigned which;

/* The word of every slot, from when one message is published until the next one is written. */
static void racing_slots(enum moment moment, struct forged *forged)
{
    if (race.running)
        stop_race();
    if (moment == PUBLISHING) {
        for (race.count = 0; race.count < SLOTS; race.count++) {
            race.spots[race.count] = (struct spot){.word = checked[which].word,
                                                   .device = race.count % FORGED_DEVICES,
                                                   .slot = race.count / FORGED_DEVICES};
            race.wild[race.count] = checked[which].wild;
        }
        start_race(forged);
    }
    forged->at_the_end = race.running ? stop_race : NULL;
}

/* [SEC-07, AMB-31] */
static void run(void)
{
    static const enum part parts[] = {BE_SERVER, BE_PRIMARY, BE_SECONDARY, BE_BOTH};
    char name[NAME_SIZE];
    unique_name(name);
    CHECK(sem_init(&race.begun, 0, 0) == 0);
    struct peer victim = victim_start(name);
    unsigned rounds = attack_rounds(30);
    for (unsigned round = 0; round < rounds; round++) {
        uint64_t seed = attack_first_seed() + round;
        attack_begin(seed);
        attack_play(victim, parts[seed % 4], name, racing);
        for (which = 0; which < CHECKED; which++) {
            attack_note(" %s~%llx:", word_name(checked[which].word),
                        (unsigned long long)checked[which].wild);
            attack_play(victim, checked[which].victim, name, racing_slots);
        }
    }
    victim_leave(victim);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {VICTIM_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
