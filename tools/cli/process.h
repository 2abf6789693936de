#pragma once
// What the program sets for its whole process, before any thread starts: standard streams, resource
// limits and signals.

#include <string>
#include <utility>

#include <tl/expected.hpp>

#include "engine/io/socket.h"

namespace caponier::cli {

/// Opens those of the descriptors 0 to 2 that the caller has closed on /dev/null, as ssh does: else
/// the next thing that is opened becomes one of them, and what is written for people goes into it.
/// Before anything else is opened. The error is one line.
[[nodiscard]] tl::expected<void, std::string> open_standard_streams();

/// Raises the soft limit of descriptors to the hard one (each connection takes two), turns core
/// dumps off (memory holds keys), and ignores SIGPIPE (a send that fails says so itself).
void prepare_process() noexcept;

/// Ends the process with one sentence, because an allocation failed. Allocates nothing.
[[noreturn]] void end_without_memory() noexcept;

/// Ends the process as SIGINT does where nobody handles it. The last thing that a program does.
void die_of_interrupt() noexcept;

/// SIGINT, SIGTERM and SIGHUP as something to wait for. Made before any thread starts, because
/// threads inherit that these signals are blocked. Those that the caller ignores stay ignored:
/// SIGHUP under nohup, SIGINT in a script's background jobs.
class StopSignals {
  public:
    /// The error is one line: the process has no descriptors left, or a filter refuses signalfd.
    [[nodiscard]] static tl::expected<StopSignals, std::string> make();

    /// Readable while a signal is pending.
    [[nodiscard]] int fd() const noexcept { return signals_.fd(); }
    /// Takes one pending signal and returns its number; 0 if none is pending.
    int take() noexcept;

  private:
    explicit StopSignals(io::Socket signals) noexcept : signals_(std::move(signals)) {}

    io::Socket signals_;
};

}  // namespace caponier::cli
