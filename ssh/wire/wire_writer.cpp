// The data types of RFC 4251 5, written; see wire_writer.h.

#include "ssh/wire/wire_writer.h"

#include <algorithm>
#include <limits>

#include "ssh/expects.h"
#include "ssh/wire/bytes.h"

namespace caponier::ssh {

namespace {

constexpr std::size_t length_bytes = 4;

void put_uint32(std::span<std::byte> room, std::uint32_t value) noexcept {
    for (std::byte& byte : room) {
        byte = static_cast<std::byte>(value >> 24);
        value <<= 8;
    }
}

/// Our own strings never come near 4 GiB; a peer's cannot, either, because of its packets.
std::uint32_t length_of(std::size_t bytes) noexcept {
    expects(bytes <= std::numeric_limits<std::uint32_t>::max());
    return static_cast<std::uint32_t>(bytes);
}

}  // namespace

std::span<std::byte> WireWriter::claim(std::size_t count) noexcept {
    if (growing_ != nullptr) {
        growing_->resize(begin_ + used_ + count);
        const std::span<std::byte> room = std::span{*growing_}.subspan(begin_ + used_);
        used_ += count;
        return room;
    }
    if (overflowed_ || count > room_.size() - used_) [[unlikely]] {
        overflowed_ = true;
        return {};
    }
    const std::span<std::byte> room = room_.subspan(used_, count);
    used_ += count;
    return room;
}

void WireWriter::byte(std::uint8_t value) noexcept {
    std::ranges::fill(claim(1), std::byte{value});
}

void WireWriter::uint32(std::uint32_t value) noexcept {
    put_uint32(claim(sizeof value), value);
}

void WireWriter::uint64(std::uint64_t value) noexcept {
    uint32(static_cast<std::uint32_t>(value >> 32));
    uint32(static_cast<std::uint32_t>(value));
}

void WireWriter::fixed(std::span<const std::byte> bytes) noexcept {
    const std::span<std::byte> room = claim(bytes.size());
    if (room.size() == bytes.size()) {
        std::ranges::copy(bytes, room.begin());
    }
}

void WireWriter::string(std::span<const std::byte> bytes) noexcept {
    uint32(length_of(bytes.size()));
    fixed(bytes);
}

void WireWriter::text(std::string_view text) noexcept {
    string(bytes_of(text));
}

void WireWriter::mpint(std::span<const std::byte> magnitude) noexcept {
    const auto first =
        std::ranges::find_if(magnitude, [](std::byte b) { return b != std::byte{0}; });
    const std::span<const std::byte> digits{first, magnitude.end()};
    // RFC 4251 5: "If the most significant bit would be set for a positive number, the number MUST
    // be preceded by a zero byte."
    const bool padded = !digits.empty() && (digits[0] & std::byte{0x80}) != std::byte{0};
    uint32(length_of(digits.size() + (padded ? 1 : 0)));
    if (padded) {
        byte(0);
    }
    fixed(digits);
}

void WireWriter::name_list(std::span<const std::string> names) noexcept {
    const OpenString list = begin_string();
    bool first = true;
    for (const std::string& name : names) {
        if (!first) {
            byte(',');
        }
        fixed(bytes_of(name));
        first = false;
    }
    end_string(list);
}

void WireWriter::name_list(std::initializer_list<std::string_view> names) noexcept {
    const OpenString list = begin_string();
    bool first = true;
    for (const std::string_view name : names) {
        if (!first) {
            byte(',');
        }
        fixed(bytes_of(name));
        first = false;
    }
    end_string(list);
}

WireWriter::OpenString WireWriter::begin_string() noexcept {
    const OpenString open{used_};
    uint32(0);
    return open;
}

void WireWriter::end_string(OpenString open) noexcept {
    if (overflowed_) {
        return;
    }
    const auto at = static_cast<std::size_t>(open);
    expects(at + length_bytes <= used_);
    const std::span<std::byte> all =
        growing_ != nullptr ? std::span{*growing_}.subspan(begin_, used_) : room_.first(used_);
    put_uint32(all.subspan(at, length_bytes), length_of(used_ - at - length_bytes));
}

std::span<const std::byte> WireWriter::written() const noexcept {
    if (growing_ != nullptr) {
        return std::span<const std::byte>{*growing_}.subspan(begin_, used_);
    }
    return room_.first(used_);
}

}  // namespace caponier::ssh
