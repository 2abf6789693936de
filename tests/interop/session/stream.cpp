// A word of eight bytes at a time: the streams are made and compared faster than they are ciphered.

#include "tests/interop/session/stream.h"

#include <algorithm>
#include <array>

namespace caponier::ssh::test {

void fill_from_stream(std::span<std::byte> bytes, std::uint64_t stream, std::uint64_t offset) {
    std::size_t index = 0;
    for (; index < bytes.size() && (offset + index) % 8 != 0; ++index) {
        bytes[index] = expected_byte(stream, offset + index);
    }
    for (; index + 8 <= bytes.size(); index += 8) {
        for (std::size_t part = 0; part < 8; ++part) {
            bytes[index + part] = expected_byte(stream, offset + index + part);
        }
    }
    for (; index < bytes.size(); ++index) {
        bytes[index] = expected_byte(stream, offset + index);
    }
}

bool is_of_stream(std::span<const std::byte> bytes, std::uint64_t stream, std::uint64_t offset) {
    std::array<std::byte, 4096> expected;
    while (!bytes.empty()) {
        const std::size_t count = std::min(bytes.size(), expected.size());
        fill_from_stream(std::span{expected}.first(count), stream, offset);
        if (!std::equal(bytes.begin(),
                        bytes.begin() + static_cast<std::ptrdiff_t>(count),
                        expected.begin())) {
            return false;
        }
        bytes = bytes.subspan(count);
        offset += count;
    }
    return true;
}

}  // namespace caponier::ssh::test
