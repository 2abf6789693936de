#pragma once
// The private half of a key pair, held by libcrypto. ssh/keys/private_key.cpp makes it from a
// file's fields, signature.h signs with it, and nothing else can look inside: the session never
// sees one.

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "ssh/error.h"
#include "ssh/keys/public_key.h"

// libcrypto's key, so that no header of ours includes OpenSSL.
struct evp_pkey_st;

namespace caponier::ssh {

class SigningKey {
  public:
    /// The numbers of RFC 8017 3.2, big-endian.
    struct RsaNumbers {
        std::span<const std::byte> modulus;
        std::span<const std::byte> public_exponent;
        std::span<const std::byte> private_exponent;
        std::span<const std::byte> inverse_of_q;  ///< iqmp: q^-1 mod p
        std::span<const std::byte> p;
        std::span<const std::byte> q;
    };
    struct EcdsaNumbers {
        std::span<const std::byte> point;   ///< uncompressed
        std::span<const std::byte> scalar;  ///< big-endian
    };

    /// Each checks that the public half belongs to the private half: malformed_key if not.
    [[nodiscard]] static Result<SigningKey> from_ed25519_seed(std::span<const std::byte> seed);
    [[nodiscard]] static Result<SigningKey> from_ecdsa(KeyType curve, const EcdsaNumbers& numbers);
    [[nodiscard]] static Result<SigningKey> from_rsa(const RsaNumbers& numbers);
    /// A DER PKCS#1, SEC1 or PKCS#8 key, as in an unencrypted PEM file.
    [[nodiscard]] static Result<SigningKey> from_der(std::span<const std::byte> der);
    /// An encrypted PKCS#8 key (RFC 5958 3) in DER. key_is_encrypted: the passphrase is not its;
    /// unsupported_key for a key derivation that would take too long or is not PBES2.
    [[nodiscard]] static Result<SigningKey> from_encrypted_pkcs8(
        std::span<const std::byte> der, std::span<const std::byte> passphrase);
    /// A PEM file with "Proc-Type: 4,ENCRYPTED" (RFC 1421 4.6), as OpenSSL wrote them before 1.0.
    /// key_is_encrypted: the passphrase is not its.
    [[nodiscard]] static Result<SigningKey> from_encrypted_pem(
        std::span<const std::byte> text, std::span<const std::byte> passphrase);

    [[nodiscard]] KeyType type() const noexcept { return type_; }
    /// RFC 4253 6.6, computed from the private half.
    [[nodiscard]] std::span<const std::byte> public_key() const noexcept { return public_key_; }

    /// For ssh/crypto only.
    [[nodiscard]] evp_pkey_st* libcrypto_key() const noexcept { return key_.get(); }

  private:
    struct Deleter {
        void operator()(evp_pkey_st* key) const noexcept;
    };
    using Key = std::unique_ptr<evp_pkey_st, Deleter>;

    SigningKey(Key key, KeyType type, std::vector<std::byte> public_key) noexcept;
    [[nodiscard]] static Result<SigningKey> checked(Key key);

    Key key_;
    KeyType type_;
    std::vector<std::byte> public_key_;
};

}  // namespace caponier::ssh
