// Streams of one session: who is told what, and who waits for which kind of room.

#include "engine/relay/channel_streams.h"

#include <gtest/gtest.h>

#include "engine/relay/limits.h"
#include "tests/unit/relay/fake_session.h"
#include "tests/unit/relay/fakes.h"

namespace caponier::relay {
namespace {

class ChannelStreamsTest : public testing::Test, protected ChannelStreams::Owner {
  protected:
    ~ChannelStreamsTest() override = default;
    void session_changed() noexcept override { ++changes; }
    [[nodiscard]] ssh::TimePoint now() const noexcept override { return time; }

    StreamId open(FakeStreamUser& asking) {
        const Upstream::Opened opened = streams.open(target, {"127.0.0.1", 4711}, asking);
        EXPECT_TRUE(opened.ok);
        return opened.id;
    }
    /// The stream has used `ahead` bytes of a window of a megabyte.
    void let_send(StreamId id, std::uint32_t ahead) {
        session.channel_of(channel(id)).send_window = 1024 * 1024;
        static_cast<void>(streams.allowance(id, local_buffer_bytes));
        session.channel_of(channel(id)).send_window -= ahead;
    }
    /// All of them send as much, up and down, over a path so short that it holds nothing.
    void move_alike(std::initializer_list<StreamId> ids) {
        streams.set_round_trip(std::chrono::microseconds{1});
        for (const std::size_t bytes : {1U, 1000U}) {
            time += std::chrono::milliseconds{10};
            for (const StreamId id : ids) {
                std::string text(bytes, 'x');
                streams.send(id, std::as_bytes(std::span{text}));
                streams.grant(id, bytes);
            }
        }
        session.told.clear();
    }
    /// A few bytes each way, twice.
    void talk(StreamId id) {
        for (int times = 0; times < 2; ++times) {
            time += std::chrono::milliseconds{10};
            streams.send(id, std::as_bytes(std::span{"hello"}));
            streams.grant(id, 5);
        }
        session.told.clear();
    }
    static ssh::LocalChannelId channel(StreamId id) {
        return ssh::LocalChannelId{static_cast<std::uint32_t>(id)};
    }

    const Target target{"db.internal", 5432};
    FakeSession session;
    int changes = 0;
    ssh::TimePoint time{std::chrono::hours{1}};
    ChannelStreams streams{*this};
    FakeStreamUser user;
    FakeStreamUser other;
};

class EstablishedStreams : public ChannelStreamsTest {
  protected:
    EstablishedStreams() { streams.carry_over(session); }
};

TEST_F(ChannelStreamsTest, RefusesToOpenWithoutASession) {
    const Upstream::Opened opened = streams.open(target, {}, user);

    EXPECT_FALSE(opened.ok);
    EXPECT_EQ(opened.refusal.reason, "no session");
}

TEST_F(EstablishedStreams, RefusesToOpenOnASessionThatEnded) {
    session.ended = true;

    EXPECT_FALSE(streams.open(target, {}, user).ok);
    EXPECT_TRUE(session.told.empty());
}

TEST_F(EstablishedStreams, TellsTheSessionTargetAndOriginator) {
    open(user);

    EXPECT_EQ(session.told, (Words{"open db.internal:5432 from 127.0.0.1:4711"}));
    EXPECT_EQ(session.last_open.kind, ssh::OpenTarget::Kind::direct_tcpip);
    EXPECT_EQ(streams.open_count(), 1U);
    EXPECT_EQ(changes, 1);
}

TEST_F(EstablishedStreams, SaysWhyTheSessionOpensNoMore) {
    session.open_failure = ssh::Error{ssh::ErrorCode::too_many_channels};

    const Upstream::Opened opened = streams.open(target, {}, user);

    EXPECT_FALSE(opened.ok);
    EXPECT_EQ(opened.refusal.reason, ssh::describe(ssh::ErrorCode::too_many_channels));
    EXPECT_EQ(streams.open_count(), 0U);
}

TEST_F(EstablishedStreams, PassesEventsToTheStreamTheyAreFor) {
    const StreamId first = open(user);
    const StreamId second = open(other);
    std::string text = "bytes";

    streams.take(ssh::ChannelOpened{channel(second)});
    streams.take(ssh::ChannelData{channel(second), std::as_writable_bytes(std::span{text})},
                 nullptr);
    streams.take(ssh::ChannelEof{channel(second)});
    streams.take(ssh::ChannelOpened{channel(first)});

    EXPECT_EQ(other.told, (Words{"opened", "data to copy: bytes", "eof"}));
    EXPECT_EQ(user.told, (Words{"opened"}));
}

TEST_F(EstablishedStreams, PassesThePeersWordsOnWithARefusal) {
    streams.take(ssh::ChannelRefused{
        channel(open(user)), ssh::OpenFailure::connect_failed, "Connection refused"});

    EXPECT_EQ(user.told, (Words{"refused: connect failed: Connection refused"}));
    EXPECT_EQ(streams.open_count(), 0U);
}

// Item 125: each reason of RFC 4254 5.1 and any other has its words. What the local client sees is
// the same reset for all of them (forwarded_connection_test.cpp).
TEST_F(EstablishedStreams, FindsWordsForARefusalWithoutAny) {
    const std::vector<std::pair<std::uint32_t, std::string>> meanings{
        {1, "administratively prohibited"},
        {2, "connect failed"},
        {3, "unknown channel type"},
        {4, "resource shortage"},
        {0xfe000001, "refused"}};

    for (const auto& [code, meaning] : meanings) {
        user.told.clear();
        streams.take(ssh::ChannelRefused{channel(open(user)), ssh::OpenFailure{code}, {}});
        EXPECT_EQ(user.told, (Words{"refused: " + meaning}));
    }
}

TEST_F(EstablishedStreams, ClosesItsOwnSideWhenThePeerClosed) {
    const StreamId id = open(user);

    streams.take(ssh::ChannelClosed{channel(id), true});

    EXPECT_EQ(user.told, (Words{"cut"}));
    EXPECT_EQ(session.told.back(), "close 0");
    EXPECT_EQ(streams.open_count(), 0U);
}

TEST_F(EstablishedStreams, TakesACloseForAnEofWhereTheServerMeansIt) {
    const StreamId whole = open(user);
    const StreamId ended = open(other);
    streams.take_close_for_eof(true);

    streams.take(ssh::ChannelClosed{channel(whole), true});
    streams.take(ssh::ChannelEof{channel(ended)});
    streams.take(ssh::ChannelClosed{channel(ended), false});

    EXPECT_EQ(user.told, (Words{"eof", "closed"}));
    EXPECT_EQ(other.told, (Words{"eof", "closed"}));
}

TEST_F(EstablishedStreams, AreCutWithTheirSessionWhateverACloseMeans) {
    open(user);
    streams.take_close_for_eof(true);

    streams.session_ended();

    EXPECT_EQ(user.told, (Words{"cut"}));
}

TEST_F(EstablishedStreams, TellsNothingMoreToAUserThatClosed) {
    const StreamId id = open(user);
    std::string text = "late";

    streams.close(id);
    streams.take(ssh::ChannelOpened{channel(id)});
    streams.take(ssh::ChannelData{channel(id), std::as_writable_bytes(std::span{text})}, nullptr);
    streams.take(ssh::ChannelEof{channel(id)});
    streams.take(ssh::WindowOpened{channel(id)});
    streams.take(ssh::ChannelClosed{channel(id), false});
    streams.session_ended();

    EXPECT_TRUE(user.told.empty());
    EXPECT_EQ(streams.open_count(), 0U);
}

TEST_F(EstablishedStreams, IgnoresEventsForNumbersItNeverGaveOut) {
    streams.take(ssh::ChannelEof{ssh::LocalChannelId{1'000'000}});
    streams.take(ssh::WindowOpened{ssh::LocalChannelId{0x7fffffff}});

    EXPECT_EQ(streams.open_count(), 0U);
}

// ---- room ---------------------------------------------------------------------------------------

TEST_F(EstablishedStreams, AllowsTheWindowButNoMoreThanOneBuffer) {
    const StreamId id = open(user);

    session.channel_of(channel(id)).send_window = 17;
    EXPECT_EQ(streams.allowance(id, local_buffer_bytes), 17U);
    session.channel_of(channel(id)).send_window = 0xffffffff;
    EXPECT_EQ(streams.allowance(id, local_buffer_bytes), local_buffer_bytes);
    session.channel_of(channel(id)).open = false;
    EXPECT_EQ(streams.allowance(id, local_buffer_bytes), 0U);
}

TEST_F(EstablishedStreams, ReadsNothingForAnybodyWhileTheSessionTakesNothing) {
    const StreamId held = open(user);
    const StreamId small = open(other);
    session.send_room_bytes = 0;
    EXPECT_EQ(streams.send(held, bytes_of("abc")), 0U);

    EXPECT_EQ(streams.allowance(small, local_buffer_bytes), 0U);
    session.send_room_bytes = SIZE_MAX;
    streams.wake_blocked();

    EXPECT_EQ(other.told, (Words{"writable"}));
    EXPECT_EQ(streams.allowance(small, local_buffer_bytes), 1024U);
}

TEST_F(EstablishedStreams, ReadsNothingEvenOfThoseThatSendLittleWhileTheOutboxTakesNoMore) {
    const StreamId small = open(user);
    session.outbox_claimed_bytes = ssh::outbox_bytes_max;
    EXPECT_EQ(streams.allowance(small, local_buffer_bytes), 0U);

    session.outbox_claimed_bytes = ssh::outbox_bytes_max - 1;
    streams.wake_blocked();

    EXPECT_EQ(user.told, (Words{"writable"}));
    EXPECT_GT(streams.allowance(small, local_buffer_bytes), 0U);
}

// The channel is closed, of which its stream has not been told: nobody else has to wait.
TEST_F(EstablishedStreams, ReadsOnForOthersWhenOnlyOneChannelTakesNothing) {
    const StreamId ended = open(user);
    const StreamId going_on = open(other);
    session.send_room_bytes = 0;
    session.channel_of(channel(ended)).open = false;

    EXPECT_EQ(streams.send(ended, bytes_of("abc")), 0U);

    EXPECT_GT(streams.allowance(going_on, local_buffer_bytes), 0U);
}

TEST_F(EstablishedStreams, ReadNoMoreTogetherThanASessionThatStopsMayLeave) {
    std::vector<StreamId> all;
    std::uint64_t reading_bytes = 0;
    for (std::size_t count = 0; count < session_channels_max; ++count) {
        all.push_back(open(user));
        session.channel_of(channel(all.back())).send_window = UINT32_MAX;

        const std::uint32_t allowed = streams.allowance(all.back(), local_buffer_bytes);

        EXPECT_GE(allowed, small_local_buffer_bytes);
        reading_bytes += allowed - small_local_buffer_bytes;
    }
    EXPECT_LE(reading_bytes, reading_bytes_max);

    // What the session does not take keeps its part.
    session.send_room_bytes = 0;
    static_cast<void>(streams.send(all[0], bytes_of(pattern(local_buffer_bytes))));
    session.send_room_bytes = SIZE_MAX;
    streams.wake_blocked();
    EXPECT_LT(streams.allowance(all[1], local_buffer_bytes), local_buffer_bytes / 2);

    // Whatever ends a read gives it back.
    for (std::size_t index = 0; index < all.size(); ++index) {
        switch (index % 4) {
        case 0:
            static_cast<void>(streams.send(all[index], bytes_of("x")));
            break;
        case 1:
            streams.eof(all[index]);
            break;
        case 2:
            streams.close(all[index]);
            break;
        default:
            EXPECT_GT(streams.allowance(all[index], 1), 0U);
        }
    }
    EXPECT_EQ(streams.allowance(all[0], local_buffer_bytes), local_buffer_bytes);
}

TEST_F(EstablishedStreams, WakesAStreamWithoutWindowByItsOwnWindowOnly) {
    const StreamId id = open(user);
    const StreamId second = open(other);
    session.channel_of(channel(id)).send_window = 0;
    EXPECT_EQ(streams.allowance(id, local_buffer_bytes), 0U);

    streams.wake_blocked();
    streams.take(ssh::WindowOpened{channel(second)});
    EXPECT_TRUE(user.told.empty());
    streams.take(ssh::WindowOpened{channel(id)});
    streams.take(ssh::WindowOpened{channel(id)});

    EXPECT_EQ(user.told, (Words{"writable"}));
    EXPECT_TRUE(other.told.empty());
}

TEST_F(EstablishedStreams, WakesAStreamThatTheOutboxHeldBackWithTheOthers) {
    const StreamId id = open(user);
    let_send(id, sparse_bytes);
    session.outbox_claimed_bytes = outbox_high_water_bytes;
    EXPECT_EQ(streams.allowance(id, local_buffer_bytes), 0U);

    streams.wake_blocked();
    streams.wake_blocked();

    EXPECT_EQ(user.told, (Words{"writable"}));
}

TEST_F(EstablishedStreams, WakesAStreamThatCouldNotSendEverything) {
    const StreamId id = open(user);
    session.send_room_bytes = 3;

    EXPECT_EQ(streams.send(id, bytes_of("abcdef")), 3U);
    EXPECT_TRUE(user.told.empty());
    streams.wake_blocked();

    EXPECT_EQ(user.told, (Words{"writable"}));
}

TEST_F(EstablishedStreams, DoesNotWakeAStreamThatSentEverything) {
    const StreamId id = open(user);

    EXPECT_EQ(streams.send(id, bytes_of("abc")), 3U);
    streams.wake_blocked();
    streams.take(ssh::WindowOpened{channel(id)});

    EXPECT_TRUE(user.told.empty());
}

TEST_F(EstablishedStreams, WakesInTheOrderInWhichStreamsWereHeldBack) {
    const StreamId first = open(user);
    const StreamId second = open(other);
    Words order;
    user.on_writable = [&] { order.emplace_back("user"); };
    other.on_writable = [&] { order.emplace_back("other"); };
    session.send_room_bytes = 0;

    static_cast<void>(streams.send(second, bytes_of("x")));
    static_cast<void>(streams.send(first, bytes_of("x")));
    static_cast<void>(streams.send(second, bytes_of("x")));
    streams.wake_blocked();

    EXPECT_EQ(order, (Words{"other", "user"}));
}

TEST_F(EstablishedStreams, LetsAStreamThatIsHeldBackAgainWaitForTheNextTime) {
    const StreamId id = open(user);
    session.send_room_bytes = 0;
    user.on_writable = [&] { static_cast<void>(streams.send(id, bytes_of("x"))); };
    static_cast<void>(streams.send(id, bytes_of("x")));

    streams.wake_blocked();
    EXPECT_EQ(user.told.size(), 1U);
    streams.wake_blocked();

    EXPECT_EQ(user.told.size(), 2U);
}

TEST_F(EstablishedStreams, DoesNotWakeWhoeverGotTheNumberOfAStreamThatWaited) {
    const StreamId id = open(user);
    session.send_room_bytes = 0;
    static_cast<void>(streams.send(id, bytes_of("x")));
    streams.close(id);
    session.next_channel = 0;

    const StreamId again = open(other);
    streams.wake_blocked();
    EXPECT_TRUE(other.told.empty());
    static_cast<void>(streams.send(again, bytes_of("x")));
    streams.wake_blocked();

    EXPECT_EQ(again, id);
    EXPECT_EQ(other.told, (Words{"writable"}));
    EXPECT_TRUE(user.told.empty());
}

TEST_F(EstablishedStreams, SurvivesAStreamThatOpensOthersWhenItIsWoken) {
    const StreamId id = open(user);
    session.send_room_bytes = 0;
    static_cast<void>(streams.send(id, bytes_of("x")));
    user.on_writable = [&] {
        for (int more = 0; more < 100; ++more) {
            open(other);
        }
    };

    streams.wake_blocked();

    EXPECT_EQ(streams.open_count(), 101U);
}

// ---- the end ------------------------------------------------------------------------------------

TEST_F(EstablishedStreams, CutsEveryStreamOnceWhenTheSessionEnds) {
    open(user);
    open(other);

    streams.session_ended();
    streams.session_ended();

    EXPECT_EQ(user.told, (Words{"cut"}));
    EXPECT_EQ(other.told, (Words{"cut"}));
    EXPECT_EQ(streams.open_count(), 0U);
}

TEST_F(EstablishedStreams, AsksForSettlingAfterEveryCommand) {
    const StreamId id = open(user);
    changes = 0;

    static_cast<void>(streams.send(id, bytes_of("x")));
    streams.grant(id, 5);
    streams.eof(id);
    streams.close(id);

    EXPECT_EQ(changes, 4);
    EXPECT_EQ(session.told,
              (Words{"open db.internal:5432 from 127.0.0.1:4711",
                     "send x",
                     "grant 5 0",
                     "eof 0",
                     "close 0"}));
}

// ---- order and windows --------------------------------------------------------------------------

TEST_F(EstablishedStreams, ReadsOnForOneThatSendsLittleWhileTheOutboxIsFull) {
    const StreamId id = open(user);
    session.outbox_claimed_bytes = outbox_high_water_bytes;

    let_send(id, sparse_bytes - 1);

    EXPECT_EQ(streams.allowance(id, local_buffer_bytes), sparse_bytes);
}

TEST_F(EstablishedStreams, ServesThoseThatSendLittleBeforeThoseThatSendMuch) {
    FakeStreamUser third;
    const StreamId bulk = open(user);
    const StreamId more_bulk = open(other);
    const StreamId small = open(third);
    Words served;
    user.on_writable = [&] { served.emplace_back("bulk"); };
    other.on_writable = [&] { served.emplace_back("more bulk"); };
    third.on_writable = [&] { served.emplace_back("small"); };
    let_send(bulk, 200 * 1024);
    let_send(more_bulk, 100 * 1024);
    let_send(small, 100);
    session.send_room_bytes = 0;
    for (const StreamId id : {bulk, more_bulk, small}) {
        EXPECT_EQ(streams.send(id, bytes_of("x")), 0U);
    }

    streams.wake_blocked();

    EXPECT_EQ(served, (Words{"small", "bulk", "more bulk"}));
}

TEST_F(EstablishedStreams, HoldsOneThatIsFarAheadUntilTheServerHasTakenMore) {
    streams.window_returns_early();
    const StreamId bulk = open(user);
    const StreamId talker = open(other);
    move_alike({bulk});
    talk(talker);
    let_send(bulk, least_ahead_bytes);

    EXPECT_EQ(streams.allowance(bulk, local_buffer_bytes), 0U);
    streams.wake_ahead();
    EXPECT_EQ(user.told, (Words{"writable"}));
    EXPECT_EQ(streams.allowance(bulk, local_buffer_bytes), 0U);
    session.channel_of(channel(bulk)).send_window += least_ahead_bytes / 2;

    EXPECT_EQ(streams.allowance(bulk, local_buffer_bytes), least_ahead_bytes / 2);
}

TEST_F(EstablishedStreams, LetsOneBesideIdleOnesGetFurtherAhead) {
    streams.window_returns_early();
    const StreamId bulk = open(user);
    open(other);
    move_alike({bulk});

    session.channel_of(channel(bulk)).send_window = 4 * initial_window_bytes;
    static_cast<void>(streams.allowance(bulk, local_buffer_bytes));
    session.channel_of(channel(bulk)).send_window -= initial_window_bytes - local_buffer_bytes;

    EXPECT_EQ(streams.allowance(bulk, local_buffer_bytes), local_buffer_bytes);
}

TEST_F(EstablishedStreams, LetsOneUseItsWholeWindowWhereTheServerMayWaitForThat) {
    const StreamId bulk = open(user);
    open(other);

    let_send(bulk, 1024 * 1024 - 1);

    EXPECT_EQ(streams.allowance(bulk, local_buffer_bytes), 1U);
}

TEST_F(EstablishedStreams, ShrinksTheWindowsOfStreamsThatAreNotAlone) {
    const StreamId id = open(user);
    move_alike({id});
    talk(open(other));

    streams.grant(id, 1000);

    EXPECT_EQ(session.told.back(), "withhold 1000 0");
}

TEST_F(EstablishedStreams, ShareOneWindowAsLongAsOthersAreQuiet) {
    const auto withheld = [](std::uint32_t bytes) { return "withhold " + std::to_string(bytes); };
    const StreamId first = open(user);
    const StreamId second = open(user);
    const StreamId talker = open(other);

    move_alike({first, second});
    streams.grant(first, initial_window_bytes);
    EXPECT_EQ(session.told.front(), withheld(initial_window_bytes / 2) + " 0");

    talk(talker);
    streams.grant(second, initial_window_bytes);
    // move_alike() had it give up 1,000 bytes already.
    EXPECT_EQ(session.told.front(),
              withheld(initial_window_bytes - 1000 - least_window_bytes) + " 1");
}

TEST_F(EstablishedStreams, GrowsTheWindowOfOneThatFillsALongPath) {
    streams.set_round_trip(std::chrono::milliseconds{100});
    const StreamId id = open(user);
    streams.grant(id, 1);
    session.told.clear();

    time += std::chrono::milliseconds{100};
    streams.grant(id, initial_window_bytes);

    EXPECT_EQ(session.told,
              (Words{"grant " + std::to_string(initial_window_bytes) + " 0",
                     "widen " + std::to_string(initial_window_bytes) + " 0"}));
}

TEST_F(EstablishedStreams, LeavesTheWindowOfOneThatReceivesLittle) {
    streams.set_round_trip(std::chrono::milliseconds{100});
    const StreamId id = open(user);
    streams.grant(id, 1);
    session.told.clear();

    time += std::chrono::milliseconds{100};
    streams.grant(id, initial_window_bytes / 4);

    EXPECT_EQ(session.told.size(), 1U);
}

TEST_F(ChannelStreamsTest, GivesEveryPromiseBack) {
    MemoryBudget budget{1024 * 1024 * 1024};
    ChannelStreams counted{*this, {}, &budget};
    counted.carry_over(session);
    const Upstream::Opened opened = counted.open(target, {}, user);
    EXPECT_EQ(budget.promised(), initial_window_bytes);
    EXPECT_EQ(session.last_open.window_bytes, initial_window_bytes);

    counted.close(opened.id);

    EXPECT_EQ(budget.promised(), 0U);
}

TEST_F(ChannelStreamsTest, LeavesThePromiseOfAClosedStreamToItsUser) {
    MemoryBudget budget{1024 * 1024 * 1024};
    ChannelStreams counted{*this, {}, &budget};
    counted.carry_over(session);
    const Upstream::Opened closed_by_peer = counted.open(target, {}, user);
    ASSERT_TRUE(counted.open(target, {}, other).ok);

    counted.take(ssh::ChannelClosed{channel(closed_by_peer.id), false});
    counted.session_ended();
    EXPECT_EQ(budget.promised(), 2 * initial_window_bytes);

    user.share = {};
    other.share.shrink_to(10);
    EXPECT_EQ(budget.promised(), 10U);
    other.share = {};
    EXPECT_EQ(budget.promised(), 0U);
}

TEST_F(ChannelStreamsTest, RefusesToOpenBeyondTheMemoryBudget) {
    MemoryBudget budget{scarce_window_bytes};
    ChannelStreams counted{*this, {}, &budget};
    counted.carry_over(session);
    EXPECT_TRUE(counted.open(target, {}, user).ok);
    EXPECT_EQ(session.last_open.window_bytes, scarce_window_bytes);

    const Upstream::Opened second = counted.open(target, {}, other);

    EXPECT_FALSE(second.ok);
    EXPECT_EQ(second.refusal.reason, out_of_memory);
    EXPECT_EQ(second.refusal.shortage, Shortage::memory);
    EXPECT_EQ(budget.promised(), scarce_window_bytes);
}

}  // namespace
}  // namespace caponier::relay
