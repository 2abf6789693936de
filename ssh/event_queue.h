#pragma once
// Events between the layer that has one and the application that takes it. Keeps its memory, so
// that a warm session allocates nothing; but not what only a burst needed, because that is outside
// of what windows and budgets bound.

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "ssh/event.h"
#include "ssh/limits.h"

namespace caponier::ssh {

class EventQueue {
  public:
    void push(const Event& event) { events_.push_back(event); }

    [[nodiscard]] std::optional<Event> take() noexcept {
        if (next_ == events_.size()) {
            if (events_.capacity() > events_kept_max) {
                events_ = std::vector<Event>();
            }
            events_.clear();
            next_ = 0;
            return std::nullopt;
        }
        return events_[next_++];
    }

    [[nodiscard]] bool empty() const noexcept { return next_ == events_.size(); }

    /// Events that it has memory for.
    [[nodiscard]] std::size_t room() const noexcept { return events_.capacity(); }

  private:
    std::vector<Event> events_;
    std::size_t next_ = 0;
};

}  // namespace caponier::ssh
