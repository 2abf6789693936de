// RFC 4253 7.1 and 9: new keys while the session lives.

#include <string>

#include <gtest/gtest.h>

#include "ssh/spoken_algorithms.h"
#include "tests/spec/rogue_peer.h"

namespace caponier::spec {
namespace {

using ssh::ErrorCode;
using ssh::MessageNumber;

class Rekey : public testing::TestWithParam<ssh::Role> {
  protected:
    [[nodiscard]] static RoguePeer::Options options() {
        RoguePeer::Options options;
        options.role = GetParam();
        return options;
    }
};

// Item 56. RFC 4253 9: on receiving it "a party MUST respond with its own SSH_MSG_KEXINIT
// message".
TEST_P(Rekey, IsAnswered) {
    RoguePeer peer{options()};
    ASSERT_TRUE(peer.establish());

    ASSERT_TRUE(peer.rekey());

    EXPECT_EQ(peer.count(MessageNumber::kexinit), 1U);
    EXPECT_TRUE(peer.saw("KeysChanged"));
}

// Item 56: both at once is one exchange, and the roles stay.
TEST_P(Rekey, ByBothSidesAtOnceIsOneExchange) {
    RoguePeer peer{options()};
    ASSERT_TRUE(peer.establish());

    peer.hold();
    peer.send_kexinit();
    peer.session().rekey();
    peer.release();

    EXPECT_FALSE(peer.ended().has_value());
    EXPECT_EQ(peer.count(MessageNumber::kexinit), 1U);
    EXPECT_EQ(peer.count(MessageNumber::newkeys), 1U);
    EXPECT_TRUE(peer.saw("KeysChanged"));
}

// Item 62: algorithms may change at a rekey.
TEST_P(Rekey, MayChangeTheAlgorithms) {
    RoguePeer::Options wide = options();
    wide.session.algorithms.kex = ssh::spoken_algorithms().kex;
    RoguePeer peer{std::move(wide)};
    ASSERT_TRUE(peer.establish());
    struct Choice {
        std::string kex;
        std::string cipher;
        std::string mac;
    };
    // Hashes, keys and tags of every length, and a length that is hidden or not.
    for (const Choice& choice :
         {Choice{"ecdh-sha2-nistp256", "chacha20-poly1305@openssh.com", "hmac-sha2-256"},
          Choice{"ecdh-sha2-nistp521", "aes256-ctr", "hmac-sha2-512"},
          Choice{"curve25519-sha256", "aes128-ctr", "hmac-sha2-256-etm@openssh.com"},
          Choice{"diffie-hellman-group-exchange-sha256", "aes256-gcm@openssh.com", "hmac-sha2-256"},
          Choice{"ecdh-sha2-nistp384", "aes192-ctr", "hmac-sha2-512-etm@openssh.com"},
          Choice{"diffie-hellman-group14-sha256", "aes128-gcm@openssh.com", "hmac-sha2-512"}}) {
        peer.forget();
        ssh::AlgorithmLists algorithms;
        algorithms.kex = {choice.kex};
        algorithms.cipher = {choice.cipher};
        algorithms.mac = {choice.mac};
        peer.set_algorithms(algorithms);

        ASSERT_TRUE(peer.rekey()) << choice.cipher;
        peer.send(global_request("x", true));

        EXPECT_TRUE(peer.saw("KeysChanged " + choice.kex + ' ' + choice.cipher));
        EXPECT_EQ(peer.count(MessageNumber::request_failure), 1U);
    }
}

// Item 34. RFC 4253 7.1: "Once a party has sent a SSH_MSG_KEXINIT message for key exchange or
// re-exchange, until it has sent a SSH_MSG_NEWKEYS message (Section 7.3), it MUST NOT send any
// messages other than" those of the transport and of the exchange. OpenSSH disconnects whoever
// does.
TEST_P(Rekey, NothingElseLeavesBetweenOurKexinitAndNewkeys) {
    RoguePeer peer{options()};
    ASSERT_TRUE(peer.establish());
    const auto channel = peer.open_channel();
    const auto closing = peer.open_channel({.peer_number = 78});
    ASSERT_TRUE(channel.has_value() && closing.has_value());
    peer.send(channel_data(channel->number, std::string(30'000, 'x')));
    peer.cooperates = false;
    peer.forget();
    peer.session().rekey();
    peer.pump();
    ASSERT_EQ(peer.numbers(), (std::vector{MessageNumber::kexinit}));

    // Everything that makes a session want to say something.
    ssh::Session& session = peer.session();
    EXPECT_EQ(session.send(channel->id, Bytes(10)), 0U);
    session.widen(channel->id, 1 << 20);
    session.grant(channel->id, 30'000);
    session.eof(channel->id);
    session.close(closing->id);
    session.probe();
    peer.send(global_request("x", true));
    peer.send(channel_request(channel->number, "x", true));
    peer.send(Message{MessageNumber::channel_open}.text("y").uint32(3).uint32(1).uint32(1));
    peer.send(Message{std::uint8_t{200}});
    peer.send(Message{MessageNumber::ping}.text("are you there?"));
    peer.pump();
    EXPECT_EQ(peer.numbers(), (std::vector{MessageNumber::kexinit}));

    // Item 57: all of it leaves once the exchange is over.
    peer.cooperates = true;
    peer.send_kexinit();
    if (GetParam() == ssh::Role::client) {
        peer.send_kex_value();
    }
    EXPECT_FALSE(peer.ended().has_value());
    EXPECT_TRUE(peer.saw("SendReady"));
    for (const MessageNumber number : {MessageNumber::request_failure,
                                       MessageNumber::channel_failure,
                                       MessageNumber::channel_open_failure,
                                       MessageNumber::unimplemented,
                                       MessageNumber::pong,
                                       MessageNumber::channel_window_adjust,
                                       MessageNumber::channel_eof,
                                       MessageNumber::channel_close,
                                       MessageNumber::global_request}) {
        EXPECT_EQ(peer.count(number), 1U) << static_cast<int>(number);
    }
}

// Item 35. RFC 4253 7.1: what was in flight when we sent our KEXINIT is taken, however much it is.
TEST_P(Rekey, WhatThePeerSentBeforeItsKexinitIsTaken) {
    RoguePeer peer{options()};
    ASSERT_TRUE(peer.establish());
    const auto channel = peer.open_channel();
    ASSERT_TRUE(channel.has_value());
    peer.session().widen(channel->id, 1 << 30);
    peer.cooperates = false;
    peer.session().rekey();
    peer.pump();

    for (int i = 0; i < 10'000; ++i) {
        peer.send(channel_data(channel->number, "in flight"));
    }
    EXPECT_FALSE(peer.ended().has_value());
    EXPECT_EQ(peer.session().channel(channel->id)->receive_owed, 90'000U);
    peer.cooperates = true;
    peer.send_kexinit();
    if (GetParam() == ssh::Role::client) {
        peer.send_kex_value();
    }

    EXPECT_FALSE(peer.ended().has_value());
    EXPECT_TRUE(peer.saw("KeysChanged"));
}

// Item 36: behind its own KEXINIT the peer has nothing else to say. Servers do (AsyncSSH's goes on
// with its channels), and what they say is taken as before.
TEST_P(Rekey, OnlyAServerMayGoOnWithItsChannelsBehindItsKexinit) {
    const std::vector<Message> messages{channel_data(0, "x"),
                                        window_adjust(0, 1),
                                        channel_eof(0),
                                        channel_close(0),
                                        channel_request(0, "x", false),
                                        global_request("x", false)};
    for (const Message& message : messages) {
        RoguePeer peer{options()};
        ASSERT_TRUE(peer.establish());
        ASSERT_TRUE(peer.open_channel().has_value());
        peer.cooperates = false;
        peer.send_kexinit();

        peer.send(message);

        if (GetParam() == ssh::Role::server) {
            EXPECT_FALSE(peer.ended().has_value());
            EXPECT_EQ(peer.saw("ChannelData"), &message == &messages.front());
        } else {
            ASSERT_TRUE(peer.ended().has_value());
            EXPECT_EQ(peer.ended()->code, ErrorCode::unexpected_message);
        }
    }
}

// Item 36, whichever side the peer is.
TEST_P(Rekey, OtherMessagesBehindThePeersKexinitDisconnect) {
    const std::vector<Message> messages{Message{MessageNumber::service_request}.text("x"),
                                        Message{MessageNumber::ext_info}.uint32(0),
                                        Message{MessageNumber::ping}.text("x")};
    for (const Message& message : messages) {
        RoguePeer peer{options()};
        ASSERT_TRUE(peer.establish());
        ASSERT_TRUE(peer.open_channel().has_value());
        peer.cooperates = false;
        peer.send_kexinit();

        peer.send(message);

        ASSERT_TRUE(peer.ended().has_value());
        EXPECT_EQ(peer.ended()->code, ErrorCode::unexpected_message);
    }
}

// Item 36: a second KEXINIT within an exchange.
TEST_P(Rekey, ASecondKexinitDisconnects) {
    RoguePeer peer{options()};
    ASSERT_TRUE(peer.establish());
    peer.cooperates = false;
    peer.send_kexinit();

    peer.send(peer.make_kexinit());

    EXPECT_EQ(peer.ended(), (ssh::Error{ErrorCode::unexpected_message, 20}));
}

// Item 58: a peer that never answers our KEXINIT does not stall the session for ever - also when
// the session was idle for long before.
TEST_P(Rekey, ThatIsNeverAnsweredTimesOut) {
    RoguePeer::Options with_timeout = options();
    with_timeout.session.kex_timeout = std::chrono::seconds{30};
    RoguePeer peer{std::move(with_timeout)};
    ASSERT_TRUE(peer.establish());
    peer.pass(std::chrono::hours{5});
    ASSERT_FALSE(peer.ended().has_value());
    peer.cooperates = false;

    peer.session().rekey();
    peer.pass(std::chrono::seconds{0});
    peer.pass(std::chrono::seconds{29});
    EXPECT_FALSE(peer.ended().has_value());
    peer.pass(std::chrono::seconds{2});

    ASSERT_TRUE(peer.ended().has_value());
    EXPECT_EQ(peer.ended()->code, ErrorCode::timed_out);
}

// Item 55. RFC 4253 9: "It is RECOMMENDED that the keys be changed after each gigabyte of
// transmitted data or after each hour of connection time, whichever comes sooner."
TEST_P(Rekey, ComesByBytesInEitherDirection) {
    for (const bool ours : {true, false}) {
        RoguePeer::Options limited = options();
        limited.session.rekey_limit.bytes = 10'000;
        RoguePeer peer{std::move(limited)};
        ASSERT_TRUE(peer.establish());
        const auto channel = peer.open_channel();
        ASSERT_TRUE(channel.has_value());

        if (ours) {
            EXPECT_GT(peer.session().send(channel->id, Bytes(12'000)), 0U);
            peer.pump();
        } else {
            peer.send(channel_data(channel->number, std::string(12'000, 'x')));
            peer.send(ignore(""));
        }

        EXPECT_EQ(peer.count(MessageNumber::kexinit), 1U);
        EXPECT_TRUE(peer.saw("KeysChanged"));
    }
}

// Item 55: and by time.
TEST_P(Rekey, ComesByTime) {
    RoguePeer::Options limited = options();
    limited.session.rekey_limit.interval = std::chrono::hours{1};
    RoguePeer peer{std::move(limited)};
    ASSERT_TRUE(peer.establish());

    peer.pass(std::chrono::minutes{59});
    EXPECT_FALSE(peer.saw("KeysChanged"));
    peer.pass(std::chrono::minutes{2});

    EXPECT_TRUE(peer.saw("KeysChanged"));
}

// Item 63: no rekey before the user is authenticated.
TEST_P(Rekey, BeforeAuthenticationDisconnects) {
    RoguePeer peer{options()};
    ASSERT_TRUE(peer.exchange_keys());

    peer.send_kexinit();

    EXPECT_EQ(peer.ended(), (ssh::Error{ErrorCode::unexpected_message, 20}));
}

// Item 59: at every step of the exchange, what came before the peer's KEXINIT is whole.
TEST_P(Rekey, EveryKindOfMessageMayCrossOurKexinit) {
    for (int kind = 0; kind < 6; ++kind) {
        RoguePeer peer{options()};
        ASSERT_TRUE(peer.establish());
        const auto channel = peer.open_channel({.window_bytes = 0});
        ASSERT_TRUE(channel.has_value());
        peer.forget();
        peer.hold();
        peer.session().rekey();
        const std::vector<Message> messages{channel_data(channel->number, "x"),
                                            window_adjust(channel->number, 1),
                                            channel_eof(channel->number),
                                            channel_close(channel->number),
                                            channel_request(channel->number, "x", true),
                                            global_request("x", true)};
        peer.send(messages[static_cast<std::size_t>(kind)]);
        peer.send_kexinit();
        peer.release();
        if (GetParam() == ssh::Role::client && !peer.saw("KeysChanged")) {
            peer.send_kex_value();
        }

        EXPECT_FALSE(peer.ended().has_value()) << kind;
        EXPECT_TRUE(peer.saw("KeysChanged")) << kind;
        const std::vector<bool> happened{peer.saw("ChannelData"),
                                         peer.saw("WindowOpened"),
                                         peer.saw("ChannelEof"),
                                         peer.saw("ChannelClosed"),
                                         peer.count(MessageNumber::channel_failure) == 1,
                                         peer.count(MessageNumber::request_failure) == 1};
        EXPECT_TRUE(happened[static_cast<std::size_t>(kind)]) << kind;
    }
}

// Item 57 (CVE-2025-22869): what waits for the end of an exchange is bounded.
TEST_P(Rekey, RepliesThatWaitForItAreBounded) {
    const std::vector<Message> floods{
        global_request("x", true),
        Message{MessageNumber::ping}.text("x"),
        Message{std::uint8_t{200}},
        channel_request(0, "x", true),
        Message{MessageNumber::channel_open}.text("y").uint32(3).uint32(1).uint32(1)};
    for (const Message& flood : floods) {
        RoguePeer peer{options()};
        ASSERT_TRUE(peer.establish());
        ASSERT_TRUE(peer.open_channel().has_value());
        peer.cooperates = false;
        peer.session().rekey();
        peer.pump();

        int sent = 0;
        for (; sent < 2'000 && !peer.ended(); ++sent) {
            peer.send(flood);
        }

        EXPECT_TRUE(peer.ended().has_value());
        EXPECT_EQ(sent, 257);
    }
}

INSTANTIATE_TEST_SUITE_P(Against,
                         Rekey,
                         testing::Values(ssh::Role::server, ssh::Role::client),
                         [](const auto& role) {
                             return role.param == ssh::Role::server ? "AServer" : "AClient";
                         });

// Item 57, the server: opens that its application refuses wait, too, and are bounded.
TEST(RekeyOfAServer, RefusalsOfTheApplicationAreBoundedWhileTheyWait) {
    RoguePeer::Options options;
    options.role = ssh::Role::client;
    options.accepts_channels = false;
    RoguePeer peer{std::move(options)};
    ASSERT_TRUE(peer.establish());
    peer.cooperates = false;
    peer.session().rekey();
    peer.pump();

    int sent = 0;
    for (; sent < 2'000 && !peer.ended(); ++sent) {
        peer.send(Message{MessageNumber::channel_open}
                      .text("direct-tcpip")
                      .uint32(3)
                      .uint32(1)
                      .uint32(1)
                      .text("h")
                      .uint32(1)
                      .text("")
                      .uint32(1));
        if (peer.saw("ChannelRequested 0")) {
            peer.session().refuse_channel(
                ssh::LocalChannelId{0}, ssh::OpenFailure::connect_failed, "no");
            peer.forget();
        }
    }

    EXPECT_TRUE(peer.ended().has_value());
    EXPECT_LT(sent, 300);
}

}  // namespace
}  // namespace caponier::spec
