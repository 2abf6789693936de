#pragma once
// Reads the data types of RFC 4251 5 out of a message. It remembers the first failure and yields
// zeros and empty views from then on, so that a parser reads as the RFC's list of fields and asks
// once, at the end. Nothing is copied and nothing is allocated: no length drives an allocation.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "ssh/wire/bytes.h"
#include "ssh/wire/name_list.h"

namespace caponier::ssh {

/// Every view that it yields points into the bytes that it was made from and lives as long.
class WireReader {
  public:
    explicit WireReader(std::span<const std::byte> bytes) noexcept : unread_{bytes} {}

    std::uint8_t byte() noexcept;
    /// RFC 4251 5: "All non-zero values MUST be interpreted as TRUE".
    bool boolean() noexcept { return byte() != 0; }
    std::uint32_t uint32() noexcept;
    std::uint64_t uint64() noexcept;
    std::span<const std::byte> string() noexcept { return fixed(uint32()); }
    std::string_view text() noexcept { return text_of(string()); }
    /// The magnitude of a non-negative mpint, big-endian and without leading zeros; empty is 0.
    /// Refuses negative numbers and encodings that are longer than need be.
    std::span<const std::byte> mpint() noexcept;
    /// Refuses a list with an invalid name.
    NameList name_list() noexcept;
    /// Exactly `count` bytes without a length in front of them.
    std::span<const std::byte> fixed(std::size_t count) noexcept;
    /// All that was not read yet.
    std::span<const std::byte> rest() noexcept { return fixed(unread_.size()); }

    /// Fails the message for a reason that only the caller can see (a constant that is wrong).
    void fail() noexcept;

    /// No failure so far; for parsing the beginning of a message.
    [[nodiscard]] bool ok() const noexcept { return !failed_; }
    /// No failure, and nothing is left.
    [[nodiscard]] bool complete() const noexcept { return !failed_ && unread_.empty(); }
    [[nodiscard]] std::size_t unread_bytes() const noexcept { return unread_.size(); }

  private:
    std::span<const std::byte> unread_;
    bool failed_ = false;
};

inline std::span<const std::byte> WireReader::fixed(std::size_t count) noexcept {
    if (count > unread_.size()) [[unlikely]] {
        fail();
        return {};
    }
    const std::span<const std::byte> bytes = unread_.first(count);
    unread_ = unread_.subspan(count);
    return bytes;
}

inline std::uint8_t WireReader::byte() noexcept {
    const std::span<const std::byte> bytes = fixed(1);
    return bytes.empty() ? std::uint8_t{0} : std::to_integer<std::uint8_t>(bytes[0]);
}

inline std::uint32_t WireReader::uint32() noexcept {
    std::uint32_t value = 0;
    for (const std::byte byte : fixed(sizeof value)) {
        value = value << 8 | std::to_integer<std::uint32_t>(byte);
    }
    return value;
}

inline void WireReader::fail() noexcept {
    failed_ = true;
    unread_ = {};
}

}  // namespace caponier::ssh
