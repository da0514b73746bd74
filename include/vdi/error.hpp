/*
 * vdi/error.hpp - what the classes of vdi.hpp throw, and why a set was aborted
 */
#ifndef VDI_ERROR_HPP
#define VDI_ERROR_HPP

#include <vdi.h>

#include <stdexcept>
#include <string>

namespace vdi {

/**
 * A function of the library failed.
 *
 * what() is the text of vdi_last_error_message(): it begins with the name of the C function and
 * names the parameter or object at fault. It is for logs; decide by code().
 */
class error : public std::runtime_error {
public:
    /** The failure that a call on this thread has just returned. */
    explicit error(vdi_result code) : std::runtime_error(vdi_last_error_message()), code_(code) {}

    error(vdi_result code, const char *text) : std::runtime_error(text), code_(code) {}

    /** The VD_E_ code. */
    vdi_result code() const noexcept { return code_; }

private:
    vdi_result code_;
};

/**
 * Why a set is aborted; vdi_abort_reason(), vdi_server_abort_reason().
 */
struct abort_reason {
    /** A VDI_ABORT_ code; VDI_ABORT_NONE if the set is not aborted. */
    uint32_t code;
    /** The reason in words, UTF-8. */
    std::string text;

    /** Whether the set is aborted. */
    explicit operator bool() const noexcept { return code != VDI_ABORT_NONE; }
};

namespace detail {

inline void check(vdi_result result)
{
    if (result != NOERROR)
        throw error(result);
}

/* The name as C takes it; what follows a NUL would silently be lost. */
inline const char *c_name(const std::string &name)
{
    if (name.find('\0') != std::string::npos)
        throw error(VD_E_INVALID, "vdi.hpp: a name contains a NUL");
    return name.c_str();
}

template <typename Handle>
abort_reason reason_of(Handle *handle,
                       vdi_result (*ask)(Handle *, uint32_t *, char *, std::size_t))
{
    uint32_t code = VDI_ABORT_NONE;
    char text[256];
    check(ask(handle, &code, text, sizeof text));
    return abort_reason{code, std::string(text)};
}

/*
 * Owns the handle of a set. It is kept after the set was closed: handles are looked up and never
 * used twice, so other threads may go on calling with it, and to close it again is harmless.
 */
template <typename Handle, vdi_result (*Close)(Handle *)>
class owned {
public:
    explicit owned(Handle *handle) noexcept : handle_(handle) {}
    owned(owned &&other) noexcept : handle_(other.handle_) { other.handle_ = nullptr; }
    owned &operator=(owned &&other) noexcept
    {
        if (this != &other) {
            release();
            handle_ = other.handle_;
            other.handle_ = nullptr;
        }
        return *this;
    }
    owned(const owned &) = delete;
    owned &operator=(const owned &) = delete;
    ~owned() { release(); }

    Handle *get() const noexcept { return handle_; }

private:
    void release() noexcept
    {
        if (handle_ != nullptr)
            Close(handle_);
    }

    Handle *handle_;
};

} // namespace detail
} // namespace vdi

#endif
