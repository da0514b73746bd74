/*
 * Null, invented, closed and mistaken handles, and null and misaligned pointers, for every
 * function: the documented code, failure values in the outputs, and nothing else.
 */
#include "engine.h"
#include "functions.h"

#define SIZE 4096

static char name[NAME_SIZE];
static struct engine engine;
static vdi_set *set;
static vdi_device *device;
static VDC_Command *held;

/* Numbers that are no handle, or are a handle of another kind. [ST-20, SDEV-SEND-04] */
static void invented(void)
{
    static uint64_t memory[8];
    /* Memory that may not be read, and memory that looks like anything. */
    memset(memory, 0xff, sizeof memory);
    void *const any[] = {NULL,
                         (void *)1,
                         (void *)2,
                         (void *)7,
                         (void *)8,
                         (void *)64,
                         (void *)0x1000,
                         (void *)0x7fffffffffff,
                         (void *)0x8000000000000000,
                         (void *)UINTPTR_MAX,
                         (void *)(UINTPTR_MAX - 7),
                         memory,
                         (char *)memory + 1,
                         &set,
                         held,
                         held->buffer,
                         (char *)set + 1,
                         (char *)set + 8,
                         (char *)set - 8,
                         (char *)device + 1,
                         (char *)engine.server + 1,
                         (char *)engine.devices[0] + 1};
    for (unsigned i = 0; i < sizeof any / sizeof *any; i++) {
        /* A neighbour of a handle may be another one by chance. */
        void *const real[] = {set, device, engine.server, engine.devices[0]};
        int chance = 0;
        for (unsigned r = 0; r < 4; r++)
            chance |= any[i] == real[r];
        if (chance)
            continue;
        for (enum kind kind = SET; kind < KINDS; kind++)
            refuse_handle(kind, any[i], name);
    }
    void *const handles[KINDS] = {NULL, set, device, engine.server, engine.devices[0]};
    for (enum kind kind = SET; kind < KINDS; kind++)
        for (enum kind other = SET; other < KINDS; other++)
            if (other != kind)
                refuse_handle(kind, handles[other], name);
}

/* Null and misaligned pointers, in calls that are right otherwise. [AMB-43, AMB-28] */
static void bad_pointers(void)
{
    void *const handles[KINDS] = {NULL, set, device, engine.server, engine.devices[0]};
    for (const struct function *f = functions; f < functions + FUNCTIONS; f++)
        for (unsigned odd = 0; odd < 2; odd++) {
            struct good good;
            struct arguments *a = &good.arguments;
            good_arguments(&good, f, name);
            a->handle = handles[f->handle];
            a->instance = "mistakes"; /* so that nothing is found */
            if (f->output > 0) {
                a->output = odd ? (uint8_t *)a->output + 1 : NULL;
                check_call(f, f->call(a), VD_E_INVALID);
                CHECK_CONTAINS(vdi_last_error_message(), "out_");
                CHECK_CONTAINS(vdi_last_error_message(), odd ? "misaligned" : "null");
                a->output = good.output;
            }
            if (f->input > 0) {
                a->input = odd ? (const uint8_t *)a->input + 1 : NULL;
                check_call(f, f->call(a), VD_E_INVALID);
                CHECK_CONTAINS(vdi_last_error_message(), odd ? "misaligned" : "null");
                CHECK_EQUAL(good.told.calls, 0);
                /* The failure value is there already, whatever else is wrong. */
                check_failed_output(f, &good);
            }
        }
}

/* Texts: null where that is allowed and where not, wrong ones, and such as are too long. */
static void bad_texts(void)
{
    static char longest[VDI_MAX_NAME + 2];
    memset(longest, 'x', sizeof longest - 1);
    const char *const names[] = {NULL, "", "a\\b", "\\", longest};
    const struct {
        const char *function;
        void *handle;
    } takers[] = {{"vdi_create", NULL},
                  {"vdi_open_in_secondary", NULL},
                  {"vdi_server_open", NULL},
                  {"vdi_open_device", set}};
    for (unsigned t = 0; t < sizeof takers / sizeof *takers; t++)
        for (unsigned n = 0; n < sizeof names / sizeof *names; n++) {
            const struct function *f = function_named(takers[t].function);
            struct good good;
            good_arguments(&good, f, names[n]);
            good.arguments.handle = takers[t].handle;
            vdi_result result = f->call(&good.arguments);
            /* All devices are open: that is told first. [AMB-03] */
            check_call(f, result,
                       takers[t].handle && names[n] ? VD_E_OPEN : VD_E_INVALID);
            check_failed_output(f, &good);
            if (takers[t].handle != NULL)
                continue;
            good_arguments(&good, f, name);
            good.arguments.instance = n < 2 ? "\\" : names[n]; /* null and "" are good ones */
            check_call(f, f->call(&good.arguments), VD_E_INSTANCE_NAME);
            check_failed_output(f, &good);
        }
}

/* What is no command of the device, and values without a name. [AMB-43] */
static void bad_values(void)
{
    _Alignas(16) char room[256];
    void *odd = room + 1;
    CHECK_RESULT(vdi_complete_command(device, NULL, ERROR_SUCCESS, 0, 0), VD_E_INVALID);
    uint32_t code;
    CHECK_RESULT(vdi_get_buffer_handle(set, NULL, &code), VD_E_INVALID);
    /* Found by its value, never read: these point nowhere, or into the middle of one. */
    void *const commands[] = {(void *)8, (void *)UINTPTR_MAX, odd, (char *)held + 1,
                              (char *)held + 8, held->buffer, device, set};
    for (unsigned i = 0; i < sizeof commands / sizeof *commands; i++)
        CHECK_RESULT(vdi_complete_command(device, commands[i], ERROR_SUCCESS, 0, 0), VD_E_INVALID);

    /* Any value has a name. */
    for (int32_t value = -3; value < 100; value++)
        CHECK(vdi_result_name(value) != NULL && vdi_command_name(value) != NULL);
}

static void run(void)
{
    static struct journal journal = JOURNAL_INITIALIZER;
    VDS_Command command;
    unique_name(name);
    set = client_create(name, 1);
    engine_open(&engine, name, 1, SIZE, 2);
    CHECK_RESULT(vdi_open_device(set, name, &device), NOERROR);
    command_prepare(&command, &journal, VDC_Read, engine_buffer(&engine, SIZE), SIZE);
    CHECK_RESULT(vdi_server_send_command(engine.devices[0], &command), NOERROR);
    CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &held), NOERROR);
    invented();
    bad_pointers();
    bad_texts();
    bad_values();

    /* Nothing of this disturbed the set. */
    memset(held->buffer, 0x42, SIZE);
    CHECK_RESULT(vdi_complete_command(device, held, ERROR_SUCCESS, SIZE, 0), NOERROR);
    CHECK_JOURNAL(&journal, 0, &command, ERROR_SUCCESS);
    CHECK_EQUAL(command.buffer[SIZE - 1], 0x42);
    engine_finish(&engine);
    CHECK_RESULT(vdi_close(set), NOERROR);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);

    /* Closed handles stay closed, also when new ones are made. */
    void *const closed[KINDS] = {NULL, set, device, engine.server, engine.devices[0]};
    for (int round = 0; round < 50; round++) {
        refuse_handles(closed, name);
        vdi_set *next = client_create(name, 1);
        CHECK(next != set);
        vdi_server *server = server_configure(name, SIZE, 0);
        CHECK(server != engine.server);
        refuse_handles(closed, name);
        CHECK_RESULT(vdi_server_close(server), NOERROR);
        CHECK_RESULT(vdi_close(next), NOERROR);
    }
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
