/*
 * plan.h - what a set of the soak is like, from a seed and a number
 */
#ifndef PLAN_H
#define PLAN_H

#include "soak.h"

/* splitmix64 */
static inline uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static inline unsigned below(uint64_t *state, unsigned limit)
{
    return (unsigned)(draw(state) % limit);
}

/* Draws the plan of a set, and what befalls which participant when. */
static inline void make_plan(struct plan *plan, enum fate *fate, unsigned *fate_at,
                             uint64_t *state)
{
    static const uint32_t sizes[] = {4096, 4096, 4096, 65536, 65536, 262144, 1048576};
    /* Everyone has a device at least: a set may end before one comes who has nothing to do. */
    plan->devices = plan->clients + below(state, MOST_PLANNED_DEVICES - plan->clients + 1);
    plan->depth = 1 + below(state, MOST_DEPTH);
    plan->size = sizes[below(state, sizeof sizes / sizeof *sizes)];
    plan->commands = 1 + below(state, plan->size > 65536 ? 6 : 100);
    plan->seed = (uint8_t)draw(state);
    *fate = (enum fate)(below(state, 3) == 0 ? NONE : below(state, FATES));
    /* Somewhere in the work of that process, or soon after it began. */
    *fate_at = below(state, plan->commands * plan->devices / (plan->clients + 1) + 1);
}

#endif
