#pragma once
// `caponier demo`: the main job with nothing configured.

#include "engine/client/forwarder.h"
#include "tools/cli/arguments.h"
#include "tools/cli/console.h"
#include "tools/cli/process.h"

namespace caponier::cli {

/// A bastion, a service behind it, a forward through the one to the other, and one transfer that is
/// shown; then a status line until a signal, unless the command says once. Leaves nothing behind.
[[nodiscard]] client::ExitCode run_demo(const DemoCommand& command,
                                        StopSignals& signals,
                                        Console& console);

}  // namespace caponier::cli
