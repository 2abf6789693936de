#pragma once
// Cuts a key file into lines, whatever system it was written on. Shared by the text formats of
// this folder; what a line means is theirs.

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>

namespace caponier::ssh {

/// The lines of a text, one after the other, without LF or CR LF.
class TextLines {
  public:
    explicit TextLines(std::string_view text) noexcept : rest_{text} {}

    /// Empty at the end of the text. A last line without a line feed is a line.
    [[nodiscard]] std::optional<std::string_view> next() noexcept {
        if (rest_.empty()) {
            return std::nullopt;
        }
        ++number_;
        const std::size_t end = std::min(rest_.find('\n'), rest_.size());
        std::string_view line = rest_.substr(0, end);
        rest_.remove_prefix(std::min(end + 1, rest_.size()));
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        return line;
    }

    /// Of the line that next() returned last, counted from 1.
    [[nodiscard]] std::size_t number() const noexcept { return number_; }

  private:
    std::string_view rest_;
    std::size_t number_ = 0;
};

/// Takes spaces and tabs off both ends.
[[nodiscard]] inline std::string_view trim(std::string_view text) noexcept {
    const std::size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Takes the first word off a text that has no blanks in front, with the blanks that follow it.
[[nodiscard]] inline std::string_view take_word(std::string_view& text) noexcept {
    const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
    const std::string_view word = text.substr(0, end);
    text = trim(text.substr(end));
    return word;
}

}  // namespace caponier::ssh
