#pragma once
// Public keys: the blob of RFC 4253 6.6 and the two text formats that people keep them in. What a
// blob means is decided here and nowhere else; verifying with it is ssh/crypto/signature.h.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ssh/error.h"

namespace caponier::ssh {

/// RSA below this is refused: RFC 8332 4 asks for 2048 or larger.
inline constexpr std::size_t rsa_bits_min = 2048;
/// RSA above this only burns time; OpenSSH has the same limit.
inline constexpr std::size_t rsa_bits_max = 16384;

enum class KeyType : std::uint8_t {
    ed25519,
    ecdsa_nistp256,
    ecdsa_nistp384,
    ecdsa_nistp521,
    rsa,
    sk_ed25519,  ///< PROTOCOL.u2f: held by a security key
    sk_ecdsa_nistp256,
};

/// PROTOCOL.u2f: the security key signs something around what it is given.
[[nodiscard]] constexpr bool is_security_key(KeyType type) noexcept {
    return type == KeyType::sk_ed25519 || type == KeyType::sk_ecdsa_nistp256;
}

/// "ssh-ed25519", "ecdsa-sha2-nistp256", ... as a blob begins.
[[nodiscard]] std::string_view key_type_name(KeyType type) noexcept;
/// "ED25519", "ECDSA", "RSA", "ED25519-SK": how OpenSSH names them to people.
[[nodiscard]] std::string_view key_type_label(KeyType type) noexcept;

/// A blob whose fields were checked; the views point into it.
struct PublicKey {
    KeyType type{};
    std::size_t bits = 0;
    std::span<const std::byte> point{};     ///< ed25519: 32 bytes; ecdsa: 4 || x || y
    std::span<const std::byte> exponent{};  ///< rsa e, big-endian, minimal
    std::span<const std::byte> modulus{};   ///< rsa n, big-endian, minimal
    std::string_view application{};         ///< of security keys: "ssh:"
};

/// `unsupported_key` for types and sizes that are not spoken, `malformed_key` for broken ones. An
/// RSA key may be called after its signatures; see blob_under_own_name().
/// Whether an ECDSA point is on its curve is known only when it is used.
[[nodiscard]] Result<PublicKey> parse_public_key(std::span<const std::byte> blob) noexcept;

/// The type name that a blob begins with, whether it is spoken or not; empty if there is none.
[[nodiscard]] std::string_view blob_type_name(std::span<const std::byte> blob) noexcept;

/// The inverse of parse_public_key(), under the name of the key's type.
[[nodiscard]] std::vector<std::byte> make_public_key_blob(const PublicKey& key);

/// Some servers show an RSA key under the name of an algorithm that it signs with ("rsa-sha2-512"),
/// and lines of known_hosts were written from it. It is the same key, and read as that; this is its
/// blob as all others write it, to be compared, recorded and told. Any other blob as it is.
[[nodiscard]] std::vector<std::byte> blob_under_own_name(std::span<const std::byte> blob);

/// "SHA256:" and 43 characters of base64, as ssh-keygen -l prints it.
[[nodiscard]] std::string fingerprint(std::span<const std::byte> blob);

/// A public key as a file or line holds it: well-formed, but not necessarily of a type or size that
/// is spoken here (an agent may hold it).
struct PublicKeyText {
    std::vector<std::byte> blob;
    std::string comment;
};

/// "ssh-ed25519 AAAA... comment". The blob's own type must be the line's. The blob is under its own
/// name here and below.
[[nodiscard]] Result<PublicKeyText> parse_public_key_line(std::string_view line);
/// RFC 4716: "---- BEGIN SSH2 PUBLIC KEY ----".
[[nodiscard]] Result<PublicKeyText> parse_rfc4716_public_key(std::string_view text);
/// Whichever of the two a .pub file holds: the first line that is not empty or a comment decides.
[[nodiscard]] Result<PublicKeyText> parse_public_key_file(std::string_view text);

}  // namespace caponier::ssh
