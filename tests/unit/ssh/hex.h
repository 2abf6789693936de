#pragma once
// Bytes in tests: written in hexadecimal, as in the standards' test vectors, or cut out of a text.

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "ssh/wire/bytes.h"

namespace caponier::ssh {

/// Pairs of hexadecimal digits; blanks between them are for the reader.
inline std::vector<std::byte> from_hex(std::string_view text) {
    std::vector<std::byte> bytes;
    unsigned value = 0;
    bool half = false;
    for (const char c : text) {
        if (c == ' ') {
            continue;
        }
        const unsigned digit = c <= '9' ? static_cast<unsigned>(c - '0')
                                        : static_cast<unsigned>((c | 0x20) - 'a' + 10);
        value = value << 4 | digit;
        if (half) {
            bytes.push_back(static_cast<std::byte>(value));
            value = 0;
        }
        half = !half;
    }
    return bytes;
}

inline std::vector<std::byte> copy_of(std::span<const std::byte> bytes) {
    return {bytes.begin(), bytes.end()};
}

inline std::vector<std::byte> copy_of(std::string_view text) {
    return copy_of(bytes_of(text));
}

}  // namespace caponier::ssh
