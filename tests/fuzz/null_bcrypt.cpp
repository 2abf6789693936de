// A key derivation that costs nothing, in the place of ssh/crypto/bcrypt_pbkdf.cpp and by the same
// means as null_aead.cpp: what stands behind a passphrase is a parser's matter, and a round of
// bcrypt takes as long as a thousand inputs.

#include <algorithm>

#include "ssh/crypto/bcrypt_pbkdf.h"

namespace caponier::ssh {

Result<SecretBytes> bcrypt_pbkdf(std::span<const std::byte>,
                                 const BcryptParameters& parameters,
                                 std::size_t key_bytes) {
    if (parameters.salt.empty() || parameters.rounds == 0) {
        return tl::unexpected{Error{ErrorCode::malformed_key}};
    }
    if (parameters.rounds > bcrypt_rounds_max) {
        return tl::unexpected{Error{ErrorCode::unsupported_key}};
    }
    SecretBytes key{key_bytes};
    std::ranges::fill(key.bytes(), std::byte{'k'});
    return key;
}

}  // namespace caponier::ssh
