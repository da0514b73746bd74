/*
 * Programs that stand for real backup software, against the engine of `vdi sqlcmd`: streams there
 * and back, quick and slow, and every way in which such programs end badly. The guardian of the
 * harness sees that no process and nothing in the runtime directory remains.
 *
 * VDI_TEST_PROGRAMS is their directory, VDI_TEST_TOOL the program vdi; VDI_TEST_CLOCK_LIBRARY and
 * VDI_TEST_LEFTOVERS_LIBRARY are clock.c and leftovers.c; VDI_TEST_QUICK leaves the slow engine
 * out.
 */
#include "run.hpp"

#include <cstdlib>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

namespace {

/* Longer than the 90 ms that some clients wait for a command. [AMB-01] */
const char *const SLOW = "delay_ms = 100\n";
const char *const SUCCESS = "DATABASE successfully processed ";
const char *const FAILURE = "Msg 3013, Level 16";
/* How an abort looks to the engine. [LOG-03] */
const char *const ABORTED = "995(";

/* The sample asks for 90, and means seconds. */
const Variables SECONDS = {{"SQLVDI_GETCOMMAND_TIMEOUT_UNIT", "s"}};

std::string variable(const char *name)
{
    const char *value = std::getenv(name);
    if (value == nullptr)
        check_failed(__FILE__, __LINE__, "%s is not set", name);
    return value;
}

/* Whether the slow engine is wanted, too. */
bool slow()
{
    return std::getenv("VDI_TEST_QUICK") == nullptr;
}

std::string program(const std::string &name)
{
    return variable("VDI_TEST_PROGRAMS") + "/" + name;
}

/* The catalogue of the engine. Databases of the test are files with the same bytes. */
class Catalogue {
public:
    Catalogue() : text_("server = \"TEST\"\n")
    {
        std::string bytes;
        for (unsigned n = 0; n < 150000; n++)
            bytes += static_cast<char>(n * n / 253 + n);
        write_file(place("data"), bytes);
    }
    void add(const std::string &name, const std::string &what)
    {
        text_ += "[database.\"" + name + "\"]\n" + what;
        write_file(place("catalogue"), text_);
    }

private:
    std::string text_;
};

Catalogue *catalogue;

/* A client, the database that it backs up and the one that it restores to, and its streams. */
struct Trip {
    const char *client, *engine;
    const char *manners;
    std::size_t devices;

    std::string name() const { return std::string(client) + "-" + engine; }
    Words words(const char *verb, const std::string &database) const
    {
        Words all = {program(client), verb, database};
        for (std::size_t k = 0; k < devices; k++)
            all.push_back(place(name() + "-" + std::to_string(k)));
        return all;
    }
};

/* Backups at the same time, then restores: every byte comes back. */
void round_trips(const std::vector<Trip> &trips)
{
    std::vector<Run> runs;
    for (const Trip &trip : trips) {
        catalogue->add(trip.name(), std::string("file = \"data\"\n") + trip.manners);
        const std::string copy = trip.name() + "-copy";
        catalogue->add(copy, "file = \"" + copy + "\"\n" + trip.manners);
    }
    for (const Trip &trip : trips)
        runs.emplace_back(trip.words("backup", trip.name()), SECONDS);
    for (Run &run : runs)
        run.ends(0).says("BACKUP").says(SUCCESS).does_not_say("Msg ");
    runs.clear();
    for (const Trip &trip : trips)
        runs.emplace_back(trip.words("restore", trip.name() + "-copy"), SECONDS);
    for (Run &run : runs)
        run.ends(0).says("RESTORE").says(SUCCESS).does_not_say("Msg ");
    for (const Trip &trip : trips)
        CHECK(content(place(trip.name() + "-copy")) == content(place("data")));
}

/*
 * Flushes in the middle of the stream, VDC_Complete for those who ask, and the habits of each
 * client. [CMD-FLUSH-03, CMPL-03, SMP-13, SMP-15, SMP-20]
 */
void quick_engine()
{
    const char *flushes = "flush_every = \"64K\"\n";
    const char *without_complete = "complete = false\n";
    round_trips({{"pipe", "quick", flushes, 1}, {"careless", "quick", flushes, 1}});
    round_trips({{"stripes", "quick", flushes, 32}, {"processes", "quick", flushes, 3}});
    round_trips({{"polling", "quick", flushes, 1},
                 {"tape", "quick", flushes, 1},
                 {"refusing", "quick", without_complete, 1}});
}

void slow_engine()
{
    round_trips({{"pipe", "slow", SLOW, 1},
                 {"careless", "slow", SLOW, 1},
                 {"stripes", "slow", SLOW, 3},
                 {"processes", "slow", SLOW, 3},
                 {"polling", "slow", SLOW, 1},
                 {"tape", "slow", SLOW, 1}});
    /* The sample, where 90 are milliseconds: it gives up in the middle. [AMB-01] */
    Run({program("pipe"), "backup", "pipe-slow", place("impatient")})
        .ends(1).says("GetCommand fails: 0x80770003").says(ABORTED).says(FAILURE);
}

/* A restore of which only the first bytes are asked for; the client sees a normal end. */
void header()
{
    Run({program("pipe"), "header", "data", place("pipe-quick-0")}, SECONDS)
        .ends(0).says("BackupType").does_not_say("Msg ");
}

/* The stream cannot be stored: at the beginning, in the middle. [SMP-12, CMD-WRITE-04] */
void no_room()
{
    Run({program("pipe"), "backup", "data", place("no/such")}, SECONDS)
        .ends(1).says("No such file").says(ABORTED).says(FAILURE).does_not_say(SUCCESS);
    Run({program("pipe"), "backup", "data", "/dev/full"}, SECONDS)
        .ends(1).says("Msg 3202, ").says("112(").says(FAILURE).does_not_say(SUCCESS);
    /* Of 1 or 2 MiB, depending on the shell: enough for the buffers, which are files, too. */
    const char *limited = "trap '' XFSZ; ulimit -f 2048; exec \"$@\"";
    Run({"/bin/sh", "-c", limited, "sh", program("pipe"), "backup", "endless", place("limited")},
        SECONDS)
        .ends(1).says("Msg 3202, ").says("112(").says(FAILURE).does_not_say(SUCCESS);
    CHECK(!content(place("limited")).empty());
}

/* Programs that end without Close: by themselves, and killed in the middle. [CRASH-02, SMP-19] */
void no_close()
{
    Run({program("careless"), "backup", "data", place("no/such")})
        .ends(1).says(ABORTED).says(FAILURE).does_not_say(SUCCESS);
    Run killed({program("careless"), "backup", "endless", place("killed")});
    wait_for_content(place("killed"));
    killed.send(SIGKILL);
    killed.ends(-SIGKILL).says(ABORTED).says(FAILURE).does_not_say(SUCCESS);
}

/* One of many fails, by an abort or by its death, and all end. [SMP-14, CRASH-03, PROC-06] */
void one_of_many()
{
    Run({program("stripes"), "backup", "data", place("a"), place("no/such"), place("c")})
        .ends(1).says(ABORTED).says(FAILURE).does_not_say(SUCCESS);
    Run({program("processes"), "backup", "data", place("a"), place("b"), place("c")},
        {{"DIES", "1"}})
        .ends(1).says(ABORTED).says(FAILURE).does_not_say(SUCCESS);
}

/* A statement that never opens the set, and one that the user cancels. [CFG-09, CSET-ABORT-03] */
void polling()
{
    Run({program("polling"), "backup", "unknown", place("nothing")})
        .ends(1).says("Msg 911, ").says(FAILURE).does_not_say(SUCCESS);
    Run cancelled({program("polling"), "backup", "endless", place("cancelled")});
    wait_for_content(place("cancelled"));
    cancelled.send(SIGTERM);
    cancelled.ends(1).says(ABORTED).says(FAILURE).does_not_say(SUCCESS);
}

/* Short Reads with success are an error, and nothing is put in place. [CMD-READ-08, AMB-34] */
void short_reads()
{
    catalogue->add("short-copy", "file = \"short-copy\"\n");
    Run({program("short_reads"), "backup", "data", place("short")}).ends(0).says(SUCCESS);
    Run({program("short_reads"), "restore", "short-copy", place("short")})
        .ends(1).says("Msg 3203, ").says(FAILURE).does_not_say(SUCCESS);
    CHECK(!exists(place("short-copy")));
}

/* VDC_Complete is answered after an hour, and the server that waits only for a moment. [CMPL-04] */
void late_complete()
{
    write_file(place("clock"), std::string(sizeof(int64_t), '\0'));
    int file = open(place("clock").c_str(), O_RDWR | O_CLOEXEC);
    void *page = mmap(nullptr, sizeof(int64_t), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(file >= 0 && page != MAP_FAILED);
    close(file);
    Run patient({program("late_complete"), "backup", "data", place("late")},
                {{"LD_PRELOAD", variable("VDI_TEST_CLOCK_LIBRARY")},
                 {"VDI_TEST_CLOCK", place("clock")}});
    while (!exists(place("late.going")))
        usleep(1000);
    __atomic_store_n(static_cast<int64_t *>(page), 4000, __ATOMIC_SEQ_CST);
    patient.ends(0).says(SUCCESS);
    munmap(page, sizeof(int64_t));
    /* [TMO-10] */
    Run({program("late_complete"), "backup", "data", place("later")}, {{"SERVER_TIMEOUT", "100"}})
        .ends(1).says(ABORTED).says(FAILURE).does_not_say(SUCCESS);
}

/* A client that asks for VDC_Complete and then refuses it fails the backup. [CMPL-05] */
void refuses_complete()
{
    Run({program("refusing"), "backup", "data", place("refused")})
        .ends(1).says("Msg 18210, ").says("Complete failure").says("50(").says(FAILURE)
        .does_not_say(SUCCESS);
}

/* Counts in two databases, first in one, then in the other, for ever. */
const char *const COUNT = "import sqlite3, sys\n"
                          "pair = [sqlite3.connect(path, timeout=60) for path in sys.argv[1:]]\n"
                          "for one in pair:\n"
                          "    one.execute('create table count(n)')\n"
                          "    one.execute('insert into count values(0)')\n"
                          "    one.commit()\n"
                          "while True:\n"
                          "    for one in pair:\n"
                          "        one.execute('update count set n = n + 1')\n"
                          "        one.commit()\n"
                          "    open(sys.argv[1] + '.counting', 'w').write('yes')\n";
/* How far the first is ahead. */
const char *const DIFFERENCE =
    "import sqlite3, sys\n"
    "pair = [sqlite3.connect(path) for path in sys.argv[1:]]\n"
    "assert all(x.execute('pragma integrity_check').fetchone()[0] == 'ok' for x in pair)\n"
    "a, b = [x.execute('select n from count').fetchone()[0] for x in pair]\n"
    "print('counted', 0 < b <= a <= b + 1, a, b)\n";

/*
 * Two databases that are written to are held at one moment, and come back as they were then.
 * [SNAP-05, SNAP-40]
 */
void snapshots()
{
    const std::string python = variable("VDI_TEST_PYTHON");
    const std::string one = place("one.db"), two = place("two.db");
    const std::string manners = slow() ? SLOW : "";
    catalogue->add("one", "sqlite = \"one.db\"\n" + manners);
    catalogue->add("two", "sqlite = \"two.db\"\n" + manners);
    Run writer({python, "-c", COUNT, one, two});
    wait_for_content(one + ".counting");
    Words words = {program("snapshot"), "backup", test_directory(), "one=" + one, "two=" + two};
    Run(words).ends(0).says(SUCCESS).does_not_say("Msg ");
    writer.send(SIGKILL);
    writer.ends(-SIGKILL);
    CHECK(unlink(one.c_str()) == 0 && unlink(two.c_str()) == 0);
    unlink((one + "-journal").c_str());
    unlink((two + "-journal").c_str());
    words[1] = "restore";
    Run(words).ends(0).says(SUCCESS).does_not_say("Msg ");
    Run({python, "-c", DIFFERENCE, one, two}).ends(0).says("counted True");
    /* One cannot be copied: all are aborted. [SMP-16] */
    words[1] = "backup";
    words.back() = "two=" + place("no/such");
    Run(words).ends(1).says(ABORTED).says(FAILURE).does_not_say(SUCCESS);
}

void prepare()
{
    CHECK(symlink(variable("VDI_TEST_TOOL").c_str(), place("sqlcmd").c_str()) == 0);
    const std::string path = std::string(test_directory()) + ":" + variable("PATH");
    CHECK(setenv("PATH", path.c_str(), 1) == 0);
    CHECK(setenv("LD_PRELOAD", variable("VDI_TEST_LEFTOVERS_LIBRARY").c_str(), 1) == 0);
    CHECK(setenv("VDI_CATALOGUE", place("catalogue").c_str(), 1) == 0);
    static Catalogue the_catalogue;
    catalogue = &the_catalogue;
    catalogue->add("data", "file = \"data\"\n");
    catalogue->add("endless", "size = \"64G\"\n");
}

extern "C" void run()
{
    prepare();
    quick_engine();
    if (slow())
        slow_engine();
    header();
    no_room();
    no_close();
    one_of_many();
    polling();
    short_reads();
    late_complete();
    refuses_complete();
    snapshots();
}

} // namespace

int main(int argc, char **argv)
{
    return test_main(argc, argv, nullptr, run);
}
