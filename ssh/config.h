#pragma once
// What an application decides before a session starts.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ssh/limits.h"

namespace caponier::ssh {

enum class Role : std::uint8_t { client, server };

/// Fills the span with unpredictable bytes. The session reads no random source of its own: in
/// production this is getrandom(2), in tests and in the simulation a seeded generator. Cannot fail.
struct RandomSource {
    void (*fill)(void* context, std::span<std::byte> bytes) noexcept = nullptr;
    void* context = nullptr;

    void operator()(std::span<std::byte> bytes) const noexcept { fill(context, bytes); }
};

/// Algorithm names in order of preference, spelled as on the wire. An empty list means the
/// session's own default (what it speaks, best first).
struct AlgorithmLists {
    std::vector<std::string> kex;
    std::vector<std::string> host_key;
    std::vector<std::string> cipher;
    std::vector<std::string> mac;
    std::vector<std::string> public_key;  ///< for user authentication
    /// What an authority may have signed a certificate with. Plain names; the session passes
    /// certificates on, and who decides about them reads this.
    std::vector<std::string> ca_signature;
};

/// When new keys are asked for, whichever comes first. 0 stands for the cipher's own default:
/// 64 GiB for AES, 1 GiB for chacha20-poly1305, as OpenSSH has it. The packet limit of 2^31
/// (RFC 4344 3.1) always holds.
struct RekeyLimit {
    std::uint64_t bytes = 0;
    std::chrono::nanoseconds interval{0};  ///< 0: no limit by time
};

struct SessionConfig {
    Role role = Role::client;
    std::string software = "Caponier_0.1";  ///< our identification is "SSH-2.0-" + this
    std::string user;                       ///< client: RFC 4252 5, user name
    RandomSource random;
    AlgorithmLists algorithms;
    /// Client: types of the server's keys that are on record ("ssh-ed25519", "ssh-rsa", ...).
    /// Unless algorithms.host_key is given, their algorithms are asked for first, because a server
    /// shows only one of its keys.
    std::vector<std::string> recorded_host_key_types;
    RekeyLimit rekey_limit;
    /// Server: the public halves of its host keys; it signs by SignatureWanted.
    std::vector<std::vector<std::byte>> host_keys;
    /// Server: the methods that may be asked for; others are refused without a question.
    std::vector<std::string> methods{"publickey"};
    /// The window that a new channel grants the peer, and the maximum packet it announces.
    std::uint32_t initial_window_bytes = 256 * 1024;
    std::uint32_t packet_bytes = maximum_packet_bytes;
    /// Channels at once (opening and open), and how many opens may be unanswered at once; open()
    /// beyond the latter is kept and sent later, in order.
    std::size_t channels = channels_max;
    std::size_t opens_in_flight = 256;
    /// How long the peer may take for a step of a key exchange.
    std::chrono::nanoseconds kex_timeout = std::chrono::seconds{60};
    /// Client: how long the server may take for each answer of the authentication; it may have to
    /// ask somebody's telephone. Server: how long all of it may take. A person's thinking at our
    /// end is not counted.
    std::chrono::nanoseconds login_timeout = std::chrono::minutes{2};
};

}  // namespace caponier::ssh
