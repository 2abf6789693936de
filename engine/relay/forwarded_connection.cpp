// The life of one forwarded connection. Reads downwards: start, up, down, the two kinds of end, the
// completions. What a stream does underneath is session_worker.cpp's; who owns the object,
// shard.cpp's.

#include "engine/relay/forwarded_connection.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "engine/relay/counters.h"
#include "engine/relay/limits.h"
#include "engine/relay/planted_fault.h"
#include "ssh/expects.h"

namespace caponier::relay {

using ssh::expects;

ForwardedConnection::ForwardedConnection(const Surroundings& surroundings,
                                         io::Socket&& socket,
                                         const Target& target) noexcept
    : around_(surroundings), socket_(std::move(socket)), target_(target) {
    receive_.bind<&ForwardedConnection::on_received>(*this);
    send_.bind<&ForwardedConnection::on_sent>(*this);
    shutdown_.bind<&ForwardedConnection::on_shut_down>(*this);
    hangup_.bind<&ForwardedConnection::on_hangup>(*this);
    end_.bind<&ForwardedConnection::on_end>(*this);
    around_.counters.connections_open.add(1);
    around_.counters.connections_total.add(1);
}

ForwardedConnection::~ForwardedConnection() {
    expects(phase_ == Phase::closed);
    around_.counters.connections_open.subtract(1);
}

void ForwardedConnection::move_to(Phase next) noexcept {
    expects(next > phase_);
    phase_ = next;
}

bool ForwardedConnection::has_stream() const noexcept {
    return phase_ == Phase::opening || phase_ == Phase::open;
}

// ---- start -----------------------------------------------------------------------------------

void ForwardedConnection::start(Upstream* upstream) noexcept {
    const io::Address client = around_.loop.peer_address(socket_);
    if (upstream == nullptr) {
        around_.observer.tunnel_refused(client, target_, "no session");
        close_socket(Ending::reset);
        return;
    }
    if (around_.observer.follows_tunnels()) {
        client_ = std::make_unique<const io::Address>(client);
    }
    const Upstream::Opened opened =
        upstream->open(target_, Originator{client.host(), client.port()}, *this);
    if (!opened.ok) {
        refused(opened.refusal);
        return;
    }
    upstream_ = upstream;
    stream_ = opened.id;
}

bool ForwardedConnection::watch_while_opening() noexcept {
    if (phase_ == Phase::opening) {
        watch_hangup();
    }
    return phase_ == Phase::opening;
}

void ForwardedConnection::watch_hangup() noexcept {
    if (!hangup_.in_flight()) {
        around_.loop.watch_hangup(socket_, hangup_);
    }
}

void ForwardedConnection::opened() noexcept {
    expects(phase_ == Phase::opening);
    move_to(Phase::open);
    if (client_ != nullptr) {
        around_.observer.tunnel_opened(*client_, target_);
    }
    receive_more();
}

void ForwardedConnection::refused(const Refusal& refusal) noexcept {
    expects(phase_ == Phase::opening);
    if (refusal.shortage != Shortage::none) {
        give_back(refusal);
        return;
    }
    around_.observer.tunnel_refused(around_.loop.peer_address(socket_), target_, refusal.reason);
    close_socket(Ending::reset);
}

/// The socket can leave this loop once nothing is in flight on it.
void ForwardedConnection::give_back(const Refusal& refusal) noexcept {
    move_to(Phase::returning);
    refusal_reason_ = refusal.reason;
    shortage_ = refusal.shortage;
    // Submitting it anew, where it was not, is simpler than a second way out.
    watch_hangup();
    around_.loop.cancel(hangup_);
}

// ---- up: local socket to stream ----------------------------------------------------------------

void ForwardedConnection::receive_more() noexcept {
    if (phase_ != Phase::open || local_ended_ || receive_.in_flight() || !input_.empty()) {
        return;
    }
    const std::uint32_t allowance =
        upstream_->allowance(stream_, sends_much_ ? local_buffer_bytes : small_local_buffer_bytes);
    if (allowance > 0) {
        const bool is_large = allowance > small_local_buffer_bytes;
        io::BufferPool& pool = is_large ? around_.large_pool : around_.small_pool;
        around_.loop.receive(socket_, pool, allowance, receive_);
    } else {
        watch_hangup();
    }
}

void ForwardedConnection::on_received(io::Outcome& outcome) noexcept {
    if (phase_ != Phase::open) {
        return;
    }
    if (outcome.error != 0) {
        local_failed();
        return;
    }
    if (outcome.bytes == 0) {
        local_ended_ = true;
        upstream_->eof(stream_);
        finish_if_both_ended();
        if (phase_ == Phase::open) {
            watch_hangup();
        }
        return;
    }
    around_.counters.bytes_up.add(outcome.bytes);
    sends_much_ = outcome.bytes >= small_local_buffer_bytes;
    const std::span<const std::byte> bytes = outcome.buffer.bytes();
    const std::size_t taken = upstream_->send(stream_, bytes);
    if (taken < bytes.size()) {
        input_.hold(std::move(outcome.buffer), bytes.subspan(taken));
        watch_hangup();
        return;
    }
    outcome.buffer.reset();
    receive_more();
}

void ForwardedConnection::writable() noexcept {
    if (phase_ != Phase::open) {
        return;
    }
    if (!input_.empty()) {
        input_.consume(upstream_->send(stream_, input_.bytes()));
    }
    if (input_.empty()) {
        receive_more();
    } else {
        watch_hangup();
    }
}

// ---- down: stream to local socket --------------------------------------------------------------

void ForwardedConnection::data(std::span<std::byte> bytes, ReceiveRound* round) noexcept {
    if (phase_ != Phase::open) {
        return;
    }
    const bool behind_others = send_.in_flight() || !backlog_.empty();
    if (round == nullptr || behind_others) {
        // Bytes that do not stay: they are copied, behind those of this round that came before
        // them.
        if (first_ != ReceiveRound::Link::none) {
            keep(std::exchange(first_, ReceiveRound::Link::none));
            last_ = ReceiveRound::Link::none;
            std::exchange(round_, nullptr)->release();
        }
        backlog_.append(bytes);
        go_on_down();
        return;
    }
    if (first_ == ReceiveRound::Link::none) {
        round_ = round;
        round->retain();
        round->touched().push_back(this);
    }
    last_ = round->add(bytes, last_);
    first_ = first_ == ReceiveRound::Link::none ? last_ : first_;
}

void ForwardedConnection::deliver() noexcept {
    if (first_ == ReceiveRound::Link::none) {
        return;
    }
    const ReceiveRound::Link first = std::exchange(first_, ReceiveRound::Link::none);
    last_ = ReceiveRound::Link::none;
    if (phase_ == Phase::closing) {
        std::exchange(round_, nullptr)->release();
        return;
    }
    const ReceiveRound::Gathered gathered = round_->gather(first);
    in_flight_ = gathered.pieces;
    around_.loop.send_immediately(socket_, in_flight_, send_);
    keep(gathered.rest);
}

/// Copies a chain of the round to the backlog.
void ForwardedConnection::keep(ReceiveRound::Link link) noexcept {
    while (link != ReceiveRound::Link::none) {
        const ReceiveRound::Step step = round_->step(link);
        backlog_.append(step.bytes);
        link = step.next;
    }
}

void ForwardedConnection::on_sent(io::Outcome& outcome) noexcept {
    const bool was_immediate = !in_flight_.empty();
    if (was_immediate) {
        keep_what_was_left(outcome.bytes);
    } else {
        backlog_.consume(outcome.bytes);
    }
    keep_share_of_what_is_left();
    if (phase_ == Phase::closing) {
        return;
    }
    if (outcome.error != 0 && !(was_immediate && outcome.error == EAGAIN)) {
        local_failed();
        return;
    }
    around_.counters.bytes_down.add(outcome.bytes);
    if (phase_ == Phase::open && outcome.bytes > 0) {
        upstream_->grant(stream_, outcome.bytes);
    }
    go_on_down();
}

/// Of an immediate send the socket took `taken` bytes. The rest moves to the backlog, in front of
/// what came behind it meanwhile, and the round is released.
void ForwardedConnection::keep_what_was_left(std::size_t taken) noexcept {
    SendBacklog behind = std::exchange(backlog_, SendBacklog{});
    for (const io::Piece& piece : std::exchange(in_flight_, {})) {
        const std::span<const std::byte> bytes = io::bytes_of(piece);
        const std::size_t skip = std::min(taken, bytes.size());
        taken -= skip;
        const bool twice = planted_fault::repeats_a_byte && skip > 0 && skip < bytes.size();
        backlog_.append(bytes.subspan(twice ? skip - 1 : skip));
    }
    backlog_.append(std::move(behind));
    std::exchange(round_, nullptr)->release();
}

void ForwardedConnection::go_on_down() noexcept {
    if (!backlog_.empty()) {
        if (!send_.in_flight()) {
            around_.loop.send(socket_, backlog_.lend(), send_);
        }
        return;
    }
    if (send_.in_flight() || first_ != ReceiveRound::Link::none) {
        return;
    }
    if (remote_ended_ && !shut_down_ && !shutdown_.in_flight()) {
        if (phase_ == Phase::open && local_ended_) {
            // The close that follows says it to the client: one system call less.
            shut_down_ = true;
            finish_if_both_ended();
            return;
        }
        around_.loop.shutdown(socket_, shutdown_);
        return;
    }
    if (phase_ == Phase::delivering && !shutdown_.in_flight()) {
        end_delivery();
    }
}

void ForwardedConnection::eof() noexcept {
    if (phase_ == Phase::open) {
        remote_ended_ = true;
        go_on_down();
    }
}

void ForwardedConnection::on_shut_down(io::Outcome& outcome) noexcept {
    shut_down_ = true;
    if (phase_ == Phase::closing) {
        return;
    }
    if (outcome.error != 0) {
        local_failed();
        return;
    }
    finish_if_both_ended();
    if (phase_ == Phase::delivering) {
        end_delivery();
    }
}

// ---- the end -----------------------------------------------------------------------------------

void ForwardedConnection::tell_ended(bool cut) noexcept {
    if (client_ != nullptr) {
        around_.observer.tunnel_ended(*client_, target_, cut);
    }
}

/// Both directions ended in order: nothing is left to be said on either side.
void ForwardedConnection::finish_if_both_ended() noexcept {
    if (phase_ == Phase::open && local_ended_ && shut_down_) {
        upstream_->close(stream_);
        tell_ended(false);
        close_socket(Ending::clean);
    }
}

/// The local client is gone: nobody is left to deliver to.
void ForwardedConnection::local_failed() noexcept {
    if (has_stream()) {
        upstream_->close(stream_);
        tell_ended(true);
    }
    close_socket(Ending::reset);
}

void ForwardedConnection::closed(bool cut, MemoryShare share) noexcept {
    if (phase_ == Phase::opening) {
        give_back({.reason = "the session ended"});
        return;
    }
    expects(phase_ == Phase::open);
    // An end is clean if both sides had said that they were done. Where only ours is missing, the
    // client's FIN is passed on as well, but its own bytes have nowhere to go: that is a reset.
    const bool clean = !cut && remote_ended_ && local_ended_;
    ending_ = clean || planted_fault::hides_a_cut ? Ending::clean : Ending::reset;
    tell_ended(!clean);
    move_to(Phase::delivering);
    share_ = std::move(share);
    keep_share_of_what_is_left();
    input_.clear();
    around_.loop.cancel(receive_);
    watch_hangup();
    // What ended cleanly may take as long as the reader likes, like any connection that is open.
    if (ending_ == Ending::reset) {
        limit_delivery();
    }
    watch_delivery();
    go_on_down();
}

/// Of a stream that is gone. What lies in a round may come to the backlog yet.
void ForwardedConnection::keep_share_of_what_is_left() noexcept {
    if (first_ == ReceiveRound::Link::none && in_flight_.empty()) {
        share_.shrink_to(backlog_.bytes());
    }
}

void ForwardedConnection::limit_delivery() noexcept {
    if (!std::exchange(delivery_is_limited_, true)) {
        delivery_deadline_ = around_.loop.now() + delivery_patience;
    }
}

/// The local socket has taken everything.
void ForwardedConnection::end_delivery() noexcept {
    if (ending_ == Ending::clean) {
        close_socket(Ending::clean);
        return;
    }
    // A reset discards what the kernel still holds, so it waits until the client's kernel has it.
    move_to(Phase::flushing);
    delivery_pause_ = delivery_poll_first;
    around_.loop.cancel(end_);
}

void ForwardedConnection::watch_delivery() noexcept {
    around_.loop.wait_until(around_.loop.now() + delivery_pause_, end_);
    delivery_pause_ = std::min(delivery_pause_ * 2, delivery_poll_longest);
}

std::size_t ForwardedConnection::undelivered_bytes() const noexcept {
    return socket_ ? backlog_.bytes() + around_.loop.undelivered_bytes(socket_) : 0;
}

/// Patience lasts as long as there is progress.
void ForwardedConnection::check_delivery() noexcept {
    const std::size_t left = undelivered_bytes();
    if (left < undelivered_) {
        undelivered_ = left;
        delivery_deadline_ = around_.loop.now() + delivery_patience;
    }
    const bool delivered = phase_ == Phase::flushing && left == 0;
    const bool too_late = delivery_is_limited_ && around_.loop.now() >= delivery_deadline_;
    if (delivered || too_late) {
        close_socket(Ending::reset);
    } else {
        watch_delivery();
    }
}

void ForwardedConnection::on_hangup(io::Outcome& outcome) noexcept {
    // An orderly end of both directions is seen by the receive as well, behind the last byte.
    const bool reset_by_client = outcome.error != 0 && outcome.error != ECANCELED;
    if (reset_by_client && phase_ < Phase::closing) {
        local_failed();
    } else if (phase_ == Phase::returning) {
        around_.counters.connections_total.subtract(1);
        move_to(Phase::closed);
        around_.owner.returned(*this, std::move(socket_), {refusal_reason_, shortage_});
        around_.owner.connection_ended(*this);
    }
}

void ForwardedConnection::abort() noexcept {
    if (has_stream()) {
        upstream_->close(stream_);
        tell_ended(true);
    }
    if (phase_ < Phase::closing) {
        close_socket(Ending::reset);
    }
}

void ForwardedConnection::close_socket(Ending ending) noexcept {
    move_to(Phase::closing);
    ending_ = ending;
    input_.clear();
    if (end_.in_flight()) {
        around_.loop.cancel(end_);
    } else {
        give_socket_back();
    }
}

void ForwardedConnection::give_socket_back() noexcept {
    if (ending_ == Ending::clean) {
        around_.loop.close(std::move(socket_), end_);
    } else {
        around_.loop.reset(std::move(socket_), end_);
    }
}

void ForwardedConnection::on_end(io::Outcome&) noexcept {
    if (phase_ < Phase::closing) {
        check_delivery();
    } else if (socket_) {
        give_socket_back();
    } else {
        backlog_.clear();
        share_.shrink_to(0);
        move_to(Phase::closed);
        around_.owner.connection_ended(*this);
    }
}

}  // namespace caponier::relay
