// One message at a time: what the socket does not take of it is sent before the next begins.

#include "bench/traffic/pushed_messages.h"

#include <cerrno>
#include <cstring>

#include <sys/socket.h>

namespace caponier::bench {

PushedMessages::PushedMessages(const Order& order, std::uint64_t now)
    : message_(order.answer_bytes, std::byte{0x40}),
      left_(order.count),
      interval_ns_(order.interval_ns),
      due_ns_(now + order.interval_ns) {
    if (message_.size() < sizeof(DueTime) || interval_ns_ == 0) {
        errno = EINVAL;
        fail("a pushed message holds a time, and they have an interval");
    }
}

PushedMessages::State PushedMessages::send_due(const Descriptor& socket,
                                               std::uint64_t now) noexcept {
    while (left_ > 0) {
        if (due_ns_ > now) {
            return State::waits_for_time;
        }
        if (sent_bytes_ == 0) {
            const DueTime due = due_ns_;
            std::memcpy(message_.data(), &due, sizeof due);
        }
        const ssize_t sent = send(socket.fd(),
                                  message_.data() + sent_bytes_,
                                  message_.size() - sent_bytes_,
                                  MSG_NOSIGNAL);
        if (sent < 0) {
            return would_block() ? State::waits_for_room : State::has_failed;
        }
        sent_bytes_ += static_cast<std::size_t>(sent);
        if (sent_bytes_ == message_.size()) {
            sent_bytes_ = 0;
            due_ns_ += interval_ns_;
            --left_;
        }
    }
    return State::is_over;
}

}  // namespace caponier::bench
