/*
 * server.h - the soak's servers: some commands in flight on every device, reads and writes mixed
 */
#ifndef SERVER_H
#define SERVER_H

#include "soak.h"

struct flight {
    struct server_work *work;
    unsigned device;
    VDS_Command command;
    atomic_int flying;
};

struct server_work {
    const struct order *order;
    struct engine engine;
    struct flight flights[VDI_MAX_DEVICES * MOST_DEPTH];
    unsigned count;
    atomic_uint next[VDI_MAX_DEVICES];
    atomic_uint sent, landed, good, idle, failed;
    /* Posted when all flights are idle, and when the fate is to be met. */
    sem_t something;
};

static inline int64_t *number_of(VDS_Command *command)
{
    return &command->inPosition;
}

/* Sends the next command of a device, or rests if there is none. */
static inline void launch(struct flight *flight)
{
    struct server_work *work = flight->work;
    const struct plan *plan = &work->order->plan;
    VDS_Command *command = &flight->command;
    unsigned number = atomic_fetch_add(&work->next[flight->device], 1);
    if (number >= plan->commands) {
        if (atomic_fetch_add(&work->idle, 1) + 1 == work->count)
            sem_post(&work->something);
        return;
    }
    *number_of(command) = number;
    command->commandCode = (number + plan->seed) % 3 == 0 ? VDC_Read : VDC_Write;
    if (command->commandCode == VDC_Write)
        pattern_fill_from(command->buffer, plan->size, stream_seed(plan, flight->device),
                          stream_place(plan, number));
    else
        memset(command->buffer, NO_PATTERN, plan->size);
    CHECK_EQUAL(atomic_exchange(&flight->flying, 1), 0);
    work->sent++;
    vdi_result result = vdi_server_send_command(work->engine.devices[flight->device], command);
    if (result != NOERROR)
        not_normal(plan, "SendCommand", result);
}

/* Exactly one call for every command, with the client's answer or without any. */
static inline void landed(VDS_Command *command)
{
    struct flight *flight = command->completionContext;
    struct server_work *work = flight->work;
    const struct plan *plan = &work->order->plan;
    CHECK_EQUAL(atomic_exchange(&flight->flying, 0), 1);
    work->landed++;
    if (command->completionCode != ERROR_SUCCESS) {
        CHECK(!plan->calm);
        CHECK_EQUAL(command->bytesTransferred, 0);
        work->failed++;
        if (atomic_fetch_add(&work->idle, 1) + 1 == work->count)
            sem_post(&work->something);
        return;
    }
    CHECK_EQUAL(command->bytesTransferred, plan->size);
    CHECK_EQUAL(command->outPosition, *number_of(command));
    if (command->commandCode == VDC_Read &&
        !pattern_matches_from(command->buffer, plan->size, stream_seed(plan, flight->device),
                              stream_place(plan, *number_of(command))))
        check_failed(__FILE__, __LINE__, "set %llu, device %u: the data of Read %lld is wrong",
                     (unsigned long long)plan->number, flight->device,
                     (long long)*number_of(command));
    if (atomic_fetch_add(&work->good, 1) == work->order->fate_at && work->order->fate != NONE)
        sem_post(&work->something);
    launch(flight);
}

/* Opens and configures the set, and opens its devices; whether that went well. */
static inline int serve_set(struct server_work *work)
{
    const struct plan *plan = &work->order->plan;
    vdi_server_parameters parameters = {.size = sizeof parameters,
                                        .features = VDF_WriteMedia | VDF_ReadMedia,
                                        .blockSize = BLOCK_SIZE,
                                        .maxTransferSize = TRANSFER_SIZE};
    struct engine *engine = &work->engine;
    vdi_result result = vdi_server_open(NULL, plan->name, &engine->server);
    if (result != NOERROR) {
        not_normal(plan, "server Open", result);
        return 0;
    }
    if ((result = vdi_server_begin_configuration(engine->server, &parameters)) != NOERROR ||
        (result = vdi_server_request_buffers(engine->server, plan->size, 0,
                                             plan->devices * plan->depth)) != NOERROR ||
        (result = vdi_server_end_configuration(engine->server)) != NOERROR) {
        not_normal(plan, "configuration", result);
        return 0;
    }
    caller_start(&engine->agent, completion_agent, engine->server);
    for (unsigned i = 0; i < plan->devices; i++) {
        char name[NAME_SIZE];
        device_name(name, plan->name, i);
        result = vdi_server_open_device(engine->server, name, &engine->devices[i]);
        if (result != NOERROR) {
            not_normal(plan, "server OpenDevice", result);
            return 0;
        }
    }
    engine->count = plan->devices;
    return 1;
}

/* Fills the devices with commands; whether there were buffers for all. */
static inline int take_off(struct server_work *work)
{
    const struct plan *plan = &work->order->plan;
    unsigned count = plan->devices * plan->depth;
    for (unsigned i = 0; i < count; i++) {
        struct flight *flight = &work->flights[i];
        void *buffer;
        vdi_result result =
            vdi_server_allocate_buffer(work->engine.server, plan->size, 0, &buffer);
        if (result != NOERROR) {
            not_normal(plan, "AllocateBuffer", result);
            return 0;
        }
        *flight = (struct flight){.work = work,
                                  .device = i % plan->devices,
                                  .command = {.size = (int32_t)plan->size,
                                              .buffer = buffer,
                                              .completionRoutine = landed,
                                              .completionContext = flight}};
    }
    work->count = count;
    for (unsigned i = 0; i < count; i++)
        launch(&work->flights[i]);
    return 1;
}

/* Waits for the end of the transfer, and meets the fate if that comes first. */
static inline void fly(struct server_work *work)
{
    const struct order *order = work->order;
    for (;;) {
        while (sem_wait(&work->something) != 0)
            continue;
        if (work->idle == work->count)
            return;
        meet_fate(order->fate);
        if (order->fate == ABORTS)
            CHECK_RESULT(vdi_server_signal_abort(work->engine.server, "soak"), NOERROR);
        if (order->fate == CLOSES)
            return;
    }
}

/* The normal end, unless something has failed or this server leaves in the middle. */
static inline void land(struct server_work *work, struct report *report)
{
    struct engine *engine = &work->engine;
    const struct plan *plan = &work->order->plan;
    int ended = work->failed == 0 && work->idle == work->count;
    for (unsigned i = 0; i < engine->count && ended; i++) {
        vdi_result result = vdi_server_close_device(engine->devices[i]);
        if (result != NOERROR)
            not_normal(plan, "CloseDevice", result);
        ended = result == NOERROR;
    }
    vdi_result left = ended ? caller_join(&engine->agent) : VD_E_ABORT;
    CHECK_RESULT(vdi_server_abort_reason(engine->server, &report->reason, NULL, 0), NOERROR);
    vdi_result closed = vdi_server_close(engine->server);
    if (closed != NOERROR)
        not_normal(plan, "server Close", closed);
    if (!ended)
        left = caller_join(&engine->agent);
    if (ended && left != NOERROR)
        not_normal(plan, "agent", left);
    report->normal = ended && left == NOERROR;
}

static inline struct report be_server(const struct order *order)
{
    static struct server_work work;
    struct report report = {.number = order->plan.number};
    memset(&work, 0, sizeof work);
    work.order = order;
    CHECK(sem_init(&work.something, 0, 0) == 0);
    if (!serve_set(&work) || !take_off(&work)) {
        /* Somebody was quicker. */
        if (work.engine.server != NULL) {
            CHECK_RESULT(vdi_server_abort_reason(work.engine.server, &report.reason, NULL, 0),
                         NOERROR);
            vdi_result closed = vdi_server_close(work.engine.server);
            if (closed != NOERROR)
                not_normal(&order->plan, "server Close", closed);
        }
        if (work.engine.agent.call != NULL)
            caller_join(&work.engine.agent);
        return report;
    }
    fly(&work);
    land(&work, &report);
    CHECK_EQUAL(work.sent, work.landed);
    report.commands = work.good;
    report.cut_off = work.failed;
    report.bytes = (uint64_t)work.good * order->plan.size;
    if (report.normal)
        CHECK_EQUAL(work.good, order->plan.devices * order->plan.commands);
    CHECK(!order->plan.calm || report.normal);
    return report;
}

#endif
