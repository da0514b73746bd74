/*
 * Objects of the classes in every way in which a program may have them: on the stack, by new, static,
 * as a base, copied, never destroyed, destroyed twice, used again after Close, and memory that is no
 * object at all.
 */
#include "client.h"

#include <cstdlib>
#include <cstring>
#include <new>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

/* Made before main(), and destroyed after it with an open set. */
static ClientVirtualDeviceSet static_set;

static char name[NAME_SIZE];

/* What new and delete of this program hand out and take back; a block begins with a mark. */
static long blocks;
static const uint64_t MARK = 0x6f75722d626c6f63;

__attribute__((noinline)) void *operator new(std::size_t size)
{
    uint64_t *block = static_cast<uint64_t *>(std::malloc(size + 16));
    CHECK(block != nullptr);
    block[0] = MARK;
    __atomic_add_fetch(&blocks, 1, __ATOMIC_SEQ_CST);
    return block + 2;
}

__attribute__((noinline)) void operator delete(void *address) noexcept
{
    if (address == nullptr)
        return;
    uint64_t *block = static_cast<uint64_t *>(address) - 2;
    CHECK(block[0] == MARK);
    block[0] = 0;
    __atomic_sub_fetch(&blocks, 1, __ATOMIC_SEQ_CST);
    std::free(block);
}

__attribute__((noinline)) void operator delete(void *address, std::size_t) noexcept
{
    operator delete(address);
}

/* Every function of a set that has nothing open. [ST-06, CSET-GETCFG-06, CSET-BUFH-03] */
static void set_is_not_open(ClientVirtualDeviceSet *set)
{
    VDConfig config;
    ClientVirtualDevice *device = reinterpret_cast<ClientVirtualDevice *>(&config);
    uint8_t byte, *buffer = &byte;
    unsigned handle = 1;
    CHECK_RESULT(set->GetConfiguration(0, &config), VD_E_PROTOCOL);
    CHECK_RESULT(set->OpenDevice(name, &device), VD_E_PROTOCOL);
    CHECK(device == nullptr);
    CHECK_RESULT(set->GetBufferHandle(&byte, &handle), VD_E_PROTOCOL);
    CHECK_EQUAL(handle, 0);
    CHECK_RESULT(set->MapBufferHandle(1, &buffer), VD_E_PROTOCOL);
    CHECK(buffer == nullptr);
    CHECK_RESULT(set->SignalAbort(), VD_E_PROTOCOL);
    CHECK_RESULT(set->Close(), VD_E_PROTOCOL);
    set->RegisterDeviceClosed();
}

/* Both functions of a device that is not open. [AMB-33, CDEV-GETCMD-12, CDEV-COMPLETE-09] */
static void device_is_not_open(ClientVirtualDevice *device)
{
    VDC_Command other, *command = &other;
    CHECK_RESULT(device->GetCommand(0, &command), VD_E_PROTOCOL);
    CHECK(command == nullptr);
    CHECK_RESULT(device->CompleteCommand(&other, 0, 0, 0), VD_E_PROTOCOL);
}

/* A backup by an object that is as new. */
static void use(ClientVirtualDeviceSet *set)
{
    set_is_not_open(set);
    create(set, name, 1);
    statement *engine = stage_open(name, 1);
    backup_and_end(set, engine, name);
    CHECK_RESULT(set->Close(), NOERROR);
    set_is_not_open(set);
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
    beside.before = beside.after = MARK;
    use(&beside.set);
    device_is_not_open(&beside.device);
    CHECK(beside.before == MARK && beside.after == MARK);
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
    set_is_not_open(&other);
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
    set_is_not_open(set);
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
    set_is_not_open(&set);
    use(&set);
}

/* No constructor ever ran: zeroes are a new object, and so is anything that is no open handle. [ST-20] */
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

/* Null, and an address that no object can have. */
static void no_addresses()
{
    alignas(8) unsigned char memory[16] = {};
    const uintptr_t nowhere[] = {0, reinterpret_cast<uintptr_t>(memory) + 1};
    for (uintptr_t address : nowhere) {
        VDConfig config = one_device();
        ClientVirtualDeviceSet *set = hidden<ClientVirtualDeviceSet>(address);
        set_is_not_open(set);
        CHECK_RESULT(set->Create(name, &config), VD_E_INVALID);
        CHECK_RESULT(set->OpenInSecondary(name), VD_E_INVALID);
        set->~ClientVirtualDeviceSet();
        ClientVirtualDevice *device = hidden<ClientVirtualDevice>(address);
        device_is_not_open(device);
        device->~ClientVirtualDevice();
    }
}

/* A device of an object of the other class, and the other way around. */
static void mistaken_objects()
{
    ClientVirtualDeviceSet set;
    ClientVirtualDevice *device;
    create(&set, name, 1);
    statement *engine = stage_open(name, 1);
    CHECK_RESULT(set.OpenDevice(name, &device), NOERROR);
    device_is_not_open(reinterpret_cast<ClientVirtualDevice *>(&set));
    set_is_not_open(reinterpret_cast<ClientVirtualDeviceSet *>(device));
    serve_end(device, engine);
    delete device;
    CHECK_RESULT(set.Close(), NOERROR);
}

/* When the program deletes a device object, if ever. */
enum moment { NEVER, WHILE_OPEN, AFTER_THE_END, AFTER_CLOSE };

/* [AMB-33, CSET-OPENDEV-12, CSET-CLOSE-04] */
static void device_objects()
{
    static const moment moments[] = {NEVER, WHILE_OPEN, AFTER_THE_END, AFTER_CLOSE};
    for (moment deleted : moments) {
        ClientVirtualDeviceSet set;
        ClientVirtualDevice *device;
        long before = __atomic_load_n(&blocks, __ATOMIC_SEQ_CST);
        create(&set, name, 1);
        statement *engine = stage_open(name, 1);
        CHECK_RESULT(set.OpenDevice(name, &device), NOERROR);
        CHECK_EQUAL(__atomic_load_n(&blocks, __ATOMIC_SEQ_CST), before + 1);
        ClientVirtualDevice copy = *device;
        if (deleted == WHILE_OPEN)
            delete device;
        request *flush = stage_send(engine, 0, VDC_Flush, 0);
        serve_one(&copy, ERROR_SUCCESS);
        CHECK_EQUAL(stage_end(flush).code, ERROR_SUCCESS);
        serve_end(&copy, engine);
        if (deleted == AFTER_THE_END)
            delete device;
        CHECK_RESULT(set.Close(), NOERROR);
        device_is_not_open(&copy);
        if (deleted == AFTER_CLOSE) {
            device_is_not_open(device);
            delete device;
        }
        CHECK_EQUAL(__atomic_load_n(&blocks, __ATOMIC_SEQ_CST), before + (deleted == NEVER));
        if (deleted == NEVER)
            delete device; /* so that valgrind finds nothing */
    }
}

/* A device that could not be opened leaves no object. */
static void no_device_no_object()
{
    ClientVirtualDeviceSet set;
    ClientVirtualDevice *device, *other;
    char unknown[] = "unknown";
    create(&set, name, 1);
    statement *engine = stage_open(name, 1);
    long before = __atomic_load_n(&blocks, __ATOMIC_SEQ_CST);
    CHECK_RESULT(set.OpenDevice(unknown, &other), VD_E_INVALID);
    CHECK_RESULT(set.OpenDevice(name, &device), NOERROR);
    CHECK_RESULT(set.OpenDevice(name, &other), VD_E_OPEN);
    CHECK_EQUAL(__atomic_load_n(&blocks, __ATOMIC_SEQ_CST), before + 1);
    serve_end(device, engine);
    delete device;
    CHECK_RESULT(set.Close(), NOERROR);
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
        set_is_not_open(&set);
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
    mistaken_objects();
    device_objects();
    no_device_no_object();
    child_of_a_fork();
    open_at_the_end();
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, nullptr, run);
}
