/*
 * ways.h - stages that a set passes, and what can end it in each of them
 */
#ifndef WAYS_H
#define WAYS_H

#include "walk.h"

/* Scripts, each of which continues the one above. */
#define CREATED {PRIMARY, DO_CREATE, NOERROR}
#define OPENED CREATED, {SERVER, DO_SERVER_OPEN, NOERROR}
#define BEGUN OPENED, {SERVER, DO_BEGIN, NOERROR}
#define CONFIGURED \
    BEGUN, {SERVER, DO_REQUEST, NOERROR}, {SERVER, DO_END, NOERROR}, \
        {SERVER, DO_ALLOCATE, NOERROR}, {SECONDARY, DO_JOIN, NOERROR}
#define ATTENDED CONFIGURED, {SERVER, DO_AGENT_START, AGENT_RUNS}
#define SERVED \
    ATTENDED, {SERVER, DO_SERVER_OPEN_DEVICE, NOERROR}, {SERVER, DO_SERVER_OPEN_DEVICE, NOERROR}
#define SHARED SERVED, {PRIMARY, DO_OPEN_FIRST, NOERROR}, {SECONDARY, DO_OPEN_SECOND, NOERROR}
#define HOLDING \
    SHARED, {SERVER, DO_SEND_READ, NOERROR}, {PRIMARY, DO_FETCH, NOERROR}, \
        {PRIMARY, DO_GET_HANDLE, NOERROR}
#define BOTH_CLOSED {SERVER, DO_CLOSE_FIRST, NOERROR}, {SERVER, DO_CLOSE_SECOND, NOERROR}
#define FINISHED \
    SHARED, BOTH_CLOSED, {PRIMARY, DO_GET_COMMAND, VD_E_CLOSE}, \
        {SECONDARY, DO_GET_COMMAND, VD_E_CLOSE}, {SERVER, DO_AGENT_JOIN, NOERROR}

/* What there is in a stage. */
enum {
    ATTACHED = 1,
    JOINED = 2,
    AGENT = 4,
    SERVER_DEVICES = 8,
    CLIENT_DEVICES = 16,
    COMMAND = 32,
    ENDED = 64,
    SILENT = 128,
};

struct stage {
    const char *name;
    int has;
    /* Views: of the clients if the secondary has joined, else of the primary alone; the server. */
    enum view clients, server;
    struct move script[MOVES];
};

static const struct stage stages[] = {
    {"Created", 0, CONFIGURABLE, DNE, {CREATED}},
    {"Connected", ATTACHED, CONFIGURABLE, CONNECTED, {OPENED}},
    {"Configurable", ATTACHED, CONFIGURABLE, CONFIGURABLE, {BEGUN}},
    {"Initializing", ATTACHED | JOINED, INITIALIZING, INITIALIZING, {CONFIGURED}},
    {"agent entered", ATTACHED | JOINED | AGENT, INITIALIZING, ACTIVE, {ATTENDED}},
    {"Active on the server's side", ATTACHED | JOINED | AGENT | SERVER_DEVICES, INITIALIZING,
     ACTIVE, {SERVED}},
    {"Active", ATTACHED | JOINED | AGENT | SERVER_DEVICES | CLIENT_DEVICES, ACTIVE, ACTIVE,
     {SHARED}},
    {"Active with a command",
     ATTACHED | JOINED | AGENT | SERVER_DEVICES | CLIENT_DEVICES | COMMAND, ACTIVE, ACTIVE,
     {HOLDING}},
    {"Normally Terminated", ATTACHED | JOINED | SERVER_DEVICES | CLIENT_DEVICES | ENDED, TERMINATED,
     TERMINATED, {FINISHED}},
    /* serverTimeOut is 1 ms, and the command is never fetched: the agent ends the set. */
    {"Active and silent",
     ATTACHED | JOINED | AGENT | SERVER_DEVICES | CLIENT_DEVICES | SILENT, ACTIVE, ACTIVE,
     {SHARED, {SERVER, DO_SEND_READ, NOERROR}}},
};

/* What aborts a set. */
struct blow {
    const char *name;
    int who;
    enum step step;
    /* Works only with all of these, and with none of those. */
    int needs, without;
    /* The result with the devices of this side open, and without. */
    int devices;
    vdi_result with_devices, otherwise;
};

static const struct blow blows[] = {
    {"SignalAbort of the primary", PRIMARY, DO_SIGNAL_ABORT, 0, SILENT, 0, NOERROR, NOERROR},
    {"SignalAbort of the secondary", SECONDARY, DO_SIGNAL_ABORT, JOINED, SILENT, 0, NOERROR,
     NOERROR},
    {"SignalAbort of the server", SERVER, DO_SERVER_SIGNAL_ABORT, ATTACHED, SILENT, 0, NOERROR,
     NOERROR},
    {"Close of the primary", PRIMARY, DO_CLOSE, ATTACHED, ENDED | SILENT, CLIENT_DEVICES, VD_E_OPEN,
     NOERROR},
    {"Close of the secondary", SECONDARY, DO_CLOSE, CLIENT_DEVICES, ENDED | SILENT, CLIENT_DEVICES,
     VD_E_OPEN, NOERROR},
    {"Close of the server", SERVER, DO_SERVER_CLOSE, ATTACHED, ENDED | SILENT, SERVER_DEVICES,
     VD_E_PROTOCOL, NOERROR},
    {"death of the primary", PRIMARY, DO_KILL, ATTACHED, ENDED | SILENT, 0, NOERROR, NOERROR},
    {"death of the server", SERVER, DO_KILL, ATTACHED, ENDED | SILENT, 0, NOERROR, NOERROR},
    {"serverTimeOut", SERVER, DO_AGENT_JOIN, SILENT, 0, 0, VD_E_ABORT, VD_E_ABORT},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static inline void way_add(struct way *way, int who, enum step step, int64_t wanted)
{
    unsigned end = 0;
    while (way->script[end].step != NO_STEP)
        end++;
    CHECK(end + 1 < MOVES);
    way->script[end] = (struct move){who, step, wanted};
}

/* The script of a stage; in a silent one the set has a serverTimeOut. */
static inline void way_begin(struct way *way, const struct stage *stage)
{
    memset(way, 0, sizeof *way);
    memcpy(way->script, stage->script, sizeof stage->script);
    if (stage->has & SILENT)
        way->script[0].step = DO_CREATE_IMPATIENT;
}

/* What an actor sees in a stage. */
static inline enum view stage_view(const struct stage *stage, enum who who)
{
    if (who == SERVER)
        return stage->server;
    return who == PRIMARY || stage->has & JOINED ? stage->clients : DNE;
}

/* Whether an actor has a part in a stage. */
static inline int stage_has(const struct stage *stage, enum who who)
{
    return who == PRIMARY || (stage->has & (who == SERVER ? ATTACHED : JOINED));
}

/* A stage and its abort; 0 if there is no such way, or `me` does not see its end. */
static inline int way_abort(struct way *way, const struct stage *stage, const struct blow *blow,
                            enum who me)
{
    static char name[128];
    int gone = blow->step == DO_CLOSE || blow->step == DO_SERVER_CLOSE || blow->step == DO_KILL;
    if ((stage->has & blow->needs) != blow->needs || stage->has & blow->without ||
        !stage_has(stage, me) || (gone && blow->who == (int)me))
        return 0;
    snprintf(name, sizeof name, "%s, then %s", stage->name, blow->name);
    way_begin(way, stage);
    way->name = name;
    way_add(way, blow->who, blow->step,
            stage->has & blow->devices ? blow->with_devices : blow->otherwise);
    if (stage->has & AGENT && !(blow->who == SERVER && (gone || blow->step == DO_AGENT_JOIN)))
        way_add(way, SERVER, DO_AGENT_JOIN, VD_E_ABORT);
    enum view views[ACTORS];
    for (int who = 0; who < ACTORS; who++) {
        int sees = stage_has(stage, (enum who)who) && !(gone && blow->who == who);
        views[who] = sees ? ABORTED : DNE;
    }
    way->me = views[me];
    way->other = views[me == SECONDARY ? PRIMARY : SECONDARY];
    way->across = views[me == SERVER ? PRIMARY : SERVER];
    way->orphaned = gone && blow->who == PRIMARY;
    return 1;
}

#endif
