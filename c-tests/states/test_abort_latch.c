/*
 * An abort is a latch: it ends every call that waits, in whatever process and by whatever cause,
 * and no transition that happens at the same moment takes it back.
 */
#include "ways.h"

#define N NOERROR

/* A call that waits, at the end of a script. */
struct wait {
    const char *name;
    enum who who;
    enum step step;
    const struct stage *stage;
    enum step create;
};

static const struct wait waits[] = {
    {"configuration, Created", PRIMARY, DO_WAIT_CONFIGURATION, &stages[0], DO_CREATE},
    {"configuration, Connected", PRIMARY, DO_WAIT_CONFIGURATION, &stages[1], DO_CREATE},
    {"configuration, Configurable", PRIMARY, DO_WAIT_CONFIGURATION, &stages[2], DO_CREATE},
    /* The server has not announced the name of the second device. */
    {"a name, primary", PRIMARY, DO_OPEN_SECOND, &stages[3], DO_CREATE_PATIENT},
    {"a name, secondary", SECONDARY, DO_OPEN_SECOND, &stages[3], DO_CREATE_PATIENT},
    {"a command, primary", PRIMARY, DO_FETCH, &stages[6], DO_CREATE},
    {"a command, secondary", SECONDARY, DO_FETCH, &stages[6], DO_CREATE},
    {"completions", SERVER, DO_AGENT_JOIN, &stages[4], DO_CREATE},
    {"completions of a command", SERVER, DO_AGENT_JOIN, &stages[7], DO_CREATE},
};

static void play(struct scene *scene, const struct move *moves)
{
    for (; moves->step != NO_STEP; moves++) {
        int64_t got = scene_do(scene, (enum who)moves->who, moves->step);
        if (got != moves->wanted)
            check_failed(__FILE__, __LINE__, "%s is %d, not %d", step_names[moves->step], (int)got,
                         (int)moves->wanted);
    }
}

/* The causes that another process than the waiting one can have. */
static void wait_and_abort(struct scene *scene, const struct wait *wait, const struct blow *blow)
{
    struct way way;
    int has = wait->stage->has;
    if (blow->who == (int)wait->who || (has & blow->needs) != blow->needs)
        return;
    scene_reset(scene);
    way_begin(&way, wait->stage);
    way.script[0].step = wait->create;
    play(scene, way.script);
    scene_begin_step(scene, wait->who, wait->step);
    int64_t wanted = has & blow->devices ? blow->with_devices : blow->otherwise;
    CHECK_EQUAL(scene_do(scene, (enum who)blow->who, blow->step), wanted);
    int64_t got = scene_end_step(scene, wait->who);
    if (got != VD_E_ABORT)
        check_failed(__FILE__, __LINE__, "waiting for %s, %s: the result is %s", wait->name,
                     blow->name, vdi_result_name((vdi_result)got));
    CHECK_EQUAL(scene_view(scene, wait->who), ABORTED);
}

/* [ST-02, ST-41] */
static void every_wait(struct scene *scene)
{
    for (unsigned w = 0; w < COUNT(waits); w++)
        for (unsigned b = 0; b < COUNT(blows); b++)
            wait_and_abort(scene, &waits[w], &blows[b]);
}

/* A transition, and an abort at the same moment. */
struct race {
    const char *name;
    struct move script[MOVES];
    enum who who;
    enum step step;
};

static const struct race races[] = {
    {"Connected", {CREATED}, SERVER, DO_SERVER_OPEN},
    {"Configurable", {OPENED}, SERVER, DO_BEGIN},
    {"Configured", {BEGUN, {SERVER, DO_REQUEST, N}}, SERVER, DO_END},
    {"Terminated by the last close", {SHARED, {SERVER, DO_CLOSE_FIRST, N}},
     SERVER, DO_CLOSE_SECOND},
    {"Terminated by the last completion", {HOLDING, BOTH_CLOSED}, PRIMARY, DO_COMPLETE},
    {"Terminated by the close of the server", {SHARED, BOTH_CLOSED}, SERVER, DO_SERVER_CLOSE},
};

static void race_once(struct scene *scene, const struct race *race, enum who who, enum step abort)
{
    scene_reset(scene);
    play(scene, race->script);
    /* Both are under way before either is heard. */
    tell(scene->processes[race->who], scene_order(scene, race->step));
    tell(scene->processes[who], scene_order(scene, abort));
    vdi_result moved = (vdi_result)hear(scene->processes[race->who]);
    CHECK_RESULT((vdi_result)hear(scene->processes[who]), NOERROR);
    if (moved != NOERROR && moved != VD_E_ABORT)
        check_failed(__FILE__, __LINE__, "%s: the result is %s", race->name,
                     vdi_result_name(moved));
    for (int actor = PRIMARY; actor <= SERVER; actor++) {
        enum view view = scene_view(scene, (enum who)actor);
        if (view != ABORTED && view != DNE)
            check_failed(__FILE__, __LINE__, "%s: the %s sees %s, not Abort", race->name,
                         who_names[actor], view_names[view]);
    }
    CHECK_EQUAL(scene_view(scene, PRIMARY), ABORTED);
}

/* [ST-41, AMB-41] */
static void every_race(struct scene *scene)
{
    for (int round = 0; round < 10; round++)
        for (unsigned r = 0; r < COUNT(races); r++) {
            if (races[r].who != PRIMARY)
                race_once(scene, &races[r], PRIMARY, DO_SIGNAL_ABORT);
            if (r > 2)
                race_once(scene, &races[r], SECONDARY, DO_SIGNAL_ABORT);
        }
}

static void run(void)
{
    static struct scene scene;
    scene_begin(&scene, 1);
    every_wait(&scene);
    every_race(&scene);
    scene_end(&scene);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {ACTOR_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
