// libcrypto's AES behind key_file_cipher.h.

#include "ssh/crypto/key_file_cipher.h"

#include <algorithm>
#include <array>
#include <memory>

#include <openssl/evp.h>

#include "ssh/crypto/openssl.h"
#include "ssh/expects.h"

namespace caponier::ssh {

namespace {

/// ssh-keygen -Z names these; aes256-ctr is its default, aes256-cbc was until OpenSSH 7.6.
struct Row {
    KeyFileCipher cipher;
    const EVP_CIPHER* (*make)();
};
constexpr std::array<Row, 8> rows{{
    {{"aes256-ctr", 32, 16, 16, 0}, &EVP_aes_256_ctr},
    {{"aes192-ctr", 24, 16, 16, 0}, &EVP_aes_192_ctr},
    {{"aes128-ctr", 16, 16, 16, 0}, &EVP_aes_128_ctr},
    {{"aes256-cbc", 32, 16, 16, 0}, &EVP_aes_256_cbc},
    {{"aes192-cbc", 24, 16, 16, 0}, &EVP_aes_192_cbc},
    {{"aes128-cbc", 16, 16, 16, 0}, &EVP_aes_128_cbc},
    {{"aes256-gcm@openssh.com", 32, 12, 16, 16}, &EVP_aes_256_gcm},
    {{"aes128-gcm@openssh.com", 16, 12, 16, 16}, &EVP_aes_128_gcm},
}};

}  // namespace

const KeyFileCipher* key_file_cipher(std::string_view name) noexcept {
    const auto found = std::find_if(
        rows.begin(), rows.end(), [name](const Row& row) { return row.cipher.name == name; });
    return found == rows.end() ? nullptr : &found->cipher;
}

Result<SecretBytes> decrypt_key_file(const KeyFileCipher& cipher,
                                     std::span<const std::byte> key_and_iv,
                                     std::span<const std::byte> ciphertext) {
    expects(key_and_iv.size() == cipher.key_bytes + cipher.iv_bytes);
    expects(ciphertext.size() >= cipher.tag_bytes);
    const openssl::ErrorQueueGuard guard;
    const auto row = std::find_if(
        rows.begin(), rows.end(), [&](const Row& each) { return each.cipher.name == cipher.name; });
    expects(row != rows.end());
    const std::span<const std::byte> text = ciphertext.first(ciphertext.size() - cipher.tag_bytes);
    const std::unique_ptr<EVP_CIPHER_CTX, openssl::Deleter<EVP_CIPHER_CTX_free>> context{
        EVP_CIPHER_CTX_new()};
    SecretBytes plain{text.size()};
    int size = 0;
    bool done = EVP_DecryptInit_ex(context.get(),
                                   row->make(),
                                   nullptr,
                                   openssl::raw(key_and_iv),
                                   openssl::raw(key_and_iv.subspan(cipher.key_bytes))) == 1 &&
                EVP_CIPHER_CTX_set_padding(context.get(), 0) == 1;
    if (done && cipher.tag_bytes > 0) {
        std::array<std::byte, 16> tag{};
        std::ranges::copy(ciphertext.subspan(text.size()), tag.begin());
        done = EVP_CIPHER_CTX_ctrl(context.get(),
                                   EVP_CTRL_AEAD_SET_TAG,
                                   static_cast<int>(cipher.tag_bytes),
                                   tag.data()) == 1;
    }
    done = done && EVP_DecryptUpdate(context.get(),
                                     openssl::writable(plain.bytes()),
                                     &size,
                                     openssl::raw(text),
                                     static_cast<int>(text.size())) == 1;
    if (!done) {
        return tl::unexpected{Error{ErrorCode::crypto_failure}};
    }
    std::array<unsigned char, 16> nothing{};
    int rest = 0;
    if (EVP_DecryptFinal_ex(context.get(), nothing.data(), &rest) != 1 || rest != 0 ||
        static_cast<std::size_t>(size) != text.size()) {
        return tl::unexpected{Error{ErrorCode::integrity_failure}};
    }
    return plain;
}

}  // namespace caponier::ssh
