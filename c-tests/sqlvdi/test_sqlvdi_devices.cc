/*
 * Device objects: they are of the program's own new, which delete of the program frees at any time or
 * never; they are no sets.
 */
#include "client.h"

#include <cstdlib>
#include <new>

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

/* How many blocks there are. Under valgrind, which has its own new and delete, and counts itself: none. */
static long blocks_now()
{
    return __atomic_load_n(&blocks, __ATOMIC_SEQ_CST);
}

/* That there are as many blocks as wanted. */
static void blocks_are(long wanted)
{
    CHECK_EQUAL(blocks_now(), test_under_valgrind() ? 0 : wanted);
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
    set_is_not_open(reinterpret_cast<ClientVirtualDeviceSet *>(device), name);
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
        long before = blocks_now();
        create(&set, name, 1);
        statement *engine = stage_open(name, 1);
        CHECK_RESULT(set.OpenDevice(name, &device), NOERROR);
        blocks_are(before + 1);
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
        blocks_are(before + (deleted == NEVER));
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
    long before = blocks_now();
    CHECK_RESULT(set.OpenDevice(unknown, &other), VD_E_INVALID);
    CHECK_RESULT(set.OpenDevice(name, &device), NOERROR);
    CHECK_RESULT(set.OpenDevice(name, &other), VD_E_OPEN);
    blocks_are(before + 1);
    serve_end(device, engine);
    delete device;
    CHECK_RESULT(set.Close(), NOERROR);
}

static void run()
{
    unique_name(name);
    mistaken_objects();
    device_objects();
    no_device_no_object();
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, nullptr, run);
}
