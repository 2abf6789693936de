#pragma once
// The keyboard-interactive method (RFC 4256): its messages, for both roles. The server asks in as
// many rounds as it likes, with any number of prompts in each, none included. Answers are only ever
// in memory that is wiped.

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "ssh/crypto/secret_bytes.h"
#include "ssh/error.h"
#include "ssh/event.h"

namespace caponier::ssh {

inline constexpr std::string_view keyboard_interactive_method = "keyboard-interactive";

/// Answers of one round; views.
using AnswerViews = std::vector<std::span<const std::byte>>;

/// What a server asks in one round; views.
struct InfoRequest {
    std::string_view name;
    std::string_view instruction;
    std::vector<Prompt> prompts;
};

/// SSH_MSG_USERAUTH_REQUEST; no submethods are named.
[[nodiscard]] std::vector<std::byte> make_keyboard_interactive_request(std::string_view user);
/// SSH_MSG_USERAUTH_INFO_RESPONSE.
[[nodiscard]] SecretBytes make_info_response(std::span<const std::span<const std::byte>> answers);
/// SSH_MSG_USERAUTH_INFO_REQUEST.
[[nodiscard]] std::vector<std::byte> make_info_request(const InfoRequest& request);

/// More than prompts_max prompts are malformed.
[[nodiscard]] Result<InfoRequest> parse_info_request(std::span<const std::byte> payload);
/// However many the client sent; whether that is as many as were asked is for the server to see.
[[nodiscard]] Result<AnswerViews> parse_info_response(std::span<const std::byte> payload);
/// `fields`: what follows the method name. The submethods that the client named.
[[nodiscard]] Result<std::string_view> parse_keyboard_interactive_request(
    std::span<const std::byte> fields) noexcept;

}  // namespace caponier::ssh
