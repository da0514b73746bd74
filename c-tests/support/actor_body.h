/*
 * actor_body.h - what an actor has, and the names of its steps; see actor.h
 */
#ifndef ACTOR_BODY_H
#define ACTOR_BODY_H

#include "waiting.h"

#include <sched.h>

#define STEPS(X) \
    X(NO_STEP) X(DO_LEAVE) X(DO_RESET) X(DO_KILL) X(DO_NULL_HANDLES) X(DO_GARBAGE_HANDLES) \
    X(DO_CREATE) X(DO_CREATE_IMPATIENT) X(DO_CREATE_PATIENT) X(DO_JOIN) \
    X(DO_GET_CONFIGURATION) X(DO_WAIT_CONFIGURATION) X(DO_OPEN_FIRST) X(DO_OPEN_SECOND) \
    X(DO_OPEN_UNKNOWN) \
    X(DO_FETCH) X(DO_GET_COMMAND) X(DO_GET_SECOND) X(DO_COMPLETE) X(DO_FAIL) X(DO_FAIL_PREVIOUS) \
    X(DO_GET_HANDLE) X(DO_MAP_HANDLE) X(DO_SIGNAL_ABORT) X(DO_CLOSE) X(DO_CLIENT_VIEW) \
    X(DO_SERVER_OPEN) X(DO_SERVER_GET_CONFIGURATION) X(DO_BEGIN) X(DO_REQUEST) X(DO_QUERY) \
    X(DO_END) \
    X(DO_SERVER_OPEN_DEVICE) X(DO_AGENT_START) X(DO_AGENT_CALL) X(DO_AGENT_JOIN) X(DO_FINISH) \
    X(DO_ALLOCATE) X(DO_FREE) X(DO_IS_SHARED) \
    X(DO_SEND) X(DO_SEND_READ) X(DO_SEND_OTHER) X(DO_SEND_CLEAR) X(DO_SETTLE) X(DO_SETTLE_FIRST) \
    X(DO_LAST_CODE) \
    X(DO_CLOSE_FIRST) X(DO_CLOSE_SECOND) X(DO_SERVER_SIGNAL_ABORT) X(DO_SERVER_CLOSE) \
    X(DO_SERVER_VIEW)

#define STEP_VALUE(step) step,
#define STEP_NAME(step) #step,
enum step { STEPS(STEP_VALUE) };
static const char *const step_names[] = {STEPS(STEP_NAME)};

/* The state of a set as one actor sees it through its own calls. */
enum view { DNE, CONNECTED, CONFIGURABLE, INITIALIZING, ACTIVE, TERMINATED, ABORTED };
static const char *const view_names[] = {"DNE",    "Connected",  "Configurable", "Initializing",
                                         "Active", "Terminated", "Abort"};

/* Results that no call of the library has. */
#define AGENT_RUNS 2

#define SCENE_BUFFER 4096

/* What an actor has. */
struct body {
    vdi_set *set;
    vdi_device *devices[2];
    /* The device of DO_GET_COMMAND and DO_COMPLETE: the one that was opened first. */
    unsigned device, device_count;
    uint32_t handle;
    vdi_server *server;
    vdi_server_device *server_devices[2];
    unsigned opened;
    void *buffer;
    /* The command that was fetched last, the one before, and the buffer of the last one. */
    VDC_Command *command, *previous;
    void *data;
    VDS_Command sent[8];
    unsigned ended[8];
    unsigned sent_count;
    struct caller agent;
    int agent_started;
};

#endif
