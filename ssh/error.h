#pragma once
// Errors of the SSH core. A fallible function returns Result<T>; the error is two integers, so that
// it can be copied into an event or a log line without owning anything. What a person reads is made
// from it by describe() and, where a peer added words of its own, by the text beside the event.

#include <cstdint>
#include <string_view>

#include <tl/expected.hpp>

namespace caponier::ssh {

/// One enumerator per cause. The comment says what `Error::detail` holds; 0 where nothing is said.
enum class ErrorCode : std::uint16_t {
    // The byte stream and the packets (RFC 4253 4.2, 6).
    not_ssh,              ///< the peer's first bytes are not an SSH identification
    unsupported_version,  ///< the peer speaks a protocol version other than 2.0 (or 1.99)
    malformed_packet,     ///< a packet length or padding length that RFC 4253 6 forbids; detail: it
    malformed_message,    ///< a message's fields do not fit its payload; detail: message number
    integrity_failure,    ///< a tag or MAC did not verify
    unexpected_message,   ///< a message that its sender may not send now; detail: message number
    protocol_error,       ///< any other broken MUST; detail: message number where there is one
    // Key exchange (RFC 4253 7, 8).
    no_common_kex,
    no_common_host_key,
    no_common_cipher,
    no_common_mac,
    no_common_compression,
    key_exchange_failed,  ///< a public value or signature of the exchange is wrong
    host_key_rejected,    ///< the application did not accept the server's host key
    host_key_changed,     ///< a rekey brought another host key than the first exchange
    // Authentication (RFC 4252).
    service_refused,
    authentication_failed,  ///< no method is left to try
    endless_login,  ///< more messages or banners than a login can need; detail: message number
    // Channels (RFC 4254).
    window_exceeded,          ///< the peer sent more than it was granted; detail: bytes over
    window_overflow,          ///< an adjust took a window above 2^32 - 1
    maximum_packet_exceeded,  ///< a data string longer than our maximum packet; detail: its length
    unknown_channel,          ///< a message for a channel that never was; detail: channel number
    too_many_channels,        ///< the configured limit of channels is reached
    too_many_forwards,        ///< forwards_max are asked for or granted
    not_supported,            ///< the engine cannot do what it was asked for
    message_too_large,        ///< a message of ours does not fit a packet; nothing of it was sent
    // The end of a session.
    disconnected_by_peer,  ///< SSH_MSG_DISCONNECT; detail: RFC 4253 11.1 reason code
    connection_lost,       ///< the transport ended without SSH_MSG_DISCONNECT
    closed_by_application,
    timed_out,  ///< next_deadline() passed: the peer owed an answer; detail: milliseconds
    // Keys and files.
    malformed_key,
    oversized_key,     ///< a key or signature larger than host_key_bytes_max and its like
    unsupported_key,   ///< a key type or key size that is not spoken
    key_is_encrypted,  ///< a private key that needs a passphrase
    crypto_failure,    ///< a primitive of the cryptographic library failed
    engine_failure,    ///< libssh2 reported an error that has no better name; detail: -its code
};

struct Error {
    ErrorCode code{};
    std::uint32_t detail = 0;

    friend bool operator==(const Error&, const Error&) = default;
};

template <typename T>
using Result = tl::expected<T, Error>;

/// What happened, as the middle of a sentence ("the peer is not an SSH server"). Static storage.
std::string_view describe(ErrorCode code) noexcept;

/// RFC 4253 11.1: the reason code that SSH_MSG_DISCONNECT carries for this cause.
std::uint32_t disconnect_reason(ErrorCode code) noexcept;

}  // namespace caponier::ssh
