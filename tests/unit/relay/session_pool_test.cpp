// When the pool grows, where to, and who gets the next tunnel: numbers in, decisions out.

#include "engine/relay/session_pool.h"

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "engine/relay/limits.h"

namespace caponier::relay {
namespace {

using Loss = SessionPool::Loss;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr SessionSlot slot(std::uint32_t index) {
    return SessionSlot{index};
}

class SessionPoolTest : public testing::Test {
  protected:
    explicit SessionPoolTest(const PoolShape& shape = {.sessions_max = 4, .channels_mark = 10})
        : pool(shape) {}

    /// The first session, as it is soon after the start.
    void begin() { establish(pool.dial_first().slot); }
    void establish(SessionSlot which) { pool.established(which, true, now); }
    /// It has brought data of a tunnel.
    void prove(SessionSlot which) { pool.counters(which).carried.set(1); }
    std::optional<SessionPool::Dial> dial(std::size_t waiting = 0) {
        return pool.dial_another(waiting, now);
    }
    /// Dials and establishes whatever is wanted; returns how many sessions that were.
    std::size_t grow(std::size_t waiting = 0) {
        std::size_t grown = 0;
        while (const auto wanted = dial(waiting)) {
            establish(wanted->slot);
            ++grown;
        }
        return grown;
    }
    void carry(SessionSlot which, std::uint64_t channels) {
        pool.counters(which).channels.set(channels);
    }
    /// What a shard measures of its session.
    void measure(SessionSlot which, std::uint64_t bytes_per_second, std::uint64_t busy = 0) {
        SessionCounters& counters = pool.counters(which);
        counters.channels.set(std::max<std::uint64_t>(1, counters.channels.read()));
        counters.bytes_per_second.set(bytes_per_second);
        counters.busy_permille.set(busy);
        counters.measured_at_ns.set(static_cast<std::uint64_t>(now.time_since_epoch().count()));
    }

    io::TimePoint now{std::chrono::hours{1}};
    SessionPool pool;
};

// ---- growth by channels ------------------------------------------------------------------------

TEST_F(SessionPoolTest, HasOneSessionWhileThereIsLittleToCarry) {
    begin();
    carry(slot(0), 10);

    EXPECT_EQ(grow(), 0U);
    EXPECT_EQ(pool.place(now), slot(0));
}

TEST_F(SessionPoolTest, GrowsWhenThereAreMoreChannelsThanTheMark) {
    begin();
    carry(slot(0), 11);

    EXPECT_EQ(grow(), 1U);
    EXPECT_EQ(pool.established_count(), 2U);
}

TEST_F(SessionPoolTest, CountsWhatIsOnItsWayToASession) {
    begin();
    carry(slot(0), 8);
    for (int tunnels = 0; tunnels < 3; ++tunnels) {
        pool.handed_over(slot(0));
    }
    EXPECT_TRUE(dial());

    pool.kept_back(slot(0));
    establish(slot(1));
    EXPECT_FALSE(dial());
}

TEST_F(SessionPoolTest, CountsNothingTwiceThatHasArrived) {
    begin();
    for (int tunnels = 0; tunnels < 10; ++tunnels) {
        pool.handed_over(slot(0));
    }
    pool.counters(slot(0)).tunnels_received.set(10);
    carry(slot(0), 10);

    EXPECT_FALSE(dial());
}

TEST_F(SessionPoolTest, NeverHasMoreSessionsThanItMay) {
    begin();
    carry(slot(0), 1'000);

    EXPECT_EQ(grow(), 3U);
    EXPECT_FALSE(dial(1'000));
}

TEST_F(SessionPoolTest, GrowsForTunnelsThatWait) {
    begin();

    EXPECT_EQ(grow(25), 2U);
}

TEST_F(SessionPoolTest, DialsOnlyAFewAtATime) {
    SessionPool large{{.sessions_max = 16, .channels_mark = 1}};
    large.established(large.dial_first().slot, true, now);

    std::size_t dials = 0;
    while (large.dial_another(1'000, now)) {
        ++dials;
    }

    EXPECT_EQ(dials, dials_in_flight_max);
}

TEST_F(SessionPoolTest, DialsNothingFurtherBeforeTheFirstIsEstablished) {
    const auto first = pool.dial_first();
    EXPECT_EQ(first.shard, ShardId{0});

    EXPECT_FALSE(dial(1'000));
}

TEST_F(SessionPoolTest, DoesNotGrowWhereAPersonWouldHaveToBeAsked) {
    pool.established(pool.dial_first().slot, false, now);

    EXPECT_FALSE(dial(1'000));
}

// ---- growth by load ----------------------------------------------------------------------------

TEST_F(SessionPoolTest, GrowsWhenEverySessionIsSaturated) {
    begin();
    measure(slot(0), saturated_bytes_per_second);
    EXPECT_EQ(grow(), 1U);

    // The second one is free.
    EXPECT_EQ(grow(), 0U);
}

TEST_F(SessionPoolTest, DialsOneAtATimeForLoad) {
    begin();
    measure(slot(0), saturated_bytes_per_second);

    EXPECT_TRUE(dial());
    EXPECT_FALSE(dial());
}

TEST_F(SessionPoolTest, TakesABusyThreadUnderBulkForSaturated) {
    begin();
    measure(slot(0), bulk_bytes_per_second, saturated_permille - 1);
    EXPECT_FALSE(dial());

    measure(slot(0), bulk_bytes_per_second, saturated_permille);
    EXPECT_TRUE(dial());
}

TEST_F(SessionPoolTest, ForgetsALoadThatIsNotMeasuredAgain) {
    begin();
    measure(slot(0), saturated_bytes_per_second);
    now += measure_validity;

    EXPECT_FALSE(dial());
}

TEST_F(SessionPoolTest, GrowsWhenTheServerHasRunShortInEverySession) {
    begin();
    pool.ran_short(slot(0), now);
    EXPECT_TRUE(dial());
}

TEST_F(SessionPoolTest, DialsNoMoreForLoadThanThereAreCores) {
    begin();
    measure(slot(0), saturated_bytes_per_second);
    EXPECT_EQ(grow(), 1U);
    measure(slot(1), saturated_bytes_per_second);

    EXPECT_EQ(grow(), 0U);
    EXPECT_EQ(grow(25), 1U);
}

TEST_F(SessionPoolTest, ForgetsTheLoadOfASessionThatHasNoTunnelLeft) {
    begin();
    measure(slot(0), saturated_bytes_per_second);
    carry(slot(0), 0);

    EXPECT_FALSE(dial());
}

// ---- failures ----------------------------------------------------------------------------------

TEST_F(SessionPoolTest, PausesLongerAfterEveryDialThatFails) {
    begin();
    carry(slot(0), 1'000);
    std::vector<std::chrono::nanoseconds> pauses;
    for (int times = 0; times < 12; ++times) {
        const auto wanted = dial();
        ASSERT_TRUE(wanted);
        pool.lost(wanted->slot, Loss::not_dialed, now);
        EXPECT_FALSE(dial());
        pauses.push_back(pool.pause_over() - now);
        now = pool.pause_over();
    }

    EXPECT_GE(pauses.front(), dial_pause_first);
    EXPECT_LT(pauses.front(), dial_pause_first * 3 / 2);
    EXPECT_GE(pauses[3], dial_pause_first * 8);
    EXPECT_GE(pauses.back(), minutes{4});
    EXPECT_LE(pauses.back(), minutes{7});
}

TEST_F(SessionPoolTest, DialsOneByOneAfterAFailureUntilOneSucceeds) {
    begin();
    carry(slot(0), 1'000);
    pool.lost(dial()->slot, Loss::not_dialed, now);
    now = pool.pause_over();

    const auto next = dial();
    ASSERT_TRUE(next);
    EXPECT_FALSE(dial());
    establish(next->slot);
    EXPECT_FALSE(dial());  // a login alone is no success
    prove(next->slot);
    EXPECT_TRUE(dial());
    EXPECT_TRUE(dial());
}

TEST_F(SessionPoolTest, TakesASessionThatHasLastedForASuccess) {
    begin();
    carry(slot(0), 1'000);
    pool.lost(dial()->slot, Loss::not_dialed, now);
    now = pool.pause_over();
    establish(dial()->slot);

    now += session_trial - milliseconds{1};
    EXPECT_FALSE(dial());
    now += milliseconds{1};
    EXPECT_TRUE(dial());
    EXPECT_TRUE(dial());
}

// A server that lets everybody log in and ends every session but the first.
TEST_F(SessionPoolTest, AsksAServerThatEndsEveryNewSessionAtOnceLaterAndLater) {
    begin();
    prove(slot(0));
    carry(slot(0), 140);
    std::size_t logins = 0;
    const io::TimePoint until = now + minutes{1};
    while (now < until) {
        std::vector<SessionSlot> logged_in;
        while (const auto wanted = dial()) {
            establish(wanted->slot);
            logged_in.push_back(wanted->slot);
        }
        logins += logged_in.size();
        now += milliseconds{10};
        for (const SessionSlot which : logged_in) {
            pool.lost(which, Loss::ended, now);
        }
    }

    // Three together, and then after pauses that double: 4 s, 8 s, 16 s, and longer by chance.
    EXPECT_LE(logins, 8U);
    EXPECT_GE(logins, 5U);
}

TEST_F(SessionPoolTest, KeepsThePauseThatALossHasSetWhenAnotherSessionLogsIn) {
    begin();
    carry(slot(0), 1'000);
    const auto second = dial();
    const auto third = dial();
    pool.lost(second->slot, Loss::not_dialed, now);
    const io::TimePoint pause_over = pool.pause_over();

    establish(third->slot);
    prove(third->slot);

    EXPECT_EQ(pool.pause_over(), pause_over);
    EXPECT_FALSE(dial());
}

TEST_F(SessionPoolTest, LearnsNothingOfAServerFromSessionsThatAreOlderThanItsLastRefusal) {
    begin();
    carry(slot(0), 1'000);
    for (std::size_t doublings = 0; doublings < 4; ++doublings) {
        now = std::max(now, pool.pause_over());
        now += session_trial;
        prove(slot(0));
        pool.lost(dial()->slot, Loss::not_dialed, now);
        EXPECT_GE(pool.pause_over() - now, dial_pause_first * (1U << doublings));
    }
}

TEST_F(SessionPoolTest, DoesNotPauseForWhatItGaveUpItself) {
    begin();
    carry(slot(0), 1'000);
    pool.lost(dial()->slot, Loss::withdrawn, now);

    EXPECT_TRUE(dial());
}

TEST_F(SessionPoolTest, DoesNotAskAgainForWhatTheUsersSideRefused) {
    begin();
    carry(slot(0), 1'000);
    pool.lost(dial()->slot, Loss::forbidden, now);

    now += std::chrono::hours{24};
    EXPECT_FALSE(dial());
}

TEST_F(SessionPoolTest, DoesNotForgetThatItWasRefusedWhenAnotherDialOfThoseSucceeds) {
    begin();
    carry(slot(0), 1'000);
    const auto second = dial();
    const auto third = dial();
    pool.lost(second->slot, Loss::forbidden, now);
    establish(third->slot);
    prove(third->slot);

    now += std::chrono::hours{24};
    EXPECT_FALSE(dial());
}

TEST_F(SessionPoolTest, ReplacesALostSessionAfterAPauseIfThereIsNeed) {
    begin();
    carry(slot(0), 11);
    grow();
    pool.lost(slot(1), Loss::ended, now);
    EXPECT_FALSE(dial());

    now = pool.pause_over();
    EXPECT_TRUE(dial());
}

TEST_F(SessionPoolTest, StartsAnewInThePlaceOfALostSession) {
    begin();
    carry(slot(0), 11);
    grow();
    carry(slot(1), 7);
    pool.handed_over(slot(1));
    pool.lost(slot(1), Loss::ended, now);
    now = pool.pause_over();

    ASSERT_EQ(grow(), 1U);

    EXPECT_EQ(pool.counters(slot(1)).channels.read(), 0U);
    carry(slot(0), 20);
    EXPECT_FALSE(dial());
}

TEST_F(SessionPoolTest, DoesNotMiscountATunnelOfTheSessionBefore) {
    begin();
    carry(slot(0), 11);
    grow();
    pool.handed_over(slot(1));
    pool.lost(slot(1), Loss::ended, now);
    now = pool.pause_over();
    grow();

    pool.kept_back(slot(1));

    EXPECT_EQ(pool.place(now), slot(1));
}

// ---- and back ----------------------------------------------------------------------------------

class GrownPool : public SessionPoolTest {
  protected:
    /// Three sessions, for 25 tunnels.
    GrownPool() {
        begin();
        carry(slot(0), 25);
        EXPECT_EQ(grow(), 2U);
        carry(slot(0), 5);
    }
    /// Looks as often as one should.
    std::vector<SessionSlot> retired_within(std::chrono::nanoseconds time) {
        std::vector<SessionSlot> retired;
        for (const io::TimePoint until = now + time; now < until; now += pool.idle_look()) {
            if (const auto which = pool.retire_one(now)) {
                pool.lost(*which, Loss::withdrawn, now);
                retired.push_back(*which);
            }
        }
        return retired;
    }
};

TEST_F(GrownPool, RetiresOneByOneWhatNobodyNeeds) {
    EXPECT_TRUE(retired_within(session_idle_patience).empty());
    EXPECT_EQ(retired_within(minutes{1}), (std::vector{slot(2)}));
    EXPECT_EQ(retired_within(minutes{1}), (std::vector{slot(1)}));

    EXPECT_TRUE(retired_within(minutes{60}).empty());
    EXPECT_EQ(pool.established_count(), 1U);
}

TEST_F(GrownPool, KeepsTheLastSessionAlsoWhereNobodyNeedsIt) {
    carry(slot(0), 0);

    EXPECT_EQ(retired_within(minutes{60}).size(), 2U);
    EXPECT_EQ(pool.established_count(), 1U);
}

TEST_F(GrownPool, GrowsAgainAtOnceWhenThereIsNeed) {
    EXPECT_EQ(retired_within(minutes{20}).size(), 2U);
    carry(slot(0), 25);

    EXPECT_EQ(grow(), 2U);
}

TEST_F(GrownPool, KeepsWhatCarriesATunnel) {
    carry(slot(2), 1);

    EXPECT_EQ(retired_within(minutes{60}), (std::vector{slot(1)}));
}

TEST_F(GrownPool, KeepsWhatTunnelsComeAndGoOn) {
    for (int times = 0; times < 60; ++times) {
        pool.handed_over(slot(2));
        pool.counters(slot(2)).tunnels_received.add(1);
        for (const SessionSlot which : retired_within(minutes{1})) {
            EXPECT_EQ(which, slot(1));
        }
    }
}

TEST_F(GrownPool, KeepsWhatItWouldDialAgain) {
    carry(slot(0), 20);  // more than one session's mark

    EXPECT_EQ(retired_within(minutes{60}).size(), 1U);
}

TEST_F(GrownPool, KeepsASessionFreeWhileTheOthersAreSaturatedNowAndThen) {
    EXPECT_EQ(retired_within(minutes{7}), (std::vector{slot(2), slot(1)}));
    measure(slot(0), saturated_bytes_per_second);
    EXPECT_EQ(grow(), 1U);
    for (int times = 0; times < 20; ++times) {
        measure(slot(0), saturated_bytes_per_second);
        pool.note_needs(now);
        EXPECT_TRUE(retired_within(minutes{3}).empty());
    }
}

TEST_F(GrownPool, TakesASessionBackThatTurnedOutToCarrySomething) {
    now += session_idle_patience;
    const auto retiring = pool.retire_one(now);
    ASSERT_EQ(retiring, slot(2));
    EXPECT_EQ(pool.established_count(), 2U);
    EXPECT_FALSE(pool.was_established(slot(2)));

    pool.kept(slot(2), now);

    EXPECT_EQ(pool.established_count(), 3U);
    EXPECT_EQ(pool.retire_one(now), slot(1));
}

TEST_F(SessionPoolTest, RetiresNothingThatNeedsAPersonToComeBack) {
    begin();
    carry(slot(0), 11);
    pool.established(dial()->slot, false, now);
    carry(slot(0), 0);
    now += std::chrono::hours{1};

    EXPECT_EQ(pool.retire_one(now), std::nullopt);
}

// ---- one session a user ------------------------------------------------------------------------

TEST_F(SessionPoolTest, StaysWithOneSessionWhereTheServerEndsALastingOneForTheNext) {
    begin();
    carry(slot(0), 1'000);
    now += session_trial;
    const auto second = dial();
    establish(second->slot);
    now += milliseconds{300};
    pool.lost(slot(0), Loss::ended, now);
    carry(second->slot, 1'000);

    EXPECT_TRUE(pool.is_single());
    now += minutes{10};
    EXPECT_FALSE(dial(1'000));
}

TEST_F(SessionPoolTest, BelievesThatOfYoungSessionsTheSecondTime) {
    begin();
    carry(slot(0), 1'000);
    now += seconds{1};
    establish(dial()->slot);
    pool.lost(slot(0), Loss::ended, now);
    EXPECT_FALSE(pool.is_single());
    carry(slot(1), 1'000);
    prove(slot(1));
    now = pool.pause_over();

    establish(dial()->slot);
    pool.lost(slot(1), Loss::ended, now);

    EXPECT_TRUE(pool.is_single());
}

TEST_F(SessionPoolTest, StaysWithOneSessionWhereTheOldOneEndsBeforeTheNewOneIsTold) {
    begin();
    carry(slot(0), 1'000);
    now += session_trial;
    const auto second = dial();
    now += milliseconds{50};
    pool.lost(slot(0), Loss::ended, now);
    EXPECT_FALSE(pool.is_single());
    now += milliseconds{50};
    establish(second->slot);

    EXPECT_TRUE(pool.is_single());
}

TEST_F(SessionPoolTest, BlamesNoNewSessionForOneThatEndsLater) {
    begin();
    carry(slot(0), 1'000);
    now += session_trial;
    establish(dial()->slot);
    now += takeover_window;
    pool.lost(slot(0), Loss::ended, now);

    EXPECT_FALSE(pool.is_single());
}

TEST_F(SessionPoolTest, BlamesNoNewSessionWhereAnOlderOneWasLetBe) {
    begin();
    carry(slot(0), 1'000);
    now += session_trial;
    establish(dial()->slot);
    now += session_trial;
    establish(dial()->slot);
    pool.lost(slot(1), Loss::ended, now);

    EXPECT_FALSE(pool.is_single());
}

// ---- placement ---------------------------------------------------------------------------------

TEST_F(SessionPoolTest, PlacesNothingOnSessionsThatAreNotEstablished) {
    EXPECT_EQ(pool.place(now), std::nullopt);
    const auto first = pool.dial_first();
    EXPECT_EQ(pool.place(now), std::nullopt);
    establish(first.slot);
    pool.failing(first.slot);
    EXPECT_EQ(pool.place(now), std::nullopt);
    EXPECT_TRUE(pool.was_established(first.slot));
}

TEST_F(SessionPoolTest, FillsASessionNoFurtherThanItsLimit) {
    begin();
    carry(slot(0), session_channels_max - 1);
    EXPECT_EQ(pool.place(now), slot(0));

    pool.handed_over(slot(0));
    EXPECT_EQ(pool.place(now), std::nullopt);
}

TEST_F(SessionPoolTest, RaisesTheLimitWithTheMark) {
    const SessionPool raised{{.channels_mark = 2'000}};

    EXPECT_EQ(raised.channels_max(), 2'000U);
    EXPECT_EQ(pool.channels_max(), session_channels_max);
}

TEST_F(SessionPoolTest, PlacesNothingWhereItWasJustRefused) {
    begin();
    EXPECT_EQ(pool.place(now, slot(0)), std::nullopt);

    grow(11);
    EXPECT_EQ(pool.place(now, slot(0)), slot(1));
}

TEST_F(SessionPoolTest, KeepsASessionFreeUntilTheFirstIsFullOrUnderBulk) {
    begin();
    EXPECT_EQ(grow(11), 1U);
    const auto places = [this] {
        std::set<std::size_t> taken;
        for (int times = 0; times < 20; ++times) {
            const auto place = pool.place(now);
            taken.insert(place ? index_of(*place) : SIZE_MAX);
        }
        return taken;
    };
    EXPECT_EQ(places(), (std::set<std::size_t>{0}));

    measure(slot(0), bulk_bytes_per_second);
    EXPECT_EQ(places(), (std::set<std::size_t>{1}));

    now += measure_validity;
    carry(slot(0), 10);
    EXPECT_EQ(places(), (std::set<std::size_t>{1}));

    carry(slot(1), 10);
    EXPECT_EQ(places(), (std::set<std::size_t>{0, 1}));
}

TEST_F(SessionPoolTest, AvoidsASessionThatWasShortForAWhile) {
    begin();
    grow(11);
    pool.ran_short(slot(1), now);
    for (int times = 0; times < 20; ++times) {
        EXPECT_EQ(pool.place(now), slot(0));
    }

    now += shortage_memory;
    carry(slot(0), 10);
    EXPECT_EQ(pool.place(now), slot(1));
}

TEST_F(SessionPoolTest, SpreadsTunnelsEvenly) {
    begin();
    grow(31);
    std::map<SessionSlot, std::uint64_t> counts;
    for (int tunnels = 0; tunnels < 400; ++tunnels) {
        const SessionSlot chosen = pool.place(now).value_or(slot(0));
        carry(chosen, ++counts[chosen]);
    }

    ASSERT_EQ(counts.size(), 4U);
    for (const auto& [which, count] : counts) {
        EXPECT_GE(count, 90U);
        EXPECT_LE(count, 110U);
    }
}

// ---- shards ------------------------------------------------------------------------------------

class SeveralShards : public SessionPoolTest {
  protected:
    SeveralShards() : SessionPoolTest({.sessions_max = 8, .channels_mark = 10, .shards_max = 3}) {
        begin();
    }
    ShardId next_shard() {
        const auto wanted = dial(1'000);
        EXPECT_TRUE(wanted);
        establish(wanted->slot);
        return wanted->shard;
    }
};

TEST_F(SeveralShards, StayAtOneWhileItsThreadHasTime) {
    measure(slot(0), 1'000, 499);

    EXPECT_EQ(next_shard(), ShardId{0});
    EXPECT_EQ(next_shard(), ShardId{0});
}

TEST_F(SeveralShards, BecomeMoreWhenTheThreadIsBusy) {
    measure(slot(0), bulk_bytes_per_second, 500);

    EXPECT_EQ(next_shard(), ShardId{1});
    // That one has time.
    EXPECT_EQ(next_shard(), ShardId{1});
}

TEST_F(SeveralShards, ShareWhatIsDialedWhenAllAreBusy) {
    measure(slot(0), bulk_bytes_per_second, 900);
    EXPECT_EQ(next_shard(), ShardId{1});
    measure(slot(1), bulk_bytes_per_second, 800);
    EXPECT_EQ(next_shard(), ShardId{2});
    measure(slot(2), bulk_bytes_per_second, 850);

    EXPECT_EQ(next_shard(), ShardId{1});
}

TEST_F(SeveralShards, AreFewerWhereOneCannotBeMade) {
    measure(slot(0), bulk_bytes_per_second, 900);
    const auto wanted = dial(1'000);
    ASSERT_TRUE(wanted);
    pool.shard_failed(wanted->shard);

    EXPECT_EQ(pool.dialing_count(), 0U);
    EXPECT_EQ(next_shard(), ShardId{2});
}

TEST_F(SeveralShards, AreUsedAtOnceWhereThatIsAskedFor) {
    SessionPool eager{
        {.sessions_max = 8, .channels_mark = 1, .shards_max = 3, .shard_busy_permille = 0}};
    eager.established(eager.dial_first().slot, true, now);
    std::vector<ShardId> shards;
    for (int times = 0; times < 5; ++times) {
        const auto wanted = eager.dial_another(1'000, now);
        ASSERT_TRUE(wanted);
        eager.established(wanted->slot, true, now);
        shards.push_back(wanted->shard);
    }

    EXPECT_EQ(shards, (std::vector{ShardId{1}, ShardId{2}, ShardId{0}, ShardId{1}, ShardId{2}}));
}

}  // namespace
}  // namespace caponier::relay
