// The native session against the sshd of this machine: the login, windows, signs of life, a stream
// cut anywhere, and the end. Channels and rekeys have files of their own; tests/spec plays the
// peers that no sshd is.

#include "ssh/native_session.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ssh/wire/bytes.h"
#include "tests/interop/session/target.h"
#include "tests/interop/session/tunnel.h"

namespace caponier::ssh::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr std::uint64_t mebibyte = 1024 * 1024;

/// A session that nobody has let in yet.
struct Arrived {
    explicit Arrived(const std::vector<std::string>& options = {},
                     SessionConfig config = config_of_user())
        : sshd{options}, driver{make_native_session(std::move(config)), sshd.client_end()} {}

    Sshd sshd;
    WireDriver driver;
};

TEST(NativeSession, LogsInWithAKeyThatItNeverSees) {
    Tunnel tunnel{{}, make_native_session(config_of_user())};

    EXPECT_THAT(tunnel.driver.identification, StartsWith("SSH-2.0-OpenSSH_"));
    const SigningKey host = tunnel.sshd.key("host");
    const std::span<const std::byte> host_key = host.public_key();
    EXPECT_TRUE(std::equal(host_key.begin(),
                           host_key.end(),
                           tunnel.driver.host_key.begin(),
                           tunnel.driver.host_key.end()));
    EXPECT_EQ(tunnel.driver.authentication_wanted, std::vector<std::string>{"publickey"});
    EXPECT_EQ(tunnel.driver.keys_changed, 1U);
}

TEST(NativeSession, TellsTheServersWordsWhenItHasEnoughOfOurKeys) {
    Arrived arrived{{"MaxAuthTries 1"}};
    const SigningKey stranger = arrived.sshd.make_key("stranger", "ecdsa");

    arrived.driver.log_in_with(stranger);
    ASSERT_TRUE(arrived.driver.until([&] { return arrived.driver.ended.has_value(); }));

    EXPECT_EQ(arrived.driver.ended->code, ErrorCode::disconnected_by_peer);
    EXPECT_THAT(arrived.driver.end_text, HasSubstr("Too many authentication failures"));
}

TEST(NativeSession, TellsWhichAlgorithmsHaveNothingInCommon) {
    Arrived ciphers{{"Ciphers 3des-cbc"}};
    Arrived key_exchanges{{"KexAlgorithms diffie-hellman-group1-sha1"}};

    ASSERT_TRUE(ciphers.driver.until([&] { return ciphers.driver.ended.has_value(); }));
    ASSERT_TRUE(key_exchanges.driver.until([&] { return key_exchanges.driver.ended.has_value(); }));

    EXPECT_EQ(ciphers.driver.ended->code, ErrorCode::no_common_cipher);
    EXPECT_THAT(ciphers.driver.end_text, HasSubstr("3des-cbc"));
    EXPECT_EQ(key_exchanges.driver.ended->code, ErrorCode::no_common_kex);
}

TEST(NativeSession, StopsTheSenderAtTheWindowWhileOtherChannelsFlow) {
    Target source{[](int connection) {
        send_stream(connection, 1, 2 * mebibyte);
        send_end(connection);
    }};
    Target other{echo};
    Tunnel tunnel{{}, make_native_session(config_of_user())};
    const std::uint64_t window = SessionConfig{}.initial_window_bytes;
    const LocalChannelId stopped =
        tunnel.driver.open(source.port(), {.stream_in = 1, .grants = false});

    ASSERT_TRUE(tunnel.until([&] { return tunnel.driver.channel(stopped).received == window; }));
    const LocalChannelId flowing = tunnel.driver.open(
        other.port(), {.stream_in = 2, .stream_out = 2, .bytes_out = 4 * mebibyte});
    ASSERT_TRUE(tunnel.until([&] { return tunnel.driver.channel(flowing).closed; }));

    EXPECT_EQ(tunnel.driver.channel(flowing).received, 4 * mebibyte);
    EXPECT_EQ(tunnel.driver.channel(stopped).received, window);
    EXPECT_EQ(tunnel.driver.session().channel(stopped)->receive_window, 0U);
    tunnel.driver.resume(stopped);
    ASSERT_TRUE(tunnel.until([&] { return tunnel.driver.channel(stopped).closed; }));
    EXPECT_EQ(tunnel.driver.channel(stopped).received, 2 * mebibyte);
    EXPECT_TRUE(tunnel.driver.channel(stopped).intact);
}

TEST(NativeSession, TakesNoMoreThanTheWindowOfATargetThatDoesNotRead) {
    std::atomic<bool> may_read = false;
    std::atomic<std::int64_t> arrived = -2;
    Target lazy{[&](int connection) {
        may_read.wait(false);
        arrived = read_stream(connection, 7);
    }};
    Tunnel tunnel{{}, make_native_session(config_of_user())};
    const LocalChannelId blocked =
        tunnel.driver.open(lazy.port(), {.stream_out = 7, .bytes_out = 24 * mebibyte});

    ASSERT_TRUE(tunnel.until([&] {
        const DrivenChannel& channel = tunnel.driver.channel(blocked);
        return channel.opened && tunnel.driver.session().channel(blocked)->send_window == 0 &&
               tunnel.driver.session().outbox_bytes() == 0;
    }));
    EXPECT_LT(tunnel.driver.channel(blocked).sent, 24 * mebibyte);
    may_read = true;
    may_read.notify_all();

    ASSERT_TRUE(tunnel.until([&] { return tunnel.driver.channel(blocked).closed; }));
    EXPECT_EQ(arrived, static_cast<std::int64_t>(24 * mebibyte));
}

TEST(NativeSession, DoesNotCareHowTheStreamIsCut) {
    const char* given = std::getenv("SEED");
    const auto seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    SCOPED_TRACE("replay with SEED=" + std::to_string(seed));
    std::mt19937_64 random{seed};
    Target target{echo};
    SessionConfig config = config_of_user();
    config.rekey_limit.bytes = 100'000;
    Arrived arrived{{}, config};
    const SigningKey key = arrived.sshd.user_key();
    arrived.driver.cut_input([&](std::size_t available) {
        return 1 + std::min<std::size_t>(available - 1, random() % 97);
    });

    arrived.driver.log_in_with(key);
    ASSERT_TRUE(arrived.driver.until_established()) << arrived.driver.end_text;
    const LocalChannelId id =
        arrived.driver.open(target.port(), {.stream_in = 6, .stream_out = 6, .bytes_out = 500'000});
    ASSERT_TRUE(arrived.driver.until([&] { return arrived.driver.channel(id).closed; }));

    EXPECT_EQ(arrived.driver.channel(id).received, 500'000U);
    EXPECT_TRUE(arrived.driver.channel(id).intact);
    EXPECT_GE(arrived.driver.keys_changed, 5U);
}

TEST(NativeSession, AnswersTheServersProbesAndHasItsOwnAnswered) {
    // The server gives up after two unanswered ones.
    Tunnel tunnel{{"ClientAliveInterval 1", "ClientAliveCountMax 2"},
                  make_native_session(config_of_user())};
    const TimePoint end = std::chrono::steady_clock::now() + std::chrono::seconds{4};

    ASSERT_TRUE(tunnel.until(
        [&] { return tunnel.driver.ended || std::chrono::steady_clock::now() > end; }));
    tunnel.driver.session().probe();

    EXPECT_TRUE(tunnel.until([&] { return tunnel.driver.probes_answered == 1; }));
    EXPECT_FALSE(tunnel.driver.ended) << tunnel.driver.end_text;
}

TEST(NativeSession, DeliversWhatCameAndEndsWhenTheServerIsKilled) {
    Target target{echo};
    Tunnel tunnel{{}, make_native_session(config_of_user())};
    const LocalChannelId id = tunnel.driver.open(
        target.port(),
        {.stream_in = 1, .stream_out = 1, .bytes_out = 1000, .end_when_sent = false});
    DrivenChannel& channel = tunnel.driver.channel(id);
    ASSERT_TRUE(tunnel.until([&] { return channel.received == 1000; }));

    tunnel.sshd.kill();
    ASSERT_TRUE(tunnel.until([&] { return tunnel.driver.ended.has_value(); }));

    EXPECT_EQ(tunnel.driver.ended->code, ErrorCode::connection_lost);
    EXPECT_FALSE(channel.eof);
    EXPECT_FALSE(tunnel.driver.session().channel(id));
}

TEST(NativeSession, SaysGoodbye) {
    Tunnel tunnel{{}, make_native_session(config_of_user())};

    tunnel.driver.session().disconnect();
    ASSERT_TRUE(tunnel.until([&] { return tunnel.driver.ended.has_value(); }));

    EXPECT_EQ(tunnel.driver.ended->code, ErrorCode::closed_by_application);
}

}  // namespace
}  // namespace caponier::ssh::test
