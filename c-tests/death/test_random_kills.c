/* One process of a set is killed at any moment. VDI_TEST_ROUNDS says how often. */
#include "points.h"

#include <stdio.h>

#define ROUNDS 200
/*
 * With so many rounds a kill must come in each of the phases. What comes after the last command is
 * short, one or two kills in a hundred, so there may be more rounds, up to this many times.
 */
#define ENOUGH 100
#define MORE 10
/* Of so many runs one is not disturbed: how long it takes is how late the others are killed. */
#define EACH 8

/* What the victim had done when it was killed. */
enum phase { BEFORE_COMMANDS, WITH_COMMANDS, AFTER_COMMANDS, PHASES };

static enum phase phase_of(enum stage stage)
{
    if (stage < V_FIRST || (stage > V_GONE && stage < C_FIRST))
        return BEFORE_COMMANDS;
    return stage < V_ENDING || (stage > V_GONE && stage < C_ENDING) ? WITH_COMMANDS : AFTER_COMMANDS;
}

static int all_hit(const unsigned *kills)
{
    return kills[BEFORE_COMMANDS] > 0 && kills[WITH_COMMANDS] > 0 && kills[AFTER_COMMANDS] > 0;
}

/* [CRASH-01, CRASH-02, CRASH-03] */
static void run(void)
{
    unsigned rounds = test_rounds(ROUNDS);
    unsigned most = rounds < ENOUGH ? rounds : MORE * rounds;
    unsigned lengths[PARTS][ENDINGS] = {0};
    /* `late` came when the victim had ended, and killed nobody. */
    unsigned kills[PHASES] = {0}, late = 0;
    points_begin();
    cast_begin();
    for (unsigned round = 0; round < rounds || (round < most && !all_hit(kills)); round++) {
        struct run run = {.victim = points_random() % PARTS,
                          .ending = points_random() % ENDINGS,
                          .devices = 2 + points_random() % 3};
        unsigned *length = &lengths[run.victim][run.ending];
        if (*length != 0 && round % EACH != 0)
            run.microseconds = 1 + points_random() % *length;
        int untouched = cast_run(&run);
        if (run.microseconds == 0) {
            CHECK(untouched);
            *length = cast_microseconds();
        } else if (untouched) {
            late++;
        } else {
            kills[phase_of(board->reached)]++;
        }
    }
    cast_end();
    totals_print();
    printf("killed before the first command %u, with commands %u, after the last %u; too late %u\n",
           kills[BEFORE_COMMANDS], kills[WITH_COMMANDS], kills[AFTER_COMMANDS], late);
    CHECK(rounds < ENOUGH || all_hit(kills));
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
