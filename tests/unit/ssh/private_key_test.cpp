// Private key files: what ssh-keygen and openssl write, and every field that can be wrong.

#include "ssh/keys/private_key.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "ssh/crypto/signature.h"
#include "ssh/keys/base64.h"
#include "ssh/wire/wire_writer.h"
#include "tests/unit/ssh/hex.h"
#include "tests/unit/ssh/test_keys.h"

namespace caponier::ssh {
namespace {

using Bytes = std::vector<std::byte>;

ErrorCode error_of(std::string_view text) {
    const Result<PrivateKey> key = parse_private_key(text);
    return key ? ErrorCode{} : key.error().code;
}

Bytes blob_of(std::string_view line) {
    const Result<PublicKeyText> parsed = parse_public_key_line(line.substr(0, line.find('\n')));
    EXPECT_TRUE(parsed.has_value());
    return parsed ? parsed->blob : Bytes{};
}

/// The fields of an OpenSSH private key file, each of which a test may break. RFC 8032 7.1, TEST 2.
struct OpensshKey {
    Bytes magic = from_hex("6f70656e7373682d6b65792d7631 00");
    std::string cipher = "none";
    std::string kdf = "none";
    Bytes kdf_options;
    std::uint32_t key_count = 1;
    Bytes seed = from_hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
    Bytes point = from_hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
    Bytes outer_point = point;
    Bytes second_point = point;
    std::string type = "ssh-ed25519";
    std::uint32_t first_check = 0x01020304;
    std::uint32_t second_check = 0x01020304;
    std::string comment = "comment";
    Bytes padding;  ///< empty: the right one
    Bytes tail;

    [[nodiscard]] Bytes private_list() const {
        Bytes list;
        WireWriter out{list};
        out.uint32(first_check);
        out.uint32(second_check);
        out.text(type);
        out.string(point);
        Bytes both = seed;
        both.insert(both.end(), second_point.begin(), second_point.end());
        out.string(both);
        out.text(comment);
        out.fixed(padding);
        for (std::uint8_t i = 1; padding.empty() && list.size() % 8 != 0; ++i) {
            out.byte(i);
        }
        return list;
    }

    [[nodiscard]] Bytes bytes() const {
        Bytes file;
        WireWriter out{file};
        out.fixed(magic);
        out.text(cipher);
        out.text(kdf);
        out.string(kdf_options);
        out.uint32(key_count);
        out.string(
            make_public_key_blob({.type = KeyType::ed25519, .bits = 256, .point = outer_point}));
        out.string(private_list());
        out.fixed(tail);
        return file;
    }

    [[nodiscard]] std::string text() const { return armoured(bytes()); }

    static std::string armoured(std::span<const std::byte> bytes) {
        return "-----BEGIN OPENSSH PRIVATE KEY-----\n" + encode_base64(bytes) +
               "\n-----END OPENSSH PRIVATE KEY-----\n";
    }
};

TEST(PrivateKey, ReadsTheFilesThatSshKeygenWrites) {
    for (const auto& [text, line, comment] :
         {std::tuple{test_keys::ed25519, test_keys::ed25519_public, "ed25519@example"},
          std::tuple{
              test_keys::ecdsa_nistp256, test_keys::ecdsa_nistp256_public, "ecdsa256@example"},
          std::tuple{
              test_keys::ecdsa_nistp384, test_keys::ecdsa_nistp384_public, "ecdsa384@example"},
          std::tuple{
              test_keys::ecdsa_nistp521, test_keys::ecdsa_nistp521_public, "ecdsa521@example"},
          std::tuple{test_keys::rsa, test_keys::rsa_public, "rsa2048@example"}}) {
        const Result<PrivateKey> key = parse_private_key(text);

        ASSERT_TRUE(key.has_value()) << comment;
        EXPECT_EQ(copy_of(key->key.public_key()), blob_of(line)) << comment;
        EXPECT_EQ(key->comment, comment);
    }
}

TEST(PrivateKey, ReadsUnencryptedPem) {
    const Result<PrivateKey> pkcs1 = parse_private_key(test_keys::rsa_pkcs1);
    const Result<PrivateKey> pkcs8 = parse_private_key(test_keys::rsa_pkcs8);
    const Result<PrivateKey> sec1 = parse_private_key(test_keys::ecdsa_sec1);
    const Result<PrivateKey> ed25519 = parse_private_key(test_keys::ed25519_pkcs8);

    ASSERT_TRUE(pkcs1.has_value());
    EXPECT_EQ(copy_of(pkcs1->key.public_key()), blob_of(test_keys::rsa_public));
    ASSERT_TRUE(pkcs8.has_value());
    EXPECT_EQ(copy_of(pkcs8->key.public_key()), blob_of(test_keys::rsa_public));
    ASSERT_TRUE(sec1.has_value());
    EXPECT_EQ(copy_of(sec1->key.public_key()), blob_of(test_keys::ecdsa_nistp256_public));
    ASSERT_TRUE(ed25519.has_value());
    EXPECT_EQ(ed25519->key.type(), KeyType::ed25519);
}

TEST(PrivateKey, TellsThatAKeyIsEncrypted) {
    EXPECT_EQ(error_of(test_keys::ed25519_encrypted), ErrorCode::key_is_encrypted);
    EXPECT_EQ(error_of(test_keys::rsa_pkcs1_encrypted), ErrorCode::key_is_encrypted);
    EXPECT_EQ(error_of(test_keys::ed25519_pkcs8_encrypted), ErrorCode::key_is_encrypted);
}

TEST(PrivateKey, OfTooFewBitsIsUnsupported) {
    EXPECT_EQ(error_of(test_keys::rsa_1024), ErrorCode::unsupported_key);
}

TEST(PrivateKey, MayHaveCarriageReturnsAndTextInFrontOfIt) {
    std::string text = "Some explanation\n" + std::string{test_keys::ed25519};
    std::string with_carriage_returns;
    for (const char c : text) {
        with_carriage_returns += c == '\n' ? "\r\n" : std::string{c};
    }

    EXPECT_EQ(error_of(with_carriage_returns), ErrorCode{});
}

TEST(PrivateKey, ThatIsSomethingElseIsMalformed) {
    EXPECT_EQ(error_of(""), ErrorCode::malformed_key);
    EXPECT_EQ(error_of(test_keys::ed25519_public), ErrorCode::malformed_key);
    EXPECT_EQ(error_of("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
              ErrorCode::malformed_key);
    EXPECT_EQ(error_of("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
              ErrorCode::malformed_key);
    EXPECT_EQ(error_of("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n"),
              ErrorCode::malformed_key);
    EXPECT_EQ(error_of("-----BEGIN -----END "), ErrorCode::malformed_key);
    EXPECT_EQ(error_of(std::string(70'000, 'x')), ErrorCode::malformed_key);
    EXPECT_EQ(error_of("-----BEGIN DSA PRIVATE KEY-----\nAAAA\n-----END DSA PRIVATE KEY-----\n"),
              ErrorCode::unsupported_key);
}

TEST(PrivateKey, WithoutItsEndIsMalformed) {
    const std::string_view text = test_keys::ed25519;

    EXPECT_EQ(error_of(text.substr(0, text.find("-----END"))), ErrorCode::malformed_key);
}

TEST(OpensshPrivateKey, IsReadWhenAllFieldsAreRight) {
    const OpensshKey fields;

    const Result<PrivateKey> key = parse_private_key(fields.text());

    ASSERT_TRUE(key.has_value());
    EXPECT_EQ(key->comment, "comment");
}

TEST(OpensshPrivateKey, CutShortIsMalformed) {
    const Bytes whole = OpensshKey{}.bytes();
    for (std::size_t size = 0; size < whole.size(); ++size) {
        EXPECT_EQ(error_of(OpensshKey::armoured(std::span{whole}.first(size))),
                  ErrorCode::malformed_key)
            << size;
    }
}

TEST(OpensshPrivateKey, WithAWrongMagicIsMalformed) {
    OpensshKey fields;
    fields.magic[13] = std::byte{'2'};

    EXPECT_EQ(error_of(fields.text()), ErrorCode::malformed_key);
}

TEST(OpensshPrivateKey, WithBytesBehindItIsMalformed) {
    OpensshKey fields;
    fields.tail = from_hex("00");

    EXPECT_EQ(error_of(fields.text()), ErrorCode::malformed_key);
}

TEST(OpensshPrivateKey, WithACipherIsEncrypted) {
    OpensshKey fields;
    fields.cipher = "aes256-ctr";
    fields.kdf = "bcrypt";

    EXPECT_EQ(error_of(fields.text()), ErrorCode::key_is_encrypted);
}

TEST(OpensshPrivateKey, WithAKdfButNoCipherIsMalformed) {
    OpensshKey kdf;
    kdf.kdf = "bcrypt";
    OpensshKey options;
    options.kdf_options = from_hex("00");

    EXPECT_EQ(error_of(kdf.text()), ErrorCode::malformed_key);
    EXPECT_EQ(error_of(options.text()), ErrorCode::malformed_key);
}

TEST(OpensshPrivateKey, HoldsExactlyOneKey) {
    for (const std::uint32_t count : {0U, 2U, 0xffffffffU}) {
        OpensshKey fields;
        fields.key_count = count;
        EXPECT_EQ(error_of(fields.text()), ErrorCode::unsupported_key) << count;
    }
}

TEST(OpensshPrivateKey, WithDifferentCheckNumbersIsMalformed) {
    OpensshKey fields;
    fields.second_check = 0;

    EXPECT_EQ(error_of(fields.text()), ErrorCode::malformed_key);
}

TEST(OpensshPrivateKey, WithPublicHalvesThatDifferIsMalformed) {
    const Bytes other(32, std::byte{1});
    OpensshKey outer;
    outer.outer_point = other;
    OpensshKey inner;
    inner.point = other;
    OpensshKey second;
    second.second_point = other;
    OpensshKey all;
    all.outer_point = other;
    all.point = other;
    all.second_point = other;

    EXPECT_EQ(error_of(outer.text()), ErrorCode::malformed_key);
    EXPECT_EQ(error_of(inner.text()), ErrorCode::malformed_key);
    EXPECT_EQ(error_of(second.text()), ErrorCode::malformed_key);
    EXPECT_EQ(error_of(all.text()), ErrorCode::malformed_key);
}

TEST(OpensshPrivateKey, WithHalvesOfWrongLengthIsMalformed) {
    OpensshKey short_seed;
    short_seed.seed.pop_back();
    OpensshKey long_seed;
    long_seed.seed.push_back(std::byte{0});

    EXPECT_EQ(error_of(short_seed.text()), ErrorCode::malformed_key);
    EXPECT_EQ(error_of(long_seed.text()), ErrorCode::malformed_key);
}

TEST(OpensshPrivateKey, OfAnotherTypeIsUnsupported) {
    OpensshKey fields;
    fields.type = "ssh-ed448";

    EXPECT_EQ(error_of(fields.text()), ErrorCode::unsupported_key);
}

// PROTOCOL.key 3: "1, 2, 3, ..." up to the block size.
TEST(OpensshPrivateKey, WithWrongPaddingIsMalformed) {
    OpensshKey fields;
    const std::size_t list_bytes = fields.private_list().size();
    // The comment is as long as it takes for the list to need three bytes more.
    while (fields.private_list().size() == list_bytes ||
           fields.private_list().back() != std::byte{3}) {
        fields.comment += 'c';
    }
    ASSERT_EQ(error_of(fields.text()), ErrorCode{});
    for (const char* wrong :
         {"010204", "000000", "020304", "0102", "01020304", "0102030405060708090a0b"}) {
        OpensshKey broken = fields;
        broken.padding = from_hex(wrong);
        EXPECT_EQ(error_of(broken.text()), ErrorCode::malformed_key) << wrong;
    }
}

TEST(PrivateKey, OfEveryFormatSignsForItsPublicHalf) {
    for (const std::string_view text :
         {test_keys::rsa, test_keys::rsa_pkcs1, test_keys::ecdsa_sec1, test_keys::ed25519_pkcs8}) {
        const Result<PrivateKey> key = parse_private_key(text);
        ASSERT_TRUE(key.has_value());
        const std::string_view algorithm = signature_algorithms(key->key.type()).front();

        const Result<Bytes> signature = sign(key->key, algorithm, bytes_of("text"));

        ASSERT_TRUE(signature.has_value());
        EXPECT_EQ(verify({.algorithm = algorithm,
                          .key = key->key.public_key(),
                          .data = bytes_of("text"),
                          .signature = *signature}),
                  Verification::valid);
    }
}

// Whatever byte of the file is changed: it does not crash, hang or yield a signing key
// that is not the public one's.
TEST(PrivateKey, WithAnyByteChangedIsNeverAnotherKey) {
    const Bytes whole = OpensshKey{}.bytes();
    const Result<PrivateKey> right = parse_private_key(OpensshKey::armoured(whole));
    ASSERT_TRUE(right.has_value());
    for (std::size_t at = 0; at < whole.size(); ++at) {
        Bytes changed = whole;
        changed[at] ^= std::byte{1};

        const Result<PrivateKey> key = parse_private_key(OpensshKey::armoured(changed));

        if (key) {
            EXPECT_EQ(copy_of(key->key.public_key()), copy_of(right->key.public_key())) << at;
        }
    }
}

}  // namespace
}  // namespace caponier::ssh
