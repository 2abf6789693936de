#pragma once
// Counts every allocation of a program, operator new's and libcrypto's. A program that links this
// is one of its own, because it replaces the functions that allocate.

#include <cstddef>

namespace caponier::ssh {

/// Since the program began.
[[nodiscard]] std::size_t counted_allocations() noexcept;

/// To be called first in main(). False: libcrypto was used before it could be counted.
[[nodiscard]] bool count_allocations_of_libcrypto() noexcept;

}  // namespace caponier::ssh
