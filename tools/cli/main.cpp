// The program: prepares the process, understands the command line, and does what it says.
// The engine begins at engine/client/forwarder.h.

#include <cstdio>
#include <variant>

#include <fmt/format.h>

#include "tools/cli/arguments.h"
#include "tools/cli/console.h"
#include "tools/cli/demo.h"
#include "tools/cli/forward.h"
#include "tools/cli/process.h"
#include "tools/cli/version.h"

namespace caponier::cli {
namespace {

using client::ExitCode;

/// One operator() per command.
class Runner {
  public:
    explicit Runner(StopSignals& signals) : signals_(signals) {}

    ExitCode operator()(const ForwardCommand& command) const {
        Console console{command.settings.log_level};
        return run_forwards(command.settings, signals_, console);
    }

    ExitCode operator()(const DemoCommand& command) const {
        Console console{command.log_level};
        return run_demo(command, signals_, console);
    }

    ExitCode operator()(const VersionCommand& /*command*/) const {
        // ssh -V writes to stderr, and scripts look there.
        fmt::print(stderr, "{}\n", version_line());
        return ExitCode::ok;
    }

    ExitCode operator()(const HelpCommand& /*command*/) const {
        fmt::print("{}", help_text());
        return ExitCode::ok;
    }

  private:
    StopSignals& signals_;
};

ExitCode run(std::span<char* const> arguments) {
    prepare_process();
    const auto command = parse_arguments(arguments);
    if (!command) {
        fmt::print(stderr, "caponier: {}\n", command.error());
        return ExitCode::usage;
    }
    auto signals = StopSignals::make();
    if (!signals) {
        fmt::print(stderr, "caponier: {}\n", signals.error());
        return ExitCode::failed;
    }
    return std::visit(Runner{*signals}, *command);
}

}  // namespace
}  // namespace caponier::cli

int main(int argument_count, char** arguments) {
    const std::span<char* const> all{arguments, static_cast<std::size_t>(argument_count)};
    return static_cast<int>(caponier::cli::run(all));
}
