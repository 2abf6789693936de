#pragma once
// SHA-2 and HMAC over libcrypto. Key derivation, the exchange hash, fingerprints and hashed
// known_hosts names are made of these. They cannot fail: the implementations are fetched once, and
// a libcrypto without SHA-2 ends the process.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

// libcrypto's state of a hash, so that no header of ours includes OpenSSL.
struct evp_md_ctx_st;

namespace caponier::ssh {

enum class HashAlgorithm : std::uint8_t {
    sha1,  ///< only for HMAC: hashed known_hosts names and hmac-sha1
    sha256,
    sha384,
    sha512,
};

inline constexpr std::size_t digest_bytes_max = 64;

[[nodiscard]] std::size_t digest_bytes(HashAlgorithm algorithm) noexcept;

/// A digest of up to 64 bytes by value.
class Digest {
  public:
    Digest() = default;
    explicit Digest(std::size_t size) noexcept : size_{size} {}

    [[nodiscard]] std::span<std::byte> bytes() noexcept { return {bytes_.data(), size_}; }
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
        return {bytes_.data(), size_};
    }

  private:
    std::array<std::byte, digest_bytes_max> bytes_{};
    std::size_t size_ = 0;
};

/// A hash over bytes that come in pieces.
class Hash {
  public:
    explicit Hash(HashAlgorithm algorithm) noexcept;
    Hash(Hash&&) noexcept = default;
    Hash& operator=(Hash&&) noexcept = default;
    ~Hash() = default;

    void update(std::span<const std::byte> bytes) noexcept;
    /// Ends the hash into `digest`, which has digest_bytes() bytes, and starts a new one.
    void finish(std::span<std::byte> digest) noexcept;
    [[nodiscard]] Digest finish() noexcept;

  private:
    struct ContextDeleter {
        void operator()(evp_md_ctx_st* context) const noexcept;
    };

    HashAlgorithm algorithm_;
    std::unique_ptr<evp_md_ctx_st, ContextDeleter> context_;
};

[[nodiscard]] Digest hash(HashAlgorithm algorithm, std::span<const std::byte> bytes) noexcept;

/// RFC 2104.
[[nodiscard]] Digest hmac(HashAlgorithm algorithm,
                          std::span<const std::byte> key,
                          std::span<const std::byte> bytes) noexcept;

}  // namespace caponier::ssh
