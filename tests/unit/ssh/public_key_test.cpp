// Public key blobs: what is a key, and every field that can be wrong in one.

#include "ssh/keys/public_key.h"

#include <vector>

#include <gtest/gtest.h>

#include "ssh/wire/wire_reader.h"
#include "ssh/wire/wire_writer.h"
#include "tests/unit/ssh/hex.h"
#include "tests/unit/ssh/test_keys.h"

namespace caponier::ssh {
namespace {

using Bytes = std::vector<std::byte>;

Bytes blob_of(std::string_view line) {
    const Result<PublicKeyText> parsed = parse_public_key_line(line.substr(0, line.find('\n')));
    EXPECT_TRUE(parsed.has_value());
    return parsed ? parsed->blob : Bytes{};
}

ErrorCode error_of(std::span<const std::byte> blob) {
    const Result<PublicKey> parsed = parse_public_key(blob);
    return parsed ? ErrorCode{} : parsed.error().code;
}

Bytes ed25519_blob(std::size_t key_bytes) {
    return make_public_key_blob(
        {.type = KeyType::ed25519, .bits = 256, .point = Bytes(key_bytes, std::byte{1})});
}

Bytes ecdsa_blob(std::string_view name, std::string_view curve, const Bytes& point) {
    Bytes blob;
    WireWriter out{blob};
    out.text(name);
    out.text(curve);
    out.string(point);
    return blob;
}

Bytes point_of(std::size_t bytes, std::byte form) {
    Bytes point(bytes, std::byte{1});
    point[0] = form;
    return point;
}

/// A modulus with exactly so many bits that is odd.
Bytes modulus_of(std::size_t bits) {
    Bytes modulus((bits + 7) / 8, std::byte{0});
    modulus.front() = static_cast<std::byte>(1U << ((bits + 7) % 8));
    modulus.back() |= std::byte{1};
    return modulus;
}

Bytes rsa_blob(const Bytes& exponent, const Bytes& modulus) {
    Bytes blob;
    WireWriter out{blob};
    out.text("ssh-rsa");
    out.mpint(exponent);
    out.mpint(modulus);
    return blob;
}

const Bytes exponent_65537 = from_hex("010001");

TEST(PublicKey, ReadsTheKeysThatSshKeygenWrites) {
    const Bytes ed25519 = blob_of(test_keys::ed25519_public);
    const Bytes nistp256 = blob_of(test_keys::ecdsa_nistp256_public);
    const Bytes nistp521 = blob_of(test_keys::ecdsa_nistp521_public);
    const Bytes rsa = blob_of(test_keys::rsa_public);

    const Result<PublicKey> ed25519_key = parse_public_key(ed25519);
    ASSERT_TRUE(ed25519_key.has_value());
    EXPECT_EQ(ed25519_key->type, KeyType::ed25519);
    EXPECT_EQ(ed25519_key->point.size(), 32U);
    const Result<PublicKey> nistp256_key = parse_public_key(nistp256);
    ASSERT_TRUE(nistp256_key.has_value());
    EXPECT_EQ(nistp256_key->type, KeyType::ecdsa_nistp256);
    EXPECT_EQ(nistp256_key->bits, 256U);
    const Result<PublicKey> nistp521_key = parse_public_key(nistp521);
    ASSERT_TRUE(nistp521_key.has_value());
    EXPECT_EQ(nistp521_key->type, KeyType::ecdsa_nistp521);
    EXPECT_EQ(nistp521_key->bits, 521U);
    const Result<PublicKey> rsa_key = parse_public_key(rsa);
    ASSERT_TRUE(rsa_key.has_value());
    EXPECT_EQ(rsa_key->type, KeyType::rsa);
    EXPECT_EQ(rsa_key->bits, 2048U);
    EXPECT_EQ(copy_of(rsa_key->exponent), exponent_65537);
}

TEST(PublicKey, IsWrittenAsItWasRead) {
    for (const std::string_view line : {test_keys::ed25519_public,
                                        test_keys::ecdsa_nistp256_public,
                                        test_keys::ecdsa_nistp384_public,
                                        test_keys::rsa_public}) {
        const Bytes blob = blob_of(line);
        const Result<PublicKey> key = parse_public_key(blob);

        ASSERT_TRUE(key.has_value());
        EXPECT_EQ(make_public_key_blob(*key), blob);
    }
}

/// The fields of a blob under another name.
Bytes renamed(std::span<const std::byte> blob, std::string_view name) {
    WireReader in{blob};
    in.text();
    Bytes other;
    WireWriter out{other};
    out.text(name);
    out.fixed(in.rest());
    return other;
}

// sshkey.c, sshkey_type_from_name(): the name of a signature algorithm is the type of its key.
TEST(PublicKey, OfRsaMayBeCalledAfterItsSignatures) {
    const Bytes blob = blob_of(test_keys::rsa_public);
    for (const std::string_view name : {"rsa-sha2-512", "rsa-sha2-256"}) {
        const Bytes other = renamed(blob, name);
        const Result<PublicKey> key = parse_public_key(other);

        ASSERT_TRUE(key.has_value());
        EXPECT_EQ(key->type, KeyType::rsa);
        EXPECT_EQ(blob_under_own_name(other), blob);
        EXPECT_EQ(fingerprint(other), fingerprint(blob));
    }
}

TEST(PublicKey, IsOtherwiseOnlyWhatItsNameSays) {
    const Bytes rsa = blob_of(test_keys::rsa_public);
    const Bytes ed25519 = blob_of(test_keys::ed25519_public);

    for (const std::string_view name :
         {"rsa-sha2-1024", "rsa-sha2-512-cert-v01@openssh.com", "RSA", "ssh-rs"}) {
        EXPECT_EQ(error_of(renamed(rsa, name)), ErrorCode::unsupported_key) << name;
        EXPECT_EQ(blob_under_own_name(renamed(rsa, name)), renamed(rsa, name));
    }
    EXPECT_EQ(error_of(renamed(rsa, "ssh-ed25519")), ErrorCode::malformed_key);
    EXPECT_EQ(error_of(renamed(ed25519, "rsa-sha2-512")), ErrorCode::malformed_key);
    EXPECT_EQ(blob_under_own_name(renamed(ed25519, "rsa-sha2-512")),
              renamed(ed25519, "rsa-sha2-512"));
    EXPECT_EQ(blob_under_own_name(rsa), rsa);
    EXPECT_EQ(blob_under_own_name({}), Bytes{});
}

TEST(PublicKey, CutShortOrTooLongIsMalformed) {
    for (const std::string_view line :
         {test_keys::ed25519_public, test_keys::ecdsa_nistp256_public, test_keys::rsa_public}) {
        Bytes blob = blob_of(line);
        for (std::size_t size = 0; size < blob.size(); ++size) {
            EXPECT_EQ(error_of(std::span{blob}.first(size)), ErrorCode::malformed_key) << size;
        }
        blob.push_back(std::byte{0});
        EXPECT_EQ(error_of(blob), ErrorCode::malformed_key);
    }
}

TEST(PublicKey, OfAnotherTypeIsUnsupported) {
    Bytes blob;
    WireWriter out{blob};
    out.text("ssh-dss");
    out.string(from_hex("01"));

    EXPECT_EQ(error_of(blob), ErrorCode::unsupported_key);
    EXPECT_EQ(blob_type_name(blob), "ssh-dss");
}

TEST(PublicKey, WithoutAValidTypeNameIsMalformed) {
    const Bytes empty_name = from_hex("00000000 00000001 01");
    const Bytes blank_in_name = from_hex("00000003 612062 00000001 01");

    EXPECT_EQ(error_of(empty_name), ErrorCode::malformed_key);
    EXPECT_EQ(error_of(blank_in_name), ErrorCode::malformed_key);
    EXPECT_EQ(blob_type_name(blank_in_name), "");
    EXPECT_EQ(blob_type_name(from_hex("000000ff 61")), "");
}

TEST(PublicKey, OfEd25519HasExactly32Bytes) {
    EXPECT_EQ(error_of(ed25519_blob(32)), ErrorCode{});
    EXPECT_EQ(error_of(ed25519_blob(31)), ErrorCode::malformed_key);
    EXPECT_EQ(error_of(ed25519_blob(33)), ErrorCode::malformed_key);
    EXPECT_EQ(error_of(ed25519_blob(0)), ErrorCode::malformed_key);
}

// CVE-2026-35387: the curve is told twice, and both must be the same.
TEST(PublicKey, OfEcdsaNamesItsCurveTwice) {
    const Bytes point = point_of(65, std::byte{4});

    EXPECT_EQ(error_of(ecdsa_blob("ecdsa-sha2-nistp256", "nistp256", point)), ErrorCode{});
    EXPECT_EQ(error_of(ecdsa_blob("ecdsa-sha2-nistp256", "nistp384", point)),
              ErrorCode::malformed_key);
    EXPECT_EQ(error_of(ecdsa_blob("ecdsa-sha2-nistp384", "nistp256", point)),
              ErrorCode::malformed_key);
    EXPECT_EQ(error_of(ecdsa_blob("ecdsa-sha2-nistp256", "", point)), ErrorCode::malformed_key);
}

// Checklist 41: uncompressed points of the right length only.
TEST(PublicKey, OfEcdsaHasAnUncompressedPointOfItsCurvesLength) {
    const auto of_point = [](const Bytes& point) {
        return error_of(ecdsa_blob("ecdsa-sha2-nistp256", "nistp256", point));
    };

    EXPECT_EQ(of_point({}), ErrorCode::malformed_key);
    EXPECT_EQ(of_point(from_hex("00")), ErrorCode::malformed_key);
    EXPECT_EQ(of_point(point_of(33, std::byte{2})), ErrorCode::malformed_key);
    EXPECT_EQ(of_point(point_of(65, std::byte{3})), ErrorCode::malformed_key);
    EXPECT_EQ(of_point(point_of(65, std::byte{6})), ErrorCode::malformed_key);
    EXPECT_EQ(of_point(point_of(64, std::byte{4})), ErrorCode::malformed_key);
    EXPECT_EQ(of_point(point_of(66, std::byte{4})), ErrorCode::malformed_key);
    EXPECT_EQ(of_point(point_of(97, std::byte{4})), ErrorCode::malformed_key);
}

// CVE-2026-39829: giant parameters cost the verifier.
TEST(PublicKey, OfRsaHas2048To16384Bits) {
    EXPECT_EQ(error_of(rsa_blob(exponent_65537, modulus_of(2047))), ErrorCode::unsupported_key);
    EXPECT_EQ(error_of(rsa_blob(exponent_65537, modulus_of(2048))), ErrorCode{});
    EXPECT_EQ(error_of(rsa_blob(exponent_65537, modulus_of(16384))), ErrorCode{});
    EXPECT_EQ(error_of(rsa_blob(exponent_65537, modulus_of(16385))), ErrorCode::unsupported_key);
}

TEST(PublicKey, OfRsaHasAnOddExponentOfThreeOrMore) {
    const Bytes modulus = modulus_of(2048);

    EXPECT_EQ(error_of(rsa_blob(from_hex("03"), modulus)), ErrorCode{});
    EXPECT_EQ(error_of(rsa_blob({}, modulus)), ErrorCode::malformed_key);
    EXPECT_EQ(error_of(rsa_blob(from_hex("01"), modulus)), ErrorCode::malformed_key);
    EXPECT_EQ(error_of(rsa_blob(from_hex("02"), modulus)), ErrorCode::malformed_key);
    EXPECT_EQ(error_of(rsa_blob(from_hex("010000"), modulus)), ErrorCode::malformed_key);
    EXPECT_EQ(error_of(rsa_blob(Bytes(9, std::byte{1}), modulus)), ErrorCode::unsupported_key);
}

TEST(PublicKey, OfRsaHasAnOddModulusThatIsMinimalAndPositive) {
    Bytes even = modulus_of(2048);
    even.back() = std::byte{0};
    Bytes negative;
    WireWriter out{negative};
    out.text("ssh-rsa");
    out.mpint(exponent_65537);
    out.string(Bytes(256, std::byte{0xff}));
    Bytes padded;
    WireWriter padded_out{padded};
    padded_out.text("ssh-rsa");
    padded_out.string(from_hex("00010001"));
    padded_out.mpint(modulus_of(2048));

    EXPECT_EQ(error_of(rsa_blob(exponent_65537, even)), ErrorCode::malformed_key);
    EXPECT_EQ(error_of(rsa_blob(exponent_65537, {})), ErrorCode::malformed_key);
    EXPECT_EQ(error_of(negative), ErrorCode::malformed_key);
    EXPECT_EQ(error_of(padded), ErrorCode::malformed_key);
}

// What ssh-keygen -l prints for the same keys.
TEST(PublicKey, HasTheFingerprintThatSshKeygenPrints) {
    EXPECT_EQ(fingerprint(blob_of(test_keys::ed25519_public)),
              "SHA256:zizOfGa/186jBeUxw9SAhXzTDBtHiGn+dAjASKGYLNg");
    EXPECT_EQ(fingerprint(blob_of(test_keys::ecdsa_nistp256_public)),
              "SHA256:riwj3uoyWM9Ft+FEk9YeebqbRHHKcq6RL7NB1yWNOPc");
    EXPECT_EQ(fingerprint(blob_of(test_keys::rsa_public)),
              "SHA256:m/1ujbrfUsZc8JD/YmT8xXxabJBVHM5TQ98QmoQ5XX8");
}

TEST(PublicKey, TypesHaveTheirNames) {
    EXPECT_EQ(key_type_name(KeyType::rsa), "ssh-rsa");
    EXPECT_EQ(key_type_name(KeyType::ecdsa_nistp384), "ecdsa-sha2-nistp384");
    EXPECT_EQ(key_type_label(KeyType::ecdsa_nistp384), "ECDSA");
    EXPECT_EQ(key_type_label(KeyType::ed25519), "ED25519");
}

}  // namespace
}  // namespace caponier::ssh
