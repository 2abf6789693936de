// X25519 and ECDH over P-256: known answers, and public values that nobody may agree with.
// Checklist 40 and 41.

#include "ssh/crypto/key_agreement.h"

#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/ssh/hex.h"

namespace caponier::ssh {
namespace {

using Bytes = std::vector<std::byte>;
using enum KeyAgreementCurve;

// RFC 7748 6.1.
const Bytes x25519_seed =
    from_hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
const Bytes x25519_public =
    from_hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
const Bytes x25519_peer =
    from_hex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
const Bytes x25519_secret =
    from_hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");

// RFC 5903 8.1.
const Bytes nistp256_seed =
    from_hex("C88F01F510D9AC3F70A292DAA2316DE544E9AAB8AFE84049C62A9C57862D1433");
const Bytes nistp256_public = from_hex(
    "04 DAD0B65394221CF9B051E1FECA5787D098DFE637FC90B9EF945D0C3772581180"
    "5271A0461CDB8252D61F1C456FA3E59AB1F45B33ACCF5F58389E0577B8990BB3");
const Bytes nistp256_peer = from_hex(
    "04 D12DFB5289C8D4F81208B70270398C342296970A0BCCB74C736FC7554494BF63"
    "56FBF3CA366CC23E8157854C13C58D6AAC23F046ADA30F8353E74F33039872AB");
const Bytes nistp256_secret =
    from_hex("D6840F6B42F6EDAFD13116E0E12565202FEF8E9ECE7DCE03812464D04B9442DE");

/// Empty if the agreement was refused, which must be for the right reason.
Bytes agreed(KeyAgreementCurve curve, const Bytes& seed, const Bytes& peer) {
    const Result<KeyAgreement> ours = KeyAgreement::make(curve, seed);
    EXPECT_TRUE(ours.has_value());
    const Result<SecretBytes> secret = ours->shared_secret(peer);
    if (!secret) {
        EXPECT_EQ(secret.error().code, ErrorCode::key_exchange_failed);
        return {};
    }
    return copy_of(secret->bytes());
}

TEST(X25519, AgreesWithTheKnownAnswerOfRfc7748) {
    const Result<KeyAgreement> ours = KeyAgreement::make(x25519, x25519_seed);

    ASSERT_TRUE(ours.has_value());
    EXPECT_EQ(copy_of(ours->public_value()), x25519_public);
    EXPECT_EQ(agreed(x25519, x25519_seed, x25519_peer), x25519_secret);
}

// RFC 8731 3: "Clients and servers MUST also abort if the length of the received public keys are
// not the expected lengths."
TEST(X25519, RefusesPublicValuesOfAnotherLength) {
    for (const std::size_t size : {0U, 31U, 33U, 65U}) {
        Bytes resized = x25519_peer;
        resized.resize(size);
        EXPECT_EQ(agreed(x25519, x25519_seed, resized), Bytes{}) << size;
    }
}

// RFC 8731 3: "MUST check whether the computed Diffie-Hellman shared secret is the all-zero value
// and abort if so". These are the points of low order.
TEST(X25519, RefusesPointsOfLowOrder) {
    for (const char* point : {"0000000000000000000000000000000000000000000000000000000000000000",
                              "0100000000000000000000000000000000000000000000000000000000000000",
                              "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
                              "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
                              "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                              "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                              "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"}) {
        EXPECT_EQ(agreed(x25519, x25519_seed, from_hex(point)), Bytes{}) << point;
    }
}

TEST(EcdhNistp256, AgreesWithTheKnownAnswerOfRfc5903) {
    const Result<KeyAgreement> ours = KeyAgreement::make(nistp256, nistp256_seed);

    ASSERT_TRUE(ours.has_value());
    EXPECT_EQ(copy_of(ours->public_value()), nistp256_public);
    EXPECT_EQ(agreed(nistp256, nistp256_seed, nistp256_peer), nistp256_secret);
}

TEST(EcdhNistp256, RefusesPointsThatAreNotOnTheCurve) {
    Bytes off = nistp256_peer;
    off.back() ^= std::byte{1};
    Bytes zeros(65);
    zeros[0] = std::byte{4};
    Bytes above_the_field(65, std::byte{0xff});
    above_the_field[0] = std::byte{4};

    EXPECT_EQ(agreed(nistp256, nistp256_seed, off), Bytes{});
    EXPECT_EQ(agreed(nistp256, nistp256_seed, zeros), Bytes{});
    EXPECT_EQ(agreed(nistp256, nistp256_seed, above_the_field), Bytes{});
}

// Checklist 41: uncompressed only, of the right length.
TEST(EcdhNistp256, RefusesOtherFormsOfAPoint) {
    Bytes compressed = nistp256_peer;
    compressed.resize(33);
    compressed[0] = std::byte{3};
    Bytes hybrid = nistp256_peer;
    hybrid[0] = std::byte{7};
    Bytes longer = nistp256_peer;
    longer.push_back(std::byte{0});
    Bytes shorter = nistp256_peer;
    shorter.pop_back();

    EXPECT_EQ(agreed(nistp256, nistp256_seed, compressed), Bytes{});
    EXPECT_EQ(agreed(nistp256, nistp256_seed, hybrid), Bytes{});
    EXPECT_EQ(agreed(nistp256, nistp256_seed, longer), Bytes{});
    EXPECT_EQ(agreed(nistp256, nistp256_seed, shorter), Bytes{});
    EXPECT_EQ(agreed(nistp256, nistp256_seed, from_hex("00")), Bytes{});
    EXPECT_EQ(agreed(nistp256, nistp256_seed, {}), Bytes{});
}

TEST(EcdhNistp256, RefusesSeedsThatAreNoPrivateValue) {
    const Bytes order =
        from_hex("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551");
    Bytes below_the_order = order;
    below_the_order.back() = std::byte{0x50};

    EXPECT_FALSE(KeyAgreement::make(nistp256, Bytes(32)).has_value());
    EXPECT_FALSE(KeyAgreement::make(nistp256, order).has_value());
    EXPECT_FALSE(KeyAgreement::make(nistp256, Bytes(32, std::byte{0xff})).has_value());
    EXPECT_TRUE(KeyAgreement::make(nistp256, below_the_order).has_value());
}

}  // namespace
}  // namespace caponier::ssh
