#pragma once
// A program that runs for us and never outlives us.

#include <chrono>
#include <string>
#include <vector>

#include <sys/types.h>

#include <tl/expected.hpp>

#include "engine/io/socket.h"

namespace caponier::cli {

/// A child that runs in a session of its own (Ctrl-C in our terminal does not reach it), with
/// /dev/null for its three standard streams, and that the kernel kills when the thread that started
/// it ends, however that comes about. Destroying it ends it.
class ChildProcess {
  public:
    /// `command`: the program, looked up in PATH if it has no slash, and its arguments.
    [[nodiscard]] static tl::expected<ChildProcess, std::string> start(
        const std::vector<std::string>& command);
    ChildProcess(ChildProcess&& other) noexcept;
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;
    ChildProcess& operator=(ChildProcess&&) = delete;
    ~ChildProcess();

    /// Readable once the child has ended.
    [[nodiscard]] int ended_fd() const noexcept { return ended_.fd(); }
    /// Waits for the end: "exit code 1" or "signal 9"; empty for exit code 0.
    [[nodiscard]] std::string wait();
    /// SIGTERM, and SIGKILL if that does not help in two seconds.
    void end() noexcept;

  private:
    ChildProcess(pid_t pid, io::Socket ended) noexcept;

    pid_t pid_ = -1;  ///< -1 once it was waited for
    io::Socket ended_;
};

/// While it exists, grandchildren whose parent died become our children; at its end it waits for
/// them and kills those that have not ended after two seconds. So nothing that a child left behind
/// stays.
class OrphanKeeper {
  public:
    OrphanKeeper() noexcept;
    OrphanKeeper(const OrphanKeeper&) = delete;
    OrphanKeeper& operator=(const OrphanKeeper&) = delete;
    ~OrphanKeeper();
};

}  // namespace caponier::cli
