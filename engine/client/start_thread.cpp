// The words of start_thread.h.

#include "engine/client/start_thread.h"

namespace caponier::client {

std::string explain_thread_refusal(const std::error_code& why) {
    // The C library says the same for the limits of threads and for a stack that finds no memory.
    if (why == std::errc::resource_unavailable_try_again) {
        return "cannot start a thread (raise the limit of threads, ulimit -u or the pids.max of "
               "the cgroup, or that of memory, ulimit -v)";
    }
    return "cannot start a thread: " + why.message() +
           " (a seccomp filter refuses it, as containers do)";
}

}  // namespace caponier::client
