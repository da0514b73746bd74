/*
 * scene.h - a set with actors: a primary, a secondary, a server, and a visitor who has no part yet
 *
 * A test says who makes which step of actor.h, and gets the result of the call. The actors live in
 * the process of the test, or each in one of its own ("far"); the steps are the same. A test that
 * uses scenes lists ACTOR_ROLE in its roles.
 */
#ifndef SCENE_H
#define SCENE_H

#include "actor.h"

enum who { PRIMARY, SECONDARY, SERVER, VISITOR, ACTORS };
static const char *const who_names[] = {"primary", "secondary", "server", "visitor"};

struct scene {
    int far;
    /* Counts the sets; part of their names. */
    unsigned number;
    struct body bodies[ACTORS];
    struct peer processes[ACTORS];
    int dead[ACTORS];
};

/* The name of a set, in the process of the test and in those of its actors. */
static inline void scene_name(char name[NAME_SIZE], pid_t test, unsigned number)
{
    snprintf(name, NAME_SIZE, "scene-%d-%u-", (int)test, number);
}

static inline int actor_role(int argc, char **argv)
{
    (void)argc, (void)argv;
    static struct body body;
    body_prepare(&body);
    for (;;) {
        int64_t order = hear(parent());
        char name[NAME_SIZE];
        enum step step = (enum step)(order & 0xff);
        scene_name(name, parent().pid, (unsigned)(order >> 8));
        if (step == DO_LEAVE)
            return 0;
        tell(parent(), body_step(&body, step, name));
    }
}

#define ACTOR_ROLE {"actor", actor_role}

/* What a far actor is told. */
static inline int64_t scene_order(const struct scene *scene, enum step step)
{
    return (int64_t)scene->number << 8 | step;
}

static inline void scene_begin(struct scene *scene, int far)
{
    memset(scene, 0, sizeof *scene);
    scene->far = far;
    for (int who = 0; who < ACTORS; who++)
        if (far)
            scene->processes[who] = spawn_role("actor", (char *)NULL);
        else
            body_prepare(&scene->bodies[who]);
}

/* An actor makes a step. */
static inline int64_t scene_do(struct scene *scene, enum who who, enum step step)
{
    CHECK(!scene->dead[who]);
    if (!scene->far) {
        char name[NAME_SIZE];
        scene_name(name, getpid(), scene->number);
        return body_step(&scene->bodies[who], step, name);
    }
    if (step == DO_KILL) {
        kill_and_wait(scene->processes[who]);
        scene->dead[who] = 1;
        return NOERROR;
    }
    tell(scene->processes[who], scene_order(scene, step));
    return hear(scene->processes[who]);
}

/* A far actor begins a step; returns when it waits in its call. */
static inline void scene_begin_step(struct scene *scene, enum who who, enum step step)
{
    tell(scene->processes[who], scene_order(scene, step));
    wait_asleep(scene->processes[who].pid, scene->processes[who].pid);
}

/* The result of a step that was begun. */
static inline int64_t scene_end_step(struct scene *scene, enum who who)
{
    return hear(scene->processes[who]);
}

/* What an actor sees; one that is dead sees nothing. */
static inline enum view scene_view(struct scene *scene, enum who who)
{
    if (scene->dead[who])
        return DNE;
    return (enum view)scene_do(scene, who, who == SERVER ? DO_SERVER_VIEW : DO_CLIENT_VIEW);
}

/* Ends the set, and begins with a new name. */
static inline void scene_reset(struct scene *scene)
{
    int primary_died = scene->dead[PRIMARY];
    for (int who = 0; who < ACTORS; who++) {
        if (!scene->dead[who]) {
            scene_do(scene, who, DO_RESET);
            continue;
        }
        scene->processes[who] = spawn_role("actor", (char *)NULL);
        scene->dead[who] = 0;
    }
    if (primary_died) {
        /* Takes over what the dead one may have left in the runtime directory. */
        CHECK_RESULT((vdi_result)scene_do(scene, VISITOR, DO_CREATE), NOERROR);
        scene_do(scene, VISITOR, DO_RESET);
    }
    scene->number++;
}

static inline void scene_end(struct scene *scene)
{
    scene_reset(scene);
    for (int who = 0; who < ACTORS && scene->far; who++) {
        tell(scene->processes[who], DO_LEAVE);
        CHECK_EQUAL(wait_exit(scene->processes[who]), 0);
    }
}

#endif
