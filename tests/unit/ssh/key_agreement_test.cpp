// X25519 and ECDH over the NIST curves: known answers, and public values that nobody may agree
// with. Checklist 40 and 41.

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

// RFC 5903 8.2.
const Bytes nistp384_seed = from_hex(
    "099F3C7034D4A2C699884D73A375A67F7624EF7C6B3C0F160647B67414DCE655E35B538041E649EE3FAEF896783AB1"
    "94");
const Bytes nistp384_public = from_hex(
    "04 "
    "667842D7D180AC2CDE6F74F37551F55755C7645C20EF73E31634FE72B4C55EE6DE3AC808ACB4BDB4C88732AEE95F41"
    "AA"
    "9482ED1FC0EEB9CAFC4984625CCFC23F65032149E0E144ADA024181535A0F38EEB9FCFF3C2C947DAE69B4C634573A8"
    "1C");
const Bytes nistp384_peer = from_hex(
    "04 "
    "E558DBEF53EECDE3D3FCCFC1AEA08A89A987475D12FD950D83CFA41732BC509D0D1AC43A0336DEF96FDA41D0774A35"
    "71"
    "DCFBEC7AACF3196472169E838430367F66EEBE3C6E70C416DD5F0C68759DD1FFF83FA40142209DFF5EAAD96DB9E638"
    "6C");
const Bytes nistp384_secret = from_hex(
    "11187331C279962D93D604243FD592CB9D0A926F422E47187521287E7156C5C4D603135569B9E9D09CF5D4A270F597"
    "46");

// RFC 5903 8.3.
const Bytes nistp521_seed = from_hex(
    "0037ADE9319A89F4DABDB3EF411AACCCA5123C61ACAB57B5393DCE47608172A095AA85A30FE1C2952C6771D937BA97"
    "77"
    "F5957B2639BAB072462F68C27A57382D4A52");
const Bytes nistp521_public = from_hex(
    "04 "
    "0015417E84DBF28C0AD3C278713349DC7DF153C897A1891BD98BAB4357C9ECBEE1E3BF42E00B8E380AEAE57C2D1075"
    "64941885942AF5A7F4601723C4195D176CED3E"
    "017CAE20B6641D2EEB695786D8C946146239D099E18E1D5A514C739D7CB4A10AD8A788015AC405D7799DC75E7B7D5B"
    "6C"
    "F2261A6A7F1507438BF01BEB6CA3926F9582");
const Bytes nistp521_peer = from_hex(
    "04 "
    "00D0B3975AC4B799F5BEA16D5E13E9AF971D5E9B984C9F39728B5E5739735A219B97C356436ADC6E95BB0352F6BE64"
    "A6C2912D4EF2D0433CED2B6171640012D9460F"
    "015C68226383956E3BD066E797B623C27CE0EAC2F551A10C2C724D9852077B87220B6536C5C408A1D2AEBB8E86D678"
    "AE"
    "49CB57091F4732296579AB44FCD17F0FC56A");
const Bytes nistp521_secret = from_hex(
    "01144C7D79AE6956BC8EDB8E7C787C4521CB086FA64407F97894E5E6B2D79B04D1427E73CA4BAA240A34786859810C"
    "06"
    "B3C715A3A8CC3151F2BEE417996D19F3DDEA");

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

// The larger curves.

struct LargeCurve {
    KeyAgreementCurve curve;
    const Bytes& seed;
    const Bytes& own;
    const Bytes& peer;
    const Bytes& secret;
};

const LargeCurve large_curves[] = {
    {nistp384, nistp384_seed, nistp384_public, nistp384_peer, nistp384_secret},
    {nistp521, nistp521_seed, nistp521_public, nistp521_peer, nistp521_secret},
};

TEST(EcdhLargeCurves, AgreeWithTheKnownAnswersOfRfc5903) {
    for (const LargeCurve& one : large_curves) {
        const Result<KeyAgreement> ours = KeyAgreement::make(one.curve, one.seed);

        ASSERT_TRUE(ours.has_value());
        EXPECT_EQ(copy_of(ours->public_value()), one.own);
        EXPECT_EQ(agreed(one.curve, one.seed, one.peer), one.secret);
    }
}

// Checklist 41. RFC 5656 4: "The public keys ... MUST be validated"; points in another form, of
// another size, of another curve or on none are none.
TEST(EcdhLargeCurves, RefuseWhatIsNoPointOfTheirs) {
    for (const LargeCurve& one : large_curves) {
        Bytes off_the_curve = one.peer;
        off_the_curve.back() ^= std::byte{1};
        Bytes compressed{one.peer.begin(),
                         one.peer.begin() + static_cast<std::ptrdiff_t>(one.peer.size() / 2 + 1)};
        compressed[0] = std::byte{2};
        Bytes hybrid = one.peer;
        hybrid[0] = std::byte{6};
        Bytes too_long = one.peer;
        too_long.push_back(std::byte{0});

        for (const Bytes& value : {off_the_curve,
                                   compressed,
                                   hybrid,
                                   too_long,
                                   nistp256_peer,
                                   Bytes(one.peer.size(), std::byte{4}),
                                   Bytes(one.peer.size()),
                                   Bytes{std::byte{0}},
                                   Bytes{}}) {
            EXPECT_EQ(agreed(one.curve, one.seed, value), Bytes{});
        }
    }
}

TEST(EcdhLargeCurves, TakeNoSeedOutsideTheOrder) {
    EXPECT_FALSE(KeyAgreement::make(nistp384, Bytes(48)).has_value());
    EXPECT_FALSE(KeyAgreement::make(nistp384, Bytes(48, std::byte{0xff})).has_value());
    EXPECT_FALSE(KeyAgreement::make(nistp521, Bytes(66)).has_value());
    EXPECT_FALSE(KeyAgreement::make(nistp521, Bytes(66, std::byte{0xff})).has_value());
}

// The order of P-521 has 521 bits: of 528 random ones seven are left out, or most seeds would fail.
TEST(EcdhLargeCurves, NearlyEverySeedMakesAPrivateValue) {
    Bytes seed(66, std::byte{0x55});
    for (int top = 0; top < 256; ++top) {
        seed[0] = static_cast<std::byte>(top);
        EXPECT_TRUE(KeyAgreement::make(nistp521, seed).has_value()) << top;
    }
}

}  // namespace
}  // namespace caponier::ssh
