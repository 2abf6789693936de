// sched_getaffinity(2) and sched_setaffinity(2) behind processors.h.

#include "engine/client/processors.h"

#include <algorithm>

namespace caponier::client {

Processors Processors::allowed() noexcept {
    Processors processors;
    if (::sched_getaffinity(0, sizeof processors.set_, &processors.set_) != 0) {
        CPU_ZERO(&processors.set_);
    }
    return processors;
}

std::size_t Processors::count() const noexcept {
    return static_cast<std::size_t>(std::max(1, CPU_COUNT(&set_)));
}

void Processors::pin_thread(std::size_t which) const noexcept {
    std::size_t skip = which % count();
    for (std::size_t processor = 0; processor < CPU_SETSIZE; ++processor) {
        if (CPU_ISSET(processor, &set_) && skip-- == 0) {
            ::cpu_set_t one;
            CPU_ZERO(&one);
            CPU_SET(processor, &one);
            ::sched_setaffinity(0, sizeof one, &one);
            return;
        }
    }
}

}  // namespace caponier::client
