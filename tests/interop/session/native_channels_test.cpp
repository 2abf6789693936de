// Many channels of the native session against the sshd of this machine: how they begin and end in
// any order, half-close, and opens that the server refuses.

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ssh/native_session.h"
#include "tests/interop/session/target.h"
#include "tests/interop/session/tunnel.h"

namespace caponier::ssh::test {
namespace {

constexpr std::uint64_t mebibyte = 1024 * 1024;

std::uint64_t chosen_seed() {
    const char* const given = std::getenv("SEED");
    return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
}

/// Channels that a driver opens, finishes and closes in an order that chance decides.
class Traffic {
  public:
    Traffic(Tunnel& tunnel, std::uint16_t port, std::uint64_t seed)
        : tunnel_{tunnel}, port_{port}, random_{seed} {}

    /// Opens `total` channels, `at_once` of them at a time.
    void run(std::size_t total, std::size_t at_once) {
        while (opened_ < total || !living_.empty()) {
            while (opened_ < total && living_.size() < at_once) {
                open();
            }
            const std::size_t living = living_.size();
            // Any of the living may be the next that is told to finish.
            finish(living_[random_() % living]);
            ASSERT_TRUE(tunnel_.until([&] { return reap() < living; })) << tunnel_.driver.end_text;
        }
    }

  private:
    void open() {
        ++opened_;
        const std::uint64_t bytes = random_() % 40'000;
        living_.push_back(tunnel_.driver.open(port_,
                                              {.stream_in = opened_,
                                               .stream_out = opened_,
                                               .bytes_out = bytes,
                                               .end_when_sent = false}));
    }

    void finish(LocalChannelId id) { tunnel_.driver.channel(id).end_when_sent = true; }

    /// Drops what is over, after a look at what it carried; how many still live.
    std::size_t reap() {
        const auto is_over = [this](LocalChannelId id) {
            const DrivenChannel& channel = tunnel_.driver.channel(id);
            if (!channel.closed) {
                return false;
            }
            EXPECT_EQ(channel.received, channel.bytes_out);
            EXPECT_TRUE(channel.intact);
            EXPECT_FALSE(channel.cut);
            return true;
        };
        living_.erase(std::remove_if(living_.begin(), living_.end(), is_over), living_.end());
        return living_.size();
    }

    Tunnel& tunnel_;
    std::uint16_t port_;
    std::mt19937_64 random_;
    std::vector<LocalChannelId> living_;
    std::uint64_t opened_ = 0;
};

TEST(NativeSession, Opens500ChannelsAndEndsThemInAnyOrder50AtOnce) {
    const std::uint64_t seed = chosen_seed();
    SCOPED_TRACE("replay with SEED=" + std::to_string(seed));
    Target target{echo};
    Tunnel tunnel{{}, make_native_session(config_of_user())};

    Traffic{tunnel, target.port(), seed}.run(500, 50);

    EXPECT_EQ(tunnel.driver.session().channels_in_use(), 0U);
    // Numbers are used again: never more of them than channels at once.
    EXPECT_LE(tunnel.driver.channels.size(), 50U);
}

TEST(NativeSession, Opens500ChannelsAlsoWhileBothSidesChangeKeys) {
    const std::uint64_t seed = chosen_seed();
    SCOPED_TRACE("replay with SEED=" + std::to_string(seed));
    Target target{echo};
    SessionConfig config = config_of_user();
    config.rekey_limit.bytes = 64 * 1024;
    Tunnel tunnel{{"RekeyLimit 64K"}, make_native_session(config)};

    Traffic{tunnel, target.port(), seed}.run(500, 50);

    EXPECT_EQ(tunnel.driver.session().channels_in_use(), 0U);
    EXPECT_GE(tunnel.driver.keys_changed, 100U);
}

TEST(NativeSession, ClosesChannelsThatNeitherSideFinished) {
    Target target{echo};
    Tunnel tunnel{{}, make_native_session(config_of_user())};
    for (int round = 0; round < 100; ++round) {
        const LocalChannelId id = tunnel.driver.open(
            target.port(),
            {.stream_in = 1, .stream_out = 1, .bytes_out = 1000, .end_when_sent = false});
        if (round % 2 == 0) {
            ASSERT_TRUE(tunnel.until([&] { return tunnel.driver.channel(id).received == 1000; }));
        }
        tunnel.driver.session().close(id);
        ASSERT_TRUE(tunnel.until([&] { return !tunnel.driver.session().channel(id); }));
    }

    EXPECT_FALSE(tunnel.driver.ended) << tunnel.driver.end_text;
    EXPECT_EQ(tunnel.driver.session().channels_in_use(), 0U);
}

// ---- half-close --------------------------------------------------------------------------------

TEST(NativeSession, KeepsSendingAfterTheTargetsEof) {
    std::atomic<std::int64_t> arrived = -2;
    Target target{[&](int connection) {
        send_stream(connection, 1, 1000);
        send_end(connection);
        arrived = read_stream(connection, 2);
    }};
    Tunnel tunnel{{}, make_native_session(config_of_user())};
    const LocalChannelId id = tunnel.driver.open(
        target.port(), {.stream_in = 1, .stream_out = 2, .end_when_sent = false});
    DrivenChannel& channel = tunnel.driver.channel(id);
    ASSERT_TRUE(tunnel.until([&] { return channel.eof; }));
    EXPECT_EQ(channel.received, 1000U);
    EXPECT_FALSE(channel.closed);

    channel.bytes_out = 4 * mebibyte;
    channel.end_when_sent = true;
    ASSERT_TRUE(tunnel.until([&] { return channel.closed && arrived != -2; }));

    EXPECT_FALSE(channel.cut);
    EXPECT_EQ(arrived, static_cast<std::int64_t>(4 * mebibyte));
}

TEST(NativeSession, KeepsReceivingAfterOurEof) {
    Target target{[&](int connection) {
        if (read_stream(connection, 2) == 1000) {
            send_stream(connection, 1, 4 * mebibyte);
        }
    }};
    Tunnel tunnel{{}, make_native_session(config_of_user())};

    const LocalChannelId id =
        tunnel.driver.open(target.port(), {.stream_in = 1, .stream_out = 2, .bytes_out = 1000});
    DrivenChannel& channel = tunnel.driver.channel(id);
    ASSERT_TRUE(tunnel.until([&] { return channel.closed; }));

    EXPECT_TRUE(channel.eof);
    EXPECT_TRUE(channel.intact);
    EXPECT_EQ(channel.received, 4 * mebibyte);
    EXPECT_FALSE(channel.cut);
}

// The server has nobody left to deliver to, and closes although we are not finished.
TEST(NativeSession, SeesThatTheServerClosesBeforeWeAreFinished) {
    Target target{[](int connection) { send_stream(connection, 1, 1000); }};
    Tunnel tunnel{{}, make_native_session(config_of_user())};

    const LocalChannelId id = tunnel.driver.open(
        target.port(), {.stream_in = 1, .stream_out = 2, .bytes_out = 64 * mebibyte});
    DrivenChannel& channel = tunnel.driver.channel(id);
    ASSERT_TRUE(tunnel.until([&] { return channel.closed; }));

    EXPECT_FALSE(channel.eof_sent);
    EXPECT_LT(channel.sent, 64 * mebibyte);
    EXPECT_EQ(channel.received, 1000U);
    EXPECT_TRUE(channel.intact);
}

// ---- refused opens -----------------------------------------------------------------------------

TEST(NativeSession, TellsWhyAnOpenWasRefused) {
    Target permitted{echo};
    const std::uint16_t nobody = closed_port();
    Tunnel tunnel{{"PermitOpen 127.0.0.1:" + std::to_string(permitted.port()) +
                   " 127.0.0.1:" + std::to_string(nobody)},
                  make_native_session(config_of_user())};

    const LocalChannelId prohibited = tunnel.driver.open(9, {});
    const LocalChannelId nobody_listens = tunnel.driver.open(nobody, {});
    const LocalChannelId works =
        tunnel.driver.open(permitted.port(), {.stream_in = 1, .stream_out = 1, .bytes_out = 1000});
    ASSERT_TRUE(tunnel.until([&] {
        return tunnel.driver.channel(works).closed && tunnel.driver.channel(prohibited).refused &&
               tunnel.driver.channel(nobody_listens).refused;
    }));

    EXPECT_EQ(tunnel.driver.channel(prohibited).refused, OpenFailure::administratively_prohibited);
    EXPECT_EQ(tunnel.driver.channel(nobody_listens).refused, OpenFailure::connect_failed);
    EXPECT_EQ(tunnel.driver.channel(works).received, 1000U);
    EXPECT_EQ(tunnel.driver.session().channels_in_use(), 0U);
}

TEST(NativeSession, SurvivesRefusedOpensBetweenLivingChannelsAndNewKeys) {
    Target target{echo};
    const std::uint16_t nobody = closed_port();
    SessionConfig config = config_of_user();
    config.rekey_limit.bytes = 64 * 1024;
    Tunnel tunnel{{}, make_native_session(config)};
    std::vector<LocalChannelId> living;

    for (std::uint64_t stream = 1; stream <= 20; ++stream) {
        living.push_back(tunnel.driver.open(target.port(),
                                            {.stream_in = stream,
                                             .stream_out = stream,
                                             .bytes_out = 200'000,
                                             .end_when_sent = false}));
        for (int refused = 0; refused < 5; ++refused) {
            const LocalChannelId bad = tunnel.driver.open(nobody, {});
            ASSERT_TRUE(
                tunnel.until([&] { return tunnel.driver.channel(bad).refused.has_value(); }));
        }
    }
    for (const LocalChannelId id : living) {
        tunnel.driver.channel(id).end_when_sent = true;
        ASSERT_TRUE(tunnel.until([&] { return tunnel.driver.channel(id).closed; }));
        EXPECT_EQ(tunnel.driver.channel(id).received, 200'000U);
        EXPECT_TRUE(tunnel.driver.channel(id).intact);
    }

    EXPECT_GE(tunnel.driver.keys_changed, 20U);
    EXPECT_FALSE(tunnel.driver.ended) << tunnel.driver.end_text;
}

}  // namespace
}  // namespace caponier::ssh::test
