// What the peer asks of the connection as a whole, and what we ask of it.

#include "ssh/connection/global_requests.h"

#include <array>
#include <string_view>
#include <utility>

#include "ssh/connection/control_room.h"
#include "ssh/connection/protocol_errors.h"
#include "ssh/limits.h"
#include "ssh/wire/wire_reader.h"
#include "ssh/wire/wire_writer.h"

namespace caponier::ssh {

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
    if (config_.role == Role::client && name == "hostkeys-00@openssh.com") {
        if (const Result<void> taken = take_host_keys(fields); !taken) {
            return taken;
        }
    }
    // RFC 4254 4: "If the recipient does not recognize or support the request, it simply responds
    // with SSH_MSG_REQUEST_FAILURE." For keepalive@openssh.com that answer is the sign of life.
    if (want_reply) {
        if (request_failures_ == replies_held_back_max) {
            return failure(ErrorCode::protocol_error, MessageNumber::global_request);
        }
        ++request_failures_;
        flush();
    }
    return {};
}

Result<void> GlobalRequests::take_host_keys(std::span<const std::byte> fields) {
    // OpenSSH PROTOCOL 2.5: "string[] hostkeys", without a count.
    WireReader in{fields};
    for (std::size_t count = 0; in.ok() && in.unread_bytes() > 0; ++count) {
        const std::span<const std::byte> blob = in.string();
        if (in.ok() && count < announced_host_keys_max) {
            const bool last = in.unread_bytes() == 0 || count + 1 == announced_host_keys_max;
            events_.push(HostKeyAnnounced{{WireReader{blob}.text(), blob}, last});
        }
    }
    if (!in.complete()) {
        return malformed(MessageNumber::global_request);
    }
    return {};
}

Result<void> GlobalRequests::take_reply(std::span<const std::byte>) {
    // Whatever the answer is, the peer lives. An answer that nobody waits for is ignored.
    if (probes_unanswered_ > 0) {
        --probes_unanswered_;
        events_.push(ProbeAnswered{});
    }
    return {};
}

void GlobalRequests::probe() {
    // More unanswered ones than this would tell nothing new.
    constexpr std::uint32_t probes_max = 16;
    if (probes_to_send_ + probes_unanswered_ < probes_max) {
        ++probes_to_send_;
        flush();
    }
}

void GlobalRequests::renounce_sessions() {
    renounce_sessions_ = true;
    flush();
}

void GlobalRequests::flush() {
    if (!has_control_room(transport_) || transport_.state() != ProtocolState::open) {
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
    constexpr std::array request_failure{static_cast<std::byte>(MessageNumber::request_failure)};
    for (; request_failures_ > 0 && has_control_room(transport_); --request_failures_) {
        transport_.send(request_failure);
    }
    for (; probes_to_send_ > 0 && has_control_room(transport_); --probes_to_send_) {
        std::array<std::byte, 64> payload{};
        WireWriter out{std::span<std::byte>{payload}};
        out.message(MessageNumber::global_request);
        out.text("keepalive@openssh.com");
        out.boolean(true);
        transport_.send(out.written());
        ++probes_unanswered_;
    }
}

}  // namespace caponier::ssh
