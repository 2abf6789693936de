#pragma once
// Names for places, as numbers that cannot be mistaken for each other.

#include <cstddef>
#include <cstdint>

namespace caponier::relay {

/// A session's place in the pool, from 0. When a session has ended, another may take its place.
enum class SessionSlot : std::uint32_t {};
/// A shard, from 0: the one that accepts.
enum class ShardId : std::uint32_t {};

[[nodiscard]] constexpr std::size_t index_of(SessionSlot slot) noexcept {
    return static_cast<std::size_t>(slot);
}
[[nodiscard]] constexpr std::size_t index_of(ShardId shard) noexcept {
    return static_cast<std::size_t>(shard);
}

}  // namespace caponier::relay
