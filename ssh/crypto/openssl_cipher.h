#pragma once
// What the packet ciphers over libcrypto share: contexts that are keyed once, and one call per
// piece of a packet. Only for the sources of ssh/crypto.

#include <cstddef>
#include <memory>
#include <span>

#include <openssl/evp.h>

#include "ssh/crypto/openssl.h"
#include "ssh/expects.h"

namespace caponier::ssh::openssl {

using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, Deleter<EVP_CIPHER_CTX_free>>;
using MacContext = std::unique_ptr<EVP_MAC_CTX, Deleter<EVP_MAC_CTX_free>>;

/// libcrypto answers 1 for success and 0 or less for failure. None of the calls that go through
/// here can fail for what a peer sent.
inline void done(int answer) noexcept {
    expects(answer == 1);
}

/// The key is scheduled here. Encryption and decryption share the schedule: every cipher of ours is
/// a stream cipher underneath. Without an IV here, each packet sets one.
inline CipherContext keyed(const EVP_CIPHER* cipher,
                           std::span<const std::byte> key,
                           std::span<const std::byte> iv = {}) noexcept {
    CipherContext context{EVP_CIPHER_CTX_new()};
    expects(context != nullptr);
    done(EVP_EncryptInit_ex2(
        context.get(), cipher, raw(key), iv.empty() ? nullptr : raw(iv), nullptr));
    return context;
}

/// `from` and `into` are one place, or apart.
inline void encrypt(EVP_CIPHER_CTX* context,
                    std::span<const std::byte> from,
                    std::span<std::byte> into) noexcept {
    expects(from.size() == into.size());
    // Some of libcrypto's ciphers take no bytes at all for the end of the message.
    if (from.empty()) {
        return;
    }
    int written = 0;
    done(EVP_EncryptUpdate(
        context, writable(into), &written, raw(from), static_cast<int>(from.size())));
    expects(static_cast<std::size_t>(written) == from.size());
}

}  // namespace caponier::ssh::openssl
