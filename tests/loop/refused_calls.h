#pragma once
// System calls that fail from now on, by a seccomp filter, as under a container's runtime.

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>

namespace caponier::looptest {

/// A system call that fails with `error`.
struct Refusal {
    std::uint32_t system_call = 0;
    std::uint32_t error = 0;
};

/// For the calling thread and those that it starts, until they end. False if the kernel takes no
/// filter.
[[nodiscard]] bool refuse_from_now_on(std::initializer_list<Refusal> refusals);

/// What `report` returns in a forked child for which the calls fail.
[[nodiscard]] std::string report_under(std::initializer_list<Refusal> refusals,
                                       const std::function<std::string()>& report);

}  // namespace caponier::looptest
