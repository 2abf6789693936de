#pragma once
// The only source of chance in the simulation. The algorithm is written out (splitmix64, Steele,
// Lea and Flood 2014), because what the standard library's distributions return differs between
// libraries: a seed has to mean the same run on every machine.

#include <chrono>
#include <cstdint>

namespace caponier::sim {

class Random {
  public:
    explicit Random(std::uint64_t seed) noexcept : state_(seed) {}

    [[nodiscard]] std::uint64_t next() noexcept {
        state_ += 0x9e3779b97f4a7c15U;
        return mix(state_);
    }

    /// 0 to `bound` - 1; 0 for a bound of 0. The bias of the remainder does not matter here.
    [[nodiscard]] std::uint64_t below(std::uint64_t bound) noexcept {
        return bound == 0 ? 0 : next() % bound;
    }

    /// `low` to `high`, both included.
    [[nodiscard]] std::uint64_t between(std::uint64_t low, std::uint64_t high) noexcept {
        return low + below(high - low + 1);
    }

    /// True in so many of ten thousand cases. Draws nothing for 0, so that a fault which is off
    /// leaves the run of a seed as it was before the fault was invented.
    [[nodiscard]] bool chance(std::uint32_t in_ten_thousand) noexcept {
        return in_ten_thousand != 0 && below(10'000) < in_ten_thousand;
    }

    /// Zero to `longest`; draws nothing for zero.
    [[nodiscard]] std::chrono::nanoseconds duration(std::chrono::nanoseconds longest) noexcept {
        if (longest.count() <= 0) {
            return std::chrono::nanoseconds{0};
        }
        return std::chrono::nanoseconds{below(static_cast<std::uint64_t>(longest.count()) + 1)};
    }

    /// A number that depends on all bits of `value`.
    [[nodiscard]] static constexpr std::uint64_t mix(std::uint64_t value) noexcept {
        value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
        value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
        return value ^ (value >> 31);
    }

  private:
    std::uint64_t state_;
};

}  // namespace caponier::sim
