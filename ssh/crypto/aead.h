#pragma once
// The packet ciphers: authenticated encryption of whole SSH packets, one object per key and
// direction. Two providers implement it: ipsec_mb_aead.cpp (AES-GCM with VAES, x86-64) and
// openssl_aead.cpp (every AEAD, everywhere). Which one serves is decided when the key is made, by
// the CPU's features. ctr_hmac.h makes ciphers without authentication and a MAC look the same.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "ssh/error.h"

namespace caponier::ssh {

enum class CipherAlgorithm : std::uint8_t {
    aes128_gcm,         ///< aes128-gcm@openssh.com, RFC 5647 as OpenSSH has it
    aes256_gcm,         ///< aes256-gcm@openssh.com
    chacha20_poly1305,  ///< chacha20-poly1305@openssh.com, PROTOCOL.chacha20poly1305
    aes128_ctr,         ///< RFC 4344 4; these want a MAC beside them, and ctr_hmac.h has both
    aes192_ctr,
    aes256_ctr,
};

/// What the packet layer and the key derivation need to know of a cipher.
struct CipherShape {
    std::string_view name;
    std::size_t key_bytes;
    std::size_t iv_bytes;     ///< 12 for GCM, 0 for chacha20-poly1305, a block for counter mode
    std::size_t block_bytes;  ///< the padded part of a packet is a multiple of it
    std::size_t tag_bytes;    ///< 0 where a MAC is to be added
    /// Whether packet_length is in that part (RFC 4253 6), or in front of it as in every AEAD and
    /// in encrypt-then-MAC.
    bool pads_length = false;
    std::uint64_t rekey_bytes;  ///< OpenSSH's default limit of bytes under one key
};

[[nodiscard]] const CipherShape& shape_of(CipherAlgorithm algorithm) noexcept;
/// Empty for a name that is not spoken.
[[nodiscard]] std::optional<CipherAlgorithm> cipher_of(std::string_view name) noexcept;
/// AES-GCM is preferred where this is true, chacha20-poly1305 where not.
[[nodiscard]] bool cpu_has_aes() noexcept;

inline constexpr std::size_t packet_length_bytes = 4;  ///< RFC 4253 6: uint32 packet_length

/// One key in one direction. A packet is the RFC 4253 6 frame: uint32 packet_length, byte
/// padding_length, payload, padding, then the tag; spans named `packet` hold all of it. Nothing is
/// allocated after the constructor. The GCM invocation counter (RFC 5647 7.1) lives here; the
/// sequence number, which is chacha20-poly1305's nonce, is the caller's.
class Aead {
  public:
    Aead() = default;
    Aead(const Aead&) = delete;
    Aead& operator=(const Aead&) = delete;
    virtual ~Aead() = default;  ///< wipes the key schedule

    /// The packet_length at the front of a sealed packet, decrypted where the cipher hides it. Not
    /// authenticated yet: check its bounds, then wait for the rest. May be asked again before
    /// open(), for the same packet.
    [[nodiscard]] virtual std::uint32_t packet_length(
        std::uint32_t sequence,
        std::span<const std::byte, packet_length_bytes> sealed) noexcept = 0;

    /// Encrypts `packet` in place and writes its tag. The frame is complete but for the tag.
    virtual void seal(std::uint32_t sequence, std::span<std::byte> packet) noexcept = 0;

    /// The same where `data` still lies elsewhere: it belongs at packet[data_offset], and the pass
    /// of the cipher brings it there (the only copy that a forwarded byte sees). Everything around
    /// it is in place already.
    virtual void seal_from(std::uint32_t sequence,
                           std::span<std::byte> packet,
                           std::size_t data_offset,
                           std::span<const std::byte> data) noexcept = 0;

    /// Verifies the tag and decrypts what follows packet_length in place; the length itself stays
    /// as it came. False: the packet is forged or damaged, and its bytes are wiped.
    [[nodiscard]] virtual bool open(std::uint32_t sequence,
                                    std::span<std::byte> packet) noexcept = 0;
};

/// Both directions of a session have one. `key` and `iv` have the cipher's sizes.
struct AeadKey {
    std::span<const std::byte> key;
    std::span<const std::byte> iv;
};

enum class AeadProvider : std::uint8_t { automatic, openssl, ipsec_mb };

/// For AEADs. `ipsec_mb` falls back to nothing: null where this machine or this cipher does not
/// have it; `automatic` and `openssl` always succeed.
[[nodiscard]] std::unique_ptr<Aead> make_aead(CipherAlgorithm algorithm,
                                              const AeadKey& key,
                                              AeadProvider provider = AeadProvider::automatic);

}  // namespace caponier::ssh
