#pragma once
// The publickey method (RFC 4252 7) and its host-bound variant (OpenSSH PROTOCOL 3.1): the request
// and the bytes that its signature covers, for both roles. Nothing here holds a private key.

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "ssh/error.h"
#include "ssh/event.h"

namespace caponier::ssh {

inline constexpr std::string_view connection_service = "ssh-connection";
inline constexpr std::string_view public_key_method = "publickey";
inline constexpr std::string_view host_bound_method = "publickey-hostbound-v00@openssh.com";

/// One request, as sent or as parsed; views.
struct PublicKeyRequest {
    std::string_view user;
    PublicKeyView key;
    /// Empty: the plain method. Else the host-bound one, with the server's host key.
    std::span<const std::byte> server_host_key;
    bool has_signature = false;
    std::span<const std::byte> signature;  ///< RFC 4253 6.6
};

/// SSH_MSG_USERAUTH_REQUEST up to where the signature goes.
[[nodiscard]] std::vector<std::byte> make_public_key_request(const PublicKeyRequest& request);
/// RFC 4252 7: "string session identifier", then the request without its signature.
[[nodiscard]] std::vector<std::byte> signed_bytes(std::span<const std::byte> session_id,
                                                  const PublicKeyRequest& request);

/// `fields`: what follows the method name; `method` is one of the two above. A host-bound request
/// that names no host key is malformed.
[[nodiscard]] Result<PublicKeyRequest> parse_public_key_request(std::string_view user,
                                                                std::string_view method,
                                                                std::span<const std::byte> fields);

/// The algorithm to ask with for a key of type `key_type`, as far as `allowed` has it: itself, or
/// for RSA keys and certificates the rsa-sha2 algorithms in the order of `allowed` (RFC 8332 3.2).
[[nodiscard]] std::string_view signature_algorithm_for(std::string_view key_type,
                                                       std::span<const std::string> allowed,
                                                       std::string_view server_sig_algs) noexcept;

}  // namespace caponier::ssh
