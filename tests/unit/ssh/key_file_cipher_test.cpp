// The ciphers of key files against NIST's vectors, and what a wrong key or tag comes to. Whole
// files are encrypted_private_key_test.cpp's.

#include "ssh/crypto/key_file_cipher.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/ssh/hex.h"

namespace caponier::ssh {
namespace {

using Bytes = std::vector<std::byte>;

struct Vector {
    std::string_view cipher;
    Bytes key_and_iv;
    Bytes ciphertext;
    Bytes plaintext;
};

/// SP 800-38A F.2.5, F.5.5 and F.5.1, first blocks; the GCM specification's test cases 2 and 14.
std::vector<Vector> vectors() {
    const Bytes block = from_hex("6bc1bee22e409f96e93d7e117393172a");
    const Bytes zeros(16);
    return {
        {"aes256-cbc",
         from_hex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"
                  "000102030405060708090a0b0c0d0e0f"),
         from_hex("f58c4c04d6e5f1ba779eabfb5f7bfbd6"),
         block},
        {"aes256-ctr",
         from_hex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"
                  "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"),
         from_hex("601ec313775789a5b7a7f504bbf3d228"),
         block},
        {"aes128-ctr",
         from_hex("2b7e151628aed2a6abf7158809cf4f3cf0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"),
         from_hex("874d6191b620e3261bef6864990db6ce"),
         block},
        {"aes128-gcm@openssh.com",
         Bytes(28),
         from_hex("0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf"),
         zeros},
        {"aes256-gcm@openssh.com",
         Bytes(44),
         from_hex("cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"),
         zeros},
    };
}

TEST(KeyFileCipher, GivesTheKnownAnswers) {
    for (const Vector& each : vectors()) {
        const KeyFileCipher* const cipher = key_file_cipher(each.cipher);
        ASSERT_NE(cipher, nullptr) << each.cipher;
        ASSERT_EQ(cipher->key_bytes + cipher->iv_bytes, each.key_and_iv.size()) << each.cipher;

        const Result<SecretBytes> plain =
            decrypt_key_file(*cipher, each.key_and_iv, each.ciphertext);

        ASSERT_TRUE(plain.has_value()) << each.cipher;
        EXPECT_TRUE(std::ranges::equal(plain->bytes(), each.plaintext)) << each.cipher;
    }
}

TEST(KeyFileCipher, WithATagNoticesEveryChange) {
    for (const Vector& each : vectors()) {
        const KeyFileCipher& cipher = *key_file_cipher(each.cipher);
        for (std::size_t at = 0; at < each.ciphertext.size(); ++at) {
            Bytes changed = each.ciphertext;
            changed[at] ^= std::byte{0x80};

            const Result<SecretBytes> plain = decrypt_key_file(cipher, each.key_and_iv, changed);

            if (cipher.tag_bytes > 0) {
                ASSERT_FALSE(plain.has_value()) << each.cipher << ' ' << at;
                EXPECT_EQ(plain.error().code, ErrorCode::integrity_failure);
            } else {
                ASSERT_TRUE(plain.has_value()) << each.cipher << ' ' << at;
                EXPECT_FALSE(std::ranges::equal(plain->bytes(), each.plaintext));
            }
        }
    }
}

TEST(KeyFileCipher, IsKnownByItsExactName) {
    for (const std::string_view name : {"", "none", "aes256", "AES256-CTR", "3des-cbc"}) {
        EXPECT_EQ(key_file_cipher(name), nullptr) << name;
    }
}

}  // namespace
}  // namespace caponier::ssh
