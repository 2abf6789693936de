// Private key files under a passphrase: every format and cipher that is read, and what is told of
// the others.

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "ssh/crypto/bcrypt_pbkdf.h"
#include "ssh/keys/base64.h"
#include "ssh/keys/private_key.h"
#include "ssh/wire/bytes.h"
#include "ssh/wire/wire_writer.h"
#include "tests/unit/ssh/encrypted_test_keys.h"
#include "tests/unit/ssh/test_keys.h"

namespace caponier::ssh {
namespace {

using Bytes = std::vector<std::byte>;

Bytes copy_of(std::span<const std::byte> bytes) {
    return {bytes.begin(), bytes.end()};
}

Result<PrivateKey> opened(std::string_view text, std::string_view passphrase) {
    return parse_private_key(text, bytes_of(passphrase));
}

ErrorCode error_of(std::string_view text, std::string_view passphrase) {
    const Result<PrivateKey> key = opened(text, passphrase);
    return key ? ErrorCode{} : key.error().code;
}

Bytes blob_of(std::string_view line) {
    const Result<PublicKeyText> parsed = parse_public_key_line(line.substr(0, line.find('\n')));
    EXPECT_TRUE(parsed.has_value());
    return parsed ? parsed->blob : Bytes{};
}

struct Case {
    std::string_view name;
    std::string_view text;
    std::string_view public_line;
};

std::vector<Case> openssh_cases() {
    using namespace test_keys;
    return {{"aes256-ctr", ed25519_aes256_ctr, ed25519_public},
            {"aes256-cbc", ed25519_aes256_cbc, ed25519_public},
            {"aes128-ctr", ed25519_aes128_ctr, ed25519_public},
            {"aes256-gcm", ed25519_aes256_gcm, ed25519_public},
            {"aes128-gcm", ed25519_aes128_gcm, ed25519_public},
            {"p521", ecdsa_nistp521_aes256_ctr, ecdsa_nistp521_public}};
}

std::vector<Case> pem_cases() {
    using namespace test_keys;
    return {{"PKCS#1 aes", rsa_pkcs1_aes128_cbc, rsa_public},
            {"PKCS#1 3des", rsa_pkcs1_des_ede3_cbc, rsa_public},
            {"PKCS#8 pbkdf2", rsa_pkcs8_pbkdf2, rsa_public},
            {"PKCS#8 scrypt", ecdsa_pkcs8_scrypt, ecdsa_nistp256_public}};
}

std::vector<Case> all_cases() {
    std::vector<Case> cases = openssh_cases();
    const std::vector<Case> pem = pem_cases();
    cases.insert(cases.end(), pem.begin(), pem.end());
    return cases;
}

TEST(EncryptedPrivateKey, IsReadWithItsPassphrase) {
    for (const Case& each : all_cases()) {
        const Result<PrivateKey> key = opened(each.text, test_keys::passphrase);

        ASSERT_TRUE(key.has_value()) << each.name;
        EXPECT_EQ(copy_of(key->key.public_key()), blob_of(each.public_line)) << each.name;
    }
}

TEST(EncryptedPrivateKey, WithAnotherPassphraseOrNoneIsStillEncrypted) {
    for (const Case& each : all_cases()) {
        EXPECT_EQ(error_of(each.text, ""), ErrorCode::key_is_encrypted) << each.name;
        EXPECT_EQ(error_of(each.text, "open says me"), ErrorCode::key_is_encrypted) << each.name;
    }
}

TEST(EncryptedPrivateKey, InOpensshsFormatTellsItsPublicHalfWithoutThePassphrase) {
    for (const Case& each : openssh_cases()) {
        EXPECT_EQ(told_public_key(each.text), blob_of(each.public_line)) << each.name;
    }
    EXPECT_EQ(told_public_key(test_keys::ed25519), blob_of(test_keys::ed25519_public));
    for (const Case& each : pem_cases()) {
        EXPECT_FALSE(told_public_key(each.text).has_value()) << each.name;
    }
    EXPECT_FALSE(told_public_key("nothing").has_value());
    EXPECT_FALSE(told_public_key(std::string(70'000, 'x')).has_value());
}

TEST(EncryptedPrivateKey, WithAPassphraseThatIsNotNeededIsRead) {
    EXPECT_EQ(error_of(test_keys::ed25519, "whatever"), ErrorCode{});
    EXPECT_EQ(error_of(test_keys::rsa_pkcs1, "whatever"), ErrorCode{});
}

TEST(EncryptedPrivateKey, UnderACipherThatIsNotSpokenIsUnsupported) {
    EXPECT_EQ(error_of(test_keys::ed25519_chacha, test_keys::passphrase),
              ErrorCode::unsupported_key);
}

TEST(EncryptedPrivateKey, UnderAnOldPkcs8SchemeIsUnsupported) {
    EXPECT_EQ(error_of(test_keys::ecdsa_pkcs8_pbes1, test_keys::passphrase),
              ErrorCode::unsupported_key);
}

// A file must not be able to keep the program busy for hours.
TEST(EncryptedPrivateKey, ThatWouldTakeTooLongToOpenIsUnsupported) {
    EXPECT_EQ(error_of(test_keys::ecdsa_pkcs8_endless_pbkdf2, test_keys::passphrase),
              ErrorCode::unsupported_key);
}

/// The body of a file of ours, to be broken.
Bytes body_of(std::string_view text) {
    std::string digits;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        const std::string_view line = text.substr(at, end - at);
        digits += line.starts_with("-----") ? "" : line;
        at = end + 1;
    }
    Bytes body(decoded_base64_bytes_max(digits.size()));
    const std::optional<std::size_t> size = decode_base64(digits, body);
    EXPECT_TRUE(size.has_value());
    body.resize(size.value_or(0));
    return body;
}

std::string armoured(std::span<const std::byte> body) {
    return "-----BEGIN OPENSSH PRIVATE KEY-----\n" + encode_base64(body) +
           "\n-----END OPENSSH PRIVATE KEY-----\n";
}

TEST(EncryptedPrivateKey, WithMoreRoundsThanAreBorneIsUnsupported) {
    Bytes body = body_of(test_keys::ed25519_aes256_ctr);
    // PROTOCOL.key 2: the rounds follow the 16 bytes of salt.
    Bytes salt_length;
    WireWriter{salt_length}.uint32(16);
    const std::span<const std::byte> name = bytes_of("bcrypt");
    const auto kdf = std::search(body.begin(), body.end(), name.begin(), name.end());
    const auto salt = std::search(kdf, body.end(), salt_length.begin(), salt_length.end());
    ASSERT_NE(salt, body.end());
    const std::span<std::byte> rounds{&*salt + salt_length.size() + 16, 4};
    WireWriter{rounds}.uint32(bcrypt_rounds_max + 1);

    EXPECT_EQ(error_of(armoured(body), test_keys::passphrase), ErrorCode::unsupported_key);

    WireWriter{rounds}.uint32(0);
    EXPECT_EQ(error_of(armoured(body), test_keys::passphrase), ErrorCode::malformed_key);
}

TEST(EncryptedPrivateKey, CutShortIsNotAKey) {
    const Bytes whole = body_of(test_keys::ed25519_aes256_gcm);
    for (std::size_t size = 0; size < whole.size(); ++size) {
        EXPECT_EQ(error_of(armoured(std::span{whole}.first(size)), test_keys::passphrase),
                  ErrorCode::malformed_key)
            << size;
    }
}

// With a tag nothing can be changed; without one, a key that comes out must be the right one.
TEST(EncryptedPrivateKey, WithAByteChangedIsNeverAnotherKey) {
    for (const std::string_view text :
         {test_keys::ed25519_aes256_gcm, test_keys::ed25519_aes256_ctr}) {
        const Bytes whole = body_of(text);
        for (std::size_t at = whole.size() - 40; at < whole.size(); ++at) {
            Bytes changed = whole;
            changed[at] ^= std::byte{1};

            const Result<PrivateKey> key = opened(armoured(changed), test_keys::passphrase);

            if (key) {
                EXPECT_EQ(copy_of(key->key.public_key()), blob_of(test_keys::ed25519_public));
                EXPECT_NE(text, test_keys::ed25519_aes256_gcm) << at;
            }
        }
    }
}

}  // namespace
}  // namespace caponier::ssh
