#pragma once
// The password method (RFC 4252 8): the request that carries a password, and the server's answer
// that it has expired. A password is only ever in memory that is wiped.

#include <cstddef>
#include <span>
#include <string_view>

#include "ssh/crypto/secret_bytes.h"
#include "ssh/error.h"

namespace caponier::ssh {

inline constexpr std::string_view password_method = "password";

/// SSH_MSG_USERAUTH_REQUEST with a password, whole.
[[nodiscard]] SecretBytes make_password_request(std::string_view user,
                                                std::span<const std::byte> password);

/// SSH_MSG_USERAUTH_PASSWD_CHANGEREQ: the server's words, a view.
[[nodiscard]] Result<std::string_view> parse_password_change_request(
    std::span<const std::byte> payload) noexcept;

/// What a client asked; views.
struct PasswordRequest {
    std::span<const std::byte> password;
    bool is_change = false;
    std::span<const std::byte> new_password;  ///< of a change
};
/// `fields`: what follows the method name.
[[nodiscard]] Result<PasswordRequest> parse_password_request(
    std::span<const std::byte> fields) noexcept;

}  // namespace caponier::ssh
