#pragma once
// What every target implements, and how it takes its input apart. libfuzzer_entry.cpp calls it
// under clang's fuzzer, replay_test.cpp with what the corpus holds.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "ssh/wire/bytes.h"

namespace caponier::fuzz {

/// Returns where all is well, and ends the process where it is not.
void try_input(std::span<const std::byte> input);

/// An input, read from its front. Zeros and empty views follow its end.
class Input {
  public:
    explicit Input(std::span<const std::byte> bytes) noexcept : unread_{bytes} {}

    [[nodiscard]] bool is_empty() const noexcept { return unread_.empty(); }
    std::uint8_t byte() noexcept {
        const std::span<const std::byte> one = bytes(1);
        return one.empty() ? std::uint8_t{0} : std::to_integer<std::uint8_t>(one[0]);
    }
    std::uint16_t uint16() noexcept {
        const unsigned high = byte();
        return static_cast<std::uint16_t>(high << 8U | byte());
    }
    /// At most `count`.
    std::span<const std::byte> bytes(std::size_t count) noexcept {
        const std::span<const std::byte> taken = unread_.first(std::min(count, unread_.size()));
        unread_ = unread_.subspan(taken.size());
        return taken;
    }
    std::span<const std::byte> rest() noexcept { return bytes(unread_.size()); }

  private:
    std::span<const std::byte> unread_;
};

}  // namespace caponier::fuzz
