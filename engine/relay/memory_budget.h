#pragma once
// How much all channels of the process may have promised to their peers. A window is a promise to
// hold that many bytes for a local socket that has stopped reading, and SSH cannot take a promise
// back: so the promises are counted, not the bytes. Shared by all shards; touched when a channel
// opens, ends or changes its window, never for a packet. What a channel leaves behind when it ends,
// because its local socket is slow, stays counted as a MemoryShare until it is delivered.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "engine/relay/limits.h"

namespace caponier::relay {

/// Between what bounds the windows of a session's channels are chosen.
struct WindowBounds {
    std::uint32_t initial_bytes = initial_window_bytes;
    std::uint32_t least_bytes = least_window_bytes;
    std::uint32_t most_bytes = most_window_bytes;
};

/// Why a tunnel is refused where it is used up.
inline constexpr std::string_view out_of_memory = "the memory budget is used up (MemoryBudget)";

class MemoryBudget {
  public:
    explicit MemoryBudget(std::uint64_t bytes) noexcept : bytes_{bytes} {}
    MemoryBudget(const MemoryBudget&) = delete;
    MemoryBudget& operator=(const MemoryBudget&) = delete;

    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
    [[nodiscard]] std::uint64_t promised() const noexcept {
        return promised_.load(std::memory_order_relaxed);
    }

    /// The window of a channel that opens, which is promised from now on: the more is promised, the
    /// smaller. Empty where not even the smallest is left.
    [[nodiscard]] std::optional<std::uint32_t> take_initial(const WindowBounds& bounds) noexcept {
        const std::uint64_t used = promised();
        std::uint32_t window = bounds.initial_bytes;
        if (used >= bytes_ / 2) {
            window = std::min(window, scarce_window_bytes);
        } else if (used >= bytes_ / 4) {
            window = std::min(window, 2 * scarce_window_bytes);
        } else if (used >= bytes_ / 8) {
            window = std::min(window, bounds.least_bytes);
        }
        return take(window) || take(window = std::min(window, scarce_window_bytes))
                   ? std::optional{window}
                   : std::nullopt;
    }

    /// How many channels could open now, with the smallest window. Where others open at the same
    /// time, it may be fewer when they do.
    [[nodiscard]] std::uint64_t room() const noexcept {
        return (bytes_ - std::min(bytes_, promised())) / scarce_window_bytes;
    }

    /// More for a channel that is open. Half is left to those that still open.
    [[nodiscard]] bool take_more(std::uint32_t bytes) noexcept {
        return promised() + bytes <= bytes_ / 2 && take(bytes);
    }

    void give_back(std::uint32_t bytes) noexcept {
        promised_.fetch_sub(bytes, std::memory_order_relaxed);
    }

  private:
    [[nodiscard]] bool take(std::uint32_t bytes) noexcept {
        if (promised_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= bytes_) {
            return true;
        }
        give_back(bytes);
        return false;
    }

    const std::uint64_t bytes_;
    std::atomic<std::uint64_t> promised_{0};
};

/// A part of the budget, given back with its last owner. Move-only.
class MemoryShare {
  public:
    MemoryShare() noexcept = default;
    /// `bytes` were taken of the budget, which outlives the share; without one nothing is counted.
    MemoryShare(MemoryBudget* budget, std::uint32_t bytes) noexcept
        : budget_(budget), bytes_(budget == nullptr ? 0 : bytes) {}
    MemoryShare(MemoryShare&& other) noexcept
        : budget_(other.budget_), bytes_(std::exchange(other.bytes_, 0)) {}
    MemoryShare& operator=(MemoryShare&& other) noexcept {
        shrink_to(0);
        budget_ = other.budget_;
        bytes_ = std::exchange(other.bytes_, 0);
        return *this;
    }
    MemoryShare(const MemoryShare&) = delete;
    MemoryShare& operator=(const MemoryShare&) = delete;
    ~MemoryShare() { shrink_to(0); }

    /// No more than `bytes` are needed from now on.
    void shrink_to(std::size_t bytes) noexcept {
        if (bytes < bytes_) {
            budget_->give_back(bytes_ - static_cast<std::uint32_t>(bytes));
            bytes_ = static_cast<std::uint32_t>(bytes);
        }
    }

  private:
    MemoryBudget* budget_ = nullptr;
    std::uint32_t bytes_ = 0;
};

}  // namespace caponier::relay
