#pragma once
// What a connection asks of the target: the first bytes that go through the tunnel. Both ends are
// processes of one machine, so that the fields are in its byte order.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

namespace caponier::bench {

enum class Verb : std::uint32_t {
    sink = 1,       ///< take everything; after its end answer with the count of bytes, a uint64
    source,         ///< send `count` bytes, then end
    sealed_source,  ///< send `count` bytes of data as sealed packets (sealed_block.h), then end
    echo,           ///< send back whatever comes
    answer,         ///< for each `request_bytes` send `answer_bytes`; end after `count` requests
    push,           ///< send `count` messages of `answer_bytes`, one every `interval_ns`, then end
    slow_sink,      ///< a sink that takes at most `request_bytes` every `interval_ns`
};

/// As a count: until the connection is closed.
inline constexpr std::uint64_t endless = std::numeric_limits<std::uint64_t>::max();

struct Order {
    std::uint32_t magic = 0x43415042;
    Verb verb = Verb::echo;
    std::uint64_t count = 0;
    std::uint32_t request_bytes = 0;
    std::uint32_t answer_bytes = 0;
    std::uint64_t interval_ns = 0;
};

using OrderBytes = std::array<std::byte, sizeof(Order)>;
static_assert(sizeof(Order) == 32);

inline OrderBytes bytes_of(const Order& order) noexcept {
    OrderBytes bytes{};
    std::memcpy(bytes.data(), &order, bytes.size());
    return bytes;
}

inline Order order_of(const OrderBytes& bytes) noexcept {
    Order order;
    std::memcpy(&order, bytes.data(), bytes.size());
    return order;
}

/// What a pushed message begins with: when it was due by the target's timetable, as CLOCK_MONOTONIC
/// has it. A sender that was held up does not shift the times of the messages behind, so that
/// waiting is never left out of the lag.
using DueTime = std::uint64_t;

}  // namespace caponier::bench
