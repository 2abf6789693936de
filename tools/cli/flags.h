#pragma once
// The flags of the command line, in one table: what getopt takes, and what --help says of it. What
// a flag does is arguments.cpp's part; what -o takes is the table of engine/client/settings.cpp.

#include <string>
#include <vector>

#include <getopt.h>

namespace caponier::cli {

/// getopt's answers that are not a letter.
enum Answer : int {
    end_of_arguments = -1,
    plain_argument = 1,
    io_option = 256,
    ssh_option,
    shards_option,
    pin_option,
    once_option,
    help_option,
    version_option,
};

/// The letters as getopt wants them. Leading '-': plain arguments are told in their place. ':': a
/// missing value is told apart.
[[nodiscard]] std::string getopt_letters();
/// The words as getopt_long wants them, with the empty one at the end.
[[nodiscard]] std::vector<option> getopt_words();

/// What --help prints.
[[nodiscard]] std::string help_text();

}  // namespace caponier::cli
