/*
 * Every function in every state of the client's table, and its parameters.
 */
#include "client.h"

#include <cstring>
#include <string>
#include <sys/mman.h>

static char name[NAME_SIZE];

enum state { CONFIGURABLE, INITIALIZING, ACTIVE, TERMINATED, ABORTED, STATES };

/* A set in a state, with what there is in it. */
struct Scene {
    state now;
    ClientVirtualDeviceSet set;
    ClientVirtualDevice *device;
    VDC_Command *command;
    statement *engine;
    request *sent;

    explicit Scene(state wanted);
    void end(int closed);
};

/* Active and aborted with a command in the client's hands. */
Scene::Scene(state wanted) : now(wanted), device(nullptr), command(nullptr), engine(nullptr)
{
    create(&set, name, 1);
    if (now == CONFIGURABLE)
        return;
    engine = stage_open(name, 1);
    if (now == INITIALIZING)
        return;
    CHECK_RESULT(set.OpenDevice(name, &device), NOERROR);
    if (now == TERMINATED) {
        stage_finish(engine);
        CHECK_RESULT(device->GetCommand(-1, &command), VD_E_CLOSE);
        return;
    }
    sent = stage_send(engine, 0, VDC_Read, STAGE_SIZE);
    CHECK_RESULT(device->GetCommand(-1, &command), NOERROR);
    if (now == ABORTED)
        stage_abort(engine);
}

/* Closes the set with this result, and the engine. */
void Scene::end(int closed)
{
    CHECK_RESULT(set.Close(), closed);
    if (now == TERMINATED)
        stage_leave(engine);
    else if (engine != nullptr) {
        if (now >= ACTIVE)
            CHECK_EQUAL(stage_end(sent).code, ERROR_OPERATION_ABORTED);
        stage_leave_aborted(engine);
    }
    delete device;
}

typedef int (*call)(Scene &scene);

static int create_again(Scene &scene)
{
    VDConfig config = one_device();
    return scene.set.Create(name, &config);
}

static int open_in_secondary(Scene &)
{
    ClientVirtualDeviceSet other;
    int result = other.OpenInSecondary(name);
    CHECK_RESULT(other.Close(), result == NOERROR ? NOERROR : VD_E_PROTOCOL);
    return result;
}

static int open_in_secondary_again(Scene &scene)
{
    return scene.set.OpenInSecondary(name);
}

static int get_configuration(Scene &scene)
{
    VDConfig config, before;
    std::memset(&before, 0x5a, sizeof before);
    config = before;
    int result = scene.set.GetConfiguration(0, &config);
    if (result != NOERROR)
        CHECK(std::memcmp(&config, &before, sizeof config) == 0); /* [CSET-GETCFG-08] */
    else
        CHECK(config.deviceCount == 1 && config.maxTransferSize == STAGE_SIZE);
    return result;
}

/* Opens a device of another name, so that the state stays. */
static int open_device(Scene &scene)
{
    char unknown[] = "unknown";
    ClientVirtualDevice *none = scene.device;
    int result = scene.set.OpenDevice(unknown, &none);
    CHECK(none == nullptr); /* [CSET-OPENDEV-08] */
    return result;
}

static int get_command(Scene &scene)
{
    ClientVirtualDevice unopened;
    VDC_Command other, *none = &other;
    int result = (scene.device ? scene.device : &unopened)->GetCommand(0, &none);
    CHECK(none == nullptr);
    return result;
}

static int complete_command(Scene &scene)
{
    ClientVirtualDevice unopened;
    VDC_Command unknown;
    return (scene.device ? scene.device : &unopened)->CompleteCommand(&unknown, 0, 0, 0);
}

static int get_buffer_handle(Scene &scene)
{
    uint8_t byte;
    unsigned handle = 7;
    int result = scene.set.GetBufferHandle(scene.command ? scene.command->buffer : &byte, &handle);
    CHECK((handle != 0) == (result == NOERROR));
    return result;
}

static int map_no_handle(Scene &scene)
{
    uint8_t byte, *buffer = &byte;
    int result = scene.set.MapBufferHandle(-1, &buffer);
    CHECK(buffer == nullptr);
    return result;
}

/* The states change with these; they come last. */
static int signal_abort(Scene &scene)
{
    CHECK_RESULT(scene.set.SignalAbort(), NOERROR);
    return scene.set.SignalAbort();
}

/* A row of the table: what each state answers, CONFIGURABLE first. */
struct Row {
    const char *what;
    call function;
    int results[STATES];
};

#define PROTOCOL VD_E_PROTOCOL
#define INVALID VD_E_INVALID
#define ABORT VD_E_ABORT

static const Row rows[] = {
    {"Create", create_again, {PROTOCOL, PROTOCOL, PROTOCOL, PROTOCOL, PROTOCOL}},
    {"OpenInSecondary", open_in_secondary, {PROTOCOL, NOERROR, NOERROR, PROTOCOL, ABORT}},
    {"OpenInSecondary again", open_in_secondary_again,
     {PROTOCOL, PROTOCOL, PROTOCOL, PROTOCOL, PROTOCOL}},
    {"GetConfiguration", get_configuration, {VD_E_TIMEOUT, NOERROR, NOERROR, NOERROR, ABORT}},
    {"OpenDevice", open_device, {PROTOCOL, INVALID, VD_E_OPEN, PROTOCOL, ABORT}},
    {"GetCommand", get_command, {PROTOCOL, PROTOCOL, VD_E_TIMEOUT, PROTOCOL, ABORT}},
    {"CompleteCommand", complete_command, {PROTOCOL, PROTOCOL, INVALID, PROTOCOL, ABORT}},
    {"GetBufferHandle", get_buffer_handle, {INVALID, INVALID, NOERROR, INVALID, NOERROR}},
    {"MapBufferHandle", map_no_handle, {INVALID, INVALID, INVALID, INVALID, INVALID}},
    {"SignalAbort", signal_abort, {NOERROR, NOERROR, NOERROR, NOERROR, NOERROR}},
};

/*
 * The table, and Close after each call but the last.
 * [CSET-CREATE-04, CSET-SECOND-03, CSET-SECOND-04, CSET-GETCFG-03, CSET-GETCFG-04, CSET-GETCFG-05]
 * [CSET-OPENDEV-04, CSET-OPENDEV-05, CSET-OPENDEV-06, CSET-OPENDEV-07, CDEV-GETCMD-03]
 * [CDEV-GETCMD-05, CDEV-GETCMD-06, CDEV-COMPLETE-07, CDEV-COMPLETE-08, CDEV-COMPLETE-09]
 * [CSET-BUFH-03, CSET-ABORT-04, CSET-CLOSE-02, CSET-CLOSE-03, AMB-05, AMB-06]
 */
static void table()
{
    static const int closed[STATES] = {NOERROR, NOERROR, VD_E_OPEN, NOERROR, NOERROR};
    for (int now = CONFIGURABLE; now < STATES; now++) {
        for (const Row &row : rows) {
            Scene scene(static_cast<state>(now));
            int found = row.function(scene);
            if (found != row.results[now])
                check_failed(__FILE__, __LINE__, "%s in state %d is %x, not %x", row.what, now,
                             static_cast<unsigned>(found),
                             static_cast<unsigned>(row.results[now]));
            CHECK(found <= 0); /* [LNX-08] */
            if (row.function == signal_abort) {
                if (scene.now == TERMINATED) {
                    CHECK_RESULT(scene.set.Close(), NOERROR);
                    stage_leave(scene.engine);
                    delete scene.device;
                } else
                    scene.end(NOERROR);
            } else
                scene.end(closed[now]);
        }
    }
}

/* Null and misaligned pointers of the caller. [CSET-CREATE-08, CDEV-GETCMD-12, AMB-43] */
static void pointers()
{
    ClientVirtualDeviceSet none;
    VDConfig config = one_device();
    CHECK_RESULT(none.Create(nullptr, &config), VD_E_INVALID);
    CHECK_RESULT(none.Create(name, nullptr), VD_E_INVALID);
    CHECK_RESULT(none.OpenInSecondary(nullptr), VD_E_INVALID);
    Scene scene(ACTIVE);
    unsigned char memory[32];
    uintptr_t odd = (reinterpret_cast<uintptr_t>(memory) + 15) / 8 * 8 + 1;
    const uintptr_t addresses[] = {0, odd};
    for (uintptr_t bad : addresses) {
        CHECK_RESULT(scene.set.GetConfiguration(0, reinterpret_cast<VDConfig *>(bad)),
                     VD_E_INVALID);
        CHECK_RESULT(scene.set.OpenDevice(name, reinterpret_cast<ClientVirtualDevice **>(bad)),
                     VD_E_INVALID);
        CHECK_RESULT(
            scene.set.GetBufferHandle(scene.command->buffer, reinterpret_cast<unsigned *>(bad)),
            VD_E_INVALID);
        CHECK_RESULT(scene.set.MapBufferHandle(1, reinterpret_cast<uint8_t **>(bad)), VD_E_INVALID);
        CHECK_RESULT(scene.device->GetCommand(0, reinterpret_cast<VDC_Command **>(bad)),
                     VD_E_INVALID);
        CHECK_RESULT(scene.device->CompleteCommand(reinterpret_cast<VDC_Command *>(bad), 0, 0, 0),
                     VD_E_INVALID);
    }
    /* That a set is open already is told later. */
    CHECK_RESULT(scene.set.Create(nullptr, &config), VD_E_INVALID);
    CHECK_RESULT(scene.set.Create(name, nullptr), VD_E_INVALID);
    CHECK_RESULT(scene.set.Create(name, reinterpret_cast<VDConfig *>(odd)), VD_E_INVALID);
    CHECK_RESULT(scene.set.OpenInSecondary(nullptr), VD_E_INVALID);
    scene.end(VD_E_OPEN);
}

/* A copy of a text in memory that cannot be written to. */
static char *read_only(const std::string &text)
{
    void *copy = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(copy != MAP_FAILED);
    std::memcpy(copy, text.c_str(), text.size() + 1);
    CHECK(mprotect(copy, 4096, PROT_READ) == 0);
    return static_cast<char *>(copy);
}

/* Names as they come, in memory that cannot be written to. [LNX-06, AMB-24, NAME-02, SMP-02] */
static void names()
{
    const std::string good[] = {name + std::string("/x y'\"]"), "{0B6F3C1A-5D2E-4F7B-9A80-1C2D3E4F5A6B}",
                                "\xc3\xa4\xff", std::string(255, 'n')};
    const std::string bad[] = {"", "back\\slash", std::string(256, 'n')};
    for (const std::string &text : good) {
        ClientVirtualDeviceSet set, secondary;
        char *fixed = read_only(text);
        create(&set, fixed, 1);
        if (text.size() < NAME_SIZE) {
            statement *engine = stage_open(fixed, 1);
            CHECK_RESULT(secondary.OpenInSecondary(fixed), NOERROR);
            backup_and_end(&secondary, engine, fixed);
            CHECK_RESULT(secondary.Close(), NOERROR);
        }
        CHECK_RESULT(set.Close(), NOERROR);
        CHECK(munmap(fixed, 4096) == 0);
    }
    for (const std::string &text : bad) {
        ClientVirtualDeviceSet set;
        VDConfig config = one_device();
        char *fixed = read_only(text);
        CHECK_RESULT(set.Create(fixed, &config), VD_E_INVALID);
        CHECK_RESULT(set.OpenInSecondary(fixed), VD_E_INVALID);
        CHECK(munmap(fixed, 4096) == 0);
    }
}

/* What Create refuses in a configuration. [CSET-CREATE-03, AMB-11] */
static void configurations()
{
    struct {
        uint32_t devices, features, prefix, alignment;
        int result;
    } const cases[] = {
        {0, 0, 0, 0, VD_E_NOTSUPPORTED},
        {65, 0, 0, 0, VD_E_NOTSUPPORTED},
        {1, VDF_Rewind, 0, 0, VD_E_NOTSUPPORTED},
        {1, 0, 0, 3, VD_E_NOTSUPPORTED},
        {1, 0, 1048577, 0, VD_E_NOTSUPPORTED},
        {64, 0, 0, 0, NOERROR},
        {1, VDF_LikeTape | VDF_Discard, 0, 0, NOERROR},
        {1, VDF_LikeDisk | VDF_SnapshotPrepare | VDF_RequestComplete, 512, 65536, NOERROR},
    };
    for (const auto &one : cases) {
        ClientVirtualDeviceSet set;
        VDConfig config = VDConfig();
        config.deviceCount = one.devices;
        config.features = one.features;
        config.prefixZoneSize = one.prefix;
        config.alignment = one.alignment;
        CHECK_RESULT(set.Create(name, &config), one.result);
    }
}

static void run()
{
    unique_name(name);
    table();
    pointers();
    names();
    configurations();
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, nullptr, run);
}
