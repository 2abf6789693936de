// Children end when they are told to, and what they leave behind is ended too.

#include "tools/cli/child_process.h"

#include <cerrno>
#include <csignal>

#include <sys/wait.h>

#include <gtest/gtest.h>

#include "tools/cli/waiting.h"

namespace caponier::cli {
namespace {

bool has_children() {
    return waitpid(-1, nullptr, WNOHANG) >= 0 || errno != ECHILD;
}

TEST(ChildProcess, TellsHowItEnded) {
    EXPECT_EQ(ChildProcess::start({"true"})->wait(), "");
    EXPECT_EQ(ChildProcess::start({"sh", "-c", "exit 3"})->wait(), "exit code 3");
    EXPECT_EQ(ChildProcess::start({"sh", "-c", "kill -9 $$"})->wait(), "signal 9");
    EXPECT_EQ(ChildProcess::start({"/nonexistent/program"})->wait(), "exit code 127");
}

TEST(ChildProcess, TheEndCanBeWaitedForWithOtherThings) {
    auto child = ChildProcess::start({"true"});

    EXPECT_EQ(wait_readable({child->ended_fd()}), 0U);
}

TEST(ChildProcess, IsEndedWithItsOwner) {
    {
        const auto child = ChildProcess::start({"sleep", "1000"});
        ASSERT_TRUE(child);
        EXPECT_TRUE(has_children());
    }
    EXPECT_FALSE(has_children());
}

TEST(ChildProcess, IsKilledWhereItDoesNotListen) {
    {
        const auto child = ChildProcess::start({"sh", "-c", "trap '' TERM; exec sleep 1000"});
        ASSERT_TRUE(child);
    }
    EXPECT_FALSE(has_children());
}

TEST(OrphanKeeper, WaitsForWhatAChildLeftBehind) {
    {
        const OrphanKeeper keeper;
        auto child = ChildProcess::start({"sh", "-c", "sleep 0.2 & exit 0"});
        EXPECT_EQ(child->wait(), "");
    }
    EXPECT_FALSE(has_children());
}

TEST(OrphanKeeper, KillsWhatAChildLeftBehindForGood) {
    {
        const OrphanKeeper keeper;
        auto child = ChildProcess::start({"sh", "-c", "sleep 1000 & exit 0"});
        EXPECT_EQ(child->wait(), "");
    }
    EXPECT_FALSE(has_children());
}

}  // namespace
}  // namespace caponier::cli
