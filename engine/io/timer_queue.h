#pragma once
// The timers of one loop, earliest first: a binary heap of Completions that know their own place in
// it, so that a timer is canceled as cheaply as it is set. It reads no clock; the loop does.

#include <cstddef>
#include <optional>
#include <vector>

#include "engine/io/completion.h"

namespace caponier::io {

class TimerQueue {
  public:
    using Due = std::chrono::steady_clock::time_point;

    [[nodiscard]] bool empty() const noexcept { return heap_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return heap_.size(); }
    /// When the next timer is due; empty if there is none.
    [[nodiscard]] std::optional<Due> next_due() const noexcept;

    /// O(log n). Uses Scratch::due, heap_index and extra (the order of insertion) until the timer
    /// is popped or removed. Allocates only where there are more timers than ever before.
    void insert(Due due, Completion& timer);
    /// O(log n). `timer` must be in this queue.
    void remove(Completion& timer) noexcept;
    /// Takes out the earliest timer that is due at `now`, or returns null. Timers that are due at
    /// the same time leave in the order of their insertion.
    [[nodiscard]] Completion* pop_due(Due now) noexcept;

  private:
    void place(std::size_t index, Completion& timer) noexcept;
    void move_up(std::size_t index) noexcept;
    void move_down(std::size_t index) noexcept;

    std::vector<Completion*> heap_;
    std::uint64_t insertions_ = 0;
};

}  // namespace caponier::io
