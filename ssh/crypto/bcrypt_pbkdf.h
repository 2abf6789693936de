#pragma once
// bcrypt_pbkdf: how OpenSSH turns a passphrase into the key of a private key file (PROTOCOL.key 2,
// OpenBSD's bcrypt_pbkdf(3)). libcrypto has the hash but not Blowfish's expensive key schedule, so
// that it is here.

#include <cstddef>
#include <cstdint>
#include <span>

#include "ssh/crypto/secret_bytes.h"
#include "ssh/error.h"

namespace caponier::ssh {

struct BcryptParameters {
    std::span<const std::byte> salt;
    std::uint32_t rounds = 0;
};

/// ssh-keygen writes 16 or 24 rounds unless it is told otherwise. A file may name any number, and a
/// round takes milliseconds: this many take some ten seconds.
inline constexpr std::uint32_t bcrypt_rounds_max = 1024;
inline constexpr std::size_t bcrypt_salt_bytes_max = 1024;
/// Enough for the key and the nonce of any cipher.
inline constexpr std::size_t bcrypt_key_bytes_max = 128;

/// `key_bytes` derived bytes. malformed_key for an empty salt or no rounds, unsupported_key for
/// more rounds than bcrypt_rounds_max.
[[nodiscard]] Result<SecretBytes> bcrypt_pbkdf(std::span<const std::byte> passphrase,
                                               const BcryptParameters& parameters,
                                               std::size_t key_bytes);

}  // namespace caponier::ssh
