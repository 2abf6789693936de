#pragma once
// Starting a thread where the machine may refuse it: a limit of processes, of memory or a seccomp
// filter is no reason to abort. Nobody else makes a std::thread.

#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include <tl/expected.hpp>

namespace caponier::client {

/// "cannot start a thread: ..., what to do": one line for what pthread_create(3) answered.
[[nodiscard]] std::string explain_thread_refusal(const std::error_code& why);

/// A thread that runs `body`. The error is that line.
template <typename Body>
[[nodiscard]] tl::expected<std::thread, std::string> start_thread(Body&& body) {
    try {
        return std::thread{std::forward<Body>(body)};
    } catch (const std::system_error& error) {
        return tl::unexpected{explain_thread_refusal(error.code())};
    }
}

}  // namespace caponier::client
