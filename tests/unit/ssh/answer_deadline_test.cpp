// When an answer is overdue.

#include "ssh/transport/answer_deadline.h"

#include <gtest/gtest.h>

namespace caponier::ssh {
namespace {

using std::chrono::seconds;

constexpr TimePoint start{std::chrono::hours{3}};

TEST(AnswerDeadline, OwesNothingUntilItIsStarted) {
    AnswerDeadline deadline;
    deadline.observe(start);
    EXPECT_FALSE(deadline.due().has_value());
    EXPECT_FALSE(deadline.is_overdue(start));
}

TEST(AnswerDeadline, AsksForTheTimeAndBeginsWithIt) {
    AnswerDeadline deadline;
    deadline.start(seconds{30});
    ASSERT_TRUE(deadline.due().has_value());
    EXPECT_LT(*deadline.due(), start);
    EXPECT_FALSE(deadline.is_overdue(start));

    deadline.observe(start);

    EXPECT_EQ(deadline.due(), start + seconds{30});
    EXPECT_FALSE(deadline.is_overdue(start + seconds{29}));
    EXPECT_TRUE(deadline.is_overdue(start + seconds{30}));
}

TEST(AnswerDeadline, IsNotProlongedByTheTimeThatPasses) {
    AnswerDeadline deadline;
    deadline.start(seconds{30});
    deadline.observe(start);
    deadline.observe(start + seconds{20});
    EXPECT_EQ(deadline.due(), start + seconds{30});
}

TEST(AnswerDeadline, StopsAndStartsAgain) {
    AnswerDeadline deadline;
    deadline.start(seconds{30});
    deadline.observe(start);
    deadline.stop();
    EXPECT_FALSE(deadline.is_overdue(start + seconds{99}));
    deadline.start(seconds{30});
    deadline.observe(start + seconds{99});
    EXPECT_EQ(deadline.due(), start + seconds{129});
}

}  // namespace
}  // namespace caponier::ssh
