#pragma once
// Words in which upper and lower case are the same: names of hosts, options, header tags, "yes".
// The letters are those of ASCII, whatever the locale.

#include <algorithm>
#include <string>
#include <string_view>

namespace caponier::ssh {

[[nodiscard]] constexpr char in_lower_case(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

[[nodiscard]] inline std::string in_lower_case(std::string_view text) {
    std::string lower{text};
    for (char& c : lower) {
        c = in_lower_case(c);
    }
    return lower;
}

[[nodiscard]] constexpr bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
    return std::ranges::equal(
        a, b, [](char x, char y) { return in_lower_case(x) == in_lower_case(y); });
}

}  // namespace caponier::ssh
