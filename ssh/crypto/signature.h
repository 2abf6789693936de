#pragma once
// Public key signatures in SSH's formats: ssh-ed25519 (RFC 8709), ecdsa-sha2-nistp* (RFC 5656),
// rsa-sha2-* (RFC 8332) and those of security keys (OpenSSH's PROTOCOL.u2f). The algorithm's exact
// name decides: it must fit the key's type and curve, and the name inside the signature must be it.
// Which algorithms are acceptable at all is the caller's decision, made before it calls.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "ssh/crypto/signing_key.h"
#include "ssh/error.h"
#include "ssh/keys/public_key.h"

namespace caponier::ssh {

/// What verify() found. `valid` is the only value that means that the signature is good.
enum class Verification : std::uint8_t {
    unknown_algorithm,    ///< not an algorithm that is verified here
    malformed_key,        ///< the key cannot be parsed, or is too small or too large
    wrong_key_type,       ///< the key's type or curve is not the algorithm's
    malformed_signature,  ///< the signature's fields do not fit
    wrong_algorithm,      ///< the signature names another algorithm
    wrong_signature,      ///< it was not made over these bytes with this key
    user_not_present,     ///< a security key made it without being touched
    valid,
};

struct SignatureCheck {
    std::string_view algorithm;            ///< as negotiated or requested
    std::span<const std::byte> key;        ///< RFC 4253 6.6 blob
    std::span<const std::byte> data;       ///< what was signed
    std::span<const std::byte> signature;  ///< RFC 4253 6.6: "string algorithm, string signature"
    /// Whether a security key has to have been touched, as OpenSSH wants it of users unless
    /// no-touch-required is set. A server that signs with one has nobody who could.
    bool wants_user = true;
};

[[nodiscard]] Verification verify(const SignatureCheck& check) noexcept;

/// A signature in the format of RFC 4253 6.6. `unsupported_key` if the algorithm does not fit the
/// key. The one algorithm that signs and never verifies is ssh-rsa (SHA-1), for old servers that
/// the user asked for.
[[nodiscard]] Result<std::vector<std::byte>> sign(const SigningKey& key,
                                                  std::string_view algorithm,
                                                  std::span<const std::byte> data);

/// The algorithms that keys of a type sign with, best first, without ssh-rsa.
[[nodiscard]] std::span<const std::string_view> signature_algorithms(KeyType type) noexcept;

}  // namespace caponier::ssh
