#pragma once
// Owners for libcrypto's objects and the casts to its byte type. Only for the sources of
// ssh/crypto: no header that others include includes this one.

#include <cstddef>
#include <memory>
#include <span>

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>

namespace caponier::ssh::openssl {

/// Calls libcrypto's own function to free an object.
template <auto free>
struct Deleter {
    template <typename Object>
    void operator()(Object* object) const noexcept {
        free(object);
    }
};

using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Deleter<EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Deleter<EVP_MD_CTX_free>>;
using EcdsaSignature = std::unique_ptr<ECDSA_SIG, Deleter<ECDSA_SIG_free>>;
/// Wiped when freed, because most of them are secret.
using Number = std::unique_ptr<BIGNUM, Deleter<BN_clear_free>>;
using NumberContext = std::unique_ptr<BN_CTX, Deleter<BN_CTX_free>>;

inline const unsigned char* raw(std::span<const std::byte> bytes) noexcept {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

inline unsigned char* writable(std::span<std::byte> bytes) noexcept {
    return reinterpret_cast<unsigned char*>(bytes.data());
}

/// Empties the thread's error queue when a function that may fill it returns: what went wrong is
/// told by our own results, and a stale entry would be read by whoever uses libcrypto next.
class ErrorQueueGuard {
  public:
    ErrorQueueGuard() = default;
    ErrorQueueGuard(const ErrorQueueGuard&) = delete;
    ErrorQueueGuard& operator=(const ErrorQueueGuard&) = delete;
    ~ErrorQueueGuard() { ERR_clear_error(); }
};

}  // namespace caponier::ssh::openssl
