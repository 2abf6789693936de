// Libssh2Session against the sshd of this machine, by hand over a socket pair: the login, windows,
// a stream cut anywhere, signs of life, the end, and peers that are no SSH servers at all. Channels
// have a file of their own.

#include "ssh/libssh2_session.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <random>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ssh/keys/public_key.h"
#include "ssh/wire/bytes.h"
#include "tests/interop/session/libssh2_tunnel.h"
#include "tests/interop/session/target.h"

namespace caponier::ssh::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::uint64_t mebibyte = 1024 * 1024;

/// A session whose peer is a string.
struct Fed {
    Fed() : driver{session_with(), -1} {}

    std::size_t receive(std::string_view text) {
        const std::span<const std::byte> bytes = bytes_of(text);
        std::vector<std::byte> copy{bytes.begin(), bytes.end()};
        const std::size_t consumed = driver.session().receive(copy, TimePoint{});
        take_events();
        return consumed;
    }
    void take_events() {
        EXPECT_TRUE(driver.until([] { return true; }));
    }

    WireDriver driver;
};

// ---- the login ---------------------------------------------------------------------------------

TEST(Libssh2Session, LogsInWithAKeyThatItNeverSees) {
    Sshd sshd;
    const SigningKey key = sshd.user_key();
    WireDriver driver{session_with(), sshd.client_end()};

    driver.log_in_with(key);
    ASSERT_TRUE(driver.until_established()) << driver.end_text;

    EXPECT_THAT(driver.identification, StartsWith("SSH-2.0-OpenSSH_"));
    const SigningKey host = sshd.key("host");
    const std::span<const std::byte> host_key = host.public_key();
    EXPECT_TRUE(std::equal(
        host_key.begin(), host_key.end(), driver.host_key.begin(), driver.host_key.end()));
    EXPECT_THAT(driver.authentication_wanted, ElementsAre(HasSubstr("publickey")));
    EXPECT_FALSE(driver.session().next_deadline());
}

TEST(Libssh2Session, SendsNothingMoreWhileNobodyAcceptedTheHostKey) {
    Sshd sshd;
    WireDriver driver{session_with(), sshd.client_end()};
    ASSERT_TRUE(driver.until([&] { return driver.host_key_received; }));
    ASSERT_TRUE(driver.until([&] { return driver.session().outbox_bytes() == 0; }));

    EXPECT_FALSE(driver.session().next_deadline());
    driver.session().reject_host_key();

    EXPECT_GT(driver.session().outbox_bytes(), 0U);  // the farewell
    ASSERT_TRUE(driver.until([&] { return driver.ended.has_value(); }));
    EXPECT_EQ(driver.ended->code, ErrorCode::host_key_rejected);
}

TEST(Libssh2Session, TriesAnotherKeyAfterOneThatTheServerDoesNotKnow) {
    Sshd sshd;
    const SigningKey stranger = sshd.make_key("stranger", "ecdsa");
    const SigningKey key = sshd.user_key();
    WireDriver driver{session_with(), sshd.client_end()};
    driver.log_in_with(stranger);
    ASSERT_TRUE(driver.until([&] { return driver.authentication_wanted.size() == 2; }));
    EXPECT_TRUE(driver.to_sign.empty());

    driver.log_in_with(key);
    ASSERT_TRUE(driver.session().try_public_key({key_type_name(key.type()), key.public_key()}));

    EXPECT_TRUE(driver.until_established()) << driver.end_text;
}

TEST(Libssh2Session, GoesOnAfterADeclinedSignatureWithoutABrokenAttempt) {
    // One attempt is allowed: a broken one would end the session.
    Sshd sshd{{"MaxAuthTries 1"}};
    const SigningKey key = sshd.user_key();
    WireDriver driver{session_with(), sshd.client_end()};
    ASSERT_TRUE(driver.until([&] { return driver.host_key_received; }));
    driver.session().accept_host_key();
    ASSERT_TRUE(driver.until([&] { return !driver.authentication_wanted.empty(); }));
    const PublicKeyView view{key_type_name(key.type()), key.public_key()};
    ASSERT_TRUE(driver.session().try_public_key(view));
    ASSERT_TRUE(driver.until([&] { return !driver.to_sign.empty(); }));

    driver.session().decline_signature();
    ASSERT_TRUE(driver.until([&] { return driver.authentication_wanted.size() == 2; }));
    driver.log_in_with(key);
    ASSERT_TRUE(driver.session().try_public_key(view));

    EXPECT_TRUE(driver.until_established()) << driver.end_text;
}

TEST(Libssh2Session, TellsTheServersWordsWhenItHasEnoughOfOurKeys) {
    Sshd sshd{{"MaxAuthTries 1"}};
    const SigningKey stranger = sshd.make_key("stranger", "ed25519");
    WireDriver driver{session_with(), sshd.client_end()};

    driver.log_in_with(stranger);
    ASSERT_TRUE(driver.until([&] { return driver.ended.has_value(); }));

    EXPECT_EQ(driver.ended->code, ErrorCode::disconnected_by_peer);
    EXPECT_THAT(driver.end_text, HasSubstr("Too many authentication failures"));
}

TEST(Libssh2Session, SaysAtOnceThatItCannotUseAnRsaKeyWithACurrentServer) {
    Sshd sshd;
    const SigningKey rsa = sshd.make_key("rsa", "rsa");
    WireDriver driver{session_with(), sshd.client_end()};
    ASSERT_TRUE(driver.until([&] { return driver.host_key_received; }));
    driver.session().accept_host_key();
    ASSERT_TRUE(driver.until([&] { return !driver.authentication_wanted.empty(); }));

    EXPECT_FALSE(driver.session().try_public_key({"ssh-rsa", rsa.public_key()}));
    EXPECT_FALSE(driver.session().try_public_key({"rsa-sha2-256", rsa.public_key()}));
    EXPECT_EQ(driver.session().outbox_bytes(), 0U);
}

// ---- windows -----------------------------------------------------------------------------------

TEST(Libssh2Session, StopsTheSenderAtTheWindowWhileOtherChannelsFlow) {
    Target source{[](int connection) {
        send_stream(connection, 1, 2 * mebibyte);
        send_end(connection);
    }};
    Target other{echo};
    Established tunnel;
    const std::uint64_t window = SessionConfig{}.initial_window_bytes;
    const LocalChannelId stopped =
        tunnel.driver.open(source.port(), {.stream_in = 1, .grants = false});

    ASSERT_TRUE(tunnel.until([&] { return tunnel.driver.channel(stopped).received == window; }));
    const LocalChannelId flowing = tunnel.driver.open(
        other.port(), {.stream_in = 2, .stream_out = 2, .bytes_out = 4 * mebibyte});
    ASSERT_TRUE(tunnel.until([&] { return tunnel.driver.channel(flowing).closed; }));

    EXPECT_EQ(tunnel.driver.channel(flowing).received, 4 * mebibyte);
    EXPECT_EQ(tunnel.driver.channel(stopped).received, window);
    EXPECT_EQ(tunnel.driver.session().channel(stopped)->receive_owed, window);
    EXPECT_EQ(tunnel.driver.session().channel(stopped)->receive_window, 0U);
    tunnel.driver.resume(stopped);
    ASSERT_TRUE(tunnel.until([&] { return tunnel.driver.channel(stopped).closed; }));
    EXPECT_EQ(tunnel.driver.channel(stopped).received, 2 * mebibyte);
    EXPECT_TRUE(tunnel.driver.channel(stopped).intact);
}

TEST(Libssh2Session, WidensAWindowByWhatItIsTold) {
    Target source{[](int connection) {
        send_stream(connection, 1, 2 * mebibyte);
        send_end(connection);
    }};
    Established tunnel;
    const std::uint64_t window = SessionConfig{}.initial_window_bytes;
    const LocalChannelId id = tunnel.driver.open(source.port(), {.stream_in = 1, .grants = false});
    DrivenChannel& channel = tunnel.driver.channel(id);
    ASSERT_TRUE(tunnel.until([&] { return channel.received == window; }));

    tunnel.driver.session().widen(id, 100'000);

    ASSERT_TRUE(tunnel.until([&] { return channel.received == window + 100'000; }));
    EXPECT_EQ(tunnel.driver.session().channel(id)->receive_window, 0U);
    tunnel.sshd.kill();
}

TEST(Libssh2Session, TakesNoMoreThanTheWindowOfATargetThatDoesNotRead) {
    std::atomic<bool> may_read = false;
    std::atomic<std::int64_t> arrived = -2;
    Target lazy{[&](int connection) {
        while (!may_read) {
            std::this_thread::yield();
        }
        arrived = read_stream(connection, 7);
    }};
    Target other{echo};
    Established tunnel;
    const LocalChannelId blocked =
        tunnel.driver.open(lazy.port(), {.stream_out = 7, .bytes_out = 24 * mebibyte});
    ASSERT_TRUE(tunnel.until([&] {
        const DrivenChannel& channel = tunnel.driver.channel(blocked);
        return channel.opened && tunnel.driver.session().channel(blocked)->send_window == 0 &&
               tunnel.driver.session().outbox_bytes() == 0;
    }));

    const LocalChannelId flowing =
        tunnel.driver.open(other.port(), {.stream_in = 2, .stream_out = 2, .bytes_out = mebibyte});
    ASSERT_TRUE(tunnel.until([&] { return tunnel.driver.channel(flowing).closed; }));

    EXPECT_LT(tunnel.driver.channel(blocked).sent, 24 * mebibyte);
    may_read = true;
    ASSERT_TRUE(tunnel.until([&] { return tunnel.driver.channel(blocked).closed; }));
    EXPECT_EQ(arrived, static_cast<std::int64_t>(24 * mebibyte));
}

// ---- the stream cut anywhere -------------------------------------------------------------------

TEST(Libssh2Session, DoesNotCareHowTheStreamIsCut) {
    const char* given = std::getenv("SEED");
    const auto seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    SCOPED_TRACE("replay with SEED=" + std::to_string(seed));
    std::mt19937_64 random{seed};
    Target target{echo};
    Sshd sshd;
    const SigningKey key = sshd.user_key();
    WireDriver driver{session_with(), sshd.client_end()};
    driver.cut_input([&](std::size_t available) {
        return 1 + std::min<std::size_t>(available - 1, random() % 97);
    });

    driver.log_in_with(key);
    ASSERT_TRUE(driver.until_established()) << driver.end_text;
    const LocalChannelId id =
        driver.open(target.port(), {.stream_in = 6, .stream_out = 6, .bytes_out = 500'000});
    ASSERT_TRUE(driver.until([&] { return driver.channel(id).closed; }));

    EXPECT_EQ(driver.channel(id).received, 500'000U);
    EXPECT_TRUE(driver.channel(id).intact);
    EXPECT_FALSE(driver.channel(id).cut);
}

// ---- signs of life and the end -----------------------------------------------------------------

TEST(Libssh2Session, AnswersAProbeAlsoBeforeTheFirstChannel) {
    Established tunnel;

    tunnel.driver.session().probe();

    EXPECT_TRUE(tunnel.until([&] { return tunnel.driver.probes_answered == 1; }));
}

TEST(Libssh2Session, TakesBytesThatFinishNoPacketForNoSignOfLife) {
    constexpr std::uint64_t bytes = 100'000;
    Target target{echo};
    Established tunnel;
    WireDriver& driver = tunnel.driver;
    const LocalChannelId id =
        driver.open(target.port(), {.stream_in = 6, .stream_out = 6, .bytes_out = bytes});
    ASSERT_TRUE(driver.until([&] { return driver.channel(id).opened; }));
    const std::uint64_t before = driver.session().signs_of_life();

    driver.cut_input([](std::size_t) { return std::size_t{1}; });
    ASSERT_TRUE(driver.until([&] { return driver.channel(id).closed; }));

    EXPECT_EQ(driver.channel(id).received, bytes);
    EXPECT_GT(driver.session().signs_of_life(), before);
    EXPECT_LT(driver.session().signs_of_life(), before + bytes / 100);
}

TEST(Libssh2Session, AnswersTheServersProbesAlsoBeforeTheFirstChannel) {
    // The server gives up after two unanswered ones.
    Established tunnel{{"ClientAliveInterval 1", "ClientAliveCountMax 2"}};
    Target target{echo};
    const TimePoint end = std::chrono::steady_clock::now() + std::chrono::seconds{5};

    ASSERT_TRUE(tunnel.until(
        [&] { return tunnel.driver.ended || std::chrono::steady_clock::now() > end; }));

    EXPECT_FALSE(tunnel.driver.ended) << tunnel.driver.end_text;
    const LocalChannelId id =
        tunnel.driver.open(target.port(), {.stream_in = 1, .stream_out = 1, .bytes_out = 10});
    EXPECT_TRUE(tunnel.until([&] { return tunnel.driver.channel(id).closed; }));
}

TEST(Libssh2Session, DeliversWhatCameAndEndsWhenTheServerIsKilled) {
    Target target{echo};
    Established tunnel;
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
    EXPECT_EQ(tunnel.driver.session().send(id, bytes_of("late")), 0U);
}

TEST(Libssh2Session, SaysGoodbye) {
    Established tunnel;
    ASSERT_TRUE(tunnel.until([&] { return tunnel.driver.session().outbox_bytes() == 0; }));

    tunnel.driver.session().disconnect();

    EXPECT_GT(tunnel.driver.session().outbox_bytes(), 0U);
    ASSERT_TRUE(tunnel.until([&] { return tunnel.driver.ended.has_value(); }));
    EXPECT_EQ(tunnel.driver.ended->code, ErrorCode::closed_by_application);
}

TEST(Libssh2Session, EndsWhenABitIsFlippedOnTheWay) {
    Target target{echo};
    Established tunnel;
    const LocalChannelId id = tunnel.driver.open(target.port(), {.end_when_sent = false});
    ASSERT_TRUE(tunnel.until([&] { return tunnel.driver.channel(id).opened; }));
    std::vector<std::byte> garbage(4096, std::byte{0x5a});

    static_cast<void>(tunnel.driver.session().receive(garbage, TimePoint{}));
    ASSERT_TRUE(tunnel.until([&] { return tunnel.driver.ended.has_value(); }));

    EXPECT_THAT(tunnel.driver.ended->code,
                testing::AnyOf(ErrorCode::malformed_packet, ErrorCode::integrity_failure));
    tunnel.sshd.kill();
}

// ---- peers that are no SSH servers -------------------------------------------------------------

TEST(Libssh2Session, IntroducesItselfAtOnce) {
    Fed fed;

    std::array<std::span<const std::byte>, 1> pieces;
    ASSERT_EQ(fed.driver.session().outbox(pieces), 1U);

    EXPECT_EQ(text_of(pieces[0]), "SSH-2.0-Caponier_0.1\r\n");
}

TEST(Libssh2Session, EndsWhenAWebServerAnswers) {
    Fed fed;

    fed.receive("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    fed.driver.session().end_of_input();
    fed.take_events();

    ASSERT_TRUE(fed.driver.ended);
    EXPECT_EQ(fed.driver.ended->code, ErrorCode::not_ssh);
}

TEST(Libssh2Session, EndsWhenThePeerSpeaksAnOldVersion) {
    Fed fed;

    fed.receive("SSH-1.5-OldAndGone\r\n");

    ASSERT_TRUE(fed.driver.ended);
    EXPECT_EQ(fed.driver.ended->code, ErrorCode::unsupported_version);
}

TEST(Libssh2Session, EndsWhenGarbageFollowsTheIdentification) {
    Fed fed;

    fed.receive("SSH-2.0-Strange\r\n" + std::string(1000, '\xff'));

    EXPECT_EQ(fed.driver.identification, "SSH-2.0-Strange");
    ASSERT_TRUE(fed.driver.ended);
    EXPECT_EQ(fed.driver.ended->code, ErrorCode::key_exchange_failed) << fed.driver.end_text;
}

TEST(Libssh2Session, GivesUpOnAPeerThatSaysNothing) {
    Fed fed;
    Session& session = fed.driver.session();
    const TimePoint start = TimePoint{} + std::chrono::hours{1};
    ASSERT_TRUE(session.next_deadline());
    EXPECT_LE(*session.next_deadline(), start);
    session.expire(start);
    EXPECT_EQ(session.next_deadline(), start + SessionConfig{}.kex_timeout);

    session.expire(start + SessionConfig{}.kex_timeout - std::chrono::nanoseconds{1});
    fed.take_events();
    EXPECT_FALSE(fed.driver.ended);
    session.expire(start + SessionConfig{}.kex_timeout);
    fed.take_events();

    ASSERT_TRUE(fed.driver.ended);
    EXPECT_EQ(fed.driver.ended->code, ErrorCode::timed_out);
    EXPECT_FALSE(session.next_deadline());
}

TEST(Libssh2Session, TellsWhichAlgorithmsHaveNothingInCommon) {
    Sshd sshd{{"Ciphers aes256-gcm@openssh.com"}};
    WireDriver driver{session_with(), sshd.client_end()};

    ASSERT_TRUE(driver.until([&] { return driver.ended.has_value(); }));

    EXPECT_EQ(driver.ended->code, ErrorCode::no_common_cipher) << driver.end_text;
}

TEST(Libssh2Session, UsesTheConfiguredAlgorithms) {
    SessionConfig config = config_of_user();
    config.algorithms.cipher = {"aes256-ctr"};
    Established strict{{"Ciphers aes256-ctr"}, config};
    EXPECT_FALSE(strict.driver.ended);

    config.algorithms.cipher = {"no-such-cipher"};
    const Result<std::unique_ptr<Session>> unknown = make_libssh2_session(config);

    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().code, ErrorCode::no_common_cipher);
}

}  // namespace
}  // namespace caponier::ssh::test
