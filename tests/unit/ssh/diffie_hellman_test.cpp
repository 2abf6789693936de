// Diffie-Hellman modulo a prime: known answers, and values and groups that nobody may use.
// Checklist 39. The answers come from Python's integers, and the primes from RFC 3526's formula
// over the digits of pi.

#include "ssh/crypto/diffie_hellman.h"

#include <numeric>
#include <string_view>

#include <gtest/gtest.h>

#include "ssh/crypto/hash.h"
#include "tests/unit/ssh/hex.h"

namespace caponier::ssh {
namespace {

using Bytes = std::vector<std::byte>;

Bytes sha256_of(std::span<const std::byte> bytes) {
    return copy_of(hash(HashAlgorithm::sha256, bytes).bytes());
}

/// The bytes 0, 1, 2, ...
Bytes seed() {
    Bytes bytes(diffie_hellman_seed_bytes);
    std::uint8_t next = 0;
    for (std::byte& byte : bytes) {
        byte = static_cast<std::byte>(next++);
    }
    return bytes;
}

/// 2^y mod p of group 14 for the y of the bytes 64, 65, 66, ...
const Bytes peer_value = from_hex(
    "b149f0864a58ba95bb1c57b23dd8c677f9b94b05dad0cfc25c85636e7e910e1319078ffcdef9a7cda685e43dfa02b6"
    "ac"
    "60d78e4a66ee1061da19e2e39a9c76c4bed729b09f3c4c338399e22555afd86d3230b6c035d767c71fc4e69e654664"
    "f4"
    "3fa494e0685d419ce940162a6e65b5d795e17e1b70407dce7a5671e8dc64338b3d94ed022e9363c75d038b97560744"
    "15"
    "a4a6778b3b4f9358d87236c0684376685b1592c330c57dedf5848459865ebce70b012045b6a2221abb56ce50246e6a"
    "ee"
    "96e5fcde42fb0941fee6f35ca27ddf1f0464e93aa320c35d3fccb399c949963b69888f25d800c7aba720a337d8d42b"
    "59"
    "4369e813ab821acd62b53f263a7d75b1");

Bytes minus(Bytes number, std::uint8_t small) {
    number.back() = static_cast<std::byte>(std::to_integer<unsigned>(number.back()) - small);
    return number;
}

TEST(ModpGroup, IsTheOneOfRfc3526) {
    struct Case {
        std::size_t bits;
        std::string_view sha256_of_prime;
    };
    for (const Case& one :
         {Case{2048, "d66436f79bbd6b2e38c0ffbd079be904d2641415e2e67140e09448be9a60890e"},
          Case{3072, "48cf8b092fbce4359d9871abf74f98e25b6163379eaa15cd9087e800c6d1c55c"},
          Case{4096, "4ee95187682bcb230ad26a95205f6920e84708f6251b3894329b09ec23919e33"},
          Case{6144, "d1bfe6d0925ce7e4da262b62861514a7755e35831e429f343e7b864848657efd"},
          Case{8192, "39ab4feab950a3128fb71accb9fc3965d857012e081998a85996e3ea8b3c3bcf"}}) {
        const DiffieHellmanGroup group = modp_group(one.bits);

        EXPECT_EQ(sha256_of(group.prime), from_hex(one.sha256_of_prime));
        EXPECT_EQ(bits_of(group.prime), one.bits);
        EXPECT_EQ(group.generator, Bytes{std::byte{2}});
        EXPECT_TRUE(is_acceptable(group));
    }
}

TEST(DiffieHellman, AgreesWithTheKnownAnswer) {
    const Result<DiffieHellman> ours = DiffieHellman::make(modp_group(2048), seed());

    ASSERT_TRUE(ours.has_value());
    EXPECT_EQ(bits_of(ours->public_value()), 2046U);
    EXPECT_EQ(sha256_of(ours->public_value()),
              from_hex("fc8c79f14105ca79587d13654a33dbb026bbd9cc29d34807e549780e7273ba88"));
    const Result<SecretBytes> secret = ours->shared_secret(peer_value);
    ASSERT_TRUE(secret.has_value());
    EXPECT_EQ(secret->size(), 256U);
    EXPECT_EQ(sha256_of(secret->bytes()),
              from_hex("2170567ff0adbde8a815b867a1102b8cdf0ee21658279e667d98f88fef0ad6e7"));
}

// RFC 8268 4: "1 < e < p-1, 1 < f < p-1 MUST be true. Values not within these bounds MUST NOT be
// sent or accepted by either side."
TEST(DiffieHellman, RefusesPublicValuesOutOfRange) {
    const DiffieHellmanGroup group = modp_group(2048);
    const Result<DiffieHellman> ours = DiffieHellman::make(group, seed());
    ASSERT_TRUE(ours.has_value());
    Bytes above{std::byte{1}};
    above.insert(above.end(), group.prime.begin(), group.prime.end());

    for (const Bytes& value : {Bytes{},
                               Bytes{std::byte{0}},
                               Bytes{std::byte{1}},
                               minus(group.prime, 1),
                               group.prime,
                               above,
                               Bytes(257, std::byte{0xff})}) {
        const Result<SecretBytes> secret = ours->shared_secret(value);
        ASSERT_FALSE(secret.has_value()) << value.size();
        EXPECT_EQ(secret.error().code, ErrorCode::key_exchange_failed);
    }
    EXPECT_TRUE(ours->shared_secret(Bytes{std::byte{2}}).has_value());
    EXPECT_TRUE(ours->shared_secret(minus(group.prime, 2)).has_value());
}

// RFC 4419 3: "To prevent confinement attacks, they MUST accept the shared secret K only if
// 1 < K < p - 1." Modulo p = 2^2048 - 1 (which is no prime) 2 has the order 2048: an exponent that
// is a multiple of it leads to 1.
TEST(DiffieHellman, RefusesASecretThatIsConfined) {
    const DiffieHellmanGroup group{.prime = Bytes(256, std::byte{0xff}),
                                   .generator = {std::byte{3}}};
    Bytes multiple = seed();
    multiple[62] = std::byte{8};
    multiple[63] = std::byte{0};
    const Result<DiffieHellman> ours = DiffieHellman::make(group, multiple);
    ASSERT_TRUE(ours.has_value());

    EXPECT_FALSE(ours->shared_secret(Bytes{std::byte{2}}).has_value());
}

// RFC 9142 1.2.1: "MODP groups with a modulus size less than 2048 bits are weak and MUST NOT be
// used." RFC 4419 3: "k <= 8192". An even modulus is no prime.
TEST(DiffieHellmanGroup, IsRefusedWhereItIsTooSmallTooLargeOrEven) {
    const Bytes two{std::byte{2}};
    Bytes small(256, std::byte{0xff});
    small[0] = std::byte{0x7f};  // 2047 bits
    Bytes large(1025, std::byte{0xff});
    large[0] = std::byte{1};  // 8193 bits
    const Bytes prime = modp_group(2048).prime;

    EXPECT_FALSE(is_acceptable({.prime = small, .generator = two}));
    EXPECT_FALSE(is_acceptable({.prime = large, .generator = two}));
    EXPECT_FALSE(is_acceptable({.prime = minus(prime, 1), .generator = two}));
    EXPECT_FALSE(is_acceptable({.prime = Bytes{}, .generator = two}));
    EXPECT_TRUE(is_acceptable({.prime = prime, .generator = two}));
    EXPECT_TRUE(is_acceptable({.prime = Bytes(1024, std::byte{0xff}), .generator = two}));
}

TEST(DiffieHellmanGroup, IsRefusedWithAGeneratorThatGeneratesNothing) {
    const Bytes prime = modp_group(2048).prime;
    for (const Bytes& generator : {Bytes{},
                                   Bytes{std::byte{0}},
                                   Bytes{std::byte{1}},
                                   minus(prime, 1),
                                   prime,
                                   Bytes(257, std::byte{1})}) {
        EXPECT_FALSE(is_acceptable({.prime = prime, .generator = generator}));
    }
    EXPECT_TRUE(is_acceptable({.prime = prime, .generator = minus(prime, 2)}));
}

}  // namespace
}  // namespace caponier::ssh
