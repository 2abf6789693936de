#pragma once
// AES in counter mode (RFC 4344) with a MAC beside it, behind the interface of the packet ciphers:
// for servers that speak no AEAD.

#include <memory>
#include <span>

#include "ssh/crypto/aead.h"
#include "ssh/crypto/mac.h"

namespace caponier::ssh {

/// Whether the cipher wants a MAC beside it; AEADs bring their own.
[[nodiscard]] bool needs_mac(CipherAlgorithm algorithm) noexcept;

/// The cipher's shape with what the MAC adds: its tag, and which part of a packet is padded.
[[nodiscard]] CipherShape shape_of(CipherAlgorithm cipher, MacAlgorithm mac) noexcept;

/// Key, IV and MAC key have the sizes of the two shapes.
struct CtrHmacKey {
    std::span<const std::byte> key;
    std::span<const std::byte> iv;
    std::span<const std::byte> mac_key;
};

/// `cipher` needs_mac().
[[nodiscard]] std::unique_ptr<Aead> make_ctr_hmac(CipherAlgorithm cipher,
                                                  MacAlgorithm mac,
                                                  const CtrHmacKey& key);

}  // namespace caponier::ssh
