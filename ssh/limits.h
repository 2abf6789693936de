#pragma once
// Hard upper bounds of the SSH core, with the reason for each. Windows and counts that users may
// change are in config.h; these are the bounds that hold whatever they choose.

#include <cstddef>
#include <cstdint>

namespace caponier::ssh {

// ---- what the standards say ------------------------------------------------------------------

/// RFC 4253 4.2: "The maximum length of the string is 255 characters, including the Carriage
/// Return and Line Feed."
inline constexpr std::size_t identification_bytes_max = 255;

/// RFC 4253 6.1: what every implementation must be able to process.
inline constexpr std::size_t payload_bytes_required = 32'768;
inline constexpr std::size_t packet_bytes_required = 35'000;

// ---- what this implementation allows ---------------------------------------------------------

/// The largest packet_length that is accepted; OpenSSH, x/crypto and russh have the same cap.
inline constexpr std::uint32_t packet_length_max = 256 * 1024;

/// The longest unconsumed tail that receive() leaves: one packet less a byte, with its length
/// field and tag. The caller keeps this much headroom in front of a receive buffer.
inline constexpr std::size_t receive_tail_bytes_max = packet_length_max + 4 + 64;

/// Data bytes in one SSH_MSG_CHANNEL_DATA, in either direction: OpenSSH's packet size, and what
/// RFC 4253 6.1 promises to fit.
inline constexpr std::uint32_t maximum_packet_bytes = 32 * 1024;

/// Lines that a server may send before its identification (RFC 4253 4.2) and their length.
inline constexpr std::size_t lines_before_identification_max = 1024;
inline constexpr std::size_t line_before_identification_bytes_max = 8192;

/// Channels of one session, opening and open ones together. OpenSSH's server ends the connection
/// above 16,384.
inline constexpr std::size_t channels_max = 16'000;

/// Sealed bytes that may wait for the socket. send() takes nothing above it, control messages fit
/// in addition because each kind is bounded per channel.
inline constexpr std::size_t outbox_bytes_max = 1024 * 1024;

/// Replies to the peer's control messages may take the outbox up to this; a peer that asks without
/// reading the answers gets no further.
inline constexpr std::size_t outbox_control_bytes_max = 4 * 1024 * 1024;

/// Replies of one kind that wait for the end of a key exchange or for room. A peer that makes more
/// of them is cut off: nothing that it does may grow without bound.
inline constexpr std::size_t replies_held_back_max = 256;

/// Prompts that a server may put into one keyboard-interactive request, and requests in one
/// attempt: RFC 4256 has no bound, and a person answers a handful.
inline constexpr std::size_t prompts_max = 64;
inline constexpr int prompt_rounds_max = 100;

/// What a server may print before the login is done, in all its banners. OpenSSH's server sends a
/// whole file in one of them, so that none can be longer than a packet; nobody reads more.
inline constexpr std::size_t banners_bytes_max = packet_length_max;

/// Client: messages that a server may send before the login is done. A client that tries six keys
/// and three passwords gets some twenty, one that is asked in as many rounds as are allowed some
/// hundred; a server that says "partial success" again and again would go on for ever.
inline constexpr std::size_t authentication_messages_max = 1'000;

/// Remote forwards of one session: asked for, granted, and being cancelled together. Few have ten;
/// a table that is searched from end to end stays cheap up to here.
inline constexpr std::size_t forwards_max = 1'024;

/// The address or path in what a peer asks for; RFC 1035 ends names at 255 bytes, Linux the path of
/// a socket at 107.
inline constexpr std::size_t address_bytes_max = 1'024;

/// What a server shows as its key, alone or in a certificate; what a user offers, alone or in a
/// certificate; and the signature. RSA with 16,384 bits takes 2 KiB for a key or a signature, and a
/// certificate has names besides: a host's with 100 of them has 25 KiB at most. A request that is
/// bound to the host has all three in one packet, and so have an agent's messages.
inline constexpr std::size_t host_key_bytes_max = 32 * 1024;
inline constexpr std::size_t public_key_blob_bytes_max = 16 * 1024;
inline constexpr std::size_t signature_bytes_max = 16 * 1024;

/// Probes that wait to be sent or for their answer; more would tell nothing new.
inline constexpr std::size_t probes_max = 16;

/// Server: failed requests before the client is cut off; OpenSSH's MaxAuthTries.
inline constexpr int authentication_failures_max = 6;
/// Server: requests of any kind and outcome, queries for keys among them.
inline constexpr int authentication_requests_max = 128;

/// Events that a session keeps room for when all were taken: more than a receive of large packets
/// brings. A burst of small ones may need ten times as many, and its room is given back.
inline constexpr std::size_t events_kept_max = 1'024;

/// OpenSSH's pings carry a few bytes.
inline constexpr std::size_t ping_bytes_max = 4096;

static_assert(prompt_rounds_max < authentication_messages_max);
static_assert(authentication_failures_max < authentication_requests_max);
static_assert(packet_length_max >= packet_bytes_required);
static_assert(maximum_packet_bytes <= payload_bytes_required);

}  // namespace caponier::ssh
