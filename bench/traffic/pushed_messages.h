#pragma once
// The messages that a target sends by its own timetable, with nobody asking: rows of a feed, frames
// of a video. Each begins with the time at which it was due (order.h).

#include <cstdint>
#include <vector>

#include "bench/traffic/order.h"
#include "bench/traffic/sockets.h"

namespace caponier::bench {

class PushedMessages {
  public:
    enum class State {
        waits_for_time,  ///< until due_ns()
        waits_for_room,  ///< until the socket takes more
        is_over,
        has_failed,
    };

    /// `fail`s where a message has no room for its time. The first is due one interval from now.
    PushedMessages(const Order& order, std::uint64_t now);

    /// Sends all messages that are due.
    [[nodiscard]] State send_due(const Descriptor& socket, std::uint64_t now) noexcept;

    [[nodiscard]] std::uint64_t due_ns() const noexcept { return due_ns_; }

  private:
    std::vector<std::byte> message_;
    std::size_t sent_bytes_ = 0;  ///< of the message that is under way
    std::uint64_t left_;
    std::uint64_t interval_ns_;
    std::uint64_t due_ns_;
};

}  // namespace caponier::bench
