#pragma once
// The messages of remote forwards, which a client sends in one direction and a server in the other.

#include <string>
#include <string_view>
#include <vector>

#include "tests/spec/rogue_peer.h"

namespace caponier::spec {

inline const std::vector<std::string> nothing;

inline Message tcpip_forward(std::string_view host, std::uint32_t port, bool want_reply = true) {
    return global_request("tcpip-forward", want_reply).text(host).uint32(port);
}

inline Message cancel_tcpip_forward(std::string_view host, std::uint32_t port) {
    return global_request("cancel-tcpip-forward", true).text(host).uint32(port);
}

inline Message streamlocal_forward(std::string_view path) {
    return global_request("streamlocal-forward@openssh.com", true).text(path);
}

inline Message cancel_streamlocal_forward(std::string_view path, bool want_reply = true) {
    return global_request("cancel-streamlocal-forward@openssh.com", want_reply).text(path);
}

inline Message success() {
    return Message{ssh::MessageNumber::request_success};
}

inline Message refusal() {
    return Message{ssh::MessageNumber::request_failure};
}

/// The reason of the session's next SSH_MSG_CHANNEL_OPEN_FAILURE; 0 if there is none.
inline std::uint32_t reason_of_refusal(RoguePeer& peer) {
    const Bytes message = peer.take(ssh::MessageNumber::channel_open_failure).value_or(Bytes(9));
    ssh::WireReader in{message};
    in.byte();
    in.uint32();
    return in.uint32();
}

}  // namespace caponier::spec
