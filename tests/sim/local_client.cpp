// One journey as its client lives it: connect, send, receive, end. See local_client.h.

#include "tests/sim/local_client.h"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/io/expects.h"

namespace caponier::sim {

namespace {

/// Longer than every stall and every delay that a run can bring upon a healthy journey.
constexpr std::chrono::seconds patience{300};
constexpr std::uint64_t chunk_bytes_max = 8 * 1024;

}  // namespace

LocalClient::LocalClient(io::Loop& loop, io::BufferPool& pool, Ledger& ledger, std::uint64_t seed)
    : loop_(loop), pool_(pool), ledger_(ledger), random_(seed) {
    start_.bind<&LocalClient::on_start>(*this);
    connect_.bind<&LocalClient::on_connected>(*this);
    send_.bind<&LocalClient::on_sent>(*this);
    shutdown_.bind<&LocalClient::on_shut_down>(*this);
    receive_.bind<&LocalClient::on_received>(*this);
    pause_.bind<&LocalClient::on_pause_over>(*this);
    patience_.bind<&LocalClient::on_patience_over>(*this);
    close_.bind<&LocalClient::on_closed>(*this);
}

LocalClient::~LocalClient() {
    io::expects(is_over());
}

// ---- connect -----------------------------------------------------------------------------------

void LocalClient::start(const io::Address& listener,
                        std::uint16_t target_port,
                        std::chrono::nanoseconds delay) {
    listener_ = listener;
    target_port_ = target_port;
    loop_.wait_until(loop_.now() + delay, start_);
}

void LocalClient::on_start(io::Outcome& outcome) noexcept {
    if (outcome.error != 0) {
        over_ = true;
        return;
    }
    loop_.connect(listener_, connect_);
}

void LocalClient::on_connected(io::Outcome& outcome) noexcept {
    if (outcome.error != 0) {
        over_ = true;
        return;
    }
    socket_ = std::move(outcome.socket);
    journey_ = &ledger_.journey(loop_.local_address(socket_).port());
    journey_->expected_target_port = target_port_;
    loop_.wait_until(loop_.now() + patience, patience_);
    vanish_if_planned();
    send_more();
    receive_after_pause();
}

// ---- send --------------------------------------------------------------------------------------

void LocalClient::send_more() {
    if (!socket_ || send_.in_flight() || upload_failed_) {
        return;
    }
    const std::uint64_t left = journey_->upload_bytes - journey_->sent;
    if (left == 0) {
        end_upload();
        return;
    }
    chunk_.resize(random_.between(1, std::min(left, chunk_bytes_max)));
    fill_pattern(*journey_, Direction::up, journey_->sent, chunk_);
    piece_[0] = io::piece_of(chunk_);
    loop_.send(socket_, piece_, send_);
}

void LocalClient::on_sent(io::Outcome& outcome) noexcept {
    journey_->sent += outcome.bytes;  // also if the client is gone meanwhile
    if (!socket_) {
        return;
    }
    if (outcome.error != 0) {
        upload_failed();
        return;
    }
    vanish_if_planned();
    send_more();
}

void LocalClient::end_upload() {
    const bool may_end =
        journey_->client_habit != ClientHabit::ends_last || journey_->client_saw_fin;
    if (may_end && !journey_->client_sent_fin && !shutdown_.in_flight()) {
        loop_.shutdown(socket_, shutdown_);
    }
}

void LocalClient::on_shut_down(io::Outcome& outcome) noexcept {
    if (outcome.error == 0) {
        journey_->client_sent_fin = true;  // also if the client is gone meanwhile
        finish_if_both_ended();
    } else if (socket_) {
        upload_failed();
    }
}

// ---- receive -----------------------------------------------------------------------------------

void LocalClient::receive_after_pause() {
    if (!socket_) {
        return;
    }
    std::chrono::nanoseconds pause = random_.duration(journey_->client_pause_max);
    if (journey_->received >= journey_->client_stall_at && !std::exchange(stalled_once_, true)) {
        pause += journey_->client_stall;
    }
    if (pause.count() > 0) {
        loop_.wait_until(loop_.now() + pause, pause_);
    } else {
        receive_more();
    }
}

void LocalClient::on_pause_over(io::Outcome& outcome) noexcept {
    if (outcome.error == 0) {
        receive_more();
    }
}

void LocalClient::receive_more() {
    if (socket_) {
        const auto limit = static_cast<std::uint32_t>(random_.between(1, journey_->read_bytes_max));
        loop_.receive(socket_, pool_, limit, receive_);
    }
}

void LocalClient::on_received(io::Outcome& outcome) noexcept {
    if (!socket_) {
        return;
    }
    if (outcome.error != 0) {
        journey_->client_error = outcome.error;
        close(false);
        return;
    }
    if (outcome.bytes == 0) {
        journey_->client_saw_fin = true;
        finish_if_both_ended();
        send_more();
        return;
    }
    if (!matches_pattern(*journey_, Direction::down, journey_->received, outcome.buffer.bytes())) {
        ledger_.add_violation("port " + std::to_string(journey_->port) +
                              ": download differs behind byte " +
                              std::to_string(journey_->received));
    }
    journey_->received += outcome.bytes;
    vanish_if_planned();
    receive_after_pause();
}

// ---- the end -----------------------------------------------------------------------------------

void LocalClient::vanish_if_planned() {
    const bool plans_to = journey_->client_habit == ClientHabit::vanishes_by_reset ||
                          journey_->client_habit == ClientHabit::vanishes_by_close;
    if (socket_ && plans_to && journey_->sent + journey_->received >= journey_->vanish_at) {
        journey_->client_vanished = true;
        const bool by_close = journey_->client_habit == ClientHabit::vanishes_by_close;
        journey_->client_sent_fin = journey_->client_sent_fin || by_close;
        close(!by_close);
    }
}

/// How the connection ended is told by the receive, unless that one has seen its end.
void LocalClient::upload_failed() {
    upload_failed_ = true;
    finish_if_both_ended();
}

void LocalClient::finish_if_both_ended() {
    if (socket_ && journey_->client_saw_fin && (journey_->client_sent_fin || upload_failed_)) {
        close(false);
    }
}

void LocalClient::on_patience_over(io::Outcome& outcome) noexcept {
    if (outcome.error == 0 && socket_) {
        journey_->client_gave_up = true;
        close(true);
    }
}

void LocalClient::close(bool by_reset) {
    loop_.cancel(pause_);
    loop_.cancel(patience_);
    if (by_reset) {
        loop_.reset(std::move(socket_), close_);
    } else {
        loop_.close(std::move(socket_), close_);
    }
}

void LocalClient::on_closed(io::Outcome&) noexcept {
    over_ = true;
}

void LocalClient::stop() noexcept {
    loop_.cancel(start_);
    loop_.cancel(connect_);
    if (socket_) {
        journey_->client_gave_up = true;
        close(true);
    }
}

bool LocalClient::is_over() const noexcept {
    return over_ && !start_.in_flight() && !connect_.in_flight() && !send_.in_flight() &&
           !shutdown_.in_flight() && !receive_.in_flight() && !pause_.in_flight() &&
           !patience_.in_flight() && !close_.in_flight();
}

}  // namespace caponier::sim
