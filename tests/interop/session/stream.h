#pragma once
// What travels through the channels of the session tests: streams whose every byte both ends know
// from its offset, so that a lost, doubled, changed or reordered one shows where it happens.

#include <cstddef>
#include <cstdint>
#include <span>

namespace caponier::ssh::test {

/// The byte at `offset` of a stream; differs between streams and offsets.
[[nodiscard]] constexpr std::byte expected_byte(std::uint64_t stream, std::uint64_t offset) {
    const std::uint64_t word = (offset / 8 + stream * 0x9e3779b97f4a7c15U) * 0xbf58476d1ce4e5b9U;
    return static_cast<std::byte>((word ^ (word >> 29)) >> (offset % 8 * 8));
}

/// Fills `bytes` with the stream from `offset` on.
void fill_from_stream(std::span<std::byte> bytes, std::uint64_t stream, std::uint64_t offset);
/// Every one of `bytes` is the stream's, from `offset` on.
[[nodiscard]] bool is_of_stream(std::span<const std::byte> bytes,
                                std::uint64_t stream,
                                std::uint64_t offset);

}  // namespace caponier::ssh::test
