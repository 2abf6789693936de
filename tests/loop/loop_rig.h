#pragma once
// The kinds of loop that the contract suite runs over. Adding a backend is adding a kind: nothing
// in the tests knows more of a loop than loop.h and this.

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "engine/io/loop.h"

namespace caponier::looptest {

/// One loop and the world around it.
class LoopRig {
  public:
    LoopRig() = default;
    LoopRig(const LoopRig&) = delete;
    LoopRig& operator=(const LoopRig&) = delete;
    virtual ~LoopRig() = default;

    [[nodiscard]] virtual io::Loop& loop() noexcept = 0;
    /// Where a unix listener may be made; another one at each call.
    [[nodiscard]] virtual io::Address unused_unix_address() = 0;
    /// While true, accept() finds no free descriptor.
    virtual void set_descriptors_exhausted(bool exhausted) = 0;
};

struct LoopKind {
    std::string name;
    /// The loop runs on the kernel: in real time, and on any thread.
    bool has_kernel = true;
    std::function<std::unique_ptr<LoopRig>()> make;
};

/// GoogleTest prints parameters with it.
inline void PrintTo(const LoopKind& kind, std::ostream* out) {
    *out << kind.name;
}

/// io_uring and epoll. A backend that cannot be had on this machine is listed all the same, so that
/// its tests fail instead of being forgotten.
[[nodiscard]] std::vector<LoopKind> kernel_loops();
/// These and SimLoop.
[[nodiscard]] std::vector<LoopKind> all_loops();

}  // namespace caponier::looptest
