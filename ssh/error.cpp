// The words and the RFC 4253 reason code of every cause that error.h lists. What a peer says goes
// beside these words, never into them.

#include "ssh/error.h"

namespace caponier::ssh {

namespace {

/// RFC 4253 11.1.
enum class DisconnectReason : std::uint32_t {
    host_not_allowed_to_connect = 1,
    protocol_error = 2,
    key_exchange_failed = 3,
    mac_error = 5,
    service_not_available = 7,
    protocol_version_not_supported = 8,
    host_key_not_verifiable = 9,
    connection_lost = 10,
    by_application = 11,
    too_many_connections = 12,
    no_more_auth_methods_available = 14,
};

DisconnectReason reason_of(ErrorCode code) noexcept {
    switch (code) {
    case ErrorCode::not_ssh:
    case ErrorCode::malformed_packet:
    case ErrorCode::malformed_message:
    case ErrorCode::unexpected_message:
    case ErrorCode::protocol_error:
    case ErrorCode::window_exceeded:
    case ErrorCode::window_overflow:
    case ErrorCode::maximum_packet_exceeded:
    case ErrorCode::endless_login:
    case ErrorCode::unknown_channel:
    case ErrorCode::too_many_channels:
    case ErrorCode::too_many_forwards:
        return DisconnectReason::protocol_error;
    case ErrorCode::unsupported_version:
        return DisconnectReason::protocol_version_not_supported;
    case ErrorCode::integrity_failure:
        return DisconnectReason::mac_error;
    case ErrorCode::no_common_kex:
    case ErrorCode::no_common_host_key:
    case ErrorCode::no_common_cipher:
    case ErrorCode::no_common_mac:
    case ErrorCode::no_common_compression:
    case ErrorCode::key_exchange_failed:
        return DisconnectReason::key_exchange_failed;
    case ErrorCode::host_key_rejected:
    case ErrorCode::host_key_changed:
        return DisconnectReason::host_key_not_verifiable;
    case ErrorCode::service_refused:
        return DisconnectReason::service_not_available;
    case ErrorCode::authentication_failed:
        return DisconnectReason::no_more_auth_methods_available;
    case ErrorCode::disconnected_by_peer:
    case ErrorCode::connection_lost:
        return DisconnectReason::connection_lost;
    case ErrorCode::closed_by_application:
    case ErrorCode::timed_out:
    case ErrorCode::not_supported:
    case ErrorCode::message_too_large:
    case ErrorCode::malformed_key:
    case ErrorCode::oversized_key:
    case ErrorCode::unsupported_key:
    case ErrorCode::key_is_encrypted:
    case ErrorCode::crypto_failure:
    case ErrorCode::engine_failure:
        return DisconnectReason::by_application;
    }
    return DisconnectReason::by_application;
}

}  // namespace

std::string_view describe(ErrorCode code) noexcept {
    switch (code) {
    case ErrorCode::not_ssh:
        return "the peer is not an SSH server";
    case ErrorCode::unsupported_version:
        return "the peer does not speak SSH 2.0";
    case ErrorCode::malformed_packet:
        return "the peer sent a packet of a forbidden length";
    case ErrorCode::malformed_message:
        return "the peer sent a message that cannot be parsed";
    case ErrorCode::integrity_failure:
        return "a packet was changed on its way";
    case ErrorCode::unexpected_message:
        return "the peer sent a message that it may not send now";
    case ErrorCode::protocol_error:
        return "the peer broke the protocol";
    case ErrorCode::no_common_kex:
        return "no key exchange method in common with the peer";
    case ErrorCode::no_common_host_key:
        return "no host key algorithm in common with the peer";
    case ErrorCode::no_common_cipher:
        return "no cipher in common with the peer";
    case ErrorCode::no_common_mac:
        return "no MAC in common with the peer";
    case ErrorCode::no_common_compression:
        return "no compression method in common with the peer";
    case ErrorCode::key_exchange_failed:
        return "the key exchange failed";
    case ErrorCode::host_key_rejected:
        return "the host key was not accepted";
    case ErrorCode::host_key_changed:
        return "the host key changed within the session";
    case ErrorCode::service_refused:
        return "the peer refused the service";
    case ErrorCode::authentication_failed:
        return "the peer accepted no authentication";
    case ErrorCode::endless_login:
        return "the peer asked or printed without an end before the login was done";
    case ErrorCode::window_exceeded:
        return "the peer sent more than its window";
    case ErrorCode::window_overflow:
        return "the peer opened a window too far";
    case ErrorCode::maximum_packet_exceeded:
        return "the peer sent more in a packet than agreed";
    case ErrorCode::unknown_channel:
        return "the peer named a channel that never was open";
    case ErrorCode::too_many_channels:
        return "no more channels are allowed on the session";
    case ErrorCode::too_many_forwards:
        return "no more remote forwards are allowed on the session";
    case ErrorCode::not_supported:
        return "the engine cannot do that";
    case ErrorCode::message_too_large:
        return "a message is too large to be sent";
    case ErrorCode::disconnected_by_peer:
        return "the peer ended the session";
    case ErrorCode::connection_lost:
        return "the connection was lost";
    case ErrorCode::closed_by_application:
        return "the session was closed";
    case ErrorCode::timed_out:
        return "the peer did not answer in time";
    case ErrorCode::malformed_key:
        return "the key cannot be parsed";
    case ErrorCode::oversized_key:
        return "a key or a signature is larger than any real one";
    case ErrorCode::unsupported_key:
        return "the type or size of the key is not supported";
    case ErrorCode::key_is_encrypted:
        return "the key is protected by a passphrase";
    case ErrorCode::crypto_failure:
        return "the cryptographic library failed";
    case ErrorCode::engine_failure:
        return "libssh2 failed";
    }
    return "an unknown error";
}

std::uint32_t disconnect_reason(ErrorCode code) noexcept {
    return static_cast<std::uint32_t>(reason_of(code));
}

}  // namespace caponier::ssh
