/*
 * Names of devices: the first one is that of the set, the others are any names that are new in the
 * set, with the bytes of any name; sets do not see each other's.
 */
#include "engine.h"

#define LONGEST VDI_MAX_NAME
#define LAST (VDI_MAX_DEVICES - 1)

struct pair {
    char name[NAME_SIZE];
    vdi_set *set;
    vdi_server *server;
};

static void pair_open(struct pair *pair, uint32_t devices)
{
    unique_name(pair->name);
    pair->set = client_create(pair->name, devices);
    pair->server = server_configure(pair->name, 0, 0);
}

/* The devices are still open. */
static void pair_abort(struct pair *pair)
{
    CHECK_RESULT(vdi_signal_abort(pair->set, NULL), NOERROR);
    CHECK_RESULT(vdi_server_close(pair->server), NOERROR);
    CHECK_RESULT(vdi_close(pair->set), NOERROR);
}

static vdi_server_device *server_opens(struct pair *pair, const char *name, vdi_result wanted)
{
    vdi_server_device *device = (vdi_server_device *)0x10;
    CHECK_RESULT(vdi_server_open_device(pair->server, name, &device), wanted);
    CHECK((device == NULL) == (wanted != NOERROR));
    return device;
}

static vdi_device *client_opens(struct pair *pair, const char *name, vdi_result wanted)
{
    vdi_device *device = (vdi_device *)0x10;
    CHECK_RESULT(vdi_open_device(pair->set, name, &device), wanted);
    CHECK((device == NULL) == (wanted != NOERROR));
    return device;
}

static void ignore(VDS_Command *command)
{
    (void)command;
}

/* A command that the server sends arrives in this device of the client, and it is not disturbed. */
static void same_device(vdi_server_device *server, vdi_device *client, int32_t code)
{
    /* Without an agent the set keeps them until it is closed. */
    static VDS_Command commands[2 * VDI_MAX_DEVICES];
    static unsigned used;
    CHECK(used < sizeof commands / sizeof *commands);
    VDS_Command *command = &commands[used++];
    VDC_Command *got;
    *command = (VDS_Command){.commandCode = code, .completionRoutine = ignore};
    CHECK_RESULT(vdi_server_send_command(server, command), NOERROR);
    CHECK_RESULT(vdi_get_command(client, 0, &got), NOERROR);
    CHECK_EQUAL(got->commandCode, code);
    CHECK_RESULT(vdi_complete_command(client, got, ERROR_SUCCESS, 0, 0), NOERROR);
    CHECK_RESULT(vdi_get_command(client, 0, &got), VD_E_TIMEOUT);
}

/* Names for the devices 1 to LAST, hard to keep apart. */
static const char *hard_name(unsigned index)
{
    static char name[LONGEST + 1];
    /* Beginnings of others come before and after them, also one of the set's name. */
    static const char *const given[] = {
        "a/b", "a ", "a", "A", " a", "//", "/", ".", "..", "\xc3\xa9", "e\xcc\x81", "e", "t",
        "\xff\xfe\x80", "\n", "%s", "name with blanks, \"quotes\" and 'more'", "\x01",
    };
    if (index - 1 < sizeof given / sizeof *given)
        return given[index - 1];
    /* The longest there are, which differ in one byte only. */
    memset(name, 'n', LONGEST);
    name[LONGEST] = '\0';
    name[index % 2 ? index : LONGEST - index] = 'N';
    return name;
}

/*
 * Each device of the server is found by its name and no other, byte by byte; the first one by the
 * name of the set. [NAME-04, NAME-06, NAME-07, AMB-24]
 */
static void found_by_name(void)
{
    struct pair pair;
    vdi_server_device *servers[VDI_MAX_DEVICES];
    pair_open(&pair, VDI_MAX_DEVICES);
    servers[0] = server_opens(&pair, pair.name, NOERROR);
    for (unsigned i = 1; i <= LAST; i++)
        servers[i] = server_opens(&pair, hard_name(i), NOERROR);
    for (unsigned i = LAST; i > 0; i--) {
        vdi_device *device = client_opens(&pair, hard_name(i), NOERROR);
        client_opens(&pair, hard_name(i), VD_E_PROTOCOL);
        same_device(servers[i], device, (int32_t)i + 1000);
    }
    client_opens(&pair, "b", VD_E_INVALID);
    same_device(servers[0], client_opens(&pair, pair.name, NOERROR), 1000);
    pair_abort(&pair);
}

/* What is no name, on both sides, and leaves the place for a good one. [NAME-02, NAME-10] */
static void not_names(void)
{
    static char longer[LONGEST + 2];
    memset(longer, 'n', LONGEST + 1);
    const char *const bad[] = {NULL, "", "\\", "a\\b", "Global\\a", longer};
    struct pair pair;
    pair_open(&pair, 2);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
            server_opens(&pair, bad[i], VD_E_INVALID);
            client_opens(&pair, bad[i], VD_E_INVALID);
        }
        server_opens(&pair, round == 0 ? pair.name : "good", NOERROR);
    }
    client_opens(&pair, "good", NOERROR);
    pair_abort(&pair);
}

/*
 * The first name is that of the set, spelled the same; one device for each.
 * [AMB-25, NAME-05, NAME-08]
 */
static void order_of_names(void)
{
    struct pair pair;
    char wrong[NAME_SIZE];
    pair_open(&pair, 3);
    device_name(wrong, pair.name, 1);
    server_opens(&pair, wrong, VD_E_INVALID);
    snprintf(wrong, sizeof wrong, "%s", pair.name);
    wrong[0] = 'T';
    server_opens(&pair, wrong, VD_E_INVALID);
    server_opens(&pair, pair.name, NOERROR);
    server_opens(&pair, pair.name, VD_E_INVALID);
    server_opens(&pair, wrong, NOERROR);
    server_opens(&pair, wrong, VD_E_INVALID);
    server_opens(&pair, "third", NOERROR);
    server_opens(&pair, "fourth", VD_E_OPEN);
    pair_abort(&pair);
}

/* Two sets at a time with the same names of devices, even each other's set name. [NAME-07] */
static void free_across_sets(void)
{
    struct pair pairs[2];
    vdi_server_device *servers[2][3];
    pair_open(&pairs[0], 3);
    pair_open(&pairs[1], 3);
    for (unsigned p = 0; p < 2; p++) {
        servers[p][0] = server_opens(&pairs[p], pairs[p].name, NOERROR);
        servers[p][1] = server_opens(&pairs[p], "same", NOERROR);
        servers[p][2] = server_opens(&pairs[p], pairs[1 - p].name, NOERROR);
    }
    for (unsigned p = 0; p < 2; p++) {
        int32_t code = 2000 + (int32_t)p * 100;
        same_device(servers[p][0], client_opens(&pairs[p], pairs[p].name, NOERROR), code);
        same_device(servers[p][1], client_opens(&pairs[p], "same", NOERROR), code + 1);
        same_device(servers[p][2], client_opens(&pairs[p], pairs[1 - p].name, NOERROR), code + 2);
    }
    pair_abort(&pairs[0]);
    pair_abort(&pairs[1]);
}

static void run(void)
{
    found_by_name();
    not_names();
    order_of_names();
    free_across_sets();
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
