// SHA-2 and HMAC through libcrypto's EVP interface; see hash.h.

#include "ssh/crypto/hash.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "ssh/expects.h"

namespace caponier::ssh {

namespace {

/// Fetched once: looking an algorithm up by name at every use costs more than hashing a message.
/// They live until the process ends.
struct FetchedDigests {
    EVP_MD* sha1 = EVP_MD_fetch(nullptr, "SHA1", nullptr);
    EVP_MD* sha256 = EVP_MD_fetch(nullptr, "SHA2-256", nullptr);
    EVP_MD* sha384 = EVP_MD_fetch(nullptr, "SHA2-384", nullptr);
    EVP_MD* sha512 = EVP_MD_fetch(nullptr, "SHA2-512", nullptr);
};

const EVP_MD* fetched(HashAlgorithm algorithm) noexcept {
    static const FetchedDigests digests;
    switch (algorithm) {
    case HashAlgorithm::sha1:
        return digests.sha1;
    case HashAlgorithm::sha256:
        return digests.sha256;
    case HashAlgorithm::sha384:
        return digests.sha384;
    case HashAlgorithm::sha512:
        return digests.sha512;
    }
    return nullptr;
}

unsigned char* raw(std::span<std::byte> bytes) noexcept {
    return reinterpret_cast<unsigned char*>(bytes.data());
}

}  // namespace

std::size_t digest_bytes(HashAlgorithm algorithm) noexcept {
    switch (algorithm) {
    case HashAlgorithm::sha1:
        return 20;
    case HashAlgorithm::sha256:
        return 32;
    case HashAlgorithm::sha384:
        return 48;
    case HashAlgorithm::sha512:
        return 64;
    }
    return 0;
}

void Hash::ContextDeleter::operator()(evp_md_ctx_st* context) const noexcept {
    EVP_MD_CTX_free(context);
}

Hash::Hash(HashAlgorithm algorithm) noexcept : algorithm_{algorithm}, context_{EVP_MD_CTX_new()} {
    expects(context_ != nullptr);
    expects(EVP_DigestInit_ex2(context_.get(), fetched(algorithm), nullptr) == 1);
}

void Hash::update(std::span<const std::byte> bytes) noexcept {
    expects(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

void Hash::finish(std::span<std::byte> digest) noexcept {
    expects(digest.size() == digest_bytes(algorithm_));
    expects(EVP_DigestFinal_ex(context_.get(), raw(digest), nullptr) == 1);
    expects(EVP_DigestInit_ex2(context_.get(), fetched(algorithm_), nullptr) == 1);
}

Digest Hash::finish() noexcept {
    Digest digest{digest_bytes(algorithm_)};
    finish(digest.bytes());
    return digest;
}

Digest hash(HashAlgorithm algorithm, std::span<const std::byte> bytes) noexcept {
    Hash state{algorithm};
    state.update(bytes);
    return state.finish();
}

Digest hmac(HashAlgorithm algorithm,
            std::span<const std::byte> key,
            std::span<const std::byte> bytes) noexcept {
    // libcrypto reads a null key as "the key of the last call".
    static constexpr std::byte no_key{};
    const void* key_data = key.empty() ? &no_key : key.data();
    Digest digest{digest_bytes(algorithm)};
    const unsigned char* made = HMAC(fetched(algorithm),
                                     key_data,
                                     static_cast<int>(key.size()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     bytes.size(),
                                     raw(digest.bytes()),
                                     nullptr);
    expects(made != nullptr);
    return digest;
}

}  // namespace caponier::ssh
