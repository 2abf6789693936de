#pragma once
// The operating system's random numbers, for SessionConfig::random.

#include "ssh/config.h"

namespace caponier::client {

/// getrandom(2). A kernel without it ends the process: nothing may run on weaker numbers.
[[nodiscard]] ssh::RandomSource os_random_source() noexcept;

}  // namespace caponier::client
