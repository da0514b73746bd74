/*
 * vdi/server.hpp - the server: sets that it opens, devices, buffers, and commands
 */
#ifndef VDI_SERVER_HPP
#define VDI_SERVER_HPP

#include <vdi/error.hpp>
#include <vdi/types.hpp>

#include <condition_variable>
#include <mutex>
#include <string>

namespace vdi {

/** How a command ended. */
struct completion {
    /** ERROR_SUCCESS, or how the command failed. */
    int32_t code;
    /** Bytes moved by a Read or Write; they may come with an error, too. */
    uint32_t moved;
    /** Position that the client returned. */
    int64_t position;

    /** Whether the command succeeded. */
    explicit operator bool() const noexcept { return code == ERROR_SUCCESS; }
    /** Whether the client refused it, as it may with every optional command. */
    bool refused() const noexcept { return code == ERROR_NOT_SUPPORTED; }
};

/**
 * A command to send; a program derives its own and says in completed() what happens then. See
 * vdi::awaited_command for one that is waited for.
 *
 * It must stay where it is from server_device::send() until completed() is called, at the latest
 * when the set is closed: an object that is declared before the set is there long enough. [STRUCT-06]
 */
class server_command {
public:
    server_command(const server_command &) = delete;
    server_command &operator=(const server_command &) = delete;

    /** A Read or Write of these bytes of a vdi::buffer, or another command that carries them. */
    void prepare(int32_t code, bytes data, int64_t position = 0) noexcept
    {
        prepare(code, static_cast<int32_t>(data.size()), position);
        command_.buffer = data.data();
    }
    /** A command without data; `size` is a count or a start for some commands. */
    void prepare(int32_t code, int32_t size = 0, int64_t position = 0) noexcept
    {
        command_ = VDS_Command();
        command_.commandCode = code;
        command_.size = size;
        command_.inPosition = position;
        command_.completionRoutine = routine;
        command_.completionContext = this;
    }

    /** How it ended; meaningful from completed() to the next prepare() or send(). */
    completion result() const noexcept
    {
        return completion{command_.completionCode,
                          static_cast<uint32_t>(command_.bytesTransferred), command_.outPosition};
    }

protected:
    server_command() noexcept { prepare(0); }
    ~server_command() = default;

private:
    friend class server_device;

    /**
     * The command has ended. Called once for every send(); vdi_completion_routine says on which
     * thread, and what it may do: everything, but it should not block. It may send this command
     * again, and may destroy it.
     */
    virtual void completed() noexcept = 0;

    static void routine(VDS_Command *command) noexcept
    {
        static_cast<server_command *>(command->completionContext)->completed();
    }

    VDS_Command command_;
};

/** A command that one thread sends and waits for. It may then be prepared and sent again. */
class awaited_command final : public server_command {
public:
    /**
     * Waits until it has ended, once for each time it was sent. Blocks; for ever if it was not
     * sent, or if called by the agent's thread.
     */
    completion wait()
    {
        std::unique_lock<std::mutex> lock(mutex_);
        while (!ended_)
            changed_.wait(lock);
        ended_ = false;
        return result();
    }

private:
    void completed() noexcept override
    {
        /* Told with the lock held: the thread that waits may destroy the object when it has it. */
        std::lock_guard<std::mutex> lock(mutex_);
        ended_ = true;
        changed_.notify_all();
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    bool ended_ = false;
};

/**
 * A device that server_set::open_device() opened. It belongs to its set. The destructor does not
 * close it: for the client, a device that is closed has come to its normal end, and only the
 * program knows when that is so.
 */
class server_device {
public:
    server_device(server_device &&other) noexcept : handle_(other.handle_)
    {
        other.handle_ = nullptr;
    }
    server_device &operator=(server_device &&other) noexcept
    {
        vdi_server_device *moved = other.handle_;
        other.handle_ = nullptr;
        handle_ = moved;
        return *this;
    }
    server_device(const server_device &) = delete;
    server_device &operator=(const server_device &) = delete;

    /**
     * vdi_server_send_command(); does not wait.
     *
     * @return True: queued, the agent will call completed(). False: not queued, and completed() has
     *         been called already, on this thread; result() says why. [SDEV-SEND-04]
     */
    bool send(server_command &command) noexcept
    {
        return vdi_server_send_command(handle_, &command.command_) == NOERROR;
    }
    /** Sends a Read or Write of these bytes and waits for its end. Blocks, see awaited_command. */
    completion perform(int32_t code, bytes data, int64_t position = 0)
    {
        awaited_command command;
        command.prepare(code, data, position);
        send(command);
        return command.wait();
    }
    /** Sends a command without data and waits for its end. Blocks, see awaited_command. */
    completion perform(int32_t code, int32_t size = 0, int64_t position = 0)
    {
        awaited_command command;
        command.prepare(code, size, position);
        send(command);
        return command.wait();
    }
    /**
     * vdi_server_close_device(): the normal end of the device.
     *
     * @throws error VD_E_ABORT if the set is aborted; VD_E_CLOSE if it was closed before;
     *         VD_E_PROTOCOL if it is not open.
     */
    void close() { detail::check(vdi_server_close_device(handle_)); }

    /** The handle, for functions of vdi.h. */
    vdi_server_device *handle() const noexcept { return handle_; }

private:
    friend class server_set;
    explicit server_device(vdi_server_device *handle) noexcept : handle_(handle) {}

    vdi_server_device *handle_;
};

/**
 * A shared buffer that server_set::allocate_buffer() allocated; the destructor gives it back. While
 * a command with it is outstanding it cannot be given back, and is the set's until that is closed.
 */
class buffer {
public:
    buffer(buffer &&other) noexcept : server_(other.server_), data_(other.data_)
    {
        other.data_ = bytes();
    }
    buffer &operator=(buffer &&other) noexcept
    {
        if (this != &other) {
            release();
            server_ = other.server_;
            data_ = other.data_;
            other.data_ = bytes();
        }
        return *this;
    }
    buffer(const buffer &) = delete;
    buffer &operator=(const buffer &) = delete;
    ~buffer() { release(); }

    /** The data zone, with the size that was asked for. Valid until the set is closed. */
    bytes data() const noexcept { return data_; }
    std::size_t size() const noexcept { return data_.size(); }

private:
    friend class server_set;
    buffer(vdi_server *server, void *data, uint32_t size) noexcept
        : server_(server), data_(static_cast<uint8_t *>(data), size)
    {
    }
    void release() noexcept
    {
        if (!data_.empty())
            vdi_server_free_buffer(server_, data_.data(), static_cast<uint32_t>(data_.size()));
    }

    vdi_server *server_;
    bytes data_;
};

/** Who created a set, as the kernel knows it. */
struct creator {
    uint32_t uid;
    uint32_t gid;
    /** 0 if a namespace hides it. */
    int32_t pid;
};

/** A set as the server has it open. */
class server_set {
public:
    /**
     * vdi_server_open_from(): attaches the server to the set that a client created. Does not wait
     * for one to appear.
     *
     * @param name      The name of the set.
     * @param options   Whose sets may be opened, see vdi::open_options.
     * @param instance  Empty for the default one.
     * @throws error VD_E_INVALID if no such set is accessible; VD_E_BUSY if another server is
     *         attached; others as vdi.h says.
     */
    explicit server_set(const std::string &name,
                        const vdi_server_open_options &options = open_options(),
                        const std::string &instance = std::string())
        : server_(open(name, options, instance))
    {
    }

    /** vdi_server_get_configuration(): the client's inputs, later the merged configuration. */
    VDConfig get_configuration() const
    {
        VDConfig known;
        detail::check(vdi_server_get_configuration(handle(), &known));
        return known;
    }
    /** vdi_server_begin_configuration(). May be repeated after VD_E_NOTSUPPORTED. */
    void begin_configuration(const vdi_server_parameters &parameters)
    {
        detail::check(vdi_server_begin_configuration(handle(), &parameters));
    }
    /** vdi_server_request_buffers(): `count` of this size will be allocated. */
    void request_buffers(uint32_t size, uint32_t count, uint32_t alignment = 0)
    {
        detail::check(vdi_server_request_buffers(handle(), size, alignment, count));
    }
    /** vdi_server_query_available_buffers(): how many more could be allocated. */
    uint32_t available_buffers(uint32_t size, uint32_t alignment = 0) const
    {
        uint32_t count = 0;
        detail::check(vdi_server_query_available_buffers(handle(), size, alignment, &count));
        return count;
    }
    /** vdi_server_end_configuration(). After VD_E_MEMORY request less, and repeat. */
    void end_configuration() { detail::check(vdi_server_end_configuration(handle())); }

    /**
     * vdi_server_execute_completion_agent(): lends this thread to the set until it ends. Blocks.
     *
     * @return True if every device has come to its normal end, or the set was closed; false if it
     *         was aborted, and every command has ended.
     * @throws error VD_E_BUSY if there is an agent; VD_E_PROTOCOL; VD_E_UNEXPECTED.
     */
    bool execute_completion_agent()
    {
        vdi_result result = vdi_server_execute_completion_agent(handle());
        if (result != VD_E_ABORT)
            detail::check(result);
        return result == NOERROR;
    }

    /** vdi_server_open_device(): the next device; the first one has the name of the set. */
    server_device open_device(const std::string &name)
    {
        vdi_server_device *opened = nullptr;
        detail::check(vdi_server_open_device(handle(), detail::c_name(name), &opened));
        return server_device(opened);
    }
    /** vdi_server_allocate_buffer(). VD_E_MEMORY if none of those requested is left. */
    buffer allocate_buffer(uint32_t size, uint32_t alignment = 0)
    {
        void *data = nullptr;
        detail::check(vdi_server_allocate_buffer(handle(), size, alignment, &data));
        return buffer(handle(), data, size);
    }
    /** vdi_server_is_shared_buffer(): whether it lies in an allocated buffer of the set. */
    bool is_shared_buffer(const void *address) const noexcept
    {
        return vdi_server_is_shared_buffer(handle(), address) != 0;
    }

    /** vdi_server_signal_abort(): for all processes; `reason` is UTF-8 or null. */
    void signal_abort(const char *reason = nullptr) const noexcept
    {
        vdi_server_signal_abort(handle(), reason);
    }
    /** vdi_server_abort_reason(). */
    abort_reason aborted() const { return detail::reason_of(handle(), vdi_server_abort_reason); }
    /** vdi_server_primary(): for the log of the server, or its own rules. */
    creator created_by() const
    {
        creator who = creator();
        detail::check(vdi_server_primary(handle(), &who.uid, &who.gid, &who.pid));
        return who;
    }
    /**
     * vdi_server_close(): releases the set and everything of it, in any case.
     *
     * @throws error VD_E_PROTOCOL if devices were still open, and the set was aborted by this; or
     *         if the set is not open.
     */
    void close() { detail::check(vdi_server_close(handle())); }

    /** The handle, for functions of vdi.h. */
    vdi_server *handle() const noexcept { return server_.get(); }

private:
    static vdi_server *open(const std::string &name, const vdi_server_open_options &options,
                            const std::string &instance)
    {
        vdi_server *opened = nullptr;
        detail::check(vdi_server_open_from(detail::c_name(instance), detail::c_name(name), &options,
                                           &opened));
        return opened;
    }

    detail::owned<vdi_server, vdi_server_close> server_;
};

} // namespace vdi

#endif
