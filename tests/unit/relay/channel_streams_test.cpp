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

    StreamId open(FakeStreamUser& asking) {
        const Upstream::Opened opened = streams.open(target, {"127.0.0.1", 4711}, asking);
        EXPECT_TRUE(opened.ok);
        return opened.id;
    }
    static ssh::LocalChannelId channel(StreamId id) {
        return ssh::LocalChannelId{static_cast<std::uint32_t>(id)};
    }

    const Target target{"db.internal", 5432};
    FakeSession session;
    int changes = 0;
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

// ---- room
// ----------------------------------------------------------------------------------------

TEST_F(EstablishedStreams, AllowsTheWindowButNoMoreThanOneBuffer) {
    const StreamId id = open(user);

    session.channel_of(channel(id)).send_window = 17;
    EXPECT_EQ(streams.allowance(id), 17U);
    session.channel_of(channel(id)).send_window = 0xffffffff;
    EXPECT_EQ(streams.allowance(id), local_buffer_bytes);
    session.channel_of(channel(id)).open = false;
    EXPECT_EQ(streams.allowance(id), 0U);
}

TEST_F(EstablishedStreams, WakesAStreamWithoutWindowByItsOwnWindowOnly) {
    const StreamId id = open(user);
    const StreamId second = open(other);
    session.channel_of(channel(id)).send_window = 0;
    EXPECT_EQ(streams.allowance(id), 0U);

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
    session.outbox_claimed_bytes = outbox_high_water_bytes;
    EXPECT_EQ(streams.allowance(id), 0U);

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

// ---- the end
// -------------------------------------------------------------------------------------

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

}  // namespace
}  // namespace caponier::relay
