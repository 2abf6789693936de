#pragma once
// How a known_hosts line names its hosts: lists of patterns, and hashes of names. Pure functions on
// text; known_hosts.cpp walks the lines.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace caponier::ssh {

/// The random bytes in a hashed name: as many as SHA-1 yields.
inline constexpr std::size_t host_salt_bytes = 20;

/// Whether a comma-separated list of patterns matches a name: at least one pattern does, and none
/// of those with a leading `!`. `*` stands for any characters, `?` for one; case does not matter.
/// The time is at most the product of the two lengths, whatever the patterns.
[[nodiscard]] bool matches_host_patterns(std::string_view patterns, std::string_view name) noexcept;

/// Whether a principal of a host certificate names a host: one pattern, with the same wildcards. It
/// is no list, so that a comma is a comma, and letters of another case are other letters.
[[nodiscard]] bool matches_principal(std::string_view principal, std::string_view name) noexcept;

/// OpenSSH's "|1|salt|hash" for a name in lower case, where hash is the HMAC-SHA1 of the name with
/// the salt as the key. `salt` has host_salt_bytes.
[[nodiscard]] std::string hashed_host_name(std::string_view name, std::span<const std::byte> salt);

/// Whether the text is "|1|salt|hash" with a salt and a hash of the right length.
[[nodiscard]] bool is_hashed_name(std::string_view text) noexcept;

/// Whether a hashed name stands for `name` (in lower case). False for anything malformed, too.
[[nodiscard]] bool matches_hashed_name(std::string_view hashed, std::string_view name);

}  // namespace caponier::ssh
