#pragma once
// When the bytes of the SSH socket are acknowledged. OpenSSH's server leaves Nagle's algorithm on
// for connections that only forward: it holds a small packet back until the one before it is
// acknowledged, and the kernel delays an acknowledgement by up to 40 ms where we have nothing to
// send along. So what is not answered in the same turn is acknowledged at once. Within a bulk
// download that would cost a system call and a packet for each receive, and the next receive
// acknowledges as well: there only small receives are acknowledged at once, and the last bytes when
// nothing follows them.

#include <cstddef>

#include "engine/io/loop.h"

namespace caponier::relay {

class Acknowledgement {
  public:
    /// `socket` is the session worker's, and may be empty by the time that the timer fires.
    Acknowledgement(io::Loop& loop, const io::Socket& socket) noexcept;
    ~Acknowledgement();
    Acknowledgement(const Acknowledgement&) = delete;
    Acknowledgement& operator=(const Acknowledgement&) = delete;

    void received(std::size_t bytes) noexcept;
    /// A send was begun, and takes along what is owed.
    void sent() noexcept { owed_ = Owed::nothing; }
    /// The turn is over, and no send is in flight.
    void turn_ended() noexcept;

    void stop() noexcept { loop_.cancel(timer_); }
    [[nodiscard]] bool is_idle() const noexcept { return !timer_.in_flight(); }

  private:
    enum class Owed : unsigned char { nothing, at_once, at_the_pause };

    void acknowledge() noexcept;
    void wait_for_the_pause() noexcept;
    void on_timer(io::Outcome& outcome) noexcept;

    io::Loop& loop_;
    const io::Socket& socket_;
    Owed owed_ = Owed::nothing;
    std::size_t burst_bytes_ = 0;  ///< received without a pause
    io::TimePoint last_receive_{};
    io::Completion timer_;
};

}  // namespace caponier::relay
