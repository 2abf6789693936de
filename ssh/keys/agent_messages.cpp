// The ssh-agent protocol's messages; see agent_messages.h.

#include "ssh/keys/agent_messages.h"

#include "ssh/limits.h"
#include "ssh/wire/wire_reader.h"
#include "ssh/wire/wire_writer.h"

namespace caponier::ssh {

namespace {

/// draft-ietf-sshm-ssh-agent 6.1, and three old codes for "no" that OpenSSH's client knows as well.
enum class AgentMessage : std::uint8_t {
    failure = 5,
    success = 6,
    request_identities = 11,
    identities_answer = 12,
    sign_request = 13,
    sign_response = 14,
    extension = 27,
    extension_failure = 28,
    ssh2_failure = 30,
    com_agent2_failure = 102,
};

/// draft-ietf-sshm-ssh-agent 3.6.1.
constexpr std::uint32_t flag_rsa_sha2_256 = 2;
constexpr std::uint32_t flag_rsa_sha2_512 = 4;

std::uint32_t sign_flags(std::string_view algorithm) noexcept {
    if (algorithm == "rsa-sha2-256") {
        return flag_rsa_sha2_256;
    }
    return algorithm == "rsa-sha2-512" ? flag_rsa_sha2_512 : 0;
}

tl::unexpected<Error> malformed() noexcept {
    return tl::unexpected{Error{ErrorCode::malformed_message}};
}

/// Why an answer is not the one that was hoped for.
tl::unexpected<Error> refusal_or_nonsense(AgentMessage number) noexcept {
    switch (number) {
    case AgentMessage::failure:
    case AgentMessage::extension_failure:
    case AgentMessage::ssh2_failure:
    case AgentMessage::com_agent2_failure:
        return tl::unexpected{Error{ErrorCode::authentication_failed}};
    default:
        return malformed();
    }
}

}  // namespace

std::vector<std::byte> make_request_identities() {
    std::vector<std::byte> frame;
    WireWriter out{frame};
    const WireWriter::OpenString message = out.begin_string();
    out.byte(static_cast<std::uint8_t>(AgentMessage::request_identities));
    out.end_string(message);
    return frame;
}

std::vector<std::byte> make_sign_request(const AgentSignRequest& request) {
    std::vector<std::byte> frame;
    WireWriter out{frame};
    const WireWriter::OpenString message = out.begin_string();
    out.byte(static_cast<std::uint8_t>(AgentMessage::sign_request));
    out.string(request.key);
    out.string(request.data);
    out.uint32(sign_flags(request.algorithm));
    out.end_string(message);
    return frame;
}

std::vector<std::byte> make_session_bind(const AgentSessionBind& bind) {
    std::vector<std::byte> frame;
    WireWriter out{frame};
    const WireWriter::OpenString message = out.begin_string();
    out.byte(static_cast<std::uint8_t>(AgentMessage::extension));
    out.text("session-bind@openssh.com");
    out.string(bind.host_key);
    out.string(bind.session_id);
    out.string(bind.signature);
    out.boolean(bind.is_forwarding);
    out.end_string(message);
    return frame;
}

Result<std::optional<std::size_t>> agent_frame_bytes(std::span<const std::byte> bytes) noexcept {
    WireReader in{bytes};
    const std::uint32_t length = in.uint32();
    if (!in.ok()) {
        return std::optional<std::size_t>{};
    }
    if (length == 0 || length > agent_message_bytes_max) {
        return malformed();
    }
    return std::optional<std::size_t>{agent_length_bytes + length};
}

Result<std::vector<AgentIdentity>> parse_identities_answer(std::span<const std::byte> answer) {
    WireReader in{answer};
    const AgentMessage number{in.byte()};
    if (number != AgentMessage::identities_answer) {
        return refusal_or_nonsense(number);
    }
    const std::uint32_t count = in.uint32();
    if (count > agent_identities_max) {
        return malformed();
    }
    std::vector<AgentIdentity> identities;
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
        AgentIdentity identity;
        identity.key = in.string();
        identity.comment = in.text();
        identities.push_back(identity);
    }
    if (!in.complete()) {
        return malformed();
    }
    return identities;
}

Result<std::span<const std::byte>> parse_sign_response(std::span<const std::byte> answer,
                                                       std::string_view algorithm) noexcept {
    WireReader in{answer};
    const AgentMessage number{in.byte()};
    if (number != AgentMessage::sign_response) {
        return refusal_or_nonsense(number);
    }
    const std::span<const std::byte> signature = in.string();
    if (!in.complete()) {
        return malformed();
    }
    if (signature.size() > signature_bytes_max) {
        return tl::unexpected{Error{ErrorCode::oversized_key}};
    }
    WireReader fields{signature};
    const std::string_view name = fields.text();
    // Signatures of FIDO keys have more fields behind the name, so only it is looked at.
    if (!fields.ok()) {
        return malformed();
    }
    if (name != algorithm) {
        return tl::unexpected{Error{ErrorCode::unsupported_key}};
    }
    return signature;
}

Result<bool> parse_success(std::span<const std::byte> answer) noexcept {
    WireReader in{answer};
    const AgentMessage number{in.byte()};
    if (number != AgentMessage::success) {
        return refusal_or_nonsense(number);
    }
    return true;
}

}  // namespace caponier::ssh
