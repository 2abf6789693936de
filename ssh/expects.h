#pragma once
// Programmer errors. A peer's bytes never reach an expects(): they end in an Error.

#include <cstdio>
#include <cstdlib>

namespace caponier::ssh {

/// Ends the process where a condition that the code itself guarantees does not hold. Kept in
/// release builds: going on with a broken invariant would be worse than stopping.
inline void expects(bool condition,
                    const char* file = __builtin_FILE(),
                    int line = __builtin_LINE()) noexcept {
    if (!condition) [[unlikely]] {
        std::fprintf(stderr, "caponier: broken invariant at %s:%d\n", file, line);
        std::abort();
    }
}

}  // namespace caponier::ssh
