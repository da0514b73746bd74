/*
 * Objects of the classes in every way in which a program may have them: on the stack, by new, static,
 * as a base, copied, destroyed twice, used again after Close, used by several threads, and memory that
 * is no object at all.
 */
#include "client.h"

#include <cstdlib>
#include <cstring>
#include <new>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

/* Made before main(), and destroyed after it with an open set. */
static ClientVirtualDeviceSet static_set;

static char name[NAME_SIZE];

/* A backup by an object that is as new. */
static void use(ClientVirtualDeviceSet *set)
{
    set_is_not_open(set, name);
    create(set, name, 1);
    statement *engine = stage_open(name, 1);
    backup_and_end(set, engine, name);
    CHECK_RESULT(set->Close(), NOERROR);
    set_is_not_open(set, name);
}

/* Used again after Close, and after an abort. [CSET-CREATE-05, CSET-CLOSE-07] */
static void again_and_again()
{
    ClientVirtualDeviceSet on_stack;
    use(&on_stack);
    use(&on_stack);
    create(&on_stack, name, 1);
    CHECK_RESULT(on_stack.SignalAbort(), NOERROR);
    CHECK_RESULT(on_stack.Close(), NOERROR);
    use(&on_stack);
    ClientVirtualDeviceSet *by_new = new ClientVirtualDeviceSet;
    use(by_new);
    delete by_new;
    std::vector<ClientVirtualDeviceSet> many(3);
    for (ClientVirtualDeviceSet &one : many)
        use(&one);
    use(&static_set);
}

/* Eight bytes with the alignment of a pointer, and nothing of the library beside them. [LNX-04] */
static void size()
{
    struct Beside {
        uint64_t before;
        ClientVirtualDeviceSet set;
        ClientVirtualDevice device;
        uint64_t after;
    } beside;
    static_assert(sizeof(Beside) == 32 && alignof(Beside) == 8, "eight bytes each");
    beside.before = beside.after = 0x6f75722d626c6f63;
    use(&beside.set);
    device_is_not_open(&beside.device);
    CHECK(beside.before == 0x6f75722d626c6f63 && beside.after == beside.before);
}

struct DerivedSet : ClientVirtualDeviceSet {
    int more = 5;
};

struct DerivedDevice : ClientVirtualDevice {
    int more = 6;
};

/* A class of the program has one of these as its base: other constructors, same object. [LNX-05] */
static void bases()
{
    DerivedSet set;
    DerivedDevice device;
    use(&set);
    device_is_not_open(&device);
    CHECK_EQUAL(set.more + device.more, 11);
}

/* An object that has a set open opens no other, and keeps the one it has.
 * [CSET-CREATE-04, CSET-SECOND-03, AMB-05] */
static void one_set_at_a_time()
{
    ClientVirtualDeviceSet set, other;
    VDConfig config = one_device();
    char second[] = "another one";
    create(&set, name, 1);
    CHECK_RESULT(set.Create(name, &config), VD_E_PROTOCOL);
    CHECK_RESULT(set.Create(second, &config), VD_E_PROTOCOL);
    CHECK_RESULT(set.OpenInSecondary(name), VD_E_PROTOCOL);
    CHECK_RESULT(other.Create(name, &config), VD_E_PROTOCOL);
    set_is_not_open(&other, name);
    CHECK_RESULT(set.GetConfiguration(0, &config), VD_E_TIMEOUT);
    CHECK_RESULT(set.SignalAbort(), NOERROR);
    CHECK_RESULT(set.OpenInSecondary(name), VD_E_PROTOCOL);
    CHECK_RESULT(set.Close(), NOERROR);
}

/* A failed Create leaves nothing, and the object as it was. [CSET-CREATE-10] */
static void failed_create()
{
    ClientVirtualDeviceSet set;
    VDConfig config = one_device();
    config.deviceCount = 65;
    CHECK_RESULT(set.Create(name, &config), VD_E_NOTSUPPORTED);
    CHECK_RESULT(set.OpenInSecondary(name), VD_E_PROTOCOL);
    use(&set);
}

/* The primary's process has a secondary, too. [CSET-SECOND-08] */
static void secondary_beside_the_primary()
{
    ClientVirtualDeviceSet primary, secondary;
    create(&primary, name, 1);
    CHECK_RESULT(secondary.OpenInSecondary(name), VD_E_PROTOCOL);
    statement *engine = stage_open(name, 1);
    CHECK_RESULT(secondary.OpenInSecondary(name), NOERROR);
    CHECK_RESULT(secondary.OpenInSecondary(name), VD_E_PROTOCOL);
    backup_and_end(&secondary, engine, name);
    CHECK_RESULT(secondary.Close(), NOERROR);
    CHECK_RESULT(primary.Close(), NOERROR);
}

/* The end of an object closes its set, which the server sees. [CSET-CLOSE-10, AMB-33] */
static void destructors_close()
{
    statement *engine;
    {
        ClientVirtualDeviceSet set;
        create(&set, name, 1);
    }
    {
        ClientVirtualDeviceSet set;
        ClientVirtualDevice *device;
        create(&set, name, 1);
        engine = stage_open(name, 1);
        CHECK_RESULT(set.OpenDevice(name, &device), NOERROR);
        delete device;
    }
    stage_leave_aborted(engine);
}

/* The second end finds nothing. */
static void destroyed_twice()
{
    alignas(ClientVirtualDeviceSet) unsigned char memory[sizeof(ClientVirtualDeviceSet)];
    alignas(ClientVirtualDevice) unsigned char device_memory[sizeof(ClientVirtualDevice)];
    ClientVirtualDeviceSet *set = new (memory) ClientVirtualDeviceSet;
    ClientVirtualDevice *device = new (device_memory) ClientVirtualDevice;
    create(set, name, 1);
    set->~ClientVirtualDeviceSet();
    set->~ClientVirtualDeviceSet();
    set_is_not_open(set, name);
    device->~ClientVirtualDevice();
    device->~ClientVirtualDevice();
    device_is_not_open(device);
    create(set, name, 1); /* whatever C++ says about it */
    CHECK_RESULT(set->Close(), NOERROR);
}

/* A copy is another name for the same set; who ends first ends it. */
static void copies()
{
    ClientVirtualDeviceSet set;
    VDConfig config;
    create(&set, name, 1);
    {
        ClientVirtualDeviceSet copy = set;
        CHECK_RESULT(copy.GetConfiguration(0, &config), VD_E_TIMEOUT);
    }
    set_is_not_open(&set, name);
    use(&set);
}

/* No constructor ever ran: zeroes are a new object, and so is anything that is no open handle.
 * [ST-06, ST-20, CSET-GETCFG-06, CSET-BUFH-03, CDEV-COMPLETE-09] */
static void no_objects()
{
    static const unsigned char fillings[] = {0x00, 0xff, 0xaa, 0x10};
    for (unsigned char filling : fillings) {
        alignas(8) unsigned char memory[8], device_memory[8];
        std::memset(memory, filling, sizeof memory);
        std::memset(device_memory, filling, sizeof device_memory);
        ClientVirtualDeviceSet *set = reinterpret_cast<ClientVirtualDeviceSet *>(memory);
        device_is_not_open(reinterpret_cast<ClientVirtualDevice *>(device_memory));
        use(set);
        set->~ClientVirtualDeviceSet();
    }
}

/* Not known to the compiler, which may take `this` for an object. */
template <typename Class> static Class *hidden(uintptr_t address)
{
    volatile uintptr_t place = address;
    return reinterpret_cast<Class *>(place);
}

/* Null, and an address that no object can have. [CSET-CREATE-08] */
static void no_addresses()
{
    alignas(8) unsigned char memory[16] = {};
    const uintptr_t nowhere[] = {0, reinterpret_cast<uintptr_t>(memory) + 1};
    for (uintptr_t address : nowhere) {
        VDConfig config = one_device();
        ClientVirtualDeviceSet *set = hidden<ClientVirtualDeviceSet>(address);
        set_is_not_open(set, name);
        CHECK_RESULT(set->Create(name, &config), VD_E_INVALID);
        CHECK_RESULT(set->OpenInSecondary(name), VD_E_INVALID);
        set->~ClientVirtualDeviceSet();
        ClientVirtualDevice *device = hidden<ClientVirtualDevice>(address);
        device_is_not_open(device);
        device->~ClientVirtualDevice();
    }
}

/* Several threads create a set with the same object: one does, and nothing is left of the others. */
static void created_at_once()
{
    for (int round = 0; round < 50; round++) {
        ClientVirtualDeviceSet set;
        std::vector<std::thread> threads;
        int created = 0;
        for (int number = 0; number < 4; number++)
            threads.emplace_back([&set, &created, number] {
                char own[NAME_SIZE];
                VDConfig config = one_device();
                device_name(own, name, static_cast<unsigned>(number));
                int result = set.Create(own, &config);
                CHECK(result == NOERROR || result == VD_E_PROTOCOL);
                __atomic_add_fetch(&created, result == NOERROR, __ATOMIC_SEQ_CST);
            });
        for (std::thread &thread : threads)
            thread.join();
        CHECK_EQUAL(created, 1);
        CHECK_RESULT(set.Close(), NOERROR);
    }
}

/* A child of the process has nothing open, may open sets of its own, and disturbs nobody. */
static void child_of_a_fork()
{
    ClientVirtualDeviceSet set;
    VDConfig config;
    create(&set, name, 1);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        char own[] = "of the child";
        set_is_not_open(&set, name);
        create(&set, own, 1);
        CHECK_RESULT(set.Close(), NOERROR);
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK_RESULT(set.GetConfiguration(0, &config), VD_E_TIMEOUT);
    CHECK_RESULT(set.Close(), NOERROR);
}

/* The set of the static object goes with the process; the harness looks for what is left. [AMB-33] */
static void open_at_the_end()
{
    char last[NAME_SIZE];
    unique_name(last);
    create(&static_set, last, 1);
}

static void run()
{
    unique_name(name);
    size();
    again_and_again();
    bases();
    one_set_at_a_time();
    failed_create();
    secondary_beside_the_primary();
    destructors_close();
    destroyed_twice();
    copies();
    no_objects();
    no_addresses();
    created_at_once();
    child_of_a_fork();
    open_at_the_end();
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, nullptr, run);
}
