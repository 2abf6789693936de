#pragma once
// The one line for a system call that the machine refuses to the program as a whole: what, why, and
// what a person can do about it.

#include <string>
#include <string_view>

#include "engine/io/loop.h"

namespace caponier::io {

/// What helps against an error of that kind; empty where nothing is known to.
[[nodiscard]] std::string_view remedy_for(IoError error) noexcept;

/// "signalfd failed: Too many open files (raise the limit of descriptors: ulimit -n)". Where
/// nothing is known to help, the line ends with the reason.
[[nodiscard]] std::string explain_refusal(std::string_view call, IoError why);

}  // namespace caponier::io
