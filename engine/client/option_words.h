#pragma once
// Cuts the text of one ssh_config(5) option into its keyword and its arguments, with OpenSSH's
// rules for separators, quotes and comments. What the words mean is settings.cpp's part.

#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace caponier::client {

struct OptionWords {
    std::string key;  ///< as written
    std::vector<std::string> arguments;
};

/// "Key=Value", "Key Value", "Key = 'a b' c". The error is one line.
[[nodiscard]] tl::expected<OptionWords, std::string> split_option(std::string_view text);

}  // namespace caponier::client
