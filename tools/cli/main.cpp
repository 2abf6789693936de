// The program: prepares the process, understands the command line, and does what it says.
// The engine begins at engine/client/forwarder.h.

#include <cstdio>
#include <span>
#include <string>
#include <variant>

#include "tools/cli/arguments.h"
#include "tools/cli/console.h"
#include "tools/cli/demo.h"
#include "tools/cli/flags.h"
#include "tools/cli/forward.h"
#include "tools/cli/out_of_memory.h"
#include "tools/cli/process.h"
#include "tools/cli/version.h"

namespace caponier::cli {
namespace {

using client::ExitCode;

/// A stream that takes nothing (a full disk, a reader that went away) is no reason to fail;
/// fmt::print would throw.
void write_text(std::FILE* stream, const std::string& text) {
    [[maybe_unused]] const int result = std::fputs(text.c_str(), stream);
}

void complain(const std::string& line) {
    write_text(stderr, "caponier: " + line + "\n");
}

/// One operator() per command.
class Runner {
  public:
    explicit Runner(StopSignals& signals) : signals_(signals) {}

    ExitCode operator()(const ForwardCommand& command) const {
        Console console{{.level = command.settings.log_level,
                         .has_timestamps = command.settings.log_timestamps}};
        return run_forwards(command.settings, signals_, console);
    }

    ExitCode operator()(const DemoCommand& command) const {
        Console console{{.level = command.log_level}};
        return run_demo(command, signals_, console);
    }

    ExitCode operator()(const VersionCommand& /*command*/) const {
        // ssh -V writes to stderr, and scripts look there.
        write_text(stderr, version_line() + "\n");
        return ExitCode::ok;
    }

    ExitCode operator()(const HelpCommand& /*command*/) const {
        write_text(stdout, std::string{help_text()});
        return ExitCode::ok;
    }

  private:
    StopSignals& signals_;
};

ExitCode run(std::span<char* const> arguments) {
    if (const auto opened = open_standard_streams(); !opened) {
        complain(opened.error());
        return ExitCode::failed;
    }
    prepare_process();
    const auto command = parse_arguments(arguments);
    if (!command) {
        complain(command.error());
        return ExitCode::usage;
    }
    auto signals = StopSignals::make();
    if (!signals) {
        complain(signals.error());
        return ExitCode::failed;
    }
    return std::visit(Runner{*signals}, *command);
}

}  // namespace
}  // namespace caponier::cli

int main(int argument_count, char** arguments) {
    caponier::cli::say_when_memory_ends();
    const std::span<char* const> all{arguments, static_cast<std::size_t>(argument_count)};
    const caponier::client::ExitCode code = caponier::cli::run(all);
    if (code == caponier::client::ExitCode::interrupted) {
        caponier::cli::die_of_interrupt();
    }
    return static_cast<int>(code);
}
