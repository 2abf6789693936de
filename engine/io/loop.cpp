// What every backend shares of the Loop contract: the words for an error number, a thread's time.

#include "engine/io/loop.h"

#include <cstring>
#include <ctime>

namespace caponier::io {

std::string_view describe(IoError error) noexcept {
    const char* const text = ::strerrordesc_np(error.number);
    return text != nullptr ? std::string_view{text} : std::string_view{"Unknown error"};
}

std::chrono::nanoseconds Loop::thread_cpu_time() const noexcept {
    timespec used{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return std::chrono::seconds{used.tv_sec} + std::chrono::nanoseconds{used.tv_nsec};
}

}  // namespace caponier::io
