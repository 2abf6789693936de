// What peers do that no installed one does: servers that guess, that fill every gap with messages
// without meaning, whose windows open byte by byte, and those that end the session of whoever says
// a word too many in a key exchange. The last is checked by the scripted peer in every test; here
// every command meets every step.

#include <algorithm>
#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "tests/spec/rogue_peer.h"

namespace caponier::spec {
namespace {

using ssh::MessageNumber;

// ---- servers that guess ------------------------------------------------------------------------

/// A client under test, and a server that prefers another method and announces a guess.
RoguePeer::Options guessing_server(bool wrong) {
    RoguePeer::Options options;
    options.session.algorithms.kex = {"curve25519-sha256", "ecdh-sha2-nistp256"};
    options.algorithms.kex = {"curve25519-sha256", "ecdh-sha2-nistp256"};
    if (wrong) {
        options.algorithms.kex = {"ecdh-sha2-nistp256", "curve25519-sha256"};
    }
    return options;
}

// Item 33. RFC 4253 7: "if the guess was wrong, and a packet was optimistically sent by one or both
// parties, such packets MUST be ignored".
TEST(GuessingServers, AWrongGuessIsThrownAwayInTheFirstExchangeAndInRekeys) {
    RoguePeer peer{guessing_server(true)};
    peer.cooperates = false;
    peer.send_identification();
    peer.send_kexinit(peer.make_kexinit(true));
    peer.send(Message{MessageNumber::kex_ecdh_reply}.text("a guess"));
    ASSERT_FALSE(peer.ended().has_value());
    peer.send_kex_value();
    peer.send_newkeys();
    ASSERT_TRUE(peer.saw("KeysChanged"));
    peer.send(Message{MessageNumber::service_accept}.text("ssh-userauth"));
    peer.send(Message{MessageNumber::userauth_success});

    for (int i = 0; i < 20; ++i) {
        peer.forget();
        peer.send_kexinit(peer.make_kexinit(true));
        peer.send(Message{MessageNumber::kex_ecdh_reply}.text("a guess"));
        ASSERT_FALSE(peer.ended().has_value());
        peer.send_kex_value();
        peer.send_newkeys();

        ASSERT_TRUE(peer.saw("KeysChanged"));
    }
}

// Item 33: behind a right guess nothing is thrown away.
TEST(GuessingServers, ARightGuessIsUsedInTheFirstExchangeAndInRekeys) {
    RoguePeer peer{guessing_server(false)};
    peer.cooperates = false;
    peer.send_identification();
    peer.send_kexinit(peer.make_kexinit(true));
    peer.send_kex_value();
    peer.send_newkeys();
    ASSERT_TRUE(peer.saw("KeysChanged"));
    peer.send(Message{MessageNumber::service_accept}.text("ssh-userauth"));
    peer.send(Message{MessageNumber::userauth_success});
    peer.forget();

    peer.send_kexinit(peer.make_kexinit(true));
    peer.send_kex_value();
    peer.send_newkeys();

    EXPECT_TRUE(peer.saw("KeysChanged"));
}

// ---- messages without meaning ------------------------------------------------------------------

class MessagesWithoutMeaning : public testing::TestWithParam<ssh::Role> {
  protected:
    static void send_all(RoguePeer& peer) {
        peer.send(ignore("x"));
        peer.send(Message{MessageNumber::debug}.boolean(true).text("\x1b[2J").text(""));
        peer.send(Message{MessageNumber::unimplemented}.uint32(0xFFFFFFFF));
    }
};

// Items 69, 70, 72. RFC 4253 11.2: "All implementations MUST understand (and ignore) this message
// at any time (after receiving the identification string)." Only strict key exchange forbids it,
// and only in the first exchange.
TEST_P(MessagesWithoutMeaning, ChangeNothingInAnyGap) {
    RoguePeer::Options options;
    options.role = GetParam();
    options.markers.emplace();
    RoguePeer peer{std::move(options)};
    peer.cooperates = false;
    peer.send_identification();
    send_all(peer);
    peer.send_kexinit();
    send_all(peer);
    peer.send_kex_value();
    send_all(peer);
    peer.send_newkeys();
    send_all(peer);
    ASSERT_TRUE(peer.saw("KeysChanged"));
    peer.cooperates = true;
    const bool is_server = GetParam() == ssh::Role::server;
    if (is_server) {
        peer.send(Message{MessageNumber::service_accept}.text("ssh-userauth"));
        send_all(peer);
        peer.send(Message{MessageNumber::userauth_success});
    } else {
        peer.log_in();
    }
    send_all(peer);
    ASSERT_TRUE(peer.session().is_established());

    const auto channel = peer.open_channel();
    ASSERT_TRUE(channel.has_value());
    send_all(peer);
    peer.cooperates = false;
    peer.forget();
    peer.session().rekey();
    send_all(peer);
    peer.send_kexinit();
    send_all(peer);
    peer.send_kex_value();
    send_all(peer);
    peer.send_newkeys();
    send_all(peer);
    peer.send(channel_data(channel->number, "still here"));

    EXPECT_FALSE(peer.ended().has_value());
    EXPECT_TRUE(peer.saw("KeysChanged"));
    EXPECT_TRUE(peer.saw("ChannelData 0 10"));
    EXPECT_EQ(peer.count(MessageNumber::unimplemented), 0U);
}

INSTANTIATE_TEST_SUITE_P(Of,
                         MessagesWithoutMeaning,
                         testing::Values(ssh::Role::server, ssh::Role::client),
                         [](const auto& role) {
                             return role.param == ssh::Role::server ? "AServer" : "AClient";
                         });

// ---- windows that open late and by bytes -------------------------------------------------------

// Items 130, 131, 139: a window of 0 that opens late and by one byte at a time, and packets of
// three.
TEST(LateWindows, OfOneByteAtATimeCarryEveryByteInOrder) {
    RoguePeer peer;
    ASSERT_TRUE(peer.establish());
    const auto channel = peer.open_channel({.window_bytes = 0, .packet_bytes = 3});
    ASSERT_TRUE(channel.has_value());
    const std::string text = "every byte in order";
    const auto bytes = ssh::bytes_of(text);
    peer.forget();
    EXPECT_EQ(peer.session().send(channel->id, bytes), 0U);
    peer.pass(std::chrono::hours{1});
    EXPECT_TRUE(peer.numbers().empty());

    std::string came;
    std::size_t sent = 0;
    // One byte twelve times, then all the rest at once, in packets of three.
    for (int step = 0; step < 13; ++step) {
        peer.forget();
        peer.send(window_adjust(channel->number, step < 12 ? 1 : 1'000));
        EXPECT_EQ(peer.events(), (std::vector<std::string>{"WindowOpened 0"}));
        sent += peer.session().send(channel->id, bytes.subspan(sent));
        peer.pump();
        while (const auto message = peer.take(MessageNumber::channel_data)) {
            ssh::WireReader in{*message};
            in.byte();
            in.uint32();
            const std::string_view piece = in.text();
            EXPECT_LE(piece.size(), step < 12 ? 1U : 3U);
            came += piece;
        }
    }

    EXPECT_EQ(came, text);
}

// ---- a word too many in a key exchange ---------------------------------------------------------

class EveryStepOfARekey : public testing::TestWithParam<ssh::Role> {};

// Items 34, 59. RFC 4253 7.1: "Once a party has sent a SSH_MSG_KEXINIT message [...] until it has
// sent a SSH_MSG_NEWKEYS message (Section 7.3), it MUST NOT send any messages other than" those of
// the transport and of the exchange. OpenSSH 10.4 ends the session of who does.
TEST_P(EveryStepOfARekey, HoldsBackWhateverIsCommanded) {
    const bool is_server = GetParam() == ssh::Role::server;
    using Command = std::function<void(RoguePeer&, const RoguePeer::Channel&)>;
    const std::vector<Command> commands{
        [](RoguePeer& peer, const RoguePeer::Channel& channel) {
            (void)peer.session().send(channel.id, Bytes(10));
        },
        [](RoguePeer& peer, const RoguePeer::Channel& channel) {
            peer.session().grant(channel.id, 30'000);
            peer.session().widen(channel.id, 1 << 20);
        },
        [](RoguePeer& peer, const RoguePeer::Channel& channel) { peer.session().eof(channel.id); },
        [](RoguePeer& peer, const RoguePeer::Channel& channel) {
            peer.session().close(channel.id);
        },
        [](RoguePeer& peer, const RoguePeer::Channel&) {
            (void)peer.session().open({.kind = ssh::ChannelKind::direct_streamlocal,
                                       .host = "/run/x",
                                       .originator_host = {}});
        },
        [](RoguePeer& peer, const RoguePeer::Channel&) { peer.session().probe(); },
        [](RoguePeer& peer, const RoguePeer::Channel&) { peer.session().rekey(); },
        [&](RoguePeer& peer, const RoguePeer::Channel&) {
            if (is_server) {
                (void)peer.session().request_forward({.host = "", .port = 81});
                peer.session().cancel_forward(ssh::ForwardId{0});
            } else {
                peer.session().reply_forward(true, 80);
            }
        }};
    for (std::size_t command = 0; command < commands.size(); ++command) {
        for (int step = 0; step < 4; ++step) {
            for (const bool ours : {true, false}) {
                RoguePeer::Options options;
                options.role = GetParam();
                RoguePeer peer{std::move(options)};
                ASSERT_TRUE(peer.establish());
                const auto channel = peer.open_channel();
                ASSERT_TRUE(channel.has_value());
                peer.send(channel_data(channel->number, std::string(30'000, 'x')));
                if (is_server) {
                    ASSERT_TRUE(
                        peer.session().request_forward({.host = "", .port = 80}).has_value());
                    peer.pump();
                    peer.send(Message{MessageNumber::request_success});
                } else {
                    peer.send(global_request("tcpip-forward", true).text("").uint32(80));
                }
                peer.cooperates = false;
                peer.forget();

                const auto act = [&](int now) {
                    if (now == step) {
                        commands[command](peer, *channel);
                        peer.pump();
                    }
                };
                if (ours) {
                    peer.session().rekey();
                    peer.pump();
                }
                act(0);
                peer.send_kexinit();
                act(1);
                peer.send_kex_value();
                act(2);
                peer.send_newkeys();
                act(3);

                // The scripted peer has looked at every message; what was held back has left now.
                EXPECT_FALSE(peer.ended().has_value()) << command << ' ' << step;
                EXPECT_TRUE(peer.saw("KeysChanged")) << command << ' ' << step;
                // But for data, which stays with the application, and a rekey within a rekey.
                const bool says_something = command != 0 && command != 6;
                const auto others = std::ranges::count_if(peer.numbers(), [](MessageNumber number) {
                    return static_cast<int>(number) >= 80;
                });
                EXPECT_TRUE(others > 0 || !says_something) << command << ' ' << step;
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Against,
                         EveryStepOfARekey,
                         testing::Values(ssh::Role::server, ssh::Role::client),
                         [](const auto& role) {
                             return role.param == ssh::Role::server ? "AServer" : "AClient";
                         });

}  // namespace
}  // namespace caponier::spec
