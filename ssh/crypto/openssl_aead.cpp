// The AEADs through libcrypto's EVP interface: every one, on every machine. Contexts
// and algorithms are made once per key; a packet sets its nonce and nothing else.

#include <array>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "ssh/crypto/aead_providers.h"
#include "ssh/crypto/gcm_nonce.h"
#include "ssh/crypto/openssl.h"
#include "ssh/crypto/openssl_cipher.h"
#include "ssh/crypto/seal_pieces.h"
#include "ssh/crypto/secret_bytes.h"
#include "ssh/expects.h"
#include "ssh/wire/wire_reader.h"

namespace caponier::ssh {

namespace {

using openssl::raw;
using openssl::writable;

using openssl::CipherContext;
using openssl::done;
using openssl::encrypt;
using openssl::keyed;
using openssl::MacContext;

constexpr std::size_t tag_bytes = 16;

/// Fetched once: looking an algorithm up by name costs more than sealing a small packet. They live
/// until the process ends.
struct FetchedAlgorithms {
    EVP_CIPHER* aes128_gcm = EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr);
    EVP_CIPHER* aes256_gcm = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
    EVP_CIPHER* chacha20 = EVP_CIPHER_fetch(nullptr, "ChaCha20", nullptr);
    EVP_MAC* poly1305 = EVP_MAC_fetch(nullptr, "Poly1305", nullptr);
};

const FetchedAlgorithms& fetched() noexcept {
    static const FetchedAlgorithms algorithms;
    return algorithms;
}

struct PacketParts {
    std::span<std::byte> length;
    std::span<std::byte> text;  ///< padding_length, payload and padding
    std::span<std::byte> tag;
};

PacketParts parts_of(std::span<std::byte> packet) noexcept {
    expects(packet.size() > packet_length_bytes + tag_bytes);
    return {.length = packet.first(packet_length_bytes),
            .text = packet.subspan(packet_length_bytes,
                                   packet.size() - packet_length_bytes - tag_bytes),
            .tag = packet.last(tag_bytes)};
}

// AES-GCM

class OpensslGcm final : public Aead {
  public:
    OpensslGcm(const EVP_CIPHER* cipher, const AeadKey& key) noexcept
        : context_{keyed(cipher, key.key)}, nonce_{key.iv} {}

    std::uint32_t packet_length(
        std::uint32_t, std::span<const std::byte, packet_length_bytes> sealed) noexcept override {
        // RFC 5647 7.3: the field is not encrypted; it is the additional authenticated data.
        return WireReader{sealed}.uint32();
    }

    void seal(std::uint32_t, std::span<std::byte> packet) noexcept override {
        const PacketParts parts = parts_of(packet);
        begin_sealing(parts);
        encrypt(context_.get(), parts.text, parts.text);
        finish_sealing(parts);
    }

    void seal_from(std::uint32_t,
                   std::span<std::byte> packet,
                   std::size_t data_offset,
                   std::span<const std::byte> data) noexcept override {
        const PacketParts parts = parts_of(packet);
        expects(data_offset >= packet_length_bytes);
        const SealPieces pieces = cut<16>(parts.text, data_offset - packet_length_bytes, data);
        begin_sealing(parts);
        encrypt(context_.get(), pieces.front, pieces.front);
        encrypt(context_.get(), pieces.bulk, pieces.bulk_place);
        encrypt(context_.get(), pieces.back, pieces.back);
        finish_sealing(parts);
    }

    bool open(std::uint32_t, std::span<std::byte> packet) noexcept override {
        const PacketParts parts = parts_of(packet);
        EVP_CIPHER_CTX* const context = context_.get();
        int written = 0;
        done(EVP_DecryptInit_ex2(context, nullptr, nullptr, nonce_.data(), nullptr));
        nonce_.advance();
        done(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, tag_bytes, writable(parts.tag)));
        done(EVP_DecryptUpdate(context, nullptr, &written, raw(parts.length), packet_length_bytes));
        done(EVP_DecryptUpdate(context,
                               writable(parts.text),
                               &written,
                               raw(parts.text),
                               static_cast<int>(parts.text.size())));
        // The comparison of the tags, in constant time, is the last step's. Nothing but its 1 is
        // success.
        std::array<std::byte, tag_bytes> nothing{};
        if (EVP_DecryptFinal_ex(context, writable(nothing), &written) != 1) {
            ERR_clear_error();
            wipe(packet);
            return false;
        }
        return true;
    }

  private:
    void begin_sealing(const PacketParts& parts) noexcept {
        int written = 0;
        done(EVP_EncryptInit_ex2(context_.get(), nullptr, nullptr, nonce_.data(), nullptr));
        nonce_.advance();
        done(EVP_EncryptUpdate(
            context_.get(), nullptr, &written, raw(parts.length), packet_length_bytes));
    }

    void finish_sealing(const PacketParts& parts) noexcept {
        int written = 0;
        done(EVP_EncryptFinal_ex(context_.get(), writable(parts.tag), &written));
        done(EVP_CIPHER_CTX_ctrl(
            context_.get(), EVP_CTRL_AEAD_GET_TAG, tag_bytes, writable(parts.tag)));
    }

    CipherContext context_;  ///< libcrypto wipes the key when it frees it
    GcmNonce nonce_;
};

// chacha20-poly1305@openssh.com

constexpr std::size_t chacha_key_bytes = 32;
constexpr std::size_t chacha_block_bytes = 64;

/// libcrypto's IV of ChaCha20 is the counter and the nonce as they stand in the cipher's state:
/// here a block counter of 64 bits that is zero, and the sequence number "encoded as an uint64
/// under the SSH wire encoding rules".
std::array<unsigned char, 16> chacha_iv(std::uint32_t sequence) noexcept {
    std::array<unsigned char, 16> iv{};
    iv[12] = static_cast<unsigned char>(sequence >> 24);
    iv[13] = static_cast<unsigned char>(sequence >> 16);
    iv[14] = static_cast<unsigned char>(sequence >> 8);
    iv[15] = static_cast<unsigned char>(sequence);
    return iv;
}

class OpensslChacha final : public Aead {
  public:
    /// PROTOCOL.chacha20poly1305: "The first 256 bits constitute K_2 and the second 256 bits become
    /// K_1." K_2 is the packet's, K_1 the length's.
    explicit OpensslChacha(const AeadKey& key) noexcept
        : text_{keyed(fetched().chacha20, key.key.first(chacha_key_bytes))},
          length_{keyed(fetched().chacha20, key.key.last(chacha_key_bytes))},
          mac_{EVP_MAC_CTX_new(fetched().poly1305)} {
        expects(mac_ != nullptr);
    }

    std::uint32_t packet_length(
        std::uint32_t sequence,
        std::span<const std::byte, packet_length_bytes> sealed) noexcept override {
        std::array<std::byte, packet_length_bytes> clear{};
        crypt_length(sequence, sealed, clear);
        return WireReader{clear}.uint32();
    }

    void seal(std::uint32_t sequence, std::span<std::byte> packet) noexcept override {
        const PacketParts parts = parts_of(packet);
        crypt_length(sequence, parts.length, parts.length);
        begin(sequence);
        encrypt(text_.get(), parts.text, parts.text);
        authenticate(packet.first(packet.size() - tag_bytes), parts.tag);
    }

    void seal_from(std::uint32_t sequence,
                   std::span<std::byte> packet,
                   std::size_t data_offset,
                   std::span<const std::byte> data) noexcept override {
        const PacketParts parts = parts_of(packet);
        expects(data_offset >= packet_length_bytes);
        const SealPieces pieces =
            cut<chacha_block_bytes>(parts.text, data_offset - packet_length_bytes, data);
        crypt_length(sequence, parts.length, parts.length);
        begin(sequence);
        encrypt(text_.get(), pieces.front, pieces.front);
        encrypt(text_.get(), pieces.bulk, pieces.bulk_place);
        encrypt(text_.get(), pieces.back, pieces.back);
        authenticate(packet.first(packet.size() - tag_bytes), parts.tag);
    }

    bool open(std::uint32_t sequence, std::span<std::byte> packet) noexcept override {
        const PacketParts parts = parts_of(packet);
        begin(sequence);
        std::array<std::byte, tag_bytes> tag{};
        authenticate(packet.first(packet.size() - tag_bytes), tag);
        // PROTOCOL.chacha20poly1305: "the MAC MUST be checked before decryption".
        if (!constant_time_equal(tag, parts.tag)) {
            wipe(packet);
            return false;
        }
        encrypt(text_.get(), parts.text, parts.text);
        return true;
    }

  private:
    void crypt_length(std::uint32_t sequence,
                      std::span<const std::byte> from,
                      std::span<std::byte> into) noexcept {
        const std::array<unsigned char, 16> iv = chacha_iv(sequence);
        done(EVP_EncryptInit_ex2(length_.get(), nullptr, nullptr, iv.data(), nullptr));
        encrypt(length_.get(), from, into);
    }

    /// The block of counter 0 is the source of the Poly1305 key; taken whole, it leaves the cipher
    /// at counter 1, where the text begins.
    void begin(std::uint32_t sequence) noexcept {
        static constexpr std::array<std::byte, chacha_block_bytes> zeros{};
        const std::array<unsigned char, 16> iv = chacha_iv(sequence);
        done(EVP_EncryptInit_ex2(text_.get(), nullptr, nullptr, iv.data(), nullptr));
        encrypt(text_.get(), zeros, *first_block_);
    }

    void authenticate(std::span<const std::byte> sealed, std::span<std::byte> tag) noexcept {
        std::size_t written = 0;
        done(EVP_MAC_init(mac_.get(), raw(*first_block_), chacha_key_bytes, nullptr));
        done(EVP_MAC_update(mac_.get(), raw(sealed), sealed.size()));
        done(EVP_MAC_final(mac_.get(), writable(tag), &written, tag.size()));
        expects(written == tag_bytes);
    }

    CipherContext text_;    ///< K_2
    CipherContext length_;  ///< K_1
    MacContext mac_;        ///< wiped by libcrypto with every tag
    SecretObject<std::array<std::byte, chacha_block_bytes>> first_block_;  ///< a packet's MAC key
};

}  // namespace

std::unique_ptr<Aead> make_openssl_aead(CipherAlgorithm algorithm, const AeadKey& key) {
    switch (algorithm) {
    case CipherAlgorithm::aes128_gcm:
        return std::make_unique<OpensslGcm>(fetched().aes128_gcm, key);
    case CipherAlgorithm::aes256_gcm:
        return std::make_unique<OpensslGcm>(fetched().aes256_gcm, key);
    case CipherAlgorithm::chacha20_poly1305:
        return std::make_unique<OpensslChacha>(key);
    default:
        break;
    }
    expects(false);
    return nullptr;
}

}  // namespace caponier::ssh
