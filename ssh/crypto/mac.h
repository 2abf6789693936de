#pragma once
// The MACs of ciphers that do not authenticate by themselves: HMAC with SHA-2 (RFC 6668), over the
// plaintext as RFC 4253 6.4 has it, and over the ciphertext as OpenSSH's -etm@openssh.com names
// have it. ctr_hmac.h joins one with a cipher.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "ssh/crypto/hash.h"

namespace caponier::ssh {

enum class MacAlgorithm : std::uint8_t {
    hmac_sha2_256_etm,
    hmac_sha2_512_etm,
    hmac_sha2_256,
    hmac_sha2_512,
};

struct MacShape {
    std::string_view name;
    HashAlgorithm hash;
    std::size_t key_bytes;  ///< RFC 6668 2: as long as the digest
    std::size_t tag_bytes;
    bool encrypts_first;  ///< OpenSSH PROTOCOL 1.1: encrypt-then-MAC
};

[[nodiscard]] const MacShape& shape_of(MacAlgorithm algorithm) noexcept;
/// Empty for a name that is not spoken.
[[nodiscard]] std::optional<MacAlgorithm> mac_of(std::string_view name) noexcept;

}  // namespace caponier::ssh
