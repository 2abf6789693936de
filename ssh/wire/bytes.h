#pragma once
// Text seen as bytes and bytes seen as text. SSH strings are both; these two functions are where
// the core changes its view, so that no other folder needs a cast.

#include <cstddef>
#include <span>
#include <string_view>

namespace caponier::ssh {

/// The view lives as long as `text`.
[[nodiscard]] inline std::span<const std::byte> bytes_of(std::string_view text) noexcept {
    return std::as_bytes(std::span{text.data(), text.size()});
}

/// The view lives as long as `bytes`. The text is whatever the peer sent: not checked for UTF-8,
/// not free of control characters.
[[nodiscard]] inline std::string_view text_of(std::span<const std::byte> bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace caponier::ssh
