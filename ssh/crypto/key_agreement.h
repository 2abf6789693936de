#pragma once
// Ephemeral key agreement for the key exchange: X25519 (RFC 8731) and ECDH over NIST P-256
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

enum class KeyAgreementCurve : std::uint8_t { x25519, nistp256 };

/// The random bytes that make a private value, for both curves.
inline constexpr std::size_t key_agreement_seed_bytes = 32;

/// One side's ephemeral key pair; used once.
class KeyAgreement {
  public:
    /// Empty result (key_exchange_failed) for a seed that is no private value of P-256: zero or not
    /// below the order. That happens once in 2^32 seeds; take fresh random bytes and ask again.
    [[nodiscard]] static Result<KeyAgreement> make(KeyAgreementCurve curve,
                                                   std::span<const std::byte> seed);

    /// What goes to the peer: 32 bytes, or the uncompressed point of 65 bytes.
    [[nodiscard]] std::span<const std::byte> public_value() const noexcept { return public_value_; }

    /// The shared secret as a big-endian magnitude of 32 bytes (RFC 8731 3.1, RFC 5656 4), from the
    /// peer's public value. `key_exchange_failed` for a value of the wrong length, a point that is
    /// not on the curve, or an X25519 result of zeros.
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
