// Threads that start, and threads that the machine refuses.

#include "engine/client/start_thread.h"

#include <cerrno>

#include <sys/syscall.h>

#include <gtest/gtest.h>

#include "engine/client/resolve.h"
#include "tests/loop/refused_calls.h"

namespace caponier::client {
namespace {

/// What is said where both system calls that make a thread fail.
std::string refused_with(std::uint32_t error, const std::function<std::string()>& report) {
    return looptest::report_under({{SYS_clone3, error}, {SYS_clone, error}}, report);
}

std::string start_and_report() {
    auto thread = start_thread([] {});
    if (!thread) {
        return thread.error();
    }
    thread->join();
    return "it runs";
}

std::string resolve_and_report() {
    const Resolved resolved = resolve({"localhost", 22}, std::chrono::milliseconds{0}, {});
    return resolved ? "it resolves" : resolved.error().message;
}

TEST(StartThread, RunsWhatItIsGiven) {
    bool has_run = false;

    auto thread = start_thread([&has_run] { has_run = true; });

    ASSERT_TRUE(thread);
    thread->join();
    EXPECT_TRUE(has_run);
}

TEST(StartThread, ALimitIsAnErrorOfOneLineWithWhatToDo) {
    EXPECT_EQ(refused_with(EAGAIN, &start_and_report),
              "cannot start a thread (raise the limit of threads, ulimit -u or the pids.max of the "
              "cgroup, or that of memory, ulimit -v)");
}

TEST(StartThread, AFilterIsNamed) {
    EXPECT_EQ(refused_with(EPERM, &start_and_report),
              "cannot start a thread: Operation not permitted (a seccomp filter refuses it, as "
              "containers do)");
}

TEST(StartThread, ALookupWithoutAThreadSaysTheSame) {
    const std::string line = refused_with(EAGAIN, &resolve_and_report);

    EXPECT_EQ(line.find("cannot resolve localhost: cannot start a thread (raise"), 0U) << line;
}

}  // namespace
}  // namespace caponier::client
