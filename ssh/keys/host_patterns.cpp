// Patterns and hashes of host names; see host_patterns.h.

#include "ssh/keys/host_patterns.h"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>

#include "ssh/crypto/hash.h"
#include "ssh/expects.h"
#include "ssh/keys/base64.h"
#include "ssh/wire/bytes.h"

namespace caponier::ssh {

namespace {

constexpr std::string_view hash_begin = "|1|";

constexpr char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

constexpr bool same_letter(char a, char b) noexcept {
    return lower(a) == lower(b);
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

bool matches_hashed_name(std::string_view hashed, std::string_view name) {
    if (!hashed.starts_with(hash_begin)) {
        return false;
    }
    std::string_view salt_text = hashed.substr(hash_begin.size());
    salt_text = salt_text.substr(0, salt_text.find('|'));
    std::array<std::byte, host_salt_bytes> salt{};
    if (decode_base64(salt_text, salt) != salt.size()) {
        return false;
    }
    return hashed_host_name(name, salt) == hashed;
}

}  // namespace caponier::ssh
