#pragma once
// Base64 (RFC 4648 4), strictly: what decodes is exactly what would be encoded, so that two texts
// never stand for the same bytes. Line breaks are the business of the file formats above it.

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace caponier::ssh {

[[nodiscard]] std::string encode_base64(std::span<const std::byte> bytes);

/// How many bytes a text of this length decodes to at most.
[[nodiscard]] constexpr std::size_t decoded_base64_bytes_max(std::size_t text_bytes) noexcept {
    return text_bytes / 4 * 3;
}

/// Decodes into `out` and returns how many bytes there are; empty if the text is not base64 with
/// its padding, has bits beyond its last byte, or does not fit. For secrets, `out` is theirs.
[[nodiscard]] std::optional<std::size_t> decode_base64(std::string_view text,
                                                       std::span<std::byte> out) noexcept;

}  // namespace caponier::ssh
