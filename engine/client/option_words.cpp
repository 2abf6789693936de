// OpenSSH's strdelim() for the keyword and argv_split() for the rest.

#include "engine/client/option_words.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "engine/client/text_filter.h"

namespace caponier::client {

namespace {

constexpr std::string_view blanks = " \t\r\n";

void skip_blanks(std::string_view& text) noexcept {
    text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
}

bool is_escape(std::string_view text, bool quoted) noexcept {
    if (text.size() < 2 || text[0] != '\\') {
        return false;
    }
    const char next = text[1];
    return next == '\'' || next == '"' || next == '\\' || (!quoted && next == ' ');
}

/// Takes one word off the front of `text`; empty if a quote is not closed.
std::optional<std::string> take_word(std::string_view& text) {
    std::string word;
    char quote = 0;
    while (!text.empty()) {
        const char c = text.front();
        if (is_escape(text, quote != 0)) {
            word += text[1];
            text.remove_prefix(2);
            continue;
        }
        if (quote == 0 && (c == ' ' || c == '\t')) {
            return word;
        }
        if (quote == 0 && (c == '"' || c == '\'')) {
            quote = c;
        } else if (quote != 0 && c == quote) {
            quote = 0;
        } else {
            word += c;
        }
        text.remove_prefix(1);
    }
    return quote == 0 ? std::optional{word} : std::nullopt;
}

}  // namespace

tl::expected<OptionWords, std::string> split_option(std::string_view text) {
    const std::string_view whole = text;
    text = text.substr(0, text.find_last_not_of(blanks) + 1);
    skip_blanks(text);
    OptionWords words;
    words.key = text.substr(0, text.find_first_of(" \t="));
    text.remove_prefix(words.key.size());
    skip_blanks(text);
    if (!text.empty() && text.front() == '=') {
        text.remove_prefix(1);
        skip_blanks(text);
    }
    if (words.key.empty()) {
        return tl::unexpected{fmt::format("-o {}: expected Key=Value", printable(whole))};
    }
    while (!text.empty() && text.front() != '#') {
        std::optional<std::string> word = take_word(text);
        if (!word) {
            return tl::unexpected{fmt::format("-o {}: a quote is not closed", printable(whole))};
        }
        words.arguments.push_back(std::move(*word));
        skip_blanks(text);
    }
    return words;
}

}  // namespace caponier::client
