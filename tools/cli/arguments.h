#pragma once
// The command line, with the flags and the rules of ssh(1). What -L and -o hold is understood by
// engine/client/settings.h; this part knows where an argument begins and ends.

#include <span>
#include <string>
#include <variant>

#include <tl/expected.hpp>

#include "engine/client/settings.h"

namespace caponier::cli {

/// caponier -L ... [user@]host
struct ForwardCommand {
    client::Settings settings;
};

/// caponier demo [--once]
struct DemoCommand {
    bool once = false;
    io::Backend backend = io::Backend::automatic;
    client::LogLevel log_level = client::LogLevel::info;
};

struct VersionCommand {};
struct HelpCommand {};

using Command = std::variant<ForwardCommand, DemoCommand, VersionCommand, HelpCommand>;

/// `arguments` as main() gets them, the program's name first. The error is one line that names the
/// argument and what is wrong with it.
[[nodiscard]] tl::expected<Command, std::string> parse_arguments(std::span<char* const> arguments);

}  // namespace caponier::cli
