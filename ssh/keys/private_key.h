#pragma once
// Private key files: OpenSSH's own format (PROTOCOL.key) and unencrypted PEM. Parsing only: reading
// the file, judging its permissions, asking for a passphrase and wiping the text belong to the
// caller; signing is ssh/crypto/signature.h.

#include <string>
#include <string_view>

#include "ssh/crypto/signing_key.h"
#include "ssh/error.h"

namespace caponier::ssh {

struct PrivateKey {
    SigningKey key;
    std::string comment;
};

/// The longest private key file that is looked at; a 16384-bit RSA key takes about 13 KiB.
inline constexpr std::size_t private_key_file_bytes_max = 64 * 1024;

/// `key_is_encrypted` for a key that needs a passphrase, `unsupported_key` for a key type or cipher
/// that is not spoken, `malformed_key` for anything else that is not a private key. No copy of the
/// private half is left behind.
[[nodiscard]] Result<PrivateKey> parse_private_key(std::string_view text);

}  // namespace caponier::ssh
