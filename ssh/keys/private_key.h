#pragma once
// Private key files: OpenSSH's own format (PROTOCOL.key) and PEM, protected by a passphrase or not.
// Parsing only: reading the file, judging its permissions, asking for a passphrase and wiping the
// text belong to the caller; signing is ssh/crypto/signature.h.

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ssh/crypto/signing_key.h"
#include "ssh/error.h"

namespace caponier::ssh {

struct PrivateKey {
    SigningKey key;
    std::string comment;
};

/// The longest private key file that is looked at; a 16384-bit RSA key takes about 13 KiB.
inline constexpr std::size_t private_key_file_bytes_max = 64 * 1024;

/// `key_is_encrypted` for a key that needs a passphrase, or another one than this;
/// `unsupported_key` for a key type, a cipher or a cost that is not borne; `malformed_key` for
/// anything else that is not a private key. An empty passphrase is none. No copy of the private
/// half is left behind.
[[nodiscard]] Result<PrivateKey> parse_private_key(std::string_view text,
                                                   std::span<const std::byte> passphrase = {});

/// The public half as OpenSSH's format tells it without a passphrase, of any key type; empty for
/// other formats. Nothing proves that it belongs to the private half.
[[nodiscard]] std::optional<std::vector<std::byte>> told_public_key(std::string_view text);

}  // namespace caponier::ssh
