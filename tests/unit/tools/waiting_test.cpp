// Several things waited for at once.

#include "tools/cli/waiting.h"

#include <sys/resource.h>

#include <gtest/gtest.h>

namespace caponier::cli {
namespace {

constexpr std::chrono::milliseconds no_time{0};

TEST(Waiting, TellsTheFirstThatIsReady) {
    Flag first = *Flag::make();
    Flag second = *Flag::make();
    Flag third = *Flag::make();
    third.raise();
    EXPECT_EQ(wait_readable({first.fd(), second.fd(), third.fd()}), 2U);

    second.raise();

    EXPECT_EQ(wait_readable({first.fd(), second.fd(), third.fd()}), 1U);
}

TEST(Waiting, TellsNothingAtTheLimit) {
    const Flag flag = *Flag::make();

    EXPECT_FALSE(wait_readable({flag.fd()}, no_time));
}

TEST(Waiting, AFlagStaysRaised) {
    Flag flag = *Flag::make();
    flag.raise();
    flag.raise();

    EXPECT_EQ(wait_readable({flag.fd()}), 0U);
    EXPECT_EQ(wait_readable({flag.fd()}), 0U);
}

TEST(Waiting, AFlagWithoutADescriptorIsAnErrorOfOneLine) {
    rlimit usual{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &usual), 0);
    const rlimit none{.rlim_cur = 0, .rlim_max = usual.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);

    const auto flag = Flag::make();

    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &usual), 0);
    ASSERT_FALSE(flag);
    EXPECT_EQ(flag.error(),
              "eventfd failed: Too many open files (raise the limit of descriptors: ulimit -n)");
}

}  // namespace
}  // namespace caponier::cli
