// Staggered connection attempts over one list of addresses.

#include "engine/relay/dialer.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "ssh/expects.h"

namespace caponier::relay {

Dialer::Dialer(io::Loop& loop, User& user) noexcept : loop_(loop), user_(user) {
    head_start_.bind<&Dialer::on_head_start_over>(*this);
}

void Dialer::start(std::span<const io::Address> addresses,
                   std::chrono::nanoseconds patience) noexcept {
    ssh::expects(is_idle());
    ssh::expects(!addresses.empty());
    addresses_ = addresses.first(std::min(addresses.size(), dial_addresses_max));
    attempts_ = std::vector<Attempt>(addresses_.size());
    for (Attempt& attempt : attempts_) {
        attempt.dialer = this;
    }
    const std::chrono::nanoseconds share =
        patience / 2 / static_cast<std::int64_t>(addresses_.size());
    head_start_time_ = patience.count() == 0 ? dial_head_start
                                             : std::clamp<std::chrono::nanoseconds>(
                                                   share, dial_head_start_least, dial_head_start);
    started_ = 0;
    failed_ = 0;
    done_ = false;
    try_next();
}

void Dialer::stop() noexcept {
    done_ = true;
    loop_.cancel(head_start_);
    for (Attempt& attempt : attempts_) {
        loop_.cancel(attempt.connect);
    }
}

bool Dialer::is_idle() const noexcept {
    return !head_start_.in_flight() &&
           std::none_of(attempts_.begin(), attempts_.end(), [](const Attempt& attempt) {
               return attempt.connect.in_flight();
           });
}

void Dialer::try_next() noexcept {
    loop_.connect(addresses_[started_], attempts_[started_].connect);
    ++started_;
    if (started_ < addresses_.size() && !head_start_.in_flight()) {
        loop_.wait_until(loop_.now() + head_start_time_, head_start_);
    }
}

void Dialer::attempt_ended(io::Outcome& outcome) noexcept {
    if (done_) {
        return;  // A loser that connected after all: its Socket closes with the outcome.
    }
    if (outcome.error == 0) {
        stop();
        user_.dialed(std::move(outcome.socket));
        return;
    }
    ++failed_;
    if (started_ < addresses_.size()) {
        try_next();
    } else if (failed_ == started_) {
        stop();
        user_.dial_failed(outcome.error);
    }
}

void Dialer::on_head_start_over(io::Outcome& outcome) noexcept {
    if (!done_ && outcome.error == 0 && started_ < addresses_.size()) {
        try_next();
    }
}

}  // namespace caponier::relay
