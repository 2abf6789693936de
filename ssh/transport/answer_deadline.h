#pragma once
// When an answer of the peer is overdue. Inputs bring the time, commands do not, and the last input
// may be long ago: a person thought about the host key, or the session was idle. So a clock that
// was started begins with the first time that it is told, and asks for one at once.

#include <chrono>
#include <optional>

#include "ssh/session.h"

namespace caponier::ssh {

class AnswerDeadline {
  public:
    /// The peer owes an answer and has `allowed` for it.
    void start(std::chrono::nanoseconds allowed) noexcept {
        allowed_ = std::chrono::duration_cast<TimePoint::duration>(allowed);
        due_ = needs_the_time;
        runs_ = true;
    }
    void stop() noexcept { runs_ = false; }

    void observe(TimePoint now) noexcept {
        if (runs_ && due_ == needs_the_time) {
            due_ = now + allowed_;
        }
    }

    /// Empty if nothing is owed; long past for a clock that wants to observe() the time.
    [[nodiscard]] std::optional<TimePoint> due() const noexcept {
        return runs_ ? std::optional{due_} : std::nullopt;
    }
    [[nodiscard]] bool is_overdue(TimePoint now) const noexcept {
        return runs_ && due_ != needs_the_time && now >= due_;
    }

  private:
    static constexpr TimePoint needs_the_time{};

    TimePoint::duration allowed_{0};
    TimePoint due_ = needs_the_time;
    bool runs_ = false;
};

}  // namespace caponier::ssh
