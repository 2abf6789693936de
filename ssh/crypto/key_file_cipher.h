#pragma once
// The ciphers that protect OpenSSH's private key files (PROTOCOL.key 3): one pass over a short
// text, keyed by a passphrase. Sessions have ciphers of their own (aead.h).

#include <cstddef>
#include <span>
#include <string_view>

#include "ssh/crypto/secret_bytes.h"
#include "ssh/error.h"

namespace caponier::ssh {

/// What a cipher takes. Key and initial vector are derived together, in this order.
struct KeyFileCipher {
    std::string_view name;
    std::size_t key_bytes = 0;
    std::size_t iv_bytes = 0;
    std::size_t block_bytes = 0;
    std::size_t tag_bytes = 0;  ///< behind the ciphertext; 0 without authentication
};

/// Null for a cipher that is not spoken.
[[nodiscard]] const KeyFileCipher* key_file_cipher(std::string_view name) noexcept;

/// integrity_failure where a tag does not fit; without one, a wrong key yields nonsense.
/// `ciphertext` holds whole blocks, and the tag behind them.
[[nodiscard]] Result<SecretBytes> decrypt_key_file(const KeyFileCipher& cipher,
                                                   std::span<const std::byte> key_and_iv,
                                                   std::span<const std::byte> ciphertext);

}  // namespace caponier::ssh
