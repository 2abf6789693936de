// Patterns and hashes of host names; see host_patterns.h.

#include "ssh/keys/host_patterns.h"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>

#include "ssh/crypto/hash.h"
#include "ssh/expects.h"
#include "ssh/keys/base64.h"
#include "ssh/letter_case.h"
#include "ssh/wire/bytes.h"

namespace caponier::ssh {

namespace {

constexpr std::string_view hash_begin = "|1|";

constexpr bool same_letter(char a, char b) noexcept {
    return in_lower_case(a) == in_lower_case(b);
}

/// `same` compares two characters. Keeps one way back only, to the last `*`: a later star makes
/// every earlier one's other choices pointless. So there is no recursion, and no pattern takes
/// exponential time.
template <typename Same>
bool matches_pattern(std::string_view pattern, std::string_view name, Same same) noexcept {
    std::size_t p = 0;
    std::size_t n = 0;
    std::optional<std::size_t> after_star;
    std::size_t star_takes_to = 0;
    while (n < name.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            after_star = ++p;
            star_takes_to = n;
        } else if (p < pattern.size() && (pattern[p] == '?' || same(pattern[p], name[n]))) {
            ++p;
            ++n;
        } else if (after_star) {
            p = *after_star;
            n = ++star_takes_to;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

using HostDigest = std::array<std::byte, host_salt_bytes>;

struct HashedName {
    HostDigest salt{};
    HostDigest hash{};
};

bool decode_digest(std::string_view text, HostDigest& digest) noexcept {
    return decode_base64(text, digest) == digest.size();
}

std::optional<HashedName> split_hashed_name(std::string_view text) noexcept {
    if (!text.starts_with(hash_begin)) {
        return std::nullopt;
    }
    text.remove_prefix(hash_begin.size());
    const std::size_t bar = text.find('|');
    HashedName name;
    if (bar == std::string_view::npos || !decode_digest(text.substr(0, bar), name.salt) ||
        !decode_digest(text.substr(bar + 1), name.hash)) {
        return std::nullopt;
    }
    return name;
}

}  // namespace

bool matches_host_patterns(std::string_view patterns, std::string_view name) noexcept {
    bool matched = false;
    for (bool last = false; !last;) {
        const std::size_t comma = patterns.find(',');
        last = comma == std::string_view::npos;
        std::string_view pattern = patterns.substr(0, comma);
        patterns.remove_prefix(last ? patterns.size() : comma + 1);
        const bool excludes = pattern.starts_with('!');
        if (excludes) {
            pattern.remove_prefix(1);
        }
        if (pattern.empty() || !matches_pattern(pattern, name, &same_letter)) {
            continue;
        }
        if (excludes) {
            return false;
        }
        matched = true;
    }
    return matched;
}

bool matches_principal(std::string_view principal, std::string_view name) noexcept {
    return matches_pattern(principal, name, std::equal_to<>{});
}

std::string hashed_host_name(std::string_view name, std::span<const std::byte> salt) {
    expects(salt.size() == host_salt_bytes);
    const Digest digest = hmac(HashAlgorithm::sha1, salt, bytes_of(name));
    return std::string{hash_begin} + encode_base64(salt) + '|' + encode_base64(digest.bytes());
}

bool is_hashed_name(std::string_view text) noexcept {
    return split_hashed_name(text).has_value();
}

bool matches_hashed_name(std::string_view hashed, std::string_view name) {
    const std::optional<HashedName> parts = split_hashed_name(hashed);
    return parts && hashed_host_name(name, parts->salt) == hashed;
}

}  // namespace caponier::ssh
