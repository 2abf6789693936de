// A signing key is only made of halves that belong together.

#include "ssh/crypto/signing_key.h"

#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/ssh/hex.h"

namespace caponier::ssh {
namespace {

// RFC 6979 A.2.5.
const std::vector<std::byte> point = from_hex(
    "04 60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"
    "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299");
const std::vector<std::byte> scalar =
    from_hex("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721");

ErrorCode error_of(const Result<SigningKey>& key) {
    return key ? ErrorCode{} : key.error().code;
}

TEST(SigningKey, TakesTheTwoHalvesOfAnEcdsaKey) {
    const Result<SigningKey> key =
        SigningKey::from_ecdsa(KeyType::ecdsa_nistp256, {.point = point, .scalar = scalar});

    ASSERT_TRUE(key.has_value());
    EXPECT_EQ(key->type(), KeyType::ecdsa_nistp256);
    EXPECT_EQ(copy_of(key->public_key()),
              make_public_key_blob({.type = KeyType::ecdsa_nistp256, .bits = 256, .point = point}));
}

TEST(SigningKey, RefusesAScalarOfAnotherPoint) {
    std::vector<std::byte> other = scalar;
    other.back() ^= std::byte{1};

    EXPECT_EQ(error_of(SigningKey::from_ecdsa(KeyType::ecdsa_nistp256,
                                              {.point = point, .scalar = other})),
              ErrorCode::malformed_key);
}

TEST(SigningKey, RefusesScalarsOutsideTheGroup) {
    const auto order = from_hex("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551");
    for (const auto& bad :
         {std::vector<std::byte>{}, order, std::vector<std::byte>(200, std::byte{1})}) {
        EXPECT_EQ(error_of(SigningKey::from_ecdsa(KeyType::ecdsa_nistp256,
                                                  {.point = point, .scalar = bad})),
                  ErrorCode::malformed_key);
    }
}

TEST(SigningKey, RefusesAPointOffTheCurveOrOfAnotherCurve) {
    std::vector<std::byte> off = point;
    off.back() ^= std::byte{1};

    EXPECT_EQ(
        error_of(SigningKey::from_ecdsa(KeyType::ecdsa_nistp256, {.point = off, .scalar = scalar})),
        ErrorCode::malformed_key);
    EXPECT_EQ(error_of(SigningKey::from_ecdsa(KeyType::ecdsa_nistp384,
                                              {.point = point, .scalar = scalar})),
              ErrorCode::malformed_key);
}

TEST(SigningKey, RefusesAnEd25519SeedOfAnotherLength) {
    for (const std::size_t size : {0U, 31U, 33U, 64U}) {
        EXPECT_EQ(error_of(SigningKey::from_ed25519_seed(std::vector<std::byte>(size))),
                  ErrorCode::malformed_key)
            << size;
    }
}

TEST(SigningKey, RefusesRsaNumbersOfNothing) {
    EXPECT_EQ(error_of(SigningKey::from_rsa({})), ErrorCode::malformed_key);
}

TEST(SigningKey, RefusesDerThatIsNoKey) {
    EXPECT_EQ(error_of(SigningKey::from_der({})), ErrorCode::malformed_key);
    EXPECT_EQ(error_of(SigningKey::from_der(from_hex("3003020100"))), ErrorCode::malformed_key);
}

}  // namespace
}  // namespace caponier::ssh
