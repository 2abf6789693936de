#pragma once
// Messages of the ssh-agent protocol (OpenSSH's PROTOCOL.agent, draft-ietf-sshm-ssh-agent): what
// the client asks and how the answers are read. Connecting to the agent's socket and waiting for it
// is engine/client/'s part.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "ssh/error.h"

namespace caponier::ssh {

/// The longest message that is accepted from an agent, as in OpenSSH.
inline constexpr std::uint32_t agent_message_bytes_max = 256 * 1024;
/// More identities than a server would let anyone try; OpenSSH has 2048.
inline constexpr std::size_t agent_identities_max = 2048;
/// Every message is a uint32 length and that many bytes.
inline constexpr std::size_t agent_length_bytes = 4;

// ---- requests: whole frames, length included ---------------------------------------------------

[[nodiscard]] std::vector<std::byte> make_request_identities();

struct AgentSignRequest {
    std::span<const std::byte> key;   ///< blob
    std::string_view algorithm;       ///< chooses the flags: rsa-sha2-256, rsa-sha2-512, others 0
    std::span<const std::byte> data;  ///< what is to be signed
};
[[nodiscard]] std::vector<std::byte> make_sign_request(const AgentSignRequest& request);

/// session-bind@openssh.com (PROTOCOL.agent 1): lets the agent know which server it signs for.
struct AgentSessionBind {
    std::span<const std::byte> host_key;
    std::span<const std::byte> session_id;
    std::span<const std::byte> signature;  ///< the server's, over the first exchange hash
    bool is_forwarding = false;
};
[[nodiscard]] std::vector<std::byte> make_session_bind(const AgentSessionBind& bind);

// ---- answers: the bytes after the length -------------------------------------------------------

/// How long the frame that begins with `bytes` is, with its length field; empty while fewer than 4
/// bytes are there; malformed_message for 0 or more than the limit.
[[nodiscard]] Result<std::optional<std::size_t>> agent_frame_bytes(
    std::span<const std::byte> bytes) noexcept;

/// Views into the answer.
struct AgentIdentity {
    std::span<const std::byte> key;  ///< blob
    std::string_view comment;
};
/// SSH_AGENT_IDENTITIES_ANSWER. A refusal (SSH_AGENT_FAILURE) is authentication_failed.
[[nodiscard]] Result<std::vector<AgentIdentity>> parse_identities_answer(
    std::span<const std::byte> answer);

/// SSH_AGENT_SIGN_RESPONSE: a signature blob that names `algorithm`, a view into the answer. An
/// agent that knows no flags signs with ssh-rsa instead: unsupported_key. oversized_key above
/// signature_bytes_max. A refusal is authentication_failed.
[[nodiscard]] Result<std::span<const std::byte>> parse_sign_response(
    std::span<const std::byte> answer, std::string_view algorithm) noexcept;

/// SSH_AGENT_SUCCESS, the answer to a session-bind; a refusal is authentication_failed.
[[nodiscard]] Result<bool> parse_success(std::span<const std::byte> answer) noexcept;

}  // namespace caponier::ssh
