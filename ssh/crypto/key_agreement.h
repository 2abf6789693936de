#pragma once
// Ephemeral key agreement for the key exchange: X25519 (RFC 8731) and ECDH over the NIST curves
// (RFC 5656). Randomness comes in as an argument; which messages carry the public values, and what
// is hashed with the secret, is the key exchange method's business.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "ssh/crypto/secret_bytes.h"
#include "ssh/error.h"

// libcrypto's key, so that no header of ours includes OpenSSL.
struct evp_pkey_st;

namespace caponier::ssh {

enum class KeyAgreementCurve : std::uint8_t { x25519, nistp256, nistp384, nistp521 };

/// How many random bytes make a private value.
[[nodiscard]] std::size_t key_agreement_seed_bytes(KeyAgreementCurve curve) noexcept;

/// One side's ephemeral key pair; used once.
class KeyAgreement {
  public:
    /// Empty result (key_exchange_failed) for a seed that is no private value of the curve: zero or
    /// not below the order. That happens once in 2^32 seeds of P-256, and less often with the
    /// others; take fresh random bytes and ask again.
    [[nodiscard]] static Result<KeyAgreement> make(KeyAgreementCurve curve,
                                                   std::span<const std::byte> seed);

    /// What goes to the peer: the 32 bytes of X25519, or an uncompressed point.
    [[nodiscard]] std::span<const std::byte> public_value() const noexcept { return public_value_; }

    /// The shared secret as a big-endian magnitude of the field's size (RFC 8731 3.1, RFC 5656 4),
    /// from the peer's public value. `key_exchange_failed` for a value of the wrong length, a point
    /// that is not on the curve, or an X25519 result of zeros.
    [[nodiscard]] Result<SecretBytes> shared_secret(std::span<const std::byte> peer) const;

  private:
    struct Deleter {
        void operator()(evp_pkey_st* key) const noexcept;
    };

    KeyAgreement() = default;

    KeyAgreementCurve curve_ = KeyAgreementCurve::x25519;
    std::unique_ptr<evp_pkey_st, Deleter> key_;
    std::vector<std::byte> public_value_;
};

}  // namespace caponier::ssh
