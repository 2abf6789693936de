#pragma once
// Events between the layer that has one and the application that takes it. Keeps its memory, so
// that a warm session allocates nothing.

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "ssh/event.h"

namespace caponier::ssh {

class EventQueue {
  public:
    void push(const Event& event) { events_.push_back(event); }

    [[nodiscard]] std::optional<Event> take() noexcept {
        if (next_ == events_.size()) {
            events_.clear();
            next_ = 0;
            return std::nullopt;
        }
        return events_[next_++];
    }

    [[nodiscard]] bool empty() const noexcept { return next_ == events_.size(); }

  private:
    std::vector<Event> events_;
    std::size_t next_ = 0;
};

}  // namespace caponier::ssh
