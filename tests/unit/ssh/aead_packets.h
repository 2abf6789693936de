#pragma once
// Keys, frames and random packets for the tests of the packet ciphers.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "ssh/crypto/aead.h"
#include "ssh/wire/wire_writer.h"
#include "tests/unit/ssh/hex.h"

namespace caponier::ssh {

using Bytes = std::vector<std::byte>;

/// uint32 packet_length, byte padding_length; byte message, uint32 channel, uint32 length.
inline constexpr std::size_t channel_data_offset = 4 + 1 + 9;
inline constexpr std::size_t aead_tag_bytes = 16;

/// An SSH packet as it is before it is sealed, room for the tag included: a head of ten bytes,
/// `data_bytes` of data, and at least four of padding.
inline Bytes frame_of(CipherAlgorithm algorithm, std::size_t data_bytes, std::mt19937& random) {
    const std::size_t block_bytes = shape_of(algorithm).block_bytes;
    const std::size_t unpadded = channel_data_offset - packet_length_bytes + data_bytes + 4;
    const std::size_t text_bytes = (unpadded + block_bytes - 1) / block_bytes * block_bytes;
    Bytes frame(packet_length_bytes + text_bytes + aead_tag_bytes);
    std::generate(frame.begin(), frame.end(), [&] { return static_cast<std::byte>(random()); });
    WireWriter out{std::span{frame}};
    out.uint32(static_cast<std::uint32_t>(text_bytes));
    out.byte(static_cast<std::uint8_t>(4 + text_bytes - unpadded));
    return frame;
}

/// The bytes 0, 1, 2, ... as the key, and an invocation counter that is near a carry.
class TestKey {
  public:
    explicit TestKey(CipherAlgorithm algorithm)
        : key_(shape_of(algorithm).key_bytes), iv_(from_hex("0a0b0c0d 00000000fffffffe")) {
        iv_.resize(shape_of(algorithm).iv_bytes);
        for (std::size_t at = 0; at < key_.size(); ++at) {
            key_[at] = static_cast<std::byte>(at);
        }
    }
    TestKey(CipherAlgorithm algorithm, std::string_view iv) : TestKey{algorithm} {
        iv_ = from_hex(iv);
    }

    [[nodiscard]] AeadKey view() const { return {.key = key_, .iv = iv_}; }

  private:
    Bytes key_;
    Bytes iv_;
};

/// What `frame` is to its receiver: packet_length, padding_length, payload, padding.
inline Bytes text_of_frame(std::span<const std::byte> frame) {
    return copy_of(
        frame.subspan(packet_length_bytes, frame.size() - packet_length_bytes - aead_tag_bytes));
}

/// The seed of a random test, from AEAD_TEST_SEED where that is set.
inline std::uint32_t aead_test_seed() {
    const char* const given = std::getenv("AEAD_TEST_SEED");
    return given != nullptr ? static_cast<std::uint32_t>(std::strtoul(given, nullptr, 10))
                            : std::random_device{}();
}

}  // namespace caponier::ssh
