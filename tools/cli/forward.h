#pragma once
// Runs a client::Forwarder under the program's signals: the main job of the command line, and the
// middle of the demo.

#include "engine/client/forwarder.h"
#include "tools/cli/console.h"
#include "tools/cli/process.h"
#include "tools/cli/waiting.h"

namespace caponier::cli {

/// A started Forwarder whose end can be waited for together with other things. Destroying one that
/// still runs ends it at once.
class RunningForwarder {
  public:
    /// `ended` is raised when the forwarder has ended.
    RunningForwarder(client::Settings settings, client::Reports reports, Flag ended);
    ~RunningForwarder() = default;
    RunningForwarder(const RunningForwarder&) = delete;
    RunningForwarder& operator=(const RunningForwarder&) = delete;

    [[nodiscard]] client::Forwarder& forwarder() noexcept { return forwarder_; }
    /// Readable once the forwarder has ended.
    [[nodiscard]] int ended_fd() const noexcept { return ended_.fd(); }
    /// Asks it to drain and waits for its end; each further signal asks again, and the second ends
    /// it at once.
    [[nodiscard]] client::ExitCode stop(StopSignals& signals);
    /// Waits for its end, or for signals, which stop it.
    [[nodiscard]] client::ExitCode wait(StopSignals& signals);

  private:
    [[nodiscard]] client::Reports with_end(client::Reports reports);

    Flag ended_;
    client::Forwarder forwarder_;  ///< raises the flag, which outlives it
    bool interrupted_ = false;     ///< by Ctrl-C, while somebody was asked to log in
};

/// `caponier -L ... host`: forwards until it ends by itself or signals end it.
[[nodiscard]] client::ExitCode run_forwards(const client::Settings& settings,
                                            StopSignals& signals,
                                            Console& console);

}  // namespace caponier::cli
