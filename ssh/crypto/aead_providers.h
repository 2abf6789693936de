#pragma once
// What aead.cpp chooses from: one function per provider. Key and IV have the sizes of the cipher's
// shape when they come here.

#include <memory>

#include "ssh/crypto/aead.h"

namespace caponier::ssh {

/// Every cipher, on every machine.
[[nodiscard]] std::unique_ptr<Aead> make_openssl_aead(CipherAlgorithm algorithm,
                                                      const AeadKey& key);

/// Null where the machine or the cipher is not the provider's: on anything but x86-64, without
/// VAES, or for chacha20-poly1305@openssh.com.
[[nodiscard]] std::unique_ptr<Aead> make_ipsec_mb_aead(CipherAlgorithm algorithm,
                                                       const AeadKey& key);

}  // namespace caponier::ssh
