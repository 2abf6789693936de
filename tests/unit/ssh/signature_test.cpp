// Signatures in SSH's formats: known answers of the standards, and every way in which a signature,
// a key or their names can fail to fit together. Checklist 44.

#include "ssh/crypto/signature.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "ssh/crypto/hash.h"
#include "ssh/keys/private_key.h"
#include "ssh/wire/wire_reader.h"
#include "ssh/wire/wire_writer.h"
#include "tests/unit/ssh/hex.h"
#include "tests/unit/ssh/test_keys.h"

namespace caponier::ssh {
namespace {

using Bytes = std::vector<std::byte>;

constexpr std::string_view signed_text = "data to sign";

SigningKey key_of(std::string_view text) {
    Result<PrivateKey> parsed = parse_private_key(text);
    EXPECT_TRUE(parsed.has_value());
    return std::move(parsed->key);
}

Bytes signature_blob(std::string_view name, std::span<const std::byte> fields) {
    Bytes blob;
    WireWriter out{blob};
    out.text(name);
    out.string(fields);
    return blob;
}

Bytes ecdsa_fields(std::span<const std::byte> r, std::span<const std::byte> s) {
    Bytes fields;
    WireWriter out{fields};
    out.mpint(r);
    out.mpint(s);
    return fields;
}

Bytes fields_of(std::span<const std::byte> signature) {
    WireReader in{signature};
    in.text();
    return copy_of(in.string());
}

// RFC 8032 7.1, TEST 2.
const Bytes rfc8032_seed =
    from_hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
const Bytes rfc8032_public =
    from_hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
const Bytes rfc8032_signature = from_hex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");

Bytes rfc8032_key_blob() {
    return make_public_key_blob({.type = KeyType::ed25519, .bits = 256, .point = rfc8032_public});
}

// RFC 6979 A.2.5: P-256, SHA-256, "sample".
const Bytes rfc6979_point = from_hex(
    "04 60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"
    "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299");
const Bytes rfc6979_r =
    from_hex("EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716");
const Bytes rfc6979_s =
    from_hex("F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8");

Bytes rfc6979_key_blob() {
    return make_public_key_blob(
        {.type = KeyType::ecdsa_nistp256, .bits = 256, .point = rfc6979_point});
}

Verification verify_rfc8032(std::string_view algorithm, std::span<const std::byte> signature) {
    return verify({.algorithm = algorithm,
                   .key = rfc8032_key_blob(),
                   .data = from_hex("72"),
                   .signature = signature});
}

Verification verify_rfc6979(std::span<const std::byte> fields) {
    return verify({.algorithm = "ecdsa-sha2-nistp256",
                   .key = rfc6979_key_blob(),
                   .data = bytes_of("sample"),
                   .signature = signature_blob("ecdsa-sha2-nistp256", fields)});
}

TEST(Ed25519Signature, AgreesWithTheKnownAnswerOfRfc8032) {
    const Result<SigningKey> key = SigningKey::from_ed25519_seed(rfc8032_seed);
    ASSERT_TRUE(key.has_value());
    EXPECT_EQ(copy_of(key->public_key()), rfc8032_key_blob());

    const Result<Bytes> made = sign(*key, "ssh-ed25519", from_hex("72"));

    ASSERT_TRUE(made.has_value());
    EXPECT_EQ(*made, signature_blob("ssh-ed25519", rfc8032_signature));
    EXPECT_EQ(verify_rfc8032("ssh-ed25519", *made), Verification::valid);
}

TEST(Ed25519Signature, WithAnyByteChangedIsWrong) {
    for (std::size_t at = 0; at < rfc8032_signature.size(); ++at) {
        Bytes changed = rfc8032_signature;
        changed[at] ^= std::byte{1};

        EXPECT_EQ(verify_rfc8032("ssh-ed25519", signature_blob("ssh-ed25519", changed)),
                  Verification::wrong_signature)
            << at;
    }
}

TEST(Ed25519Signature, OverOtherBytesIsWrong) {
    EXPECT_EQ(verify({.algorithm = "ssh-ed25519",
                      .key = rfc8032_key_blob(),
                      .data = from_hex("73"),
                      .signature = signature_blob("ssh-ed25519", rfc8032_signature)}),
              Verification::wrong_signature);
}

TEST(Ed25519Signature, HasExactly64Bytes) {
    for (const std::size_t size : {0U, 1U, 63U, 65U, 128U}) {
        Bytes resized = rfc8032_signature;
        resized.resize(size);

        EXPECT_EQ(verify_rfc8032("ssh-ed25519", signature_blob("ssh-ed25519", resized)),
                  Verification::malformed_signature)
            << size;
    }
}

// RFC 8032 5.1.7 wants S below the group's order: S + L would be a second signature.
TEST(Ed25519Signature, WithAScalarAboveTheOrderIsWrong) {
    Bytes malleable = rfc8032_signature;
    const Bytes order =
        from_hex("edd3f55c1a631258d69cf7a2def9de14 00000000000000000000000000000010");
    unsigned carry = 0;
    for (std::size_t i = 0; i < order.size(); ++i) {
        carry += std::to_integer<unsigned>(malleable[32 + i]) + std::to_integer<unsigned>(order[i]);
        malleable[32 + i] = static_cast<std::byte>(carry);
        carry >>= 8;
    }

    EXPECT_EQ(verify_rfc8032("ssh-ed25519", signature_blob("ssh-ed25519", malleable)),
              Verification::wrong_signature);
}

TEST(Signature, CutShortOrTooLongIsMalformed) {
    const Bytes whole = signature_blob("ssh-ed25519", rfc8032_signature);
    for (std::size_t size = 0; size < whole.size(); ++size) {
        EXPECT_EQ(verify_rfc8032("ssh-ed25519", std::span{whole}.first(size)),
                  Verification::malformed_signature)
            << size;
    }
    Bytes longer = whole;
    longer.push_back(std::byte{0});
    EXPECT_EQ(verify_rfc8032("ssh-ed25519", longer), Verification::malformed_signature);
}

TEST(Signature, ThatNamesAnotherAlgorithmIsRefused) {
    for (const char* name :
         {"ssh-ed448", "ecdsa-sha2-nistp256", "ssh-ed25519 ", "SSH-ED25519", ""}) {
        EXPECT_EQ(verify_rfc8032("ssh-ed25519", signature_blob(name, rfc8032_signature)),
                  Verification::wrong_algorithm)
            << name;
    }
}

TEST(Signature, OfAnAlgorithmThatIsNotSpokenIsRefused) {
    for (const char* name :
         {"", "ssh-dss", "none", "ssh-ed25519-cert-v01@openssh.com", "ssh-rsa"}) {
        EXPECT_EQ(verify_rfc8032(name, signature_blob(name, rfc8032_signature)),
                  Verification::unknown_algorithm)
            << name;
    }
}

// CVE-2026-35387: any ECDSA name admitted any curve.
TEST(Signature, NeedsTheExactKeyTypeAndCurve) {
    for (const char* name : {"ecdsa-sha2-nistp384",
                             "ecdsa-sha2-nistp521",
                             "ssh-ed25519",
                             "rsa-sha2-256",
                             "rsa-sha2-512"}) {
        EXPECT_EQ(verify({.algorithm = name,
                          .key = rfc6979_key_blob(),
                          .data = bytes_of("sample"),
                          .signature = signature_blob(name, ecdsa_fields(rfc6979_r, rfc6979_s))}),
                  Verification::wrong_key_type)
            << name;
    }
}

TEST(EcdsaSignature, AgreesWithTheKnownAnswerOfRfc6979) {
    EXPECT_EQ(verify_rfc6979(ecdsa_fields(rfc6979_r, rfc6979_s)), Verification::valid);
}

TEST(EcdsaSignature, WithAChangedNumberIsWrong) {
    Bytes changed_r = rfc6979_r;
    changed_r.back() ^= std::byte{1};
    Bytes changed_s = rfc6979_s;
    changed_s.back() ^= std::byte{1};

    EXPECT_EQ(verify_rfc6979(ecdsa_fields(changed_r, rfc6979_s)), Verification::wrong_signature);
    EXPECT_EQ(verify_rfc6979(ecdsa_fields(rfc6979_r, changed_s)), Verification::wrong_signature);
    EXPECT_EQ(verify_rfc6979(ecdsa_fields(rfc6979_s, rfc6979_r)), Verification::wrong_signature);
}

// CVE-2022-21449: zeros verified for everything.
TEST(EcdsaSignature, OfZerosOrTheOrderIsWrong) {
    const Bytes order =
        from_hex("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551");

    EXPECT_EQ(verify_rfc6979(ecdsa_fields({}, {})), Verification::wrong_signature);
    EXPECT_EQ(verify_rfc6979(ecdsa_fields(rfc6979_r, {})), Verification::wrong_signature);
    EXPECT_EQ(verify_rfc6979(ecdsa_fields({}, rfc6979_s)), Verification::wrong_signature);
    EXPECT_EQ(verify_rfc6979(ecdsa_fields(order, order)), Verification::wrong_signature);
}

TEST(EcdsaSignature, WithBrokenNumbersIsMalformed) {
    Bytes trailing = ecdsa_fields(rfc6979_r, rfc6979_s);
    trailing.push_back(std::byte{0});
    const Bytes negative = from_hex("00000001 80 00000001 01");
    const Bytes padded = from_hex("00000002 0001 00000001 01");
    const Bytes huge = ecdsa_fields(Bytes(67, std::byte{1}), rfc6979_s);

    EXPECT_EQ(verify_rfc6979(trailing), Verification::malformed_signature);
    EXPECT_EQ(verify_rfc6979(negative), Verification::malformed_signature);
    EXPECT_EQ(verify_rfc6979(padded), Verification::malformed_signature);
    EXPECT_EQ(verify_rfc6979(huge), Verification::malformed_signature);
    EXPECT_EQ(verify_rfc6979({}), Verification::malformed_signature);
}

// Checklist 41.
TEST(EcdsaSignature, NeedsAPointOnTheCurve) {
    Bytes off_the_curve = rfc6979_point;
    off_the_curve.back() ^= std::byte{1};
    const Bytes key = make_public_key_blob(
        {.type = KeyType::ecdsa_nistp256, .bits = 256, .point = off_the_curve});

    EXPECT_EQ(verify({.algorithm = "ecdsa-sha2-nistp256",
                      .key = key,
                      .data = bytes_of("sample"),
                      .signature = signature_blob("ecdsa-sha2-nistp256",
                                                  ecdsa_fields(rfc6979_r, rfc6979_s))}),
              Verification::malformed_key);
}

// RFC 8332 3: the key says ssh-rsa, the signature says which hash.
TEST(RsaSignature, AgreesWithWhatOpensslMadeOfTheSameBytes) {
    const SigningKey key = key_of(test_keys::rsa);
    const auto expected = {std::pair{"rsa-sha2-256", test_keys::rsa_sha256_signature},
                           std::pair{"rsa-sha2-512", test_keys::rsa_sha512_signature}};
    for (const auto& [name, hex] : expected) {
        const Result<Bytes> made = sign(key, name, bytes_of(signed_text));

        ASSERT_TRUE(made.has_value());
        EXPECT_EQ(*made, signature_blob(name, from_hex(hex)));
        EXPECT_EQ(verify({.algorithm = name,
                          .key = key.public_key(),
                          .data = bytes_of(signed_text),
                          .signature = *made}),
                  Verification::valid);
    }
}

TEST(RsaSignature, OfOneHashIsNotTakenForTheOther) {
    const SigningKey key = key_of(test_keys::rsa);
    const Bytes fields = from_hex(test_keys::rsa_sha256_signature);

    const auto checked = [&](std::string_view algorithm, std::string_view inner_name) {
        return verify({.algorithm = algorithm,
                       .key = key.public_key(),
                       .data = bytes_of(signed_text),
                       .signature = signature_blob(inner_name, fields)});
    };

    EXPECT_EQ(checked("rsa-sha2-512", "rsa-sha2-256"), Verification::wrong_algorithm);
    EXPECT_EQ(checked("rsa-sha2-256", "rsa-sha2-512"), Verification::wrong_algorithm);
    EXPECT_EQ(checked("rsa-sha2-256", "ssh-rsa"), Verification::wrong_algorithm);
    EXPECT_EQ(checked("rsa-sha2-512", "rsa-sha2-512"), Verification::wrong_signature);
    EXPECT_EQ(checked("rsa-sha2-256", "rsa-sha2-256"), Verification::valid);
}

TEST(RsaSignature, OfAnotherLengthOrContentIsRefused) {
    const SigningKey key = key_of(test_keys::rsa);
    const auto checked = [&key](const Bytes& fields) {
        return verify({.algorithm = "rsa-sha2-256",
                       .key = key.public_key(),
                       .data = bytes_of(signed_text),
                       .signature = signature_blob("rsa-sha2-256", fields)});
    };
    Bytes changed = from_hex(test_keys::rsa_sha256_signature);
    changed[100] ^= std::byte{1};
    Bytes longer = from_hex(test_keys::rsa_sha256_signature);
    longer.insert(longer.begin(), std::byte{0});
    Bytes shorter = from_hex(test_keys::rsa_sha256_signature);
    shorter.pop_back();

    EXPECT_EQ(checked(changed), Verification::wrong_signature);
    EXPECT_EQ(checked(longer), Verification::malformed_signature);
    EXPECT_EQ(checked(shorter), Verification::wrong_signature);
    EXPECT_EQ(checked({}), Verification::malformed_signature);
    EXPECT_EQ(checked(Bytes(256, std::byte{0})), Verification::wrong_signature);
    EXPECT_EQ(checked(Bytes(256, std::byte{0xff})), Verification::wrong_signature);
}

// One signature in 256 begins with a zero, which some signers leave out; OpenSSH takes both.
TEST(RsaSignature, WithoutItsLeadingZerosIsFilledUp) {
    const SigningKey key = key_of(test_keys::rsa);
    for (int i = 0; i < 10'000; ++i) {
        const std::string text = "text " + std::to_string(i);
        const Result<Bytes> made = sign(key, "rsa-sha2-256", bytes_of(text));
        ASSERT_TRUE(made.has_value());
        Bytes fields = fields_of(*made);
        ASSERT_EQ(fields.size(), 256U);
        if (fields.front() != std::byte{0}) {
            continue;
        }
        fields.erase(fields.begin());

        EXPECT_EQ(verify({.algorithm = "rsa-sha2-256",
                          .key = key.public_key(),
                          .data = bytes_of(text),
                          .signature = signature_blob("rsa-sha2-256", fields)}),
                  Verification::valid);
        return;
    }
    FAIL() << "no signature began with a zero";
}

TEST(Sign, MakesSignaturesThatVerifyWithEveryKeyType) {
    for (const std::string_view text : {test_keys::ed25519,
                                        test_keys::ecdsa_nistp256,
                                        test_keys::ecdsa_nistp384,
                                        test_keys::ecdsa_nistp521,
                                        test_keys::rsa}) {
        const SigningKey key = key_of(text);
        for (const std::string_view algorithm : signature_algorithms(key.type())) {
            const Result<Bytes> made = sign(key, algorithm, bytes_of(signed_text));

            ASSERT_TRUE(made.has_value()) << algorithm;
            EXPECT_EQ(verify({.algorithm = algorithm,
                              .key = key.public_key(),
                              .data = bytes_of(signed_text),
                              .signature = *made}),
                      Verification::valid)
                << algorithm;
            EXPECT_EQ(verify({.algorithm = algorithm,
                              .key = key.public_key(),
                              .data = bytes_of("other data"),
                              .signature = *made}),
                      Verification::wrong_signature)
                << algorithm;
        }
    }
}

/// A security key in software: a plain key, and what PROTOCOL.u2f has it sign and say.
struct SoftwareToken {
    explicit SoftwareToken(std::string_view text) : key{key_of(text)} {}

    [[nodiscard]] bool is_ed25519() const { return key.type() == KeyType::ed25519; }
    [[nodiscard]] std::string_view algorithm() const {
        return is_ed25519() ? "sk-ssh-ed25519@openssh.com" : "sk-ecdsa-sha2-nistp256@openssh.com";
    }
    [[nodiscard]] Bytes blob(std::string_view application = "ssh:") const {
        PublicKey plain = *parse_public_key(key.public_key());
        plain.type = is_ed25519() ? KeyType::sk_ed25519 : KeyType::sk_ecdsa_nistp256;
        plain.application = application;
        return make_public_key_blob(plain);
    }
    /// PROTOCOL.u2f: "byte[32] SHA256(application), byte flags, uint32 counter, byte[32]
    /// SHA256(message)" are signed; "string signature, byte flags, uint32 counter" are said.
    [[nodiscard]] Bytes sign_message(std::span<const std::byte> message,
                                     std::uint8_t flags = 1) const {
        Bytes data;
        WireWriter out{data};
        out.fixed(hash(HashAlgorithm::sha256, bytes_of("ssh:")).bytes());
        out.byte(flags);
        out.uint32(77);
        out.fixed(hash(HashAlgorithm::sha256, message).bytes());
        const Result<Bytes> plain = sign(key, signature_algorithms(key.type()).front(), data);
        EXPECT_TRUE(plain.has_value());
        WireReader in{*plain};
        in.text();
        Bytes signature;
        WireWriter said{signature};
        said.text(algorithm());
        said.string(in.string());
        said.byte(flags);
        said.uint32(77);
        return signature;
    }

    SigningKey key;
};

Verification check(const SoftwareToken& token,
                   std::span<const std::byte> blob,
                   std::span<const std::byte> signature,
                   bool wants_user = true) {
    return verify({.algorithm = token.algorithm(),
                   .key = blob,
                   .data = bytes_of(signed_text),
                   .signature = signature,
                   .wants_user = wants_user});
}

TEST(VerifySecurityKey, TakesWhatItSignedAroundTheMessage) {
    for (const std::string_view text : {test_keys::ed25519, test_keys::ecdsa_nistp256}) {
        const SoftwareToken token{text};
        const Bytes signature = token.sign_message(bytes_of(signed_text));

        EXPECT_EQ(check(token, token.blob(), signature), Verification::valid);
        EXPECT_EQ(check(token, token.blob("ssh:other"), signature), Verification::wrong_signature);
        EXPECT_EQ(check(token, token.key.public_key(), signature), Verification::wrong_key_type);
        EXPECT_EQ(check(token, token.blob(), token.sign_message(bytes_of("another text"))),
                  Verification::wrong_signature);
    }
}

// PROTOCOL.u2f: the flags are signed, so that nobody can add a touch afterwards.
TEST(VerifySecurityKey, WantsATouchUnlessTheCallerDoesWithout) {
    for (const std::string_view text : {test_keys::ed25519, test_keys::ecdsa_nistp256}) {
        const SoftwareToken token{text};
        Bytes untouched = token.sign_message(bytes_of(signed_text), 0);

        EXPECT_EQ(check(token, token.blob(), untouched), Verification::user_not_present);
        EXPECT_EQ(check(token, token.blob(), untouched, false), Verification::valid);
        untouched[untouched.size() - 5] = std::byte{1};
        EXPECT_EQ(check(token, token.blob(), untouched), Verification::wrong_signature);
    }
}

TEST(VerifySecurityKey, RefusesSignaturesThatAreCutOrLongerOrPlain) {
    const SoftwareToken token{test_keys::ed25519};
    const Bytes whole = token.sign_message(bytes_of(signed_text));
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const Bytes cut{whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)};
        EXPECT_EQ(check(token, token.blob(), cut), Verification::malformed_signature) << size;
    }
    Bytes longer = whole;
    longer.push_back(std::byte{0});
    EXPECT_EQ(check(token, token.blob(), longer), Verification::malformed_signature);
    const Result<Bytes> plain = sign(token.key, "ssh-ed25519", bytes_of(signed_text));
    EXPECT_NE(check(token, token.blob(), *plain), Verification::valid);
}

TEST(Sign, RefusesAnAlgorithmOfAnotherKeyType) {
    const SigningKey key = key_of(test_keys::ecdsa_nistp256);

    for (const char* name : {"ecdsa-sha2-nistp384", "ssh-ed25519", "rsa-sha2-256", "ssh-dss", ""}) {
        const Result<Bytes> made = sign(key, name, bytes_of(signed_text));
        ASSERT_FALSE(made.has_value()) << name;
        EXPECT_EQ(made.error().code, ErrorCode::unsupported_key) << name;
    }
}

// ssh-rsa is for old servers that the user asked for: signed, never verified, never offered first.
TEST(Sign, KnowsSshRsaButNobodyVerifiesIt) {
    const SigningKey key = key_of(test_keys::rsa);

    const Result<Bytes> made = sign(key, "ssh-rsa", bytes_of(signed_text));

    ASSERT_TRUE(made.has_value());
    EXPECT_EQ(fields_of(*made).size(), 256U);
    EXPECT_EQ(verify({.algorithm = "ssh-rsa",
                      .key = key.public_key(),
                      .data = bytes_of(signed_text),
                      .signature = *made}),
              Verification::unknown_algorithm);
    const auto offered = signature_algorithms(KeyType::rsa);
    EXPECT_EQ(std::ranges::find(offered, "ssh-rsa"), offered.end());
}

}  // namespace
}  // namespace caponier::ssh
