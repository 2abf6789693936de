// The server's part, in the order in which it is played: connection, frames, targets, the end. Each
// of its targets follows the plan of its journey. See scripted_server.h.

#include "tests/sim/scripted_server.h"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/io/expects.h"

namespace caponier::sim {

namespace {

constexpr std::size_t output_bytes_max = 64 * 1024;
constexpr std::chrono::microseconds shortest_pause{1};
constexpr std::chrono::seconds target_timeout{20};

}  // namespace

ScriptedServer::ScriptedServer(io::Loop& loop,
                               io::BufferPool& pool,
                               Ledger& ledger,
                               const ServerScript& script,
                               std::uint64_t seed)
    : loop_(loop), pool_(pool), ledger_(ledger), script_(script), random_(seed) {
    receive_.bind<&ScriptedServer::on_received>(*this);
    send_.bind<&ScriptedServer::on_sent>(*this);
    pause_.bind<&ScriptedServer::on_pause_over>(*this);
    stall_.bind<&ScriptedServer::on_stall_over>(*this);
    close_.bind<&ScriptedServer::on_closed>(*this);
}

ScriptedServer::~ScriptedServer() {
    io::expects(is_idle());
}

void ScriptedServer::violate(const char* what) {
    ledger_.add_violation(std::string{"server: "} + what);
}

// ---- the connection ----------------------------------------------------------------------------

void ScriptedServer::serve(io::Socket&& socket, std::size_t number) {
    socket_ = std::move(socket);
    number_ = number;
    loop_.receive(socket_, pool_, pool_.shape().buffer_bytes, receive_);
}

void ScriptedServer::on_received(io::Outcome& outcome) noexcept {
    if (!socket_) {
        return;
    }
    if (outcome.error != 0 || outcome.bytes == 0) {
        ended_early_ = !goodbye_received_;
        loop_.close(std::move(socket_), close_);
        return;
    }
    input_.insert(input_.end(), outcome.buffer.bytes().begin(), outcome.buffer.bytes().end());
    std::span<std::byte> rest{input_};
    while (socket_) {
        const std::optional<Frame> frame = reader_.next(rest);
        if (!frame) {
            break;
        }
        if (++frames_ == script_.leaves_after_frames) {
            leave();
        }
        if (socket_ && !silent_ && !disconnect_sent_) {
            take(*frame);
        }
    }
    if (reader_.is_broken()) {
        violate("the bytes of the SSH socket arrived damaged");
        stop();
    }
    input_.erase(input_.begin(),
                 input_.begin() + static_cast<std::ptrdiff_t>(input_.size() - rest.size()));
    if (socket_) {
        loop_.receive(socket_, pool_, pool_.shape().buffer_bytes, receive_);
        act_later(random_.duration(script_.pause_max));
        flush();
    }
}

void ScriptedServer::flush() {
    if (!socket_ || send_.in_flight()) {
        return;
    }
    if (sending_begin_ == sending_.size()) {
        sending_.clear();
        sending_begin_ = 0;
        std::swap(sending_, output_);
    }
    if (!sending_.empty()) {
        piece_[0] = io::piece_of(std::span{sending_}.subspan(sending_begin_));
        loop_.send(socket_, piece_, send_);
    } else if (disconnect_sent_) {
        loop_.close(std::move(socket_), close_);
    }
}

void ScriptedServer::on_sent(io::Outcome& outcome) noexcept {
    sending_begin_ += outcome.bytes;
    if (outcome.error == 0) {
        flush();
        act_later(random_.duration(script_.pause_max));
    }
}

// ---- frames ------------------------------------------------------------------------------------

void ScriptedServer::take(const Frame& frame) {
    if (script_.rekeys_after_frames != 0 && frames_ % script_.rekeys_after_frames == 0) {
        put(FrameKind::rekey_begin, 0);
    }
    switch (frame.kind) {
    case FrameKind::hello:
        put(FrameKind::hello, 0);
        put(FrameKind::host_key, 0);
        put(FrameKind::banner, 0);
        return;
    case FrameKind::accept_host_key:
        put(FrameKind::want_identity, 0);
        return;
    case FrameKind::try_key:
        if (script_.refuses_first_identity && !std::exchange(identified_once_, true)) {
            put(FrameKind::want_identity, 0);
        } else {
            put(FrameKind::want_signature, 0);
        }
        return;
    case FrameKind::signature:
        put(FrameKind::established, 0);
        return;
    case FrameKind::probe:
        put(FrameKind::probe_answer, 0);
        return;
    case FrameKind::rekey_ready:
        put(FrameKind::rekey_done, 0);
        return;
    case FrameKind::disconnect:
        goodbye_received_ = true;
        disconnect_sent_ = true;  // nothing more from us either
        return;
    case FrameKind::open:
        take_open(frame);
        return;
    default:
        break;
    }
    const auto found = channels_.find(frame.channel);
    if (found == channels_.end()) {
        violate("a message for an unknown channel");
        return;
    }
    take_channel_frame(frame, found->second);
    if (found->second.close_sent && found->second.close_received) {
        channels_.erase(found);
    }
}

void ScriptedServer::take_open(const Frame& frame) {
    if (channels_.contains(frame.channel)) {
        violate("a channel number is opened twice");
    }
    Channel& channel = channels_[frame.channel];
    channel = Channel{};
    Journey& journey = ledger_.journey(static_cast<std::uint16_t>(frame.number(0)));
    channel.journey = &journey;
    channel.opening = frame.number(3);
    if (channel.opening < journey.openings) {
        // It was under way when its session died, and the tunnel has been placed again since.
        return;
    }
    if (journey.openings > 0) {
        if (journey.uploaded > 0 || journey.delivered > 0) {
            violate("a tunnel is placed again after bytes have flowed");
        }
        // The target is a new connection, to which nobody has said anything.
        journey.target_sent = 0;
        journey.target_sent_eof = false;
        journey.target_saw_eof = false;
        journey.target_saw_close = false;
        journey.target_cut = false;
    }
    journey.openings = channel.opening;
    journey.session = number_;
    journey.opened_target_port = static_cast<std::uint16_t>(frame.number(1));
    channel.may_send = frame.number(2);
    if (journey.target_habit == TargetHabit::times_out) {
        channel.stalled_until = loop_.now() + target_timeout;
    }
}

void ScriptedServer::take_channel_frame(const Frame& frame, Channel& channel) {
    if (channel.opening != channel.journey->openings) {
        return;
    }
    if (!channel.answered || channel.close_received) {
        violate("a message for a channel that is not open");
        return;
    }
    switch (frame.kind) {
    case FrameKind::data:
        take_data(frame, channel);
        return;
    case FrameKind::adjust:
        channel.may_send += frame.number(0);
        return;
    case FrameKind::eof:
        channel.eof_received = true;
        // A target that was given up before reads on no more.
        channel.journey->target_saw_eof = channel.journey->target_saw_eof || !channel.close_sent;
        return;
    case FrameKind::close:
        channel.close_received = true;
        channel.journey->target_saw_close = true;
        if (!std::exchange(channel.close_sent, true)) {
            put(FrameKind::close, frame.channel);
        }
        return;
    default:
        violate("a message that only a server may send");
        return;
    }
}

void ScriptedServer::take_data(const Frame& frame, Channel& channel) {
    Journey& journey = *channel.journey;
    const auto bytes = static_cast<std::uint32_t>(frame.payload.size());
    if (bytes > channel.may_receive) {
        violate("more data than the window allows");
        return;
    }
    if (bytes > script_.packet_bytes) {
        violate("a packet larger than the maximum packet");
    }
    if (channel.eof_received) {
        violate("data behind EOF");
    }
    channel.may_receive -= bytes;
    if (!matches_pattern(journey, Direction::up, journey.uploaded, frame.payload)) {
        ledger_.add_violation("port " + std::to_string(journey.port) +
                              ": upload differs behind byte " + std::to_string(journey.uploaded));
    }
    journey.uploaded += bytes;
    channel.held += bytes;
    if (journey.uploaded >= journey.target_stall_at && !std::exchange(channel.stalled_once, true)) {
        channel.stalled_until = loop_.now() + journey.target_stall;
    }
}

// ---- the targets -------------------------------------------------------------------------------

void ScriptedServer::act_later(std::chrono::nanoseconds delay) {
    if (!pause_.in_flight() && socket_ && !silent_ && !disconnect_sent_) {
        loop_.wait_until(loop_.now() + delay, pause_);
    }
}

void ScriptedServer::on_pause_over(io::Outcome& outcome) noexcept {
    if (outcome.error != 0 || !socket_ || silent_ || disconnect_sent_) {
        return;
    }
    if (act()) {
        act_later(shortest_pause + random_.duration(script_.pause_max));
    } else {
        // Whoever stalls goes on by itself.
        io::TimePoint next = io::TimePoint::max();
        for (const auto& [number, channel] : channels_) {
            if (channel.stalled_until > loop_.now()) {
                next = std::min(next, channel.stalled_until);
            }
        }
        if (next != io::TimePoint::max()) {
            wait_for_stall(next);
        }
    }
    flush();
}

void ScriptedServer::wait_for_stall(io::TimePoint end) {
    if (!stall_.in_flight()) {
        stall_end_ = end;
        loop_.wait_until(end, stall_);
    } else if (end < stall_end_) {
        loop_.cancel(stall_);  // and set anew
    }
}

void ScriptedServer::on_stall_over(io::Outcome&) noexcept {
    act_later(shortest_pause);
}

bool ScriptedServer::act() {
    bool more = false;
    for (auto channel = channels_.begin(); channel != channels_.end();) {
        if (output_.size() < output_bytes_max) {
            more = act_on(channel->first, channel->second) || more;
        }
        const bool over = channel->second.close_sent &&
                          (channel->second.close_received || !channel->second.answered);
        channel = over ? channels_.erase(channel) : std::next(channel);
    }
    return more;
}

/// One thing at a time, so that the channels take turns.
bool ScriptedServer::act_on(std::uint32_t number, Channel& channel) {
    if (channel.close_sent || channel.opening != channel.journey->openings) {
        return false;
    }
    if (!channel.answered) {
        return answer_open(number, channel);
    }
    const bool consumed = consume(number, channel);
    return send_data(number, channel) || send_end(number, channel) || consumed;
}

bool ScriptedServer::answer_open(std::uint32_t number, Channel& channel) {
    if (loop_.now() < channel.stalled_until) {
        return false;
    }
    if (random_.chance(script_.is_short)) {
        constexpr std::uint32_t resource_shortage = 4;
        put_numbers(FrameKind::refused, number, {resource_shortage});
        channel.close_sent = true;
        return false;
    }
    if (channel.journey->target_habit == TargetHabit::refuses ||
        channel.journey->target_habit == TargetHabit::times_out) {
        put(FrameKind::refused, number);
        channel.close_sent = true;
        return false;
    }
    channel.answered = true;
    channel.may_receive = script_.window_bytes;
    put_numbers(FrameKind::opened, number, {script_.window_bytes, script_.packet_bytes});
    return true;
}

bool ScriptedServer::consume(std::uint32_t number, Channel& channel) {
    if (channel.held == 0 || loop_.now() < channel.stalled_until) {
        return false;
    }
    const auto bytes = static_cast<std::uint32_t>(random_.between(1, channel.held));
    channel.held -= bytes;
    channel.consumed += bytes;
    // Like OpenSSH, not for every byte.
    if (channel.consumed >= script_.window_bytes / 2 || channel.held == 0) {
        channel.may_receive += channel.consumed;
        put_numbers(FrameKind::adjust, number, {std::exchange(channel.consumed, 0)});
    }
    return true;
}

bool ScriptedServer::send_data(std::uint32_t number, Channel& channel) {
    Journey& journey = *channel.journey;
    std::uint64_t until = journey.download_bytes;
    if (journey.target_habit == TargetHabit::cuts) {
        until = journey.cut_at;
    } else if (journey.target_habit == TargetHabit::echoes) {
        until = std::min(until, journey.uploaded - channel.held);
    } else if (journey.target_habit == TargetHabit::answers_after_eof && !channel.eof_received) {
        until = 0;
    }
    const std::uint64_t bytes = std::min<std::uint64_t>(
        {until - std::min(until, journey.target_sent), channel.may_send, script_.chunk_bytes_max});
    if (bytes == 0) {
        return false;
    }
    std::vector<std::byte> chunk(random_.between(1, bytes));
    fill_pattern(journey, Direction::down, journey.target_sent, chunk);
    put(FrameKind::data, number, chunk);
    journey.target_sent += chunk.size();
    channel.may_send -= static_cast<std::uint32_t>(chunk.size());
    return true;
}

bool ScriptedServer::send_end(std::uint32_t number, Channel& channel) {
    Journey& journey = *channel.journey;
    if (journey.target_habit == TargetHabit::cuts) {
        if (journey.target_sent < journey.cut_at) {
            return false;
        }
        put(FrameKind::close, number);
        channel.close_sent = true;
        journey.target_cut = true;
        return false;
    }
    const bool waits_for_eof = journey.target_habit == TargetHabit::answers_after_eof ||
                               journey.target_habit == TargetHabit::echoes;
    const bool sent_all = journey.target_habit == TargetHabit::echoes
                              ? channel.eof_received && journey.target_sent == journey.uploaded
                              : journey.target_sent == journey.download_bytes;
    if (!channel.eof_sent && sent_all && (channel.eof_received || !waits_for_eof)) {
        put(FrameKind::eof, number);
        channel.eof_sent = true;
        journey.target_sent_eof = true;
        return true;
    }
    const bool done = channel.eof_received && channel.held == 0;
    if (channel.eof_sent && (done || journey.target_habit == TargetHabit::closes_after_eof)) {
        put(FrameKind::close, number);
        channel.close_sent = true;
    }
    return false;
}

void ScriptedServer::put(FrameKind kind,
                         std::uint32_t channel,
                         std::span<const std::byte> payload) {
    const std::vector<std::byte> frame = writer_.write(kind, channel, payload);
    output_.insert(output_.end(), frame.begin(), frame.end());
}

void ScriptedServer::put_numbers(FrameKind kind,
                                 std::uint32_t channel,
                                 std::vector<std::uint32_t> numbers) {
    const std::vector<std::byte> frame = writer_.write_numbers(kind, channel, numbers);
    output_.insert(output_.end(), frame.begin(), frame.end());
}

// ---- the end -----------------------------------------------------------------------------------

void ScriptedServer::leave() {
    left_ = true;
    switch (script_.leave) {
    case ServerScript::Leave::by_fin:
        loop_.close(std::move(socket_), close_);
        return;
    case ServerScript::Leave::by_reset:
        loop_.reset(std::move(socket_), close_);
        return;
    case ServerScript::Leave::by_disconnect:
        put(FrameKind::disconnect, 0);
        disconnect_sent_ = true;
        return;
    case ServerScript::Leave::by_silence:
        silent_ = true;
        return;
    }
}

void ScriptedServer::stop() noexcept {
    loop_.cancel(pause_);
    loop_.cancel(stall_);
    if (socket_) {
        loop_.close(std::move(socket_), close_);
    }
}

bool ScriptedServer::is_idle() const noexcept {
    return !socket_ && !receive_.in_flight() && !send_.in_flight() && !pause_.in_flight() &&
           !stall_.in_flight() && !close_.in_flight();
}

void ScriptedServer::on_closed(io::Outcome&) noexcept {}

}  // namespace caponier::sim
