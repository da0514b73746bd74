/* What the classes are, before they do anything. */
#include "harness.hpp"

#include <chrono>
#include <type_traits>

#if __cplusplus >= 202002L
#include <span>
#endif

namespace {

template <typename T> struct moves_only {
    static constexpr bool value =
        std::is_nothrow_move_constructible<T>::value && std::is_nothrow_move_assignable<T>::value &&
        std::is_nothrow_destructible<T>::value && !std::is_copy_constructible<T>::value &&
        !std::is_copy_assignable<T>::value && !std::is_default_constructible<T>::value;
};

static_assert(moves_only<vdi::primary>::value, "primary");
static_assert(moves_only<vdi::secondary>::value, "secondary");
static_assert(moves_only<vdi::client_set>::value, "client_set");
static_assert(moves_only<vdi::device>::value, "device");
static_assert(moves_only<vdi::command>::value, "command");
static_assert(moves_only<vdi::server_set>::value, "server_set");
static_assert(moves_only<vdi::server_device>::value, "server_device");
static_assert(moves_only<vdi::buffer>::value, "buffer");
/* It must stay where it is while it is outstanding. [STRUCT-06] */
static_assert(!std::is_move_constructible<vdi::awaited_command>::value, "awaited_command");

static_assert(std::is_base_of<std::exception, vdi::error>::value, "error");
static_assert(std::is_nothrow_copy_constructible<vdi::error>::value, "error");

static_assert(!std::is_convertible<std::string, vdi::primary>::value, "explicit");
static_assert(!std::is_convertible<int, vdi::timeout>::value, "a time-out has a unit");

void time_outs()
{
    using namespace std::chrono;
    CHECK_EQUAL(vdi::timeout(vdi::infinite).milliseconds(), VDI_INFINITE);
    CHECK_EQUAL(vdi::timeout(milliseconds(90)).milliseconds(), 90);
    CHECK_EQUAL(vdi::timeout(minutes(10)).milliseconds(), 600000);
    CHECK_EQUAL(vdi::timeout(nanoseconds(1)).milliseconds(), 1);
    CHECK_EQUAL(vdi::timeout(microseconds(90001)).milliseconds(), 91);
    CHECK_EQUAL(vdi::timeout(seconds(0)).milliseconds(), 0);
    CHECK_EQUAL(vdi::timeout(duration<double>(0.25)).milliseconds(), 250);
    /* What has elapsed already is not for ever, and what is too long is not short. */
    CHECK_EQUAL(vdi::timeout(milliseconds(-1)).milliseconds(), 0);
    CHECK_EQUAL(vdi::timeout(milliseconds::max()).milliseconds(), INT32_MAX);
    CHECK_EQUAL(vdi::timeout(hours::max()).milliseconds(), INT32_MAX);
}

void spans()
{
    uint8_t memory[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    vdi::bytes all(memory, sizeof memory);
    CHECK_EQUAL(all.size(), 10);
    CHECK_EQUAL(all[7], 7);
    CHECK_EQUAL(all.first(3).size(), 3);
    CHECK_EQUAL(all.first(11).size(), 10);
    CHECK_EQUAL(all.after(3).size(), 7);
    CHECK_EQUAL(all.after(3)[0], 3);
    CHECK(all.after(10).empty() && all.after(11).empty());
    CHECK(all.after(11).data() == memory + 10);
    CHECK(vdi::bytes().empty() && vdi::bytes().data() == nullptr);
    int sum = 0;
    for (uint8_t &byte : all)
        sum += byte++;
    CHECK_EQUAL(sum, 45);
    CHECK_EQUAL(memory[9], 10);
#if __cplusplus >= 202002L
    std::span<uint8_t> span = all;
    std::span<uint8_t> part = all.first(4);
    CHECK(span.data() == memory && span.size() == 10 && part.size() == 4);
#endif
}

void structures()
{
    vdi::config config(3, VDF_LikeTape);
    CHECK_EQUAL(config.deviceCount, 3);
    CHECK_EQUAL(config.features, VDF_LikeTape);
    CHECK_EQUAL(config.prefixZoneSize + config.serverTimeOut + config.bufferAreaSize, 0);
    static_assert(sizeof(vdi::config) == sizeof(VDConfig), "nothing is added");
    CHECK_EQUAL(vdi::create_options().size, sizeof(vdi_create_options));
    CHECK_EQUAL(vdi::open_options().size, sizeof(vdi_server_open_options));
    CHECK_EQUAL(vdi::server_parameters().size, sizeof(vdi_server_parameters));
}

void errors()
{
    CHECK_THROWS(vdi::server_set(fresh_name()), VD_E_INVALID, "vdi_server_open_from");
    CHECK_THROWS(vdi::secondary(fresh_name()), VD_E_PROTOCOL, "vdi_open_in_secondary");
    CHECK_THROWS(vdi::primary("back\\slash"), VD_E_INVALID, "vdi_create");
    CHECK_THROWS(vdi::primary(fresh_name(), vdi::config(65)), VD_E_NOTSUPPORTED, "vdi_create");
    vdi::create_options options;
    options.flags = 1u << 30;
    CHECK_THROWS(vdi::primary(fresh_name(), vdi::config(), options), VD_E_INVALID, "flags");
    CHECK_THROWS(vdi::primary(fresh_name(), vdi::config(), vdi::create_options(), "in\\stance"),
                 VD_E_INSTANCE_NAME, "vdi_create");
    /* Cut at the NUL, these would be names. */
    CHECK_THROWS(vdi::primary(std::string("a\0b", 3)), VD_E_INVALID, "NUL");
    CHECK_THROWS(vdi::server_set("a", vdi::open_options(), std::string("i\0", 2)), VD_E_INVALID,
                 "NUL");
}

} // namespace

void types()
{
    time_outs();
    spans();
    structures();
    errors();
}
