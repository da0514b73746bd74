/*
 * snapshot.cc - snapshots of several databases at one moment: each has a statement and a set of its
 * own; all are held until the last one is frozen, then the files are copied, then all are let go
 * [SNAP-40, SNAP-41]
 *
 *     snapshot backup|restore DIRECTORY DATABASE=FILE...
 */
#include "agent.hpp"

#include <memory>

struct Database {
    std::string file, copy, metadata_path;
    FILE *metadata;
    Job job;
    ClientVirtualDeviceSet set;
    ClientVirtualDevice *device;
    std::unique_ptr<Statement> running;
    VDC_Command *held;
};

typedef std::vector<std::unique_ptr<Database>> Databases;

static bool copy_file(const std::string &from, const std::string &to)
{
    char bytes[65536];
    std::size_t n;
    FILE *in = std::fopen(from.c_str(), "re"), *out = std::fopen(to.c_str(), "we");
    bool good = in != nullptr && out != nullptr;
    while (good && (n = std::fread(bytes, 1, sizeof bytes, in)) > 0)
        good = std::fwrite(bytes, 1, n, out) == n;
    if (in != nullptr)
        std::fclose(in);
    return out != nullptr && std::fclose(out) == 0 && good;
}

/* Creates the set, starts the statement, and opens the device. [SNAP-10] */
static bool begin(Database &database)
{
    Job &job = database.job;
    VDConfig config = configuration(1, VDF_SnapshotPrepare);
    if (database.set.Create(mutable_text(job.set), &config) != NOERROR)
        return false;
    database.running.reset(new Statement(statement(job, "SNAPSHOT")));
    database.metadata = std::fopen(database.metadata_path.c_str(), job.backup ? "we" : "re");
    return database.metadata != nullptr &&
           database.set.GetConfiguration(15000, &config) == NOERROR &&
           database.set.OpenDevice(mutable_text(job.set), &database.device) == NOERROR;
}

/* Serves the device until a command comes that is to be held. */
static bool hold(Database &database, int wanted)
{
    while (database.device->GetCommand(-1, &database.held) == NOERROR) {
        if (database.held->commandCode == wanted)
            return true;
        unsigned long moved;
        int code = execute(database.held, database.metadata, &moved);
        database.device->CompleteCommand(database.held, code, moved, 0);
    }
    return false;
}

static bool let_go(Database &database)
{
    return database.device->CompleteCommand(database.held, ERROR_SUCCESS, 0, 0) == NOERROR;
}

/* After the last command there is one GetCommand more. [SMP-17] */
static bool ended(Database &database)
{
    return database.device->GetCommand(-1, &database.held) == VD_E_CLOSE;
}

template <typename Step> static bool each(Databases &databases, Step step)
{
    for (auto &database : databases)
        if (!step(*database))
            return false;
    return true;
}

static bool back_up(Databases &databases)
{
    return each(databases, begin) &&
           each(databases, [](Database &one) { return hold(one, VDC_PrepareToFreeze); }) &&
           each(databases, let_go) &&
           each(databases, [](Database &one) { return hold(one, VDC_Snapshot); }) &&
           /* [SMP-18] */
           each(databases, [](Database &one) { return std::fflush(one.metadata) == 0; }) &&
           each(databases, [](Database &one) { return copy_file(one.file, one.copy); }) &&
           each(databases, let_go) && each(databases, ended);
}

static bool restore(Databases &databases)
{
    return each(databases, begin) &&
           each(databases, [](Database &one) { return hold(one, VDC_MountSnapshot); }) &&
           each(databases, [](Database &one) { return copy_file(one.copy, one.file); }) &&
           each(databases, let_go) && each(databases, ended);
}

int main(int argc, char **argv)
{
    Job all = parse(argc, argv);
    Databases databases;
    for (const std::string &pair : all.files) {
        std::string name = pair.substr(0, pair.find('='));
        std::unique_ptr<Database> database(new Database());
        database->file = pair.substr(pair.find('=') + 1);
        /* What the user calls the database is here the directory. */
        database->copy = all.database + "/" + name + ".copy";
        database->metadata_path = all.database + "/" + name + ".metadata";
        database->job = Job{all.backup, false, name, {""}, new_uuid()};
        databases.push_back(std::move(database));
    }
    bool good = all.backup ? back_up(databases) : restore(databases);
    for (auto &database : databases) {
        if (!good)
            database->set.SignalAbort();
        if (database->metadata != nullptr)
            good = std::fclose(database->metadata) == 0 && good;
        database->set.Close();
        good = database->running && database->running->succeeded() && good;
    }
    return good ? 0 : 1;
}
