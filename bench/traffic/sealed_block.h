#pragma once
// The packets that the floor opens: a block of them, sealed once and sent over and over. The key
// and the nonces begin again with each block, so that the side that opens makes its cipher anew
// there. The framing is that of channel data in SSH (RFC 4253 6, RFC 4254 5.2) with aes128-gcm.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "ssh/crypto/aead.h"

namespace caponier::bench {

inline constexpr std::size_t piece_bytes = 32U * 1024;
/// uint32 packet_length, byte padding_length; byte message, uint32 channel, uint32 length.
inline constexpr std::size_t data_offset = 4 + 1 + 9;
inline constexpr std::uint64_t packets_per_block = 32;

/// The whole packet around `data_bytes` of data, with padding and tag.
[[nodiscard]] constexpr std::size_t packet_bytes(std::size_t data_bytes) noexcept {
    constexpr std::size_t block = 16;
    constexpr std::size_t padding_min = 4;
    constexpr std::size_t tag = 16;
    const std::size_t text = data_offset - 4 + data_bytes + padding_min;
    return 4 + (text + block - 1) / block * block + tag;
}

/// libipsec-mb where this machine has it, else OpenSSL; always the same key and first nonce.
[[nodiscard]] std::unique_ptr<ssh::Aead> make_cipher();
[[nodiscard]] bool cipher_is_ipsec_mb();

/// Writes what stands in front of the data; the data and the tag are the caller's and the cipher's.
void frame(std::span<std::byte> packet, std::size_t data_bytes) noexcept;

/// The data within an opened packet; empty where the packet is not one of ours.
[[nodiscard]] std::span<std::byte> data_of(std::span<std::byte> packet) noexcept;

/// One block, sealed.
[[nodiscard]] std::vector<std::byte> sealed_block();

}  // namespace caponier::bench
