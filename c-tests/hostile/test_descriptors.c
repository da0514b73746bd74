/*
 * Descriptors that are not what they should be: with the welcome, to a server and a secondary; with
 * an area, to a primary and a secondary. All are refused. The other set of the process goes on.
 */
#include "hostile/foreign.h"
#include "hostile/forged.h"
#include "hostile/guest.h"
#include "hostile/victim_checks.h"
#include "resources.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define HUGE_PAGE (2u << 20)

static char name[NAME_SIZE];

/* A descriptor for memory of `size` bytes; -1 if this machine cannot make such a thing. */
typedef int make_descriptor(size_t size);

static int memory_with(size_t size, int seals, unsigned flags)
{
    int memory = memfd_create("hostile", MFD_CLOEXEC | MFD_ALLOW_SEALING | flags);
    if (memory < 0)
        return -1;
    if (ftruncate(memory, (off_t)size) != 0 || posix_fallocate(memory, 0, (off_t)size) != 0) {
        close(memory);
        return -1;
    }
    CHECK(fcntl(memory, F_ADD_SEALS, seals) == 0);
    return memory;
}

static int unsealed(size_t size)
{
    return memory_with(size, 0, 0);
}

static int may_shrink(size_t size)
{
    return memory_with(size, SEALS & ~F_SEAL_SHRINK, 0);
}

static int may_grow(size_t size)
{
    return memory_with(size, SEALS & ~F_SEAL_GROW, 0);
}

static int may_be_sealed(size_t size)
{
    return memory_with(size, SEALS & ~F_SEAL_SEAL, 0);
}

static int not_to_be_written(size_t size)
{
    return memory_with(size, SEALS | F_SEAL_WRITE, 0);
}

static int not_to_be_mapped_for_writing(size_t size)
{
    return memory_with(size, SEALS | F_SEAL_FUTURE_WRITE, 0);
}

static int too_small(size_t size)
{
    return sealed_memory("hostile", size - 1);
}

static int too_large(size_t size)
{
    return sealed_memory("hostile", size + 65536);
}

static int sparse(size_t size)
{
    int memory = memfd_create("hostile", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    CHECK(ftruncate(memory, (off_t)size) == 0 && fcntl(memory, F_ADD_SEALS, SEALS) == 0);
    return memory;
}

static int huge_pages(size_t size)
{
    return memory_with((size + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE, SEALS, MFD_HUGETLB);
}

static int reopened(size_t size, int flags)
{
    char path[64];
    int memory = sealed_memory("hostile", size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", memory);
    int again = open(path, flags | O_CLOEXEC);
    close(memory);
    return again;
}

static int read_only(size_t size)
{
    return reopened(size, O_RDONLY);
}

static int path_only(size_t size)
{
    return reopened(size, O_PATH);
}

static int secret(size_t size)
{
    int memory = (int)syscall(SYS_memfd_secret, 0);
    if (memory >= 0)
        CHECK(ftruncate(memory, (off_t)size) == 0);
    return memory;
}

static int file(size_t size)
{
    int opened = open(test_directory(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (opened >= 0)
        CHECK(posix_fallocate(opened, 0, (off_t)size) == 0);
    return opened;
}

static int directory(size_t size)
{
    (void)size;
    return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int zeros(size_t size)
{
    (void)size;
    return open("/dev/zero", O_RDWR | O_CLOEXEC);
}

static int pipe_end(size_t size)
{
    int ends[2];
    (void)size;
    CHECK(pipe2(ends, O_CLOEXEC) == 0);
    close(ends[0]);
    return ends[1];
}

static int event(size_t size)
{
    return eventfd((unsigned)size, EFD_CLOEXEC);
}

static int poller(size_t size)
{
    (void)size;
    return epoll_create1(EPOLL_CLOEXEC);
}

static make_descriptor *const wrong[] = {
    unsealed,      may_shrink, may_grow,  may_be_sealed, not_to_be_written,
    not_to_be_mapped_for_writing, too_small, too_large, sparse, huge_pages, read_only,
    path_only,     secret,     file,      directory,     zeros,
    pipe_end,      event,      poller,
};

/* [SEC-07] */
static void wrong_segment(enum wire_role role, const int *descriptors, unsigned count, size_t size)
{
    struct guest guest;
    int listener = wire_listen(name);
    int connection = guest_expect(&guest, role, name, listener);
    struct packet welcome = wire_welcome(2, size);
    CHECK(wire_send(connection, &welcome, descriptors, count));
    CHECK_RESULT(caller_join(&guest.caller), VD_E_UNEXPECTED);
    CHECK(guest.set == NULL && guest.server == NULL);
    wire_unlisten(name, listener);
    close(connection);
}

/* [SEC-07] */
static void wrong_area_for_secondary(const int *descriptors, unsigned count, size_t size)
{
    struct guest guest;
    VDConfig config;
    struct packet area = wire_area(0, size);
    int listener = wire_listen(name);
    struct segment segment = guest_segment(SECONDARY, name);
    int connection = guest_expect(&guest, SECONDARY, name, listener);
    CHECK(wire_send_one(connection, wire_welcome(2, segment.size), segment.memory));
    CHECK(wire_send(connection, &area, descriptors, count));
    CHECK_RESULT(caller_join(&guest.caller), NOERROR);
    header_store(&segment, PHASE, CREATED);
    vdi_result result = vdi_get_configuration(guest.set, VDI_INFINITE, &config);
    CHECK_AMONG(result, VD_E_ABORT, VD_E_UNEXPECTED);
    CHECK_RESULT(vdi_close(guest.set), NOERROR);
    wire_unlisten(name, listener);
    close(connection);
    segment_close(&segment);
}

/* [SEC-07] */
static void wrong_area_for_primary(const int *descriptors, unsigned count, size_t size)
{
    int memory;
    VDConfig config;
    struct packet area = wire_area(0, size);
    vdi_set *set = client_create(name, 1);
    int connection = wire_connect(name);
    CHECK(wire_send_one(connection, wire_hello(SERVER, name), -1));
    CHECK_EQUAL(wire_receive(connection, NULL, &memory), WELCOME);
    CHECK(wire_send(connection, &area, descriptors, count));
    CHECK_RESULT(vdi_get_configuration(set, VDI_INFINITE, &config), VD_E_ABORT);
    CHECK_RESULT(vdi_close(set), NOERROR);
    close(connection);
    close(memory);
}

static void refused_everywhere(const int *descriptors, unsigned count, size_t segment, size_t area)
{
    wrong_segment(SERVER, descriptors, count, segment);
    wrong_segment(SECONDARY, descriptors, count, segment);
    wrong_area_for_primary(descriptors, count, area);
    wrong_area_for_secondary(descriptors, count, area);
}

/* Everything that is not the memory that was announced. */
static void wrong_kinds(void)
{
    size_t segment = segment_size(1, VDI_QUEUE_CAPACITY);
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        make_descriptor *make = wrong[i];
        size_t announced = make == huge_pages ? HUGE_PAGE : FORGED_AREA;
        for (unsigned user = 0; user < 4; user++) {
            int made = make(user < 2 ? segment : FORGED_AREA);
            if (made < 0)
                continue;
            if (user < 2)
                wrong_segment(user == 0 ? SERVER : SECONDARY, &made, 1,
                              make == huge_pages ? HUGE_PAGE : segment);
            else if (user == 2)
                wrong_area_for_primary(&made, 1, announced);
            else
                wrong_area_for_secondary(&made, 1, announced);
            close(made);
        }
    }
}

/* None at all, and more than one, good ones and bad ones. */
static void wrong_numbers(void)
{
    size_t segment = segment_size(1, VDI_QUEUE_CAPACITY);
    int good[2] = {sealed_memory("hostile", segment), sealed_memory("hostile", FORGED_AREA)};
    int many[4 * MOST_DESCRIPTORS];
    for (unsigned i = 0; i < 4 * MOST_DESCRIPTORS; i++)
        many[i] = good[i % 2];
    refused_everywhere(NULL, 0, segment, FORGED_AREA);
    refused_everywhere(good, 2, segment, FORGED_AREA);
    for (unsigned count = MOST_DESCRIPTORS; count <= 4 * MOST_DESCRIPTORS; count *= 2)
        refused_everywhere(many, count, segment, FORGED_AREA);
    close(good[0]);
    close(good[1]);
}

static void run(void)
{
    static struct foreign foreign;
    unique_name(name);
    foreign_start(&foreign);
    foreign_goes_on(&foreign);
    unsigned open = descriptors(), mapped = shared_mappings(), running = threads();
    wrong_kinds();
    wrong_numbers();
    settles_at(descriptors, open);
    settles_at(shared_mappings, mapped);
    settles_at(threads, running);
    foreign_goes_on(&foreign);
    foreign_end(&foreign);
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
