// When a silent server is probed and when it is dead, and which round trip counts.

#include "engine/relay/probes.h"

#include <gtest/gtest.h>

namespace caponier::relay {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Verdict = Probes::Verdict;

class ProbesTest : public testing::Test {
  protected:
    ProbesTest() { probes.heard(now, patience); }
    Verdict judge_after(milliseconds time) {
        now += time;
        return probes.judge(now, patience);
    }

    io::TimePoint now{hours{1}};
    AlivePatience patience{.interval = seconds{1}, .probes_max = 2};
    Probes probes;
};

TEST_F(ProbesTest, GiveEachProbeItsInterval) {
    EXPECT_EQ(judge_after(milliseconds{999}), Verdict::wait);
    EXPECT_EQ(judge_after(milliseconds{501}), Verdict::probe);
    EXPECT_EQ(judge_after(milliseconds{999}), Verdict::wait);
    EXPECT_EQ(judge_after(milliseconds{1}), Verdict::probe);
    EXPECT_EQ(judge_after(milliseconds{999}), Verdict::wait);
}

TEST_F(ProbesTest, LookSeveralTimesBeforeTheServerIsDead) {
    EXPECT_EQ(judge_after(seconds{1}), Verdict::probe);
    EXPECT_EQ(judge_after(seconds{1}), Verdict::probe);
    EXPECT_EQ(judge_after(seconds{1}), Verdict::wait);
    for (int looks = 1; looks < last_looks; ++looks) {
        EXPECT_EQ(judge_after(last_look_pause), Verdict::wait);
    }

    EXPECT_EQ(judge_after(last_look_pause), Verdict::dead);
}

TEST_F(ProbesTest, BeginAnewWithEachSignOfLife) {
    EXPECT_EQ(judge_after(seconds{1}), Verdict::probe);
    EXPECT_EQ(judge_after(seconds{1}), Verdict::probe);
    EXPECT_EQ(judge_after(seconds{1}), Verdict::wait);
    probes.heard(now, patience);

    EXPECT_EQ(judge_after(milliseconds{999}), Verdict::wait);
    EXPECT_EQ(judge_after(milliseconds{1}), Verdict::probe);
}

TEST_F(ProbesTest, GiveAProbeThatIsOutItsIntervalAgain) {
    EXPECT_EQ(judge_after(seconds{1}), Verdict::probe);
    now += seconds{60};
    probes.forgive(now, patience);

    EXPECT_EQ(judge_after(milliseconds{999}), Verdict::wait);
    EXPECT_EQ(judge_after(milliseconds{1}), Verdict::probe);
}

TEST_F(ProbesTest, LoseNoTimeWhereNoneIsOut) {
    now += seconds{60};
    probes.forgive(now, patience);

    EXPECT_EQ(judge_after(seconds{0}), Verdict::probe);
}

TEST_F(ProbesTest, JudgeNobodyWithoutAnInterval) {
    patience.interval = seconds{0};

    EXPECT_EQ(judge_after(hours{24}), Verdict::wait);
    EXPECT_EQ(probes.due(patience), io::TimePoint::max());
}

TEST_F(ProbesTest, CountTheShortestOfTheLastRoundTrips) {
    EXPECT_EQ(probes.answered(now), std::nullopt);
    for (const int time : {50, 100, 200, 300}) {
        EXPECT_EQ(probes.wants_more(), time < 300);
        probes.sent(now);
        now += milliseconds{time};
        EXPECT_EQ(probes.answered(now), milliseconds{time < 300 ? 50 : 100});
    }
}

TEST_F(ProbesTest, CountAnAnswerFromTheFirstOfTheProbesThatAreOut) {
    probes.sent(now);
    now += seconds{1};
    probes.sent(now);
    now += milliseconds{10};

    EXPECT_EQ(probes.answered(now), milliseconds{1'010});
}

}  // namespace
}  // namespace caponier::relay
