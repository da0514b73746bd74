/*
 * Words that another thread changes all the time, to and fro, while the victim reads them: what is
 * read twice differs, and what was checked is something else a moment later.
 */
#include "hostile/attack.h"
#include "hostile/victim.h"

enum { MOST_SPOTS = 4 };

static struct race {
    pthread_t thread;
    struct segment segment;
    struct spot spots[MOST_SPOTS];
    uint64_t values[MOST_SPOTS];
    unsigned count;
    int running;
} race;

/* The value that belongs there, whatever it is by now, and the one that does not, in turn. */
static void *rewrite(void *argument)
{
    (void)argument;
    while (__atomic_load_n(&race.running, __ATOMIC_RELAXED)) {
        for (unsigned i = 0; i < race.count; i++) {
            uint64_t good = segment_load(&race.segment, race.spots[i]);
            segment_store(&race.segment, race.spots[i], race.values[i]);
            segment_store(&race.segment, race.spots[i], good);
        }
    }
    return NULL;
}

static void start_race(struct forged *forged)
{
    race.segment = forged->segment;
    race.count = 1 + attack_choose(MOST_SPOTS);
    for (unsigned i = 0; i < race.count; i++) {
        race.spots[i] = attack_spot(&forged->segment);
        race.values[i] = attack_value(&forged->segment, race.spots[i]);
        attack_note(" %s[%u,%u]~%llx", word_name(race.spots[i].word), race.spots[i].device,
                    race.spots[i].slot, (unsigned long long)race.values[i]);
    }
    race.running = 1;
    CHECK(pthread_create(&race.thread, NULL, rewrite, NULL) == 0);
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
    if (moment == first && !race.running)
        start_race(forged);
    forged->at_the_end = race.running ? stop_race : NULL;
}

/* [SEC-07, AMB-31] */
static void run(void)
{
    static const enum part parts[] = {BE_SERVER, BE_PRIMARY, BE_SECONDARY, BE_BOTH};
    char name[NAME_SIZE];
    unique_name(name);
    struct peer victim = victim_start(name);
    unsigned rounds = attack_rounds(60);
    for (unsigned round = 0; round < rounds; round++) {
        uint64_t seed = attack_first_seed() + round;
        attack_begin(seed);
        attack_play(victim, parts[seed % 4], name, racing);
    }
    victim_leave(victim);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {VICTIM_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
