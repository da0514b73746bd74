/*
 * client.h - the soak's clients: a primary or a secondary with a thread for each of its devices
 */
#ifndef CLIENT_H
#define CLIENT_H

#include "soak.h"

struct worker_device {
    struct client_work *work;
    unsigned index;
    pthread_t thread;
};

struct client_work {
    const struct order *order;
    vdi_set *set;
    struct worker_device devices[VDI_MAX_DEVICES];
    unsigned count;
    atomic_uint begun, normal, finished;
    atomic_int stops;
};

/* Does what the command says with its buffer, and compares what came. */
static inline void work_on(const struct plan *plan, unsigned device, const VDC_Command *command)
{
    size_t place = stream_place(plan, command->position);
    uint8_t seed = stream_seed(plan, device);
    CHECK_EQUAL(command->size, plan->size);
    if (command->commandCode == VDC_Read) {
        pattern_fill_from(command->buffer, plan->size, seed, place);
        return;
    }
    CHECK_EQUAL(command->commandCode, VDC_Write);
    if (!pattern_matches_from(command->buffer, plan->size, seed, place))
        check_failed(__FILE__, __LINE__, "set %llu, device %u: the data of Write %lld is wrong",
                     (unsigned long long)plan->number, device, (long long)command->position);
}

/* What befalls this client, when it has its command. */
static inline void client_fate(struct client_work *work)
{
    const struct order *order = work->order;
    if (atomic_fetch_add(&work->begun, 1) != order->fate_at)
        return;
    meet_fate(order->fate);
    if (order->fate == ABORTS)
        CHECK_RESULT(vdi_signal_abort(work->set, "soak"), NOERROR);
    if (order->fate == CLOSES)
        work->stops = 1;
}

static inline void serve_device(struct client_work *work, vdi_device *device, unsigned index)
{
    const struct plan *plan = &work->order->plan;
    while (!work->stops) {
        VDC_Command *command;
        /* Comes back now and then, to see whether it is to stop. */
        vdi_result result = vdi_get_command(device, 100, &command);
        if (result == VD_E_TIMEOUT)
            continue;
        if (result == VD_E_CLOSE) {
            work->normal++;
            return;
        }
        if (result != NOERROR) {
            not_normal(plan, "GetCommand", result);
            return;
        }
        client_fate(work);
        work_on(plan, index, command);
        result = vdi_complete_command(device, command, ERROR_SUCCESS, plan->size,
                                      command->position);
        if (result != NOERROR) {
            not_normal(plan, "CompleteCommand", result);
            return;
        }
    }
}

static inline void *device_thread(void *argument)
{
    struct worker_device *mine = argument;
    struct client_work *work = mine->work;
    char name[NAME_SIZE];
    vdi_device *device;
    device_name(name, work->order->plan.name, mine->index);
    vdi_result result = vdi_open_device(work->set, name, &device);
    if (result == NOERROR)
        serve_device(work, device, mine->index);
    else
        not_normal(&work->order->plan, "OpenDevice", result);
    work->finished++;
    return NULL;
}

/* The primary looks after the others: its secondaries, and what the driver says of them. */
static inline void look_after(struct client_work *work, int order)
{
    uint32_t lost;
    if (work->order->part != PRIMARY)
        return;
    CHECK_RESULT(vdi_lost_secondaries(work->set, &lost), NOERROR);
    if (order == ABORT_NOW || lost > 0) {
        CHECK(!work->order->plan.calm);
        CHECK_RESULT(vdi_signal_abort(work->set, "another process has failed"), NOERROR);
    }
}

/* Serves every device that is this client's. */
static inline void work_on_devices(struct client_work *work)
{
    const struct order *order = work->order;
    int closing = 0;
    for (unsigned i = order->client; i < order->plan.devices; i += order->plan.clients) {
        struct worker_device *device = &work->devices[work->count++];
        *device = (struct worker_device){.work = work, .index = i};
        CHECK(pthread_create(&device->thread, NULL, device_thread, device) == 0);
    }
    while (work->finished < work->count) {
        int heard = order_within(&order->plan, 5);
        closing |= heard == CLOSE_NOW;
        look_after(work, heard);
    }
    for (unsigned i = 0; i < work->count; i++)
        CHECK(pthread_join(work->devices[i].thread, NULL) == 0);
    /* The primary leaves last, when all went well. */
    while (order->part == PRIMARY && order->plan.clients > 1 && !closing &&
           work->normal == work->count) {
        uint32_t reason;
        int heard = order_within(&order->plan, 50);
        closing = heard == CLOSE_NOW;
        look_after(work, heard);
        CHECK_RESULT(vdi_abort_reason(work->set, &reason, NULL, 0), NOERROR);
        if (reason != VDI_ABORT_NONE)
            return;
    }
}

static inline void leave(struct client_work *work, struct report *report)
{
    CHECK_RESULT(vdi_abort_reason(work->set, &report->reason, NULL, 0), NOERROR);
    report->normal = work->normal == work->count && report->reason == VDI_ABORT_NONE;
    CHECK(!work->order->plan.calm || report->normal);
    vdi_result result = vdi_close(work->set);
    if (result != NOERROR)
        not_normal(&work->order->plan, "Close", result);
}

/* Waits for the server; whether the set is configured. */
static inline int is_configured(struct client_work *work)
{
    const struct plan *plan = &work->order->plan;
    VDConfig config;
    vdi_result result;
    while ((result = vdi_get_configuration(work->set, 20, &config)) == VD_E_TIMEOUT)
        look_after(work, order_within(plan, 0));
    if (result == NOERROR)
        CHECK_EQUAL(config.deviceCount, plan->devices);
    else
        not_normal(plan, "GetConfiguration", result);
    return result == NOERROR;
}

static inline struct report be_primary(const struct order *order)
{
    struct client_work work = {.order = order};
    struct report report = {.kind = CREATED, .number = order->plan.number};
    work.set = client_create(order->plan.name, order->plan.devices);
    tell_driver(report);
    if (is_configured(&work)) {
        report.kind = CONFIGURED;
        tell_driver(report);
        work_on_devices(&work);
    }
    leave(&work, &report);
    return report;
}

static inline struct report be_secondary(const struct order *order)
{
    struct client_work work = {.order = order};
    struct report report = {.number = order->plan.number};
    vdi_result result = vdi_open_in_secondary(NULL, order->plan.name, &work.set);
    if (result == NOERROR) {
        work_on_devices(&work);
        leave(&work, &report);
    } else {
        not_normal(&order->plan, "OpenInSecondary", result);
    }
    return report;
}

#endif
