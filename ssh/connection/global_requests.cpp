// What the peer asks of the connection as a whole, and what we ask of it.

#include "ssh/connection/global_requests.h"

#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "ssh/connection/control_room.h"
#include "ssh/connection/protocol_errors.h"
#include "ssh/expects.h"
#include "ssh/limits.h"
#include "ssh/wire/wire_reader.h"
#include "ssh/wire/wire_writer.h"

namespace caponier::ssh {

// ---- what the peer asks ------------------------------------------------------------------------

Result<void> GlobalRequests::take_request(std::span<const std::byte> payload) {
    // RFC 4254 4
    WireReader in{payload};
    in.byte();
    const std::string_view name = in.text();
    const bool want_reply = in.boolean();
    const std::span<const std::byte> fields = in.rest();
    if (!in.complete()) {
        return malformed(MessageNumber::global_request);
    }
    Asked asked;
    asked.want_reply = want_reply;
    if (config_.role == Role::server) {
        if (const Result<void> read = read_forward_request(name, fields, asked); !read) {
            return read;
        }
    }
    if (!may_wait(asked.what)) {
        asked.what = What::other;
    }
    // RFC 4254 4: "If the recipient does not recognize or support the request, it simply responds
    // with SSH_MSG_REQUEST_FAILURE." For keepalive@openssh.com that answer is the sign of life.
    if (asked.what == What::other) {
        if (!want_reply) {
            return {};
        }
        if (others_asked_ == replies_held_back_max) {
            return failure(ErrorCode::protocol_error, MessageNumber::global_request);
        }
    }
    count_of(asked.what) += 1;
    asked_.push_back(std::move(asked));
    work_on_asked();
    return {};
}

/// Leaves what is no request for a forward, or one that nobody could grant, as `other`.
Result<void> GlobalRequests::read_forward_request(std::string_view name,
                                                  std::span<const std::byte> fields,
                                                  Asked& asked) {
    const bool tcpip = name == "tcpip-forward" || name == "cancel-tcpip-forward";
    const bool streamlocal = name == "streamlocal-forward@openssh.com" ||
                             name == "cancel-streamlocal-forward@openssh.com";
    if (!tcpip && !streamlocal) {
        return {};
    }
    // RFC 4254 7.1, OpenSSH PROTOCOL 2.4
    WireReader in{fields};
    const std::string_view host = in.text();
    const std::uint32_t port = tcpip ? in.uint32() : 0;
    if (!in.complete()) {
        return malformed(MessageNumber::global_request);
    }
    if (port <= UINT16_MAX && host.size() <= address_bytes_max) {
        asked.what = name.starts_with("cancel-") ? What::cancel : What::listen;
        asked.kind = tcpip ? ForwardAddress::Kind::tcpip : ForwardAddress::Kind::streamlocal;
        asked.host = host;
        asked.port = static_cast<std::uint16_t>(port);
    }
    return {};
}

std::size_t& GlobalRequests::count_of(What what) noexcept {
    return what == What::listen   ? listens_arrived_
           : what == What::cancel ? cancels_asked_
                                  : others_asked_;
}

/// A client may ask for all its forwards in one breath, while the application thinks about the
/// first; more than can be granted are refused without a question.
bool GlobalRequests::may_wait(What what) const noexcept {
    return what == What::listen   ? forwards_.in_use() + listens_arrived_ < forwards_max
           : what == What::cancel ? cancels_asked_ < forwards_max
                                  : true;
}

/// One after the other, so that each finds what those before it left, and replies keep the order.
/// RFC 4254 4: "it is REQUIRED that replies to SSH_MSG_GLOBAL_REQUESTS MUST be sent in the same
/// order as the corresponding request messages."
void GlobalRequests::work_on_asked() {
    while (!asked_.empty()) {
        Asked& first = asked_.front();
        if (first.state == Asked::State::arrived) {
            begin(first);
        }
        if (first.state == Asked::State::told) {
            return;
        }
        if (first.want_reply) {
            if (!may_send()) {
                return;
            }
            send_reply(first);
        }
        if (first.what != What::listen) {
            count_of(first.what) -= 1;
        }
        asked_.pop_front();
    }
}

void GlobalRequests::begin(Asked& asked) {
    asked.state = Asked::State::answered;
    if (asked.what == What::other) {
        return;
    }
    std::optional<ForwardId> id = forwards_.find(asked.kind, asked.host, asked.port);
    if (asked.what == What::listen) {
        listens_arrived_ -= 1;
        // What is listened on already cannot be had again.
        id = id ? std::nullopt : forwards_.claim({asked.kind, asked.host, asked.port});
    }
    if (!id) {
        return;
    }
    Forward& forward = *forwards_.find(*id);
    if (asked.what == What::listen) {
        forward.phase = ForwardPhase::requested;
    }
    asked.forward = *id;
    asked.state = Asked::State::told;
    events_.push(ForwardRequested{.id = *id,
                                  .cancel = asked.what == What::cancel,
                                  .address = {forward.kind, forward.host, forward.port}});
}

void GlobalRequests::reply_forward(bool accepted, std::uint16_t port) {
    expects(!asked_.empty());
    Asked& asked = asked_.front();
    expects(asked.state == Asked::State::told);
    Forward& forward = *forwards_.find(asked.forward);
    if (asked.what == What::listen && accepted) {
        forward.phase = ForwardPhase::granted;
        if (asked.kind == ForwardAddress::Kind::tcpip && asked.port == 0) {
            expects(port != 0);
            forward.port = port;
            asked.chosen_port = port;
        }
    } else if (asked.what == What::listen || accepted) {
        forwards_.release(asked.forward);
    }
    asked.accepted = accepted;
    asked.state = Asked::State::answered;
    work_on_asked();
}

void GlobalRequests::send_reply(const Asked& asked) {
    std::array<std::byte, 5> payload{};
    WireWriter out{std::span<std::byte>{payload}};
    out.message(asked.accepted ? MessageNumber::request_success : MessageNumber::request_failure);
    // RFC 4254 7.1: "If a client passes 0 as port number to bind and has 'want reply' as TRUE",
    // the reply says which; "otherwise, there is no response-specific data."
    if (asked.chosen_port != 0) {
        out.uint32(asked.chosen_port);
    }
    transport_.send(out.written());
}

// ---- what we ask -------------------------------------------------------------------------------

Result<ForwardId> GlobalRequests::request_forward(const ForwardAddress& address) {
    expects(config_.role == Role::client);
    expects(address.kind == ForwardAddress::Kind::tcpip || address.port == 0);
    if (address.host.size() > address_bytes_max) {
        return failure(ErrorCode::message_too_large, 0);
    }
    const std::optional<ForwardId> id = forwards_.claim(address);
    if (!id) {
        return failure(ErrorCode::too_many_forwards, 0);
    }
    to_send_.push_back(*id);
    flush();
    return *id;
}

void GlobalRequests::cancel_forward(ForwardId id) {
    Forward* forward = forwards_.find(id);
    if (forward == nullptr || std::exchange(forward->cancelled, true)) {
        return;
    }
    // Before the answer it is not known whether, and at which port, there is something to cancel.
    if (forward->phase == ForwardPhase::granted) {
        forward->phase = ForwardPhase::cancelling;
        to_send_.push_back(id);
        flush();
    }
}

void GlobalRequests::probe() {
    if (probes_to_send_ + probes_unanswered_ < probes_max) {
        ++probes_to_send_;
        flush();
    }
}

void GlobalRequests::renounce_sessions() {
    renounce_sessions_ = true;
    flush();
}

Result<void> GlobalRequests::take_reply(std::span<const std::byte> payload) {
    WireReader in{payload};
    const bool accepted = MessageNumber{in.byte()} == MessageNumber::request_success;
    // An answer that nobody waits for is ignored.
    if (unanswered_.empty()) {
        return {};
    }
    const Sent sent = unanswered_.front();
    unanswered_.pop_front();
    switch (sent.what) {
    case What::other:
        // Whatever the answer is, the peer lives.
        --probes_unanswered_;
        events_.push(ProbeAnswered{});
        return {};
    case What::listen:
        return take_listen_reply(sent.forward, accepted, in.rest());
    case What::cancel:
        events_.push(ForwardReply{.id = sent.forward,
                                  .cancel = true,
                                  .accepted = accepted,
                                  .port = forwards_.find(sent.forward)->port});
        forwards_.release(sent.forward);
        return {};
    }
    return {};
}

Result<void> GlobalRequests::take_listen_reply(ForwardId id,
                                               bool accepted,
                                               std::span<const std::byte> fields) {
    if (!accepted) {
        forwards_.release(id);
        events_.push(ForwardReply{.id = id});
        return {};
    }
    Forward& forward = *forwards_.find(id);
    if (forward.kind == ForwardAddress::Kind::tcpip && forward.asked_port == 0) {
        WireReader in{fields};
        const std::uint32_t port = in.uint32();
        if (!in.ok() || port == 0 || port > UINT16_MAX) {
            return malformed(MessageNumber::request_success);
        }
        forward.port = static_cast<std::uint16_t>(port);
    }
    // Some servers tell the port although they were given it: what follows is not read.
    forward.phase = ForwardPhase::granted;
    events_.push(ForwardReply{.id = id, .accepted = true, .port = forward.port});
    if (forward.cancelled) {
        forward.phase = ForwardPhase::cancelling;
        to_send_.push_back(id);
        flush();
    }
    return {};
}

// ---- flush -------------------------------------------------------------------------------------

bool GlobalRequests::may_send() const noexcept {
    return has_control_room(transport_) && transport_.state() == ProtocolState::open;
}

void GlobalRequests::flush() {
    if (!may_send()) {
        return;
    }
    if (std::exchange(renounce_sessions_, false)) {
        std::array<std::byte, 64> payload{};
        WireWriter out{std::span<std::byte>{payload}};
        out.message(MessageNumber::global_request);
        out.text("no-more-sessions@openssh.com");
        out.boolean(false);
        transport_.send(out.written());
    }
    work_on_asked();
    for (; probes_to_send_ > 0 && may_send(); --probes_to_send_) {
        send_probe();
    }
    for (; !to_send_.empty() && may_send(); to_send_.pop_front()) {
        send_forward_request(to_send_.front());
    }
}

void GlobalRequests::send_probe() {
    std::array<std::byte, 64> payload{};
    WireWriter out{std::span<std::byte>{payload}};
    out.message(MessageNumber::global_request);
    out.text("keepalive@openssh.com");
    out.boolean(true);
    transport_.send(out.written());
    ++probes_unanswered_;
    unanswered_.push_back({});
}

void GlobalRequests::send_forward_request(ForwardId id) {
    Forward& forward = *forwards_.find(id);
    const bool listen = forward.phase == ForwardPhase::waiting;
    const bool tcpip = forward.kind == ForwardAddress::Kind::tcpip;
    // RFC 4254 7.1, OpenSSH PROTOCOL 2.4
    std::vector<std::byte> payload;
    WireWriter out{payload};
    out.message(MessageNumber::global_request);
    if (tcpip) {
        out.text(listen ? "tcpip-forward" : "cancel-tcpip-forward");
    } else {
        out.text(listen ? "streamlocal-forward@openssh.com"
                        : "cancel-streamlocal-forward@openssh.com");
    }
    out.boolean(true);
    out.text(forward.host);
    if (tcpip) {
        out.uint32(forward.port);
    }
    transport_.send(payload);
    if (listen) {
        forward.phase = ForwardPhase::requested;
    }
    unanswered_.push_back({listen ? What::listen : What::cancel, id});
}

}  // namespace caponier::ssh
