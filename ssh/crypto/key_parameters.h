#pragma once
// Makes a libcrypto key out of the numbers that a key's SSH format holds. Only for the sources of
// ssh/crypto: signature.cpp makes public keys of blobs with it, signing_key.cpp private ones.

#include <cstddef>
#include <span>
#include <vector>

#include <openssl/params.h>

#include "ssh/crypto/openssl.h"
#include "ssh/crypto/secret_bytes.h"
#include "ssh/keys/public_key.h"

namespace caponier::ssh::openssl {

/// A list of named parameters for EVP_PKEY_fromdata(). Numbers are copied, because libcrypto wants
/// them in the machine's byte order, and the copies are wiped.
class KeyParameters {
  public:
    /// `name` is a string literal of libcrypto's.
    void add_number(const char* name, std::span<const std::byte> big_endian);
    void add_number(const char* name, const BIGNUM& number);
    void add_octets(const char* name, std::span<const std::byte> octets);
    void add_group(KeyType curve);

    /// Null if libcrypto refuses them (for elliptic curves: also a point that is not on the curve).
    /// `selection` is EVP_PKEY_PUBLIC_KEY or EVP_PKEY_KEYPAIR.
    [[nodiscard]] Key make_key(const char* algorithm, int selection);

  private:
    std::vector<SecretBytes> values_;
    std::vector<OSSL_PARAM> parameters_;
};

}  // namespace caponier::ssh::openssl
