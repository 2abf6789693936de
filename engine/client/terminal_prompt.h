#pragma once
// A question on the terminal, /dev/tty, as ssh asks it. A blocking call, for the credential threads
// only. Signals are the main thread's: it reads them from a signalfd and makes `interrupt`
// readable.

#include <string>

#include <tl/expected.hpp>

#include "ssh/crypto/secret_bytes.h"

namespace caponier::client {

/// This process has a terminal that a person could be asked on.
[[nodiscard]] bool has_terminal() noexcept;

/// What is typed up to the end of the line; shown while it is typed only with `echo`. The terminal
/// is as it was on every way out, also where the process dies by a signal that can be caught. One
/// question at a time: others wait for their turn. The error is one line: no terminal, its end
/// (Ctrl-D), or `interrupt`, a descriptor that is not owned, became readable.
[[nodiscard]] tl::expected<ssh::SecretBytes, std::string> ask_on_terminal(const std::string& prompt,
                                                                          bool echo,
                                                                          int interrupt);

}  // namespace caponier::client
