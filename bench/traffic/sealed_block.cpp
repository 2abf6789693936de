// Frames and keys for the floor. The key is a constant: nothing here is secret.

#include "bench/traffic/sealed_block.h"

#include <algorithm>
#include <array>

namespace caponier::bench {

namespace {

constexpr std::array<std::byte, 64> key_material{};
constexpr std::byte channel_data{94};

std::unique_ptr<ssh::Aead> make(ssh::AeadProvider provider) {
    const ssh::CipherShape& shape = ssh::shape_of(ssh::CipherAlgorithm::aes128_gcm);
    const std::span<const std::byte> material{key_material};
    return ssh::make_aead(
        ssh::CipherAlgorithm::aes128_gcm,
        {.key = material.first(shape.key_bytes), .iv = material.first(shape.iv_bytes)},
        provider);
}

void write_uint32(std::span<std::byte> to, std::size_t value) noexcept {
    for (std::size_t i = 0; i < 4; ++i) {
        to[i] = static_cast<std::byte>(value >> (24 - 8 * i));
    }
}

std::size_t read_uint32(std::span<const std::byte> from) noexcept {
    std::size_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) {
        value = value << 8U | std::to_integer<std::size_t>(from[i]);
    }
    return value;
}

}  // namespace

bool cipher_is_ipsec_mb() {
    return make(ssh::AeadProvider::ipsec_mb) != nullptr;
}

std::unique_ptr<ssh::Aead> make_cipher() {
    if (auto cipher = make(ssh::AeadProvider::ipsec_mb)) {
        return cipher;
    }
    return make(ssh::AeadProvider::automatic);
}

void frame(std::span<std::byte> packet, std::size_t data_bytes) noexcept {
    constexpr std::size_t tag = 16;
    const std::size_t padding = packet.size() - tag - data_offset - data_bytes;
    write_uint32(packet, packet.size() - 4 - tag);
    packet[4] = static_cast<std::byte>(padding);
    packet[5] = channel_data;
    write_uint32(packet.subspan(6), 0);
    write_uint32(packet.subspan(10), data_bytes);
    std::ranges::fill(packet.subspan(data_offset + data_bytes, padding), std::byte{});
}

std::span<std::byte> data_of(std::span<std::byte> packet) noexcept {
    const std::size_t length = read_uint32(packet.subspan(10));
    if (packet[5] != channel_data || data_offset + length > packet.size()) {
        return {};
    }
    return packet.subspan(data_offset, length);
}

std::vector<std::byte> sealed_block() {
    constexpr std::size_t size = packet_bytes(piece_bytes);
    std::vector<std::byte> block(size * packets_per_block);
    const auto cipher = make_cipher();
    for (std::uint32_t i = 0; i < packets_per_block; ++i) {
        const std::span<std::byte> packet = std::span{block}.subspan(i * size, size);
        frame(packet, piece_bytes);
        cipher->seal(i, packet);
    }
    return block;
}

}  // namespace caponier::bench
