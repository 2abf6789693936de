// Accepting, pausing when descriptors run out, closing.

#include "engine/relay/listener.h"

#include <cerrno>
#include <utility>

#include "engine/relay/limits.h"

namespace caponier::relay {

Listener::Listener(io::Loop& loop, User& user, io::Socket&& socket, const Target& target) noexcept
    : loop_(loop), user_(user), socket_(std::move(socket)), target_(target) {
    accept_.bind<&Listener::on_accepted>(*this);
    pause_.bind<&Listener::on_pause_over>(*this);
    close_.bind<&Listener::on_closed>(*this);
}

void Listener::start() noexcept {
    loop_.accept(socket_, accept_);
}

void Listener::resume() noexcept {
    loop_.cancel(pause_);
}

void Listener::close() noexcept {
    if (closing_) {
        return;
    }
    closing_ = true;
    if (pause_.in_flight()) {
        loop_.cancel(pause_);  // on_pause_over() closes
    } else {
        loop_.close(std::move(socket_), close_);
    }
}

void Listener::on_accepted(io::Outcome& outcome) noexcept {
    if (outcome.error == 0) {
        // Also while closing: a client whose connection stands must not see it end cleanly
        // unserved.
        user_.accepted(std::move(outcome.socket), target_);
        return;
    }
    if (closing_) {
        return;
    }
    // Clients that come and go at the limit would otherwise fill the log.
    if (loop_.now() >= next_report_) {
        next_report_ = loop_.now() + accept_report_interval;
        user_.accept_paused(outcome.error);
    }
    loop_.wait_until(loop_.now() + accept_pause, pause_);
}

void Listener::on_pause_over(io::Outcome&) noexcept {
    if (closing_) {
        loop_.close(std::move(socket_), close_);
    } else {
        start();
    }
}

void Listener::on_closed(io::Outcome&) noexcept {
    user_.listener_closed();
}

}  // namespace caponier::relay
