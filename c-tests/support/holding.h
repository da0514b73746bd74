/*
 * holding.h - a completion routine that keeps the agent until the test lets it go
 */
#ifndef HOLDING_H
#define HOLDING_H

#include "engine.h"

static sem_t agent_held, agent_let_go;

static inline void hold_the_agent(VDS_Command *command)
{
    sem_post(&agent_held);
    while (sem_wait(&agent_let_go) != 0)
        continue;
    journal_write(command);
}

/* Fills in a Flush whose completion holds the agent, and then goes into the journal. */
static inline void command_prepare_holding(VDS_Command *command, struct journal *journal)
{
    CHECK(sem_init(&agent_held, 0, 0) == 0 && sem_init(&agent_let_go, 0, 0) == 0);
    command_prepare(command, journal, VDC_Flush, NULL, 0);
    command->completionRoutine = hold_the_agent;
}

/* Returns when the agent is in the routine. */
static inline void wait_agent_held(void)
{
    while (sem_wait(&agent_held) != 0)
        continue;
}

static inline void let_the_agent_go(void)
{
    sem_post(&agent_let_go);
}

#endif
