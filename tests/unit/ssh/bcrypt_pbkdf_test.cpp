// bcrypt_pbkdf against the vectors of OpenBSD's regress/lib/libutil/bcrypt_pbkdf and of the bcrypt
// package for Python, and its bounds.

#include "ssh/crypto/bcrypt_pbkdf.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "ssh/wire/bytes.h"
#include "tests/unit/ssh/hex.h"

namespace caponier::ssh {
namespace {

using Bytes = std::vector<std::byte>;

struct Vector {
    std::string_view passphrase;
    Bytes salt;
    std::uint32_t rounds;
    Bytes key;
};

Bytes text(std::string_view characters) {
    const std::span<const std::byte> bytes = bytes_of(characters);
    return {bytes.begin(), bytes.end()};
}

TEST(BcryptPbkdf, GivesTheKnownAnswers) {
    const std::vector<Vector> vectors{
        {"password",
         from_hex("73616c74"),
         4,
         from_hex("5bbf0cc293587f1c3635555c27796598d47e579071bf427e9d8fbe842aba34d9")},
        {"password",
         from_hex("73616c74"),
         8,
         from_hex("e1367ec5151a33faac4cc1c144cd23fa15d5548493ecc99b9b5d9c0d3b27bec7"
                  "6227ea66088b849b20ab7aa478010246e74bba51723fefa9f9474d6508845e8d")},
        {"password", from_hex("00"), 4, from_hex("c12b566235eee04c212598970a579a67")},
        {"password", from_hex("73616c7400"), 4, from_hex("ba9fcadb998aec5fac8857d1f0a587a1")},
        {"correct horse battery staple",
         from_hex("000102030405060708090a0b0c0d0e0f"),
         16,
         from_hex("800e37c007983f658e60a0bb3d6d9da43b1adf37371d89ce9a5506d6ed3efcf9"
                  "1f79d8b9d7617ea8f98bf45c362a3153")},
        {"x",
         from_hex("79"),
         1,
         from_hex("8f558e0e8a8f452d6255f133158c4104afc824d71d7145812ffd74ccb5bcb278"
                  "0e39656a9a5e381f7cedc86d2c41feed8534da373bac05975f4765a255bb7471"
                  "880f93e41c7d6912f87953398a780769cb8a6997e45423e2a07f5f178e32c74e"
                  "7990f749")},
    };
    for (const Vector& each : vectors) {
        const Result<SecretBytes> key =
            bcrypt_pbkdf(bytes_of(each.passphrase), {each.salt, each.rounds}, each.key.size());

        ASSERT_TRUE(key.has_value());
        EXPECT_TRUE(std::ranges::equal(key->bytes(), each.key))
            << each.passphrase << ' ' << each.rounds << ' ' << each.key.size();
    }
}

TEST(BcryptPbkdf, RefusesWhatItCannotDeriveFrom) {
    const Bytes salt = text("salt");
    const Bytes long_salt(bcrypt_salt_bytes_max + 1);
    const auto error_of = [](const BcryptParameters& parameters) {
        const Result<SecretBytes> key = bcrypt_pbkdf(bytes_of("p"), parameters, 32);
        return key ? ErrorCode{} : key.error().code;
    };

    EXPECT_EQ(error_of({{}, 1}), ErrorCode::malformed_key);
    EXPECT_EQ(error_of({long_salt, 1}), ErrorCode::malformed_key);
    EXPECT_EQ(error_of({salt, 0}), ErrorCode::malformed_key);
    EXPECT_EQ(error_of({salt, bcrypt_rounds_max + 1}), ErrorCode::unsupported_key);
    EXPECT_EQ(error_of({salt, 0xffffffff}), ErrorCode::unsupported_key);
    EXPECT_EQ(error_of({salt, 1}), ErrorCode{});
}

}  // namespace
}  // namespace caponier::ssh
