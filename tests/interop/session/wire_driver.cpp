// Turns of the driver: flush, wait for the descriptor, receive, take events.

#include "tests/interop/session/wire_driver.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ssh/crypto/signature.h"
#include "ssh/expects.h"
#include "tests/interop/session/stream.h"

namespace caponier::ssh::test {

namespace {

constexpr int poll_ms = 20;

template <typename... Functions>
struct Overloaded : Functions... {
    using Functions::operator()...;
};
template <typename... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

}  // namespace

WireDriver::WireDriver(std::unique_ptr<Session> session, int descriptor)
    : session_{std::move(session)}, descriptor_{descriptor} {}

bool WireDriver::until(const std::function<bool()>& condition) {
    const TimePoint end = std::chrono::steady_clock::now() + patience_;
    take_events();
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) {
            return false;
        }
        turn();
    }
    return true;
}

bool WireDriver::until_established() {
    return until([this] { return session_->is_established() || ended; }) && !ended;
}

LocalChannelId WireDriver::open(std::uint16_t port, const DrivenChannel& channel) {
    OpenTarget target;
    target.host = "127.0.0.1";
    target.port = port;
    target.originator_host = "127.0.0.1";
    target.originator_port = 1;
    return open(target, channel);
}

LocalChannelId WireDriver::open(const OpenTarget& target, const DrivenChannel& channel) {
    const Result<LocalChannelId> id = session_->open(target);
    expects(id.has_value());
    channels[*id] = channel;
    return *id;
}

void WireDriver::resume(LocalChannelId id) {
    DrivenChannel& channel = channels[id];
    channel.grants = true;
    session_->grant(id, static_cast<std::uint32_t>(channel.received - channel.granted));
    channel.granted = channel.received;
}

void WireDriver::turn() {
    for (auto& [id, channel] : channels) {
        send_on(id, channel);
    }
    flush();
    pollfd poll{descriptor_, POLLIN, 0};
    if (session_->outbox_bytes() > 0) {
        poll.events |= POLLOUT;
    }
    if (descriptor_ >= 0 && !input_ended_) {
        ::poll(&poll, 1, poll_ms);
        feed();
    }
    take_events();
}

void WireDriver::flush() {
    std::array<std::span<const std::byte>, 8> pieces;
    outbox_bytes_seen_max = std::max(outbox_bytes_seen_max, session_->outbox_bytes());
    while (descriptor_ >= 0 && session_->outbox(pieces) > 0) {
        const ssize_t sent =
            ::send(descriptor_, pieces[0].data(), pieces[0].size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent <= 0) {
            return;
        }
        session_->sent(static_cast<std::size_t>(sent));
    }
}

void WireDriver::feed() {
    std::array<std::byte, 64 * 1024> buffer;
    const ssize_t read = ::recv(descriptor_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (read > 0) {
        input_.insert(input_.end(), buffer.begin(), buffer.begin() + read);
    }
    while (!input_.empty()) {
        // What was offered and not consumed is offered again, in front of more.
        const std::size_t more = input_.size() - offered_bytes_;
        offered_bytes_ += cut_ && more > 0 ? cut_(more) : more;
        const std::size_t consumed = session_->receive(std::span{input_}.first(offered_bytes_),
                                                       std::chrono::steady_clock::now());
        // Events may point into the input until the next receive().
        take_events();
        input_.erase(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(consumed));
        offered_bytes_ -= consumed;
        if (consumed == 0 && offered_bytes_ == input_.size()) {
            break;
        }
    }
    const bool is_over = read == 0 || (read < 0 && errno != EAGAIN);
    if (is_over && !input_ended_) {
        input_ended_ = true;
        session_->end_of_input();
    }
}

void WireDriver::take_events() {
    while (const std::optional<Event> event = session_->next_event()) {
        expects(!ended.has_value());  // no event follows SessionEnded
        take(*event);
    }
}

void WireDriver::send_on(LocalChannelId id, DrivenChannel& channel) {
    if (!channel.opened || channel.blocked || channel.eof_sent || channel.closed) {
        return;
    }
    while (channel.sent < channel.bytes_out) {
        std::array<std::byte, 48 * 1024> chunk;
        const std::size_t count = static_cast<std::size_t>(
            std::min<std::uint64_t>(chunk.size(), channel.bytes_out - channel.sent));
        fill_from_stream(std::span{chunk}.first(count), channel.stream_out, channel.sent);
        const std::size_t taken = session_->send(id, std::span{chunk}.first(count));
        // The session keeps nothing of what it did not take.
        chunk.fill(std::byte{0});
        channel.sent += taken;
        if (taken < count) {
            channel.blocked = true;
            return;
        }
    }
    if (channel.end_when_sent) {
        session_->eof(id);
        channel.eof_sent = true;
    }
}

void WireDriver::sign(const SignatureWanted& wanted) {
    to_sign.assign(wanted.data.begin(), wanted.data.end());
    if (key_ != nullptr) {
        const Result<std::vector<std::byte>> signature =
            ssh::sign(*key_, wanted.key.algorithm, wanted.data);
        expects(signature.has_value());
        session_->provide_signature(*signature);
    }
}

void WireDriver::take(const Event& event) {
    std::visit(
        Overloaded{
            [&](const PeerIdentified& peer) { identification = peer.line; },
            [&](const HostKeyReceived& received) {
                host_key_received = true;
                host_key.assign(received.key.blob.begin(), received.key.blob.end());
                if (key_ != nullptr) {
                    session_->accept_host_key();
                }
            },
            [&](const AuthenticationWanted& wanted) {
                authentication_wanted.emplace_back(wanted.methods);
                if (key_ != nullptr && authentication_wanted.size() == 1) {
                    expects(session_->try_public_key(
                        {key_type_name(key_->type()), key_->public_key()}));
                }
            },
            [&](const SignatureWanted& wanted) { sign(wanted); },
            [&](const KeysChanged& keys) {
                ++keys_changed;
                kex = keys.kex;
                cipher_out = keys.cipher_out;
                cipher_in = keys.cipher_in;
            },
            [&](const ChannelOpened& opened) { channels[opened.id].opened = true; },
            [&](const ChannelRefused& refused) { channels[refused.id].refused = refused.reason; },
            [&](const ChannelData& data) {
                DrivenChannel& channel = channels[data.id];
                channel.intact =
                    channel.intact && is_of_stream(data.bytes, channel.stream_in, channel.received);
                channel.received += data.bytes.size();
                if (channel.grants) {
                    session_->grant(data.id, static_cast<std::uint32_t>(data.bytes.size()));
                    channel.granted += data.bytes.size();
                }
            },
            [&](const ChannelEof& eof) { channels[eof.id].eof = true; },
            [&](const ChannelClosed& closed) {
                channels[closed.id].closed = true;
                channels[closed.id].cut = closed.cut;
                session_->close(closed.id);
            },
            [&](const WindowOpened& opened) { channels[opened.id].blocked = false; },
            [&](const SendReady& /*ready*/) {
                for (auto& [id, channel] : channels) {
                    channel.blocked = false;
                }
            },
            [&](const ChannelRequested& asked) {
                arrived.push_back({asked.id, asked.forward});
                channels[asked.id] = incoming;
                channels[asked.id].opened = true;
                session_->accept_channel(asked.id);
            },
            [&](const ForwardReply& reply) { forward_replies.push_back(reply); },
            [&](const ProbeAnswered& /*answer*/) { ++probes_answered; },
            [&](const SessionEnded& end) {
                ended = end.error;
                end_text = end.text;
            },
            [](const auto& /*other*/) {},
        },
        event);
}

}  // namespace caponier::ssh::test
