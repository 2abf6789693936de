#pragma once
// What a send was given: how much, and whether it is still the same.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/io/completion.h"

namespace caponier::sim {

[[nodiscard]] inline std::size_t total_bytes(std::span<const io::Piece> pieces) {
    std::size_t total = 0;
    for (const io::Piece& piece : pieces) {
        total += piece.iov_len;
    }
    return total;
}

/// Enough of the pieces' bytes to notice that their owner changed or moved them.
[[nodiscard]] inline std::uint64_t fingerprint_of(std::span<const io::Piece> pieces) {
    constexpr std::size_t looked_at_bytes = 64;
    std::uint64_t fingerprint = total_bytes(pieces);
    for (const io::Piece& piece : pieces) {
        const std::span<const std::byte> bytes = io::bytes_of(piece);
        for (const std::byte byte : bytes.first(std::min(looked_at_bytes, bytes.size()))) {
            fingerprint = fingerprint * 31 + std::to_integer<std::uint64_t>(byte);
        }
    }
    return fingerprint;
}

}  // namespace caponier::sim
