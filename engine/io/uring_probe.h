#pragma once
// Whether a ring can do what UringLoop needs (all of it is in Linux 6.1), and the words for a
// person where io_uring is refused.

#include <optional>
#include <string>

#include "engine/io/uring_ring.h"

namespace caponier::io {

/// The first thing that the kernel or its sandbox does not offer; empty if all is there.
[[nodiscard]] std::optional<UringRefusal> find_missing_operation(UringRing& ring);

/// One clause that says what was refused, why, and what would help: "io_uring_setup is not
/// permitted (kernel.io_uring_disabled is 2: ...)".
[[nodiscard]] std::string explain(const UringRefusal& refusal);

}  // namespace caponier::io
