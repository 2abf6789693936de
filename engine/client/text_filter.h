#pragma once
// Makes the words of a peer fit for a terminal and a log. RFC 4251 9.2: "All implementations should
// take care to avoid displaying data that contains control characters". Every text that came from a
// server, an agent or a key file passes through here before a person sees it.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace caponier::client {

/// Longer texts are cut, and end in "...".
inline constexpr std::size_t printable_bytes_max = 512;

/// `text` in one line: printable ASCII and well-formed UTF-8 as they are, everything else as \xNN.
/// Control characters that come as UTF-8 (C1, line separators, changes of the writing direction)
/// are escaped like any other. A backslash stays one, because the text is for people only.
[[nodiscard]] std::string printable(std::string_view text,
                                    std::size_t bytes_max = printable_bytes_max);

/// printable() in quotation marks, for the middle of a sentence: marks in the text are escaped, so
/// that what follows is ours.
[[nodiscard]] std::string quoted(std::string_view text,
                                 std::size_t bytes_max = printable_bytes_max);

/// A peer may send as many lines as it likes. A log has not as many.
inline constexpr std::size_t attributed_lines_max = 40;

/// The lines of a peer's text, each printable() and behind `speaker`, so that none of them can pass
/// for a line of ours. Blank lines are left out. Where there are more than
/// attributed_lines_max, one that says how many is the last.
[[nodiscard]] std::vector<std::string> attributed_lines(std::string_view speaker,
                                                        std::string_view text);

}  // namespace caponier::client
