// Which acknowledgement waits for what, and the clock of those that wait for a pause.

#include "engine/relay/acknowledgement.h"

#include "engine/relay/limits.h"
#include "ssh/expects.h"

namespace caponier::relay {

Acknowledgement::Acknowledgement(io::Loop& loop, const io::Socket& socket) noexcept
    : loop_(loop), socket_(socket) {
    timer_.bind<&Acknowledgement::on_timer>(*this);
}

Acknowledgement::~Acknowledgement() {
    ssh::expects(is_idle());
}

void Acknowledgement::received(std::size_t bytes) noexcept {
    const io::TimePoint now = loop_.now();
    if (now - last_receive_ >= burst_pause) {
        burst_bytes_ = 0;
    }
    last_receive_ = now;
    burst_bytes_ += bytes;
    const bool is_bulk = burst_bytes_ > burst_bytes_at_once && bytes > small_receive_bytes;
    owed_ = is_bulk ? Owed::at_the_pause : Owed::at_once;
}

void Acknowledgement::turn_ended() noexcept {
    if (owed_ == Owed::at_once) {
        acknowledge();
    } else if (owed_ == Owed::at_the_pause && !timer_.in_flight()) {
        wait_for_the_pause();
    }
}

void Acknowledgement::acknowledge() noexcept {
    owed_ = Owed::nothing;
    if (socket_) {
        loop_.acknowledge_now(socket_);
    }
}

void Acknowledgement::wait_for_the_pause() noexcept {
    loop_.wait_until(last_receive_ + burst_pause, timer_);
}

/// The timer is not moved for each receive: where bytes came meanwhile, it waits anew.
void Acknowledgement::on_timer(io::Outcome& outcome) noexcept {
    if (outcome.error != 0 || owed_ != Owed::at_the_pause) {
        return;
    }
    if (loop_.now() - last_receive_ < burst_pause) {
        wait_for_the_pause();
    } else {
        acknowledge();
    }
}

}  // namespace caponier::relay
