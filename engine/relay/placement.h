#pragma once
// Which of several sessions takes the next tunnel. A pure function of what they are under.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace caponier::relay {

/// A session, as placement sees it.
struct SessionLoad {
    std::uint64_t channels = 0;
    std::uint64_t queued_bytes = 0;
    std::uint64_t bytes_per_second = 0;  ///< recently
    std::uint64_t busy_permille = 0;     ///< of its thread, recently
    bool usable = false;                 ///< established, and below its limit of channels
    bool avoided = false;                ///< only if nothing else is left
};

/// So much traffic that whatever else the session carries waits behind it.
[[nodiscard]] bool is_under_bulk_load(const SessionLoad& load) noexcept;

/// So much that it may be all that one core can do, here or on the server.
[[nodiscard]] bool is_saturated(const SessionLoad& load) noexcept;

/// Tunnels go to the first `sessions` that are free and have fewer channels than the mark. Whatever
/// else is free stays so for the tunnel that comes when these carry bulk, and for when they are
/// full.
struct Spread {
    std::size_t sessions = SIZE_MAX;
    std::uint64_t channels_mark = UINT64_MAX;
};

/// Two random numbers, drawn by the caller.
struct Dice {
    std::uint64_t first = 0;
    std::uint64_t second = 0;
};

/// The index of the session to take: of two that are drawn, the one under less. None if none is
/// usable; one that is avoided, or under bulk load, only if no other is usable.
[[nodiscard]] std::optional<std::size_t> choose_session(std::span<const SessionLoad> loads,
                                                        const Dice& dice,
                                                        const Spread& spread = {}) noexcept;

}  // namespace caponier::relay
