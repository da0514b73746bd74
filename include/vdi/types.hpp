/*
 * vdi/types.hpp - bytes, time-outs, and the structures of vdi.h with everything set that must be
 */
#ifndef VDI_TYPES_HPP
#define VDI_TYPES_HPP

#include <vdi.h>

#include <chrono>
#include <cstddef>

#if __cplusplus >= 202002L
#include <span>
#endif

namespace vdi {

/**
 * Bytes that belong to somebody else: a std::span<uint8_t> for C++11. It converts to that one in
 * C++20.
 */
class bytes {
public:
    constexpr bytes() noexcept : data_(nullptr), size_(0) {}
    constexpr bytes(uint8_t *data, std::size_t size) noexcept : data_(data), size_(size) {}

    constexpr uint8_t *data() const noexcept { return data_; }
    constexpr std::size_t size() const noexcept { return size_; }
    constexpr bool empty() const noexcept { return size_ == 0; }
    constexpr uint8_t *begin() const noexcept { return data_; }
    constexpr uint8_t *end() const noexcept { return data_ + size_; }

    /** The byte at a place before size(). */
    constexpr uint8_t &operator[](std::size_t place) const noexcept { return data_[place]; }

    /** The first `count` bytes; all, if there are fewer. */
    constexpr bytes first(std::size_t count) const noexcept
    {
        return bytes(data_, count < size_ ? count : size_);
    }

    /** What follows the first `count` bytes; nothing, if there are fewer. */
    constexpr bytes after(std::size_t count) const noexcept
    {
        return count < size_ ? bytes(data_ + count, size_ - count) : bytes(end(), 0);
    }

private:
    uint8_t *data_;
    std::size_t size_;
};

/** The time-out that never elapses. */
struct infinite_t {};
constexpr infinite_t infinite{};

/**
 * How long a call may wait: vdi::infinite, or a std::chrono duration. Parts of a millisecond are
 * rounded up; zero and less polls; more than 2147483647 milliseconds are taken as that many.
 */
class timeout {
public:
    constexpr timeout(infinite_t) noexcept : milliseconds_(VDI_INFINITE) {}

    template <typename Rep, typename Period>
    timeout(std::chrono::duration<Rep, Period> time) noexcept
        : milliseconds_(rounded(std::chrono::duration<double, std::milli>(time).count()))
    {
    }

    /** As the functions of vdi.h take it. */
    constexpr uint32_t milliseconds() const noexcept { return milliseconds_; }

private:
    static uint32_t rounded(double time) noexcept
    {
        if (!(time > 0))
            return 0;
        if (time >= INT32_MAX)
            return INT32_MAX;
        uint32_t whole = static_cast<uint32_t>(time);
        return whole < time ? whole + 1 : whole;
    }

    uint32_t milliseconds_;
};

/** The inputs of a client, with zero in every field that is not given. */
struct config : VDConfig {
    explicit config(uint32_t devices = 1, uint32_t features_wanted = VDF_LikePipe) noexcept
        : VDConfig()
    {
        deviceCount = devices;
        features = features_wanted;
    }
};

/** vdi_create_options with its size set and nothing asked for. */
struct create_options : vdi_create_options {
    create_options() noexcept : vdi_create_options() { size = sizeof(vdi_create_options); }
};

/** vdi_server_open_options with its size set and nothing asked for. */
struct open_options : vdi_server_open_options {
    open_options() noexcept : vdi_server_open_options()
    {
        size = sizeof(vdi_server_open_options);
    }
};

/** vdi_server_parameters with its size set; features, blockSize, maxTransferSize are to follow. */
struct server_parameters : vdi_server_parameters {
    server_parameters() noexcept : vdi_server_parameters()
    {
        size = sizeof(vdi_server_parameters);
    }
};

} // namespace vdi

#if __cplusplus >= 202002L
/* Iterators of vdi::bytes live on without it, so that a temporary one converts to std::span. */
template <>
inline constexpr bool std::ranges::enable_borrowed_range<vdi::bytes> = true;
#endif

#endif
