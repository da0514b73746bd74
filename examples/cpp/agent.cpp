/*
 * agent.cpp - a backup program: stores the streams of a backup in files, or feeds them to a restore
 *
 *     c++ -std=c++11 agent.cpp -o agent $(pkg-config --cflags --libs vdi) -pthread
 *     ./agent backup|restore SETNAME FILE [FILE...]
 *
 * Creates a set with one device for each FILE and prints the name of the set: now is the time to
 * start the engine. Exit status 0 means that every stream ended as it should and, for a backup, is
 * on stable storage. Whether the statement succeeded is for the engine to say. [NT-06]
 */
#include <vdi.hpp>

#include <cerrno>
#include <cstring>
#include <exception>
#include <fcntl.h>
#include <iostream>
#include <string>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

/* A failure of the system, about a file. */
std::runtime_error trouble(const std::string &path)
{
    return std::runtime_error(path + ": " + std::strerror(errno));
}

/* A file of a backup, open for one direction; it is removed again unless it is kept. */
class File {
public:
    File(const std::string &path, bool writes)
        : path_(path),
          number_(open(path.c_str(), (writes ? O_WRONLY | O_CREAT | O_EXCL : O_RDONLY) | O_CLOEXEC,
                       0666)),
          temporary_(writes)
    {
        if (number_ < 0)
            throw trouble(path);
    }
    File(File &&other) noexcept
        : path_(std::move(other.path_)), number_(other.number_), temporary_(other.temporary_)
    {
        other.number_ = -1;
        other.temporary_ = false;
    }
    ~File()
    {
        /* A partial stream is not a backup. [ABT-16] */
        if (temporary_)
            unlink(path_.c_str());
        if (number_ >= 0)
            close(number_);
    }

    /* Fills or empties the bytes; fewer mean the end of the file, or an error if errno is set. */
    std::size_t read(vdi::bytes data) { return move(data, ::read); }
    std::size_t write(vdi::bytes data) { return move(data, ::write); }

    bool sync() { return fsync(number_) == 0; }

    /* A new file is durable only together with its directory. */
    void keep()
    {
        std::string::size_type slash = path_.rfind('/');
        std::string parent = slash == std::string::npos ? "." : path_.substr(0, slash + 1);
        int directory = open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        bool durable = directory >= 0 && fsync(directory) == 0;
        close(directory);
        if (!durable)
            throw trouble(parent);
        temporary_ = false;
    }

private:
    template <typename Call> std::size_t move(vdi::bytes data, Call call)
    {
        vdi::bytes rest = data;
        errno = 0;
        while (!rest.empty()) {
            ssize_t n = call(number_, rest.data(), rest.size());
            if (n == 0 || (n < 0 && errno != EINTR))
                break;
            rest = rest.after(n > 0 ? static_cast<std::size_t>(n) : 0);
            errno = 0;
        }
        return data.size() - rest.size();
    }

    std::string path_;
    int number_;
    bool temporary_;
};

/* One device and its file. */
class Stream {
public:
    Stream(const std::string &path, bool writes) : path_(path), file_(path, writes), writes_(writes)
    {
    }

    /* Serves the device to its end; whether the stream is whole. */
    bool serve(vdi::device device, bool complete_enabled)
    {
        vdi::command command = device.get_command();
        for (; command; command = device.get_command())
            execute(command);
        /* Without VDC_Complete the last Flush has to do. [CMPL-04] */
        return !failed_ && (!writes_ || (durable_ && (finished_ || !complete_enabled)));
    }

    void keep() { file_.keep(); }

private:
    void execute(vdi::command &command)
    {
        switch (command.code()) {
        case VDC_Read:
        case VDC_Write:
            return transfer(command);
        case VDC_Flush: /* not the end: Writes may follow [CMD-FLUSH-01] */
            durable_ = file_.sync();
            return command.complete(durable_ ? ERROR_SUCCESS : ERROR_BUS_RESET);
        case VDC_Complete:
            finished_ = durable_ && !failed_;
            return command.complete(finished_ ? ERROR_SUCCESS : ERROR_BUS_RESET);
        case VDC_ClearError:
            return command.complete();
        default:
            return command.refuse();
        }
    }

    void transfer(vdi::command &command)
    {
        if ((command.code() == VDC_Write) != writes_)
            return command.refuse();
        durable_ = false;
        std::size_t moved = writes_ ? file_.write(command.data()) : file_.read(command.data());
        if (moved == command.data().size())
            return command.complete();
        int32_t code = ERROR_HANDLE_EOF;
        if (writes_ || errno != 0) {
            failed_ = true;
            std::cerr << trouble(path_).what() << std::endl;
            code = errno == ENOSPC || errno == EFBIG ? ERROR_DISK_FULL : ERROR_BUS_RESET;
        }
        command.complete(code, static_cast<uint32_t>(moved));
    }

    std::string path_;
    File file_;
    bool writes_;
    bool failed_ = false;   /* a command could not be carried out */
    bool durable_ = false;  /* nothing was written since the last successful Flush */
    bool finished_ = false; /* VDC_Complete was answered with success */
};

/* The thread of a device: what goes wrong in it is the end of the set. */
void serve(const vdi::client_set &set, const std::string &device, Stream &stream,
           bool complete_enabled, bool &whole)
{
    try {
        whole = stream.serve(set.open_device(device), complete_enabled);
        if (!whole)
            std::cerr << "agent: " << device << ": the stream is not whole" << std::endl;
    } catch (const std::exception &error) {
        std::cerr << "agent: " << device << ": " << error.what() << std::endl;
        set.signal_abort("a device thread of the agent failed");
    }
}

/* Waits for the engine, then serves all devices until they end. */
bool run(const vdi::client_set &set, const std::string &name, std::vector<Stream> &streams)
{
    VDConfig config = set.get_configuration(std::chrono::seconds(60));
    bool complete_enabled = (config.features & VDF_CompleteEnabled) != 0;
    /* Not std::vector<bool>: each thread writes its own. */
    bool whole[VDI_MAX_DEVICES] = {};
    std::vector<std::thread> threads;
    try {
        for (std::size_t k = 0; k < streams.size(); k++)
            threads.emplace_back(serve, std::cref(set), k ? name + std::to_string(k) : name,
                                 std::ref(streams[k]), complete_enabled, std::ref(whole[k]));
    } catch (const std::system_error &) {
        set.signal_abort("the agent cannot start a thread");
    }
    bool good = threads.size() == streams.size();
    for (std::size_t k = 0; k < threads.size(); k++) {
        threads[k].join();
        good = good && whole[k];
    }
    if (vdi::abort_reason why = set.aborted())
        std::cerr << "agent: aborted (" << why.code << "): " << why.text << std::endl;
    return good;
}

} // namespace

int main(int argc, char **argv)
{
    const std::string direction = argc > 1 ? argv[1] : "";
    const bool writes = direction == "backup";
    if (argc < 4 || argc - 3 > VDI_MAX_DEVICES || (!writes && direction != "restore")) {
        std::cerr << "usage: agent backup|restore SETNAME FILE [FILE...]" << std::endl;
        return 2;
    }
    try {
        std::vector<Stream> streams;
        for (int k = 3; k < argc; k++)
            streams.emplace_back(argv[k], writes);
        vdi::primary set(argv[2], vdi::config(static_cast<uint32_t>(streams.size()),
                                              VDF_LikePipe | VDF_RequestComplete));
        std::cout << argv[2] << std::endl;
        if (!run(set, argv[2], streams))
            return 1;
        set.close();
        if (writes)
            for (Stream &stream : streams)
                stream.keep();
        return 0;
    } catch (const std::exception &error) {
        std::cerr << "agent: " << error.what() << std::endl;
        return 1;
    }
}
