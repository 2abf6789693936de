// Filters texts of peers: see text_filter.h. A small UTF-8 decoder (RFC 3629) that refuses what is
// overlong, a surrogate or out of range, so that a terminal never has to guess.

#include "engine/client/text_filter.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include <fmt/format.h>

namespace caponier::client {

namespace {

struct CodePoint {
    std::uint32_t value = 0;
    std::size_t bytes = 0;  ///< 0: not well-formed
};

CodePoint decode(std::string_view text) noexcept {
    const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
    const std::uint8_t first = at(0);
    if (first < 0x80) {
        return {first, 1};
    }
    const std::size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 0;
    if (bytes == 0 || first > 0xf4 || bytes > text.size()) {
        return {};
    }
    std::uint32_t value = first & (0x7fU >> bytes);
    for (std::size_t i = 1; i < bytes; ++i) {
        if ((at(i) & 0xc0) != 0x80) {
            return {};
        }
        value = value << 6 | (at(i) & 0x3fU);
    }
    constexpr std::array<std::uint32_t, 5> smallest{0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = value >= 0xd800 && value <= 0xdfff;
    if (value < smallest[bytes] || surrogate || value > 0x10ffff) {
        return {};
    }
    return {value, bytes};
}

bool is_harmless(std::uint32_t value) noexcept {
    const bool control = value < 0x20 || (value >= 0x7f && value < 0xa0);
    const bool separator = value == 0x2028 || value == 0x2029;
    const bool direction = (value >= 0x200e && value <= 0x200f) ||
                           (value >= 0x202a && value <= 0x202e) ||
                           (value >= 0x2066 && value <= 0x2069) || value == 0x61c;
    return !control && !separator && !direction;
}

void append_escaped(std::string& out, std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    for (const char byte : bytes) {
        const auto value = static_cast<std::uint8_t>(byte);
        out.append("\\x").append(1, digits[value >> 4]).append(1, digits[value & 15]);
    }
}

}  // namespace

std::string printable(std::string_view text, std::size_t bytes_max) {
    std::string out;
    while (!text.empty()) {
        const CodePoint point = decode(text);
        const std::string_view piece = text.substr(0, point.bytes == 0 ? 1 : point.bytes);
        std::string shown;
        if (point.bytes > 0 && is_harmless(point.value)) {
            shown = piece;
        } else {
            append_escaped(shown, piece);
        }
        if (out.size() + shown.size() > bytes_max) {
            return out + "...";
        }
        out += shown;
        text.remove_prefix(piece.size());
    }
    return out;
}

std::string quoted(std::string_view text, std::size_t bytes_max) {
    std::string out{'"'};
    for (const char c : printable(text, bytes_max)) {
        if (c == '"') {
            append_escaped(out, "\"");
        } else {
            out += c;
        }
    }
    return out + '"';
}

std::vector<std::string> attributed_lines(std::string_view speaker, std::string_view text) {
    std::vector<std::string> lines;
    std::size_t more = 0;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        if (line.find_first_not_of(" \t") == std::string_view::npos) {
            continue;
        }
        if (lines.size() < attributed_lines_max) {
            lines.push_back(std::string{speaker} + printable(line));
        } else {
            ++more;
        }
    }
    if (more > 0) {
        lines.push_back(fmt::format("{}({} more lines, which are not shown)", speaker, more));
    }
    return lines;
}

}  // namespace caponier::client
