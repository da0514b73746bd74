/*
 * vdi/client.hpp - the client: sets that it creates or joins, devices, and commands
 */
#ifndef VDI_CLIENT_HPP
#define VDI_CLIENT_HPP

#include <vdi/error.hpp>
#include <vdi/types.hpp>

#include <string>

namespace vdi {

/**
 * What device::get_command() answers: a command to carry out, or why there is none.
 *
 * A command has to be completed once. If it is destroyed before, it ends with
 * ERROR_OPERATION_ABORTED and no bytes, so that the server hears at once of a client that has lost
 * its way. The device it came from may be moved or destroyed meanwhile.
 */
class command {
public:
    command(command &&other) noexcept
        : device_(other.device_), original_(other.release()), answer_(other.answer_),
          fields_(other.fields_)
    {
    }
    command &operator=(command &&other) noexcept
    {
        if (this != &other) {
            drop();
            device_ = other.device_;
            original_ = other.release();
            answer_ = other.answer_;
            fields_ = other.fields_;
        }
        return *this;
    }
    command(const command &) = delete;
    command &operator=(const command &) = delete;
    ~command() { drop(); }

    /** Whether there is a command, and it is not completed yet. */
    explicit operator bool() const noexcept { return original_ != nullptr; }
    /** None came in time; nothing has changed. [CDEV-GETCMD-03] */
    bool timed_out() const noexcept { return answer_ == VD_E_TIMEOUT; }
    /** The server has closed the device, and all is completed: the normal end. [CDEV-GETCMD-04] */
    bool ended() const noexcept { return answer_ == VD_E_CLOSE; }

    /** The VDC_ code; 0, which is none, if there never was a command. */
    int32_t code() const noexcept { return fields_.commandCode; }
    /** Bytes of a Read or Write; a count or a start for some commands. */
    int32_t size() const noexcept { return fields_.size; }
    /** Position on the device, for commands that have one. */
    int64_t position() const noexcept { return fields_.position; }

    /** Where a Read puts its data and a Write has it, until completed; empty for other commands. */
    bytes data() const noexcept
    {
        return moves_data() ? bytes(fields_.buffer, static_cast<std::size_t>(fields_.size))
                            : bytes();
    }
    /** Start of the data zone, or null; some other commands have one, too. */
    uint8_t *buffer() const noexcept { return fields_.buffer; }
    /**
     * The client's private bytes directly before the data zone; empty if there is no buffer.
     * `size` is VDConfig.prefixZoneSize. [BUF-04]
     */
    bytes prefix_zone(uint32_t size) const noexcept
    {
        return fields_.buffer != nullptr ? bytes(fields_.buffer - size, size) : bytes();
    }

    /**
     * vdi_complete_command() with ERROR_SUCCESS; of a Read or Write all bytes were moved.
     *
     * @throws error as below.
     */
    void complete() { complete(ERROR_SUCCESS, static_cast<uint32_t>(data().size())); }
    /**
     * vdi_complete_command(): how the command ended, what it moved, and a position where that is
     * the answer.
     *
     * @throws error VD_E_INVALID if more bytes are reported than were asked for, and it can be
     *         completed again, or if it was completed before; VD_E_ABORT if the set is aborted,
     *         and the server does not see the completion; others as vdi.h says.
     */
    void complete(int32_t completion_code, uint32_t moved = 0, int64_t position = 0)
    {
        detail::check(vdi_complete_command(device_, original_, completion_code, moved, position));
        original_ = nullptr;
    }
    /** Completes with ERROR_NOT_SUPPORTED, as what the client does not know is. [CMD-02] */
    void refuse() { complete(ERROR_NOT_SUPPORTED); }

    /** The command for functions of vdi.h, null if there is none; this object forgets it. */
    const VDC_Command *release() noexcept
    {
        const VDC_Command *released = original_;
        original_ = nullptr;
        return released;
    }

private:
    friend class device;

    explicit command(vdi_result answer) noexcept
        : device_(nullptr), original_(nullptr), answer_(answer), fields_()
    {
    }
    command(vdi_device *device, const VDC_Command *original) noexcept
        : device_(device), original_(original), answer_(NOERROR), fields_(*original)
    {
    }
    void drop() noexcept
    {
        if (original_ != nullptr)
            vdi_complete_command(device_, original_, ERROR_OPERATION_ABORTED, 0, 0);
    }
    bool moves_data() const noexcept
    {
        return (code() == VDC_Read || code() == VDC_Write) && fields_.buffer != nullptr &&
               fields_.size > 0;
    }

    vdi_device *device_;
    const VDC_Command *original_;
    vdi_result answer_;
    VDC_Command fields_;
};

/**
 * A device that client_set::open_device() opened. It belongs to its set, and ends when the server
 * closes it or the set is closed; its destructor does nothing.
 */
class device {
public:
    device(device &&other) noexcept : handle_(other.handle_) { other.handle_ = nullptr; }
    device &operator=(device &&other) noexcept
    {
        vdi_device *moved = other.handle_;
        other.handle_ = nullptr;
        handle_ = moved;
        return *this;
    }
    device(const device &) = delete;
    device &operator=(const device &) = delete;

    /**
     * vdi_get_command(): waits for the next command. Blocks.
     *
     * @return The command; or one that is false, and timed_out() or ended().
     * @throws error VD_E_ABORT if the set is aborted, also during the wait; VD_E_PROTOCOL after
     *         the end; others as vdi.h says.
     */
    command get_command(timeout wait = infinite)
    {
        VDC_Command *got = nullptr;
        vdi_result result = vdi_get_command(handle_, wait.milliseconds(), &got);
        if (result == NOERROR)
            return command(handle_, got);
        if (result != VD_E_TIMEOUT && result != VD_E_CLOSE)
            throw error(result);
        return command(result);
    }

    /** The handle, for functions of vdi.h. */
    vdi_device *handle() const noexcept { return handle_; }

private:
    friend class client_set;
    explicit device(vdi_device *handle) noexcept : handle_(handle) {}

    vdi_device *handle_;
};

/**
 * A set as a client process has it open; created as vdi::primary or joined as vdi::secondary.
 */
class client_set {
public:
    /**
     * vdi_get_configuration(): waits until the server has configured the set. Blocks.
     *
     * @throws error VD_E_TIMEOUT if that took longer; VD_E_ABORT; others as vdi.h says.
     */
    VDConfig get_configuration(timeout wait) const
    {
        VDConfig decided;
        detail::check(vdi_get_configuration(get(), wait.milliseconds(), &decided));
        return decided;
    }
    /** The same, for clients that ask again: false if it took longer; `decided` is unchanged. */
    bool try_get_configuration(timeout wait, VDConfig &decided) const
    {
        vdi_result result = vdi_get_configuration(get(), wait.milliseconds(), &decided);
        if (result != VD_E_TIMEOUT)
            detail::check(result);
        return result == NOERROR;
    }
    /**
     * vdi_open_device(): the first device has the name of the set, the others those that the
     * statement gives them. May wait for a name that the server has not announced yet.
     */
    device open_device(const std::string &name) const
    {
        vdi_device *opened = nullptr;
        detail::check(vdi_open_device(get(), detail::c_name(name), &opened));
        return device(opened);
    }
    /** vdi_get_buffer_handle(): a number for the buffer of a command that is not completed. */
    uint32_t get_buffer_handle(const command &command) const
    {
        uint32_t handle = 0;
        detail::check(vdi_get_buffer_handle(get(), command.buffer(), &handle));
        return handle;
    }
    /** vdi_map_buffer_handle(): the data zone that another process of this set made a handle of. */
    uint8_t *map_buffer_handle(uint32_t handle) const
    {
        void *mapped = nullptr;
        detail::check(vdi_map_buffer_handle(get(), handle, &mapped));
        return static_cast<uint8_t *>(mapped);
    }
    /** vdi_signal_abort(): for all processes; `reason` is UTF-8 or null. */
    void signal_abort(const char *reason = nullptr) const noexcept
    {
        vdi_signal_abort(get(), reason);
    }
    /** vdi_abort_reason(). */
    abort_reason aborted() const { return detail::reason_of(get(), vdi_abort_reason); }
    /**
     * vdi_close(): releases the set and everything of it, in any case.
     *
     * @throws error VD_E_OPEN if the operation had not ended, and the set was aborted by this;
     *         VD_E_PROTOCOL if the set is not open.
     */
    void close() { detail::check(vdi_close(get())); }

    /** The handle, for functions of vdi.h. */
    vdi_set *handle() const noexcept { return get(); }

protected:
    explicit client_set(vdi_set *opened) noexcept : set_(opened) {}

private:
    vdi_set *get() const noexcept { return set_.get(); }

    detail::owned<vdi_set, vdi_close> set_;
};

/** The set as the process has it that created it. */
class primary : public client_set {
public:
    /**
     * vdi_create(). Start the statement only when the object exists.
     *
     * @param name      Unique on this machine while the set lives.
     * @param wanted    The client's inputs, see vdi::config.
     * @param options   Who may join, and limits, see vdi::create_options.
     * @param instance  Empty for the default one.
     * @throws error VD_E_PROTOCOL if a set of that name exists; VD_E_NOTSUPPORTED for a
     *         configuration that is invalid; others as vdi.h says.
     */
    explicit primary(const std::string &name, const VDConfig &wanted = config(),
                     const vdi_create_options &options = create_options(),
                     const std::string &instance = std::string())
        : client_set(create(name, wanted, options, instance))
    {
    }

    /** vdi_lost_secondaries(): how many ended in the middle of their work. */
    uint32_t lost_secondaries() const
    {
        uint32_t count = 0;
        detail::check(vdi_lost_secondaries(handle(), &count));
        return count;
    }

private:
    static vdi_set *create(const std::string &name, const VDConfig &wanted,
                           const vdi_create_options &options, const std::string &instance)
    {
        vdi_set *created = nullptr;
        detail::check(vdi_create(detail::c_name(instance), detail::c_name(name), &wanted, &options,
                                 &created));
        return created;
    }
};

/** A set that was created elsewhere, usually by another process. */
class secondary : public client_set {
public:
    /**
     * vdi_open_in_secondary(): possible as soon as get_configuration() has returned in the primary.
     *
     * @param name      As given to vdi::primary.
     * @param instance  As given to vdi::primary.
     * @throws error VD_E_PROTOCOL if there is no such set, or it is not configured yet, or has
     *         ended; others as vdi.h says.
     */
    explicit secondary(const std::string &name, const std::string &instance = std::string())
        : client_set(open(name, instance))
    {
    }

private:
    static vdi_set *open(const std::string &name, const std::string &instance)
    {
        vdi_set *opened = nullptr;
        detail::check(
            vdi_open_in_secondary(detail::c_name(instance), detail::c_name(name), &opened));
        return opened;
    }
};

} // namespace vdi

#endif
