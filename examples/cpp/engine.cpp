/*
 * engine.cpp - a database engine: sends the content of a file to the devices of a set, or fetches
 * it
 *
 *     c++ -std=c++11 engine.cpp -o engine $(pkg-config --cflags --libs vdi) -pthread
 *     ./engine backup|restore SETNAME DATAFILE [DEVICES]
 *
 * Piece k of the file travels on device k modulo DEVICES, sent by the thread of that device. The
 * first block of a stream says what the stream is, so that a restore notices one that is missing,
 * short or in the wrong place. The streams are those of the C example. A restore creates DATAFILE.
 * Exit status 0: the statement succeeded.
 */
#include <vdi.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <iostream>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

constexpr std::size_t BLOCK = 4096, PIECE = 1048576;

/* The data file, read by a backup, created by a restore and removed again unless it is kept. */
class Data {
public:
    Data(const std::string &path, bool reads)
        : path_(path),
          number_(open(path.c_str(), reads ? O_RDONLY : O_WRONLY | O_CREAT | O_EXCL, 0666)),
          temporary_(!reads)
    {
        if (number_ < 0)
            throw std::runtime_error(path + ": " + std::strerror(errno));
    }
    Data(const Data &) = delete;
    Data &operator=(const Data &) = delete;
    ~Data()
    {
        if (temporary_)
            unlink(path_.c_str());
        close(number_);
    }

    long long size() const { return lseek(number_, 0, SEEK_END); }
    bool read(vdi::bytes to, long long at) const
    {
        return pread(number_, to.data(), to.size(), at) == static_cast<ssize_t>(to.size());
    }
    bool write(vdi::bytes from, long long at) const
    {
        return pwrite(number_, from.data(), from.size(), at) == static_cast<ssize_t>(from.size());
    }
    void keep(long long size)
    {
        if (ftruncate(number_, size) != 0 || fsync(number_) != 0)
            throw std::runtime_error(path_ + ": " + std::strerror(errno));
        temporary_ = false;
    }

private:
    std::string path_;
    int number_;
    bool temporary_;
};

/* The thread of the completion agent, which leaves when the set ends. */
class Agent {
public:
    explicit Agent(vdi::server_set &server) : server_(server), thread_([this] { run(); }) {}
    ~Agent()
    {
        if (!thread_.joinable())
            return;
        server_.signal_abort("the engine failed");
        thread_.join();
    }
    /* Whether every device of the set came to its normal end. */
    bool join()
    {
        thread_.join();
        return normal_;
    }

private:
    void run()
    {
        try {
            normal_ = server_.execute_completion_agent();
        } catch (const vdi::error &error) {
            std::cerr << "engine: " << error.what() << std::endl;
        }
    }

    vdi::server_set &server_;
    bool normal_ = false;
    std::thread thread_;
};

/* One device: what the statement does with it. */
class Stripe {
public:
    Stripe(vdi::server_set &server, const std::string &name, unsigned index, unsigned count)
        : index_(index), count_(count),
          device_(server.open_device(index ? name + std::to_string(index) : name)),
          buffer_(server.allocate_buffer(PIECE))
    {
    }

    bool back_up(const Data &data)
    {
        size_ = data.size();
        return write_label() && all_pieces([&](long long at, std::size_t length) {
                   /* Every transfer is a multiple of the block size. [BUF-20] */
                   vdi::bytes piece = buffer_.data().first(blocks(length));
                   std::fill(piece.begin() + length, piece.end(), uint8_t(0));
                   return data.read(piece.first(length), at) && done(VDC_Write, piece);
               }) &&
               done(VDC_Flush, vdi::bytes());
    }
    bool restore(const Data &data)
    {
        return read_label() && all_pieces([&](long long at, std::size_t length) {
                   vdi::bytes piece = buffer_.data().first(blocks(length));
                   return done(VDC_Read, piece) && data.write(piece.first(length), at);
               });
    }
    bool complete() { return done(VDC_Complete, vdi::bytes()); }
    void close() { device_.close(); }

    /* Bytes of the whole file; a restore knows it when it has read the label. */
    long long size() const { return size_; }

private:
    static std::size_t blocks(std::size_t length) { return (length + BLOCK - 1) / BLOCK * BLOCK; }

    /* Sends a command and waits for it; all bytes have to be moved. */
    bool done(int32_t code, vdi::bytes data)
    {
        vdi::completion end = device_.perform(code, data);
        bool good = end && end.moved == data.size();
        if (!good)
            std::cerr << "engine: device " << index_ << ": " << vdi_command_name(code)
                      << " ends with " << end.code << " after " << end.moved << " bytes\n";
        return good;
    }

    template <typename Move> bool all_pieces(Move move)
    {
        const long long piece = PIECE;
        for (long long at = index_ * piece; at < size_; at += count_ * piece)
            if (!move(at, static_cast<std::size_t>(std::min(size_ - at, piece))))
                return false;
        return true;
    }

    bool write_label()
    {
        vdi::bytes block = buffer_.data().first(BLOCK);
        std::fill(block.begin(), block.end(), uint8_t(0));
        std::snprintf(reinterpret_cast<char *>(block.data()), BLOCK, label(), index_, count_,
                      size_);
        return done(VDC_Write, block);
    }
    bool read_label()
    {
        char text[BLOCK] = "";
        unsigned index = 0, count = 0;
        vdi::bytes block = buffer_.data().first(BLOCK);
        if (!done(VDC_Read, block))
            return false;
        std::memcpy(text, block.data(), BLOCK - 1);
        bool good = std::sscanf(text, label(), &index, &count, &size_) == 3 && index == index_ &&
                    count == count_ && size_ >= 0;
        if (!good)
            std::cerr << "engine: device " << index_ << " holds another stream\n";
        return good;
    }
    static constexpr const char *label() { return "vdi-example: stream %u of %u, %lld bytes\n"; }

    unsigned index_, count_;
    vdi::server_device device_;
    vdi::buffer buffer_;
    long long size_ = 0;
};

/* Opens and configures the set. A statement names as many devices as the set has. [AMB-25] */
uint32_t configure(vdi::server_set &server, bool backup, const char *devices)
{
    uint32_t count = server.get_configuration().deviceCount;
    if (devices != nullptr && std::stoul(devices) != count)
        server.signal_abort("the statement names another number of devices");
    vdi::server_parameters parameters;
    parameters.features = backup ? VDF_WriteMedia | VDF_CompleteEnabled : VDF_ReadMedia;
    parameters.blockSize = BLOCK;
    parameters.maxTransferSize = PIECE;
    server.begin_configuration(parameters);
    server.request_buffers(PIECE, count);
    server.end_configuration();
    return count;
}

/* Carries the statement out on a configured set; the size of the file, or less than 0. */
long long execute(vdi::server_set &server, std::vector<Stripe> &stripes, const Data &data,
                  bool backup)
{
    Agent agent(server);
    std::atomic<bool> good(true);
    std::vector<std::thread> threads;
    for (Stripe &stripe : stripes)
        threads.emplace_back([&] {
            if (!(backup ? stripe.back_up(data) : stripe.restore(data)))
                good = false;
        });
    for (std::thread &thread : threads)
        thread.join();
    for (Stripe &stripe : stripes)
        good = good && stripe.size() == stripes[0].size();
    /* Only when every Flush has succeeded. [AMB-35] */
    if (server.get_configuration().features & VDF_CompleteEnabled)
        for (Stripe &stripe : stripes)
            good = good && stripe.complete();
    for (Stripe &stripe : stripes)
        stripe.close();
    return agent.join() && good ? stripes[0].size() : -1;
}

} // namespace

int main(int argc, char **argv)
{
    const std::string direction = argc > 1 ? argv[1] : "";
    const bool backup = direction == "backup";
    if (argc < 4 || argc > 5 || (!backup && direction != "restore")) {
        std::cerr << "usage: engine backup|restore SETNAME DATAFILE [DEVICES]" << std::endl;
        return 2;
    }
    try {
        Data data(argv[3], backup);
        vdi::server_set server(argv[2]);
        uint32_t count = configure(server, backup, argv[4]);
        std::vector<Stripe> stripes;
        for (unsigned k = 0; k < count; k++)
            stripes.emplace_back(server, argv[2], k, count);
        long long size = execute(server, stripes, data, backup);
        if (size < 0)
            throw std::runtime_error("the statement failed");
        stripes.clear();
        server.close();
        if (!backup)
            data.keep(size);
        return 0;
    } catch (const std::exception &error) {
        std::cerr << "engine: " << error.what() << std::endl;
        return 1;
    }
}
