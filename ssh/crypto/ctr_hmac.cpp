// Counter mode and HMAC through libcrypto's EVP interface. Contexts are keyed once. The counter of
// RFC 4344 4 runs on from packet to packet in the cipher's context, so that nothing is set for one;
// HMAC copies its keyed state for one, which is two small allocations of libcrypto's that no call
// of version 3.0 avoids. Who wants speed has AEADs.

#include "ssh/crypto/ctr_hmac.h"

#include <array>
#include <optional>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "ssh/crypto/openssl.h"
#include "ssh/crypto/openssl_cipher.h"
#include "ssh/crypto/seal_pieces.h"
#include "ssh/crypto/secret_bytes.h"
#include "ssh/expects.h"
#include "ssh/wire/wire_reader.h"
#include "ssh/wire/wire_writer.h"

namespace caponier::ssh {

namespace {

using openssl::done;
using openssl::encrypt;
using openssl::raw;
using openssl::writable;

constexpr std::size_t aes_block_bytes = 16;

/// Fetched once, as in openssl_aead.cpp. They live until the process ends.
struct FetchedAlgorithms {
    EVP_CIPHER* aes128 = EVP_CIPHER_fetch(nullptr, "AES-128-CTR", nullptr);
    EVP_CIPHER* aes192 = EVP_CIPHER_fetch(nullptr, "AES-192-CTR", nullptr);
    EVP_CIPHER* aes256 = EVP_CIPHER_fetch(nullptr, "AES-256-CTR", nullptr);
    EVP_MAC* hmac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
};

const FetchedAlgorithms& fetched() noexcept {
    static const FetchedAlgorithms algorithms;
    return algorithms;
}

const EVP_CIPHER* cipher_of(CipherAlgorithm algorithm) noexcept {
    switch (algorithm) {
    case CipherAlgorithm::aes128_ctr:
        return fetched().aes128;
    case CipherAlgorithm::aes192_ctr:
        return fetched().aes192;
    case CipherAlgorithm::aes256_ctr:
        return fetched().aes256;
    default:
        return nullptr;
    }
}

/// RFC 4253 6.4: "mac = MAC(key, sequence_number || unencrypted_packet)"; with encrypt-then-MAC
/// what follows the number is the packet as it is sent.
class PacketMac {
  public:
    PacketMac(const MacShape& shape, std::span<const std::byte> key) noexcept
        : tag_bytes_{shape.tag_bytes}, context_{EVP_MAC_CTX_new(fetched().hmac)} {
        expects(context_ != nullptr);
        // libcrypto takes the name as a string that it could write to, and does not.
        std::array<char, 9> name{"SHA2-256"};
        if (shape.hash == HashAlgorithm::sha512) {
            name = {"SHA2-512"};
        }
        const std::array parameters{
            OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name.data(), 0),
            OSSL_PARAM_construct_end()};
        done(EVP_MAC_init(context_.get(), raw(key), key.size(), parameters.data()));
    }

    [[nodiscard]] std::size_t tag_bytes() const noexcept { return tag_bytes_; }

    void begin(std::uint32_t sequence) noexcept {
        std::array<std::byte, 4> number{};
        WireWriter{std::span<std::byte>{number}}.uint32(sequence);
        // Without a key it is the key of the constructor again.
        done(EVP_MAC_init(context_.get(), nullptr, 0, nullptr));
        update(number);
    }

    void update(std::span<const std::byte> bytes) noexcept {
        done(EVP_MAC_update(context_.get(), raw(bytes), bytes.size()));
    }

    void finish(std::span<std::byte> tag) noexcept {
        std::size_t written = 0;
        done(EVP_MAC_final(context_.get(), writable(tag), &written, tag.size()));
        expects(written == tag_bytes_);
    }

    [[nodiscard]] bool finishes_with(std::span<const std::byte> tag) noexcept {
        std::array<std::byte, digest_bytes_max> computed{};
        const std::span<std::byte> own = std::span{computed}.first(tag_bytes_);
        finish(own);
        return constant_time_equal(own, tag);
    }

  private:
    std::size_t tag_bytes_;
    openssl::MacContext context_;
};

/// OpenSSH PROTOCOL 1.1: the MAC covers the ciphertext, and the length in front of it is not
/// encrypted.
class EncryptThenMac final : public Aead {
  public:
    EncryptThenMac(const EVP_CIPHER* cipher, const MacShape& mac, const CtrHmacKey& key) noexcept
        : cipher_{openssl::keyed(cipher, key.key, key.iv)}, mac_{mac, key.mac_key} {}

    std::uint32_t packet_length(
        std::uint32_t, std::span<const std::byte, packet_length_bytes> sealed) noexcept override {
        return WireReader{sealed}.uint32();
    }

    void seal(std::uint32_t sequence, std::span<std::byte> packet) noexcept override {
        const std::span<std::byte> text = text_of_packet(packet);
        encrypt(cipher_.get(), text, text);
        authenticate(sequence, packet);
    }

    void seal_from(std::uint32_t sequence,
                   std::span<std::byte> packet,
                   std::size_t data_offset,
                   std::span<const std::byte> data) noexcept override {
        expects(data_offset >= packet_length_bytes);
        const SealPieces pieces =
            cut<aes_block_bytes>(text_of_packet(packet), data_offset - packet_length_bytes, data);
        encrypt(cipher_.get(), pieces.front, pieces.front);
        encrypt(cipher_.get(), pieces.bulk, pieces.bulk_place);
        encrypt(cipher_.get(), pieces.back, pieces.back);
        authenticate(sequence, packet);
    }

    bool open(std::uint32_t sequence, std::span<std::byte> packet) noexcept override {
        const std::span<std::byte> text = text_of_packet(packet);
        // Nothing is decrypted that was not verified.
        mac_.begin(sequence);
        mac_.update(packet.first(packet.size() - mac_.tag_bytes()));
        if (!mac_.finishes_with(packet.last(mac_.tag_bytes()))) {
            wipe(packet);
            return false;
        }
        encrypt(cipher_.get(), text, text);
        return true;
    }

  private:
    [[nodiscard]] std::span<std::byte> text_of_packet(std::span<std::byte> packet) const noexcept {
        expects(packet.size() > packet_length_bytes + mac_.tag_bytes());
        return packet.subspan(packet_length_bytes,
                              packet.size() - packet_length_bytes - mac_.tag_bytes());
    }

    void authenticate(std::uint32_t sequence, std::span<std::byte> packet) noexcept {
        mac_.begin(sequence);
        mac_.update(packet.first(packet.size() - mac_.tag_bytes()));
        mac_.finish(packet.last(mac_.tag_bytes()));
    }

    openssl::CipherContext cipher_;
    PacketMac mac_;
};

/// RFC 4253 6: everything but the MAC is encrypted, the length included, and the MAC covers the
/// plaintext. So the length is believed for as long as it takes to wait for the packet; its bounds
/// are the opener's. Counter mode needs no whole block to decrypt it, and no byte of what follows
/// leaves here before the MAC was compared.
class EncryptAndMac final : public Aead {
  public:
    EncryptAndMac(const EVP_CIPHER* cipher, const MacShape& mac, const CtrHmacKey& key) noexcept
        : cipher_{openssl::keyed(cipher, key.key, key.iv)}, mac_{mac, key.mac_key} {}

    std::uint32_t packet_length(
        std::uint32_t, std::span<const std::byte, packet_length_bytes> sealed) noexcept override {
        // The counter has moved on once it was asked, so that it is decrypted once.
        if (!length_) {
            length_.emplace();
            encrypt(cipher_.get(), sealed, *length_);
        }
        return WireReader{*length_}.uint32();
    }

    void seal(std::uint32_t sequence, std::span<std::byte> packet) noexcept override {
        const std::span<std::byte> text = packet.first(packet.size() - mac_.tag_bytes());
        mac_.begin(sequence);
        mac_.update(text);
        mac_.finish(packet.last(mac_.tag_bytes()));
        encrypt(cipher_.get(), text, text);
    }

    void seal_from(std::uint32_t sequence,
                   std::span<std::byte> packet,
                   std::size_t data_offset,
                   std::span<const std::byte> data) noexcept override {
        const std::span<std::byte> text = packet.first(packet.size() - mac_.tag_bytes());
        expects(data_offset + data.size() <= text.size());
        mac_.begin(sequence);
        mac_.update(text.first(data_offset));
        mac_.update(data);
        mac_.update(text.subspan(data_offset + data.size()));
        mac_.finish(packet.last(mac_.tag_bytes()));
        const SealPieces pieces = cut<aes_block_bytes>(text, data_offset, data);
        encrypt(cipher_.get(), pieces.front, pieces.front);
        encrypt(cipher_.get(), pieces.bulk, pieces.bulk_place);
        encrypt(cipher_.get(), pieces.back, pieces.back);
    }

    bool open(std::uint32_t sequence, std::span<std::byte> packet) noexcept override {
        expects(packet.size() > packet_length_bytes + mac_.tag_bytes());
        static_cast<void>(packet_length(sequence, packet.first<packet_length_bytes>()));
        const std::span<std::byte> text = packet.subspan(
            packet_length_bytes, packet.size() - packet_length_bytes - mac_.tag_bytes());
        encrypt(cipher_.get(), text, text);
        mac_.begin(sequence);
        mac_.update(*length_);
        mac_.update(text);
        length_.reset();
        if (!mac_.finishes_with(packet.last(mac_.tag_bytes()))) {
            wipe(packet);
            return false;
        }
        return true;
    }

  private:
    openssl::CipherContext cipher_;
    PacketMac mac_;
    std::optional<std::array<std::byte, packet_length_bytes>> length_;  ///< of the packet to open
};

}  // namespace

bool needs_mac(CipherAlgorithm algorithm) noexcept {
    return shape_of(algorithm).tag_bytes == 0;
}

CipherShape shape_of(CipherAlgorithm cipher, MacAlgorithm mac) noexcept {
    expects(needs_mac(cipher));
    CipherShape shape = shape_of(cipher);
    shape.tag_bytes = shape_of(mac).tag_bytes;
    shape.pads_length = !shape_of(mac).encrypts_first;
    return shape;
}

std::unique_ptr<Aead> make_ctr_hmac(CipherAlgorithm cipher,
                                    MacAlgorithm mac,
                                    const CtrHmacKey& key) {
    const MacShape& mac_shape = shape_of(mac);
    expects(needs_mac(cipher));
    expects(key.key.size() == shape_of(cipher).key_bytes);
    expects(key.iv.size() == shape_of(cipher).iv_bytes);
    expects(key.mac_key.size() == mac_shape.key_bytes);
    if (mac_shape.encrypts_first) {
        return std::make_unique<EncryptThenMac>(cipher_of(cipher), mac_shape, key);
    }
    return std::make_unique<EncryptAndMac>(cipher_of(cipher), mac_shape, key);
}

}  // namespace caponier::ssh
