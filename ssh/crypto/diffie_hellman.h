#pragma once
// Diffie-Hellman modulo a large prime (RFC 4253 8), for the groups of RFC 3526 and for those that a
// server chooses (RFC 4419). Randomness comes in as an argument; the messages are the key exchange
// method's business. All numbers are big-endian magnitudes without leading zeros.

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "ssh/crypto/secret_bytes.h"
#include "ssh/error.h"

// libcrypto's number, so that no header of ours includes OpenSSL.
struct bignum_st;

namespace caponier::ssh {

/// RFC 9142 1.2.1: "MODP groups with a modulus size less than 2048 bits are weak and MUST NOT be
/// used."
inline constexpr std::size_t group_bits_min = 2048;
/// RFC 4419 3: "Servers and clients SHOULD support groups with a modulus length of k bits, where
/// 1024 <= k <= 8192." More only burns time.
inline constexpr std::size_t group_bits_max = 8192;

struct DiffieHellmanGroup {
    std::vector<std::byte> prime;
    std::vector<std::byte> generator;
};

/// RFC 3526: the group of that size, which is 2048, 3072, 4096, 6144 or 8192.
[[nodiscard]] DiffieHellmanGroup modp_group(std::size_t bits);

/// Whether a group that a peer chose may be calculated with: a prime of an allowed size that is at
/// least odd, and a generator from 2 to p - 2. That the prime is one is the server's promise, which
/// it signs: testing takes seconds, and whoever chooses the group knows the secret anyway.
[[nodiscard]] bool is_acceptable(const DiffieHellmanGroup& group) noexcept;
[[nodiscard]] std::size_t bits_of(std::span<const std::byte> magnitude) noexcept;

/// The private value. RFC 4419 6.2 has it "at least twice as long as the key material that is
/// generated from the shared secret"; our strongest keys have 256 bits.
inline constexpr std::size_t diffie_hellman_seed_bytes = 64;

/// One side's ephemeral pair of values; used once.
class DiffieHellman {
  public:
    /// `group` is_acceptable(). key_exchange_failed for a seed that leads to a value that no peer
    /// would take; it does not come by chance.
    [[nodiscard]] static Result<DiffieHellman> make(const DiffieHellmanGroup& group,
                                                    std::span<const std::byte> seed);

    /// e or f, for the peer.
    [[nodiscard]] std::span<const std::byte> public_value() const noexcept { return public_value_; }

    /// K, with leading zeros to the size of the prime. key_exchange_failed for what RFC 8268 4
    /// forbids of public values ("1 < e < p-1, 1 < f < p-1 MUST be true") and RFC 4419 3 of K.
    [[nodiscard]] Result<SecretBytes> shared_secret(std::span<const std::byte> peer) const;

  private:
    struct Deleter {
        void operator()(bignum_st* number) const noexcept;
    };
    using Number = std::unique_ptr<bignum_st, Deleter>;

    DiffieHellman() = default;

    Number prime_;
    Number private_value_;
    std::vector<std::byte> public_value_;
};

}  // namespace caponier::ssh
