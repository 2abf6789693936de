// Strict base64; see base64.h.

#include "ssh/keys/base64.h"

#include <array>
#include <cstdint>

namespace caponier::ssh {

namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t not_a_digit = 0xff;

constexpr std::array<std::uint8_t, 256> make_digit_values() {
    std::array<std::uint8_t, 256> values{};
    values.fill(not_a_digit);
    for (std::size_t i = 0; i < alphabet.size(); ++i) {
        values[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
    }
    return values;
}

constexpr std::array<std::uint8_t, 256> digit_values = make_digit_values();

}  // namespace

std::string encode_base64(std::span<const std::byte> bytes) {
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    while (!bytes.empty()) {
        const std::span<const std::byte> group = bytes.first(bytes.size() < 3 ? bytes.size() : 3);
        std::uint32_t bits = 0;
        for (std::size_t i = 0; i < 3; ++i) {
            bits = bits << 8 | (i < group.size() ? std::to_integer<std::uint32_t>(group[i]) : 0);
        }
        for (std::size_t i = 0; i < 4; ++i) {
            text.push_back(i <= group.size() ? alphabet[bits >> (18 - 6 * i) & 63] : '=');
        }
        bytes = bytes.subspan(group.size());
    }
    return text;
}

std::optional<std::size_t> decode_base64(std::string_view text, std::span<std::byte> out) noexcept {
    if (text.size() % 4 != 0) {
        return std::nullopt;
    }
    const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
    const std::size_t bytes = decoded_base64_bytes_max(text.size()) - padding;
    if (bytes > out.size()) {
        return std::nullopt;
    }
    std::uint32_t bits = 0;
    std::size_t bit_count = 0;
    std::size_t written = 0;
    for (const char c : text.substr(0, text.size() - padding)) {
        const std::uint8_t value = digit_values[static_cast<unsigned char>(c)];
        if (value == not_a_digit) {
            return std::nullopt;
        }
        bits = bits << 6 | value;
        bit_count += 6;
        if (bit_count >= 8) {
            bit_count -= 8;
            out[written++] = static_cast<std::byte>(bits >> bit_count);
            bits &= (1U << bit_count) - 1;
        }
    }
    // RFC 4648 3.5: the bits after the last byte are zeros, or two texts would mean the same.
    if (bits != 0) {
        return std::nullopt;
    }
    return written;
}

}  // namespace caponier::ssh
