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
};

/// As a count: until the connection is closed.
inline constexpr std::uint64_t endless = std::numeric_limits<std::uint64_t>::max();

struct Order {
    std::uint32_t magic = 0x43415042;
    Verb verb = Verb::echo;
    std::uint64_t count = 0;
};

using OrderBytes = std::array<std::byte, sizeof(Order)>;
static_assert(sizeof(Order) == 16);

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

}  // namespace caponier::bench
