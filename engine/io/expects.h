#pragma once
// Programmer errors of the event loop's users and of the loop itself. What the kernel or a peer
// does never reaches an expects(): it is an Outcome.

#include <cstdio>
#include <cstdlib>

namespace caponier::io {

/// Ends the process where the code broke its own contract; kept in release builds.
inline void expects(bool condition,
                    const char* file = __builtin_FILE(),
                    int line = __builtin_LINE()) noexcept {
    if (!condition) [[unlikely]] {
        std::fprintf(stderr, "caponier: broken contract at %s:%d\n", file, line);
        std::abort();
    }
}

}  // namespace caponier::io
