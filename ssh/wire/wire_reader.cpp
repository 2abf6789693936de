// The data types of RFC 4251 5 that are too rare or too long for the header; see wire_reader.h.

#include "ssh/wire/wire_reader.h"

namespace caponier::ssh {

std::uint64_t WireReader::uint64() noexcept {
    std::uint64_t value = 0;
    for (const std::byte byte : fixed(sizeof value)) {
        value = value << 8 | std::to_integer<std::uint64_t>(byte);
    }
    return value;
}

std::span<const std::byte> WireReader::mpint() noexcept {
    constexpr std::byte sign_bit{0x80};
    const std::span<const std::byte> number = string();
    if (number.empty()) {
        return {};
    }
    // RFC 4251 5: negative numbers have the top bit set; no field of SSH is ever negative.
    if ((number[0] & sign_bit) != std::byte{0}) {
        fail();
        return {};
    }
    if (number[0] != std::byte{0}) {
        return number;
    }
    // RFC 4251 5: "Unnecessary leading bytes with the value 0 or 255 MUST NOT be included." and
    // "The value zero MUST be stored as a string with zero bytes of data."
    if (number.size() == 1 || (number[1] & sign_bit) == std::byte{0}) {
        fail();
        return {};
    }
    return number.subspan(1);
}

NameList WireReader::name_list() noexcept {
    const NameList names{text()};
    if (!names.is_valid()) {
        fail();
        return {};
    }
    return names;
}

}  // namespace caponier::ssh
