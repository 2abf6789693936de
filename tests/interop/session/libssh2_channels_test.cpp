// Channels of Libssh2Session against the sshd of this machine, in every way that they begin and
// end, and under the server's rekeys.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include <sys/socket.h>
#include <sys/un.h>

#include <gtest/gtest.h>

#include "tests/interop/session/libssh2_tunnel.h"
#include "tests/interop/session/target.h"

namespace caponier::ssh::test {
namespace {

constexpr std::uint64_t mebibyte = 1024 * 1024;

TEST(Libssh2Session, CarriesEightMebibytesEachWayAtOnce) {
    const DuplexTarget target{{.to_us = 1, .from_us = 2, .bytes = 8 * mebibyte}};
    Established tunnel;

    const LocalChannelId id = tunnel.driver.open(
        target.port(), {.stream_in = 1, .stream_out = 2, .bytes_out = 8 * mebibyte});
    DrivenChannel& channel = tunnel.driver.channel(id);
    ASSERT_TRUE(tunnel.until([&] { return channel.closed; }));

    EXPECT_EQ(channel.received, 8 * mebibyte);
    EXPECT_TRUE(channel.intact);
    EXPECT_TRUE(channel.eof);
    EXPECT_FALSE(channel.cut);
    EXPECT_EQ(target.arrived(), static_cast<std::int64_t>(8 * mebibyte));
    EXPECT_LE(tunnel.driver.outbox_bytes_seen_max, outbox_bytes_max + 64 * 1024);
}

// The server asks for new keys after every mebibyte.
TEST(Libssh2Session, LosesNothingWhenTheServerRekeysInTheMiddle) {
    const DuplexTarget target{{.to_us = 1, .from_us = 2, .bytes = 6 * mebibyte}};
    Established tunnel{{"RekeyLimit 1M"}};

    const LocalChannelId id = tunnel.driver.open(
        target.port(), {.stream_in = 1, .stream_out = 2, .bytes_out = 6 * mebibyte});
    DrivenChannel& channel = tunnel.driver.channel(id);
    ASSERT_TRUE(tunnel.until([&] { return channel.closed || tunnel.driver.ended; }));

    EXPECT_FALSE(tunnel.driver.ended) << tunnel.driver.end_text;
    EXPECT_EQ(channel.received, 6 * mebibyte);
    EXPECT_TRUE(channel.intact);
    EXPECT_FALSE(channel.cut);
    EXPECT_EQ(target.arrived(), static_cast<std::int64_t>(6 * mebibyte));
}

TEST(Libssh2Session, KeepsSendingAfterTheTargetsEof) {
    std::atomic<std::int64_t> arrived = -2;
    Target target{[&](int connection) {
        send_stream(connection, 1, 1000);
        send_end(connection);
        arrived = read_stream(connection, 2);
    }};
    Established tunnel;
    const LocalChannelId id = tunnel.driver.open(target.port(), {.stream_in = 1, .stream_out = 2});
    DrivenChannel& channel = tunnel.driver.channel(id);
    channel.end_when_sent = false;
    ASSERT_TRUE(tunnel.until([&] { return channel.eof; }));
    EXPECT_EQ(channel.received, 1000U);
    EXPECT_FALSE(channel.closed);

    channel.bytes_out = mebibyte;
    channel.end_when_sent = true;
    ASSERT_TRUE(tunnel.until([&] { return channel.closed; }));

    EXPECT_FALSE(channel.cut);
    tunnel.sshd.kill();  // or the target waits for a connection that is open
    ASSERT_TRUE(tunnel.until([&] { return arrived != -2; }));
    EXPECT_EQ(arrived, static_cast<std::int64_t>(mebibyte));
}

TEST(Libssh2Session, KeepsReceivingAfterOurEof) {
    Target target{[&](int connection) {
        if (read_stream(connection, 2) == 1000) {
            send_stream(connection, 1, mebibyte);
        }
    }};
    Established tunnel;

    const LocalChannelId id =
        tunnel.driver.open(target.port(), {.stream_in = 1, .stream_out = 2, .bytes_out = 1000});
    DrivenChannel& channel = tunnel.driver.channel(id);
    ASSERT_TRUE(tunnel.until([&] { return channel.closed; }));

    EXPECT_TRUE(channel.eof);
    EXPECT_TRUE(channel.intact);
    EXPECT_EQ(channel.received, mebibyte);
    EXPECT_FALSE(channel.cut);
}

// The server has nobody left to deliver to, and closes although we are not finished.
TEST(Libssh2Session, CallsAChannelCutThatThePeerClosesBeforeOurEof) {
    Target target{[](int connection) { send_stream(connection, 1, 1000); }};
    Established tunnel;

    const LocalChannelId id = tunnel.driver.open(
        target.port(), {.stream_in = 1, .stream_out = 2, .bytes_out = 64 * mebibyte});
    DrivenChannel& channel = tunnel.driver.channel(id);
    ASSERT_TRUE(tunnel.until([&] { return channel.closed; }));

    EXPECT_TRUE(channel.cut);
    EXPECT_FALSE(channel.eof_sent);
    EXPECT_EQ(channel.received, 1000U);
}

TEST(Libssh2Session, TellsWhyAnOpenWasRefused) {
    Target permitted{echo};
    Established tunnel{{"PermitOpen 127.0.0.1:" + std::to_string(permitted.port()) +
                        " 127.0.0.1:" + std::to_string(closed_port())}};
    Established unlimited;

    const LocalChannelId prohibited = tunnel.driver.open(9, {});
    const LocalChannelId works = tunnel.driver.open(permitted.port(), {.end_when_sent = false});
    const LocalChannelId nobody_listens = unlimited.driver.open(closed_port(), {});

    ASSERT_TRUE(tunnel.until([&] { return tunnel.driver.channel(works).opened; }));
    EXPECT_EQ(tunnel.driver.channel(prohibited).refused, OpenFailure::administratively_prohibited);
    ASSERT_TRUE(unlimited.until(
        [&] { return unlimited.driver.channel(nobody_listens).refused.has_value(); }));
    EXPECT_EQ(unlimited.driver.channel(nobody_listens).refused, OpenFailure::connect_failed);
    EXPECT_FALSE(unlimited.driver.session().channel(nobody_listens));
}

TEST(Libssh2Session, OpensTwentyChannelsAtOnceOneAfterTheOther) {
    Target target{echo};
    Established tunnel;
    std::vector<LocalChannelId> ids;

    for (std::uint64_t stream = 0; stream < 20; ++stream) {
        ids.push_back(tunnel.driver.open(
            target.port(), {.stream_in = stream, .stream_out = stream, .bytes_out = 300'000}));
    }
    const auto finished = [&](LocalChannelId id) { return tunnel.driver.channel(id).closed; };
    ASSERT_TRUE(tunnel.until([&] { return std::all_of(ids.begin(), ids.end(), finished); }));

    for (const LocalChannelId id : ids) {
        EXPECT_EQ(tunnel.driver.channel(id).received, 300'000U);
        EXPECT_TRUE(tunnel.driver.channel(id).intact);
        EXPECT_FALSE(tunnel.driver.channel(id).cut);
        EXPECT_FALSE(tunnel.driver.session().channel(id));
    }
}

TEST(Libssh2Session, UsesTheNumbersOfClosedChannelsAgain) {
    Target target{echo};
    Established tunnel;
    for (int round = 0; round < 3; ++round) {
        const LocalChannelId id =
            tunnel.driver.open(target.port(), {.stream_in = 3, .stream_out = 3, .bytes_out = 5000});
        ASSERT_TRUE(tunnel.until([&] { return tunnel.driver.channel(id).closed; }));

        EXPECT_EQ(id, LocalChannelId{0});
        EXPECT_EQ(tunnel.driver.channel(id).received, 5000U);
    }
}

TEST(Libssh2Session, RefusesMoreChannelsThanConfigured) {
    Target target{echo};
    SessionConfig config = config_of_user();
    config.channels = 2;
    Established tunnel{{}, config};
    tunnel.driver.open(target.port(), {.end_when_sent = false});
    tunnel.driver.open(target.port(), {.end_when_sent = false});

    const Result<LocalChannelId> third = tunnel.driver.session().open(OpenTarget{});

    ASSERT_FALSE(third);
    EXPECT_EQ(third.error().code, ErrorCode::too_many_channels);
    tunnel.sshd.kill();
}

TEST(Libssh2Session, ClosesAChannelThatIsStillWaitingToBeOpened) {
    Target target{echo};
    Established tunnel;
    const LocalChannelId first = tunnel.driver.open(target.port(), {});
    const LocalChannelId queued = tunnel.driver.open(target.port(), {});
    const LocalChannelId last =
        tunnel.driver.open(target.port(), {.stream_in = 5, .stream_out = 5, .bytes_out = 1000});

    tunnel.driver.session().close(first);
    tunnel.driver.session().close(queued);
    ASSERT_TRUE(tunnel.until([&] { return tunnel.driver.channel(last).closed; }));

    EXPECT_EQ(tunnel.driver.channel(last).received, 1000U);
    EXPECT_FALSE(tunnel.driver.channel(first).opened);
    EXPECT_FALSE(tunnel.driver.session().channel(queued));
    EXPECT_TRUE(tunnel.until([&] { return !tunnel.driver.session().channel(first); }));
}

TEST(Libssh2Session, OpensAUnixSocketOfTheServer) {
    Established tunnel;
    const std::string path = tunnel.sshd.folder() / "socket";
    const Descriptor listening{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(listening.number(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(listening.number(), 1), 0);

    OpenTarget target;
    target.kind = OpenTarget::Kind::direct_streamlocal;
    target.host = path;
    const LocalChannelId id = tunnel.driver.open(target, {.stream_out = 4, .bytes_out = 5000});
    ASSERT_TRUE(tunnel.until([&] { return tunnel.driver.channel(id).eof_sent; }));
    ASSERT_TRUE(tunnel.until([&] { return tunnel.driver.session().outbox_bytes() == 0; }));

    const Descriptor connection{::accept(listening.number(), nullptr, nullptr)};
    EXPECT_EQ(read_stream(connection.number(), 4), 5000);
}

}  // namespace
}  // namespace caponier::ssh::test
