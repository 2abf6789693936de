#pragma once
// The processors that this process may use: its affinity mask (taskset(1), cgroup cpusets).

#include <cstddef>

#include <sched.h>

namespace caponier::client {

class Processors {
  public:
    /// Those of the calling thread. Taken before any thread is pinned, because threads inherit
    /// that.
    [[nodiscard]] static Processors allowed() noexcept;

    /// At least 1.
    [[nodiscard]] std::size_t count() const noexcept;
    /// Lets the calling thread run on one of them only: the `which`th, round and round. Where the
    /// kernel refuses, nothing changes.
    void pin_thread(std::size_t which) const noexcept;

  private:
    ::cpu_set_t set_{};  ///< empty where the kernel has more processors than the type can name
};

}  // namespace caponier::client
