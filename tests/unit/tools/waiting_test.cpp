// Several things waited for at once.

#include "tools/cli/waiting.h"

#include <gtest/gtest.h>

namespace caponier::cli {
namespace {

constexpr std::chrono::milliseconds no_time{0};

TEST(Waiting, TellsTheFirstThatIsReady) {
    Flag first;
    Flag second;
    Flag third;
    third.raise();
    EXPECT_EQ(wait_readable({first.fd(), second.fd(), third.fd()}), 2U);

    second.raise();

    EXPECT_EQ(wait_readable({first.fd(), second.fd(), third.fd()}), 1U);
}

TEST(Waiting, TellsNothingAtTheLimit) {
    const Flag flag;

    EXPECT_FALSE(wait_readable({flag.fd()}, no_time));
}

TEST(Waiting, AFlagStaysRaised) {
    Flag flag;
    flag.raise();
    flag.raise();

    EXPECT_EQ(wait_readable({flag.fd()}), 0U);
    EXPECT_EQ(wait_readable({flag.fd()}), 0U);
}

}  // namespace
}  // namespace caponier::cli
