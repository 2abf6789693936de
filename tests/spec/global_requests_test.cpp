// RFC 4254 4: global requests and their answers.

#include <string>

#include <gtest/gtest.h>

#include "tests/sim/pair.h"
#include "tests/spec/rogue_peer.h"

namespace caponier::spec {
namespace {

using ssh::ErrorCode;
using ssh::MessageNumber;

class Rfc4254GlobalRequests : public testing::TestWithParam<ssh::Role> {
  protected:
    [[nodiscard]] static RoguePeer::Options options() {
        RoguePeer::Options options;
        options.role = GetParam();
        return options;
    }
};

// Items 103 and 104. RFC 4254 4: "If the recipient does not recognize or support the request, it
// simply responds with SSH_MSG_REQUEST_FAILURE."
TEST_P(Rfc4254GlobalRequests, EachThatWantsAReplyGetsOne) {
    RoguePeer peer{options()};
    ASSERT_TRUE(peer.establish());

    for (int i = 0; i < 1'000; ++i) {
        peer.send(
            global_request(i % 2 == 0 ? "keepalive@openssh.com" : "x@example.com", i % 4 < 2));
    }

    EXPECT_EQ(peer.count(MessageNumber::request_failure), 500U);
    EXPECT_EQ(peer.numbers().size(), 500U);
}

// Item 105 (CVE-2026-39830): answers to what nobody asked block nothing and are given to nobody.
TEST_P(Rfc4254GlobalRequests, AnswersThatNobodyWaitsForAreIgnored) {
    RoguePeer peer{options()};
    ASSERT_TRUE(peer.establish());

    for (int i = 0; i < 1'000; ++i) {
        peer.send(Message{MessageNumber::request_success}.uint32(8080));
        peer.send(Message{MessageNumber::request_failure});
    }
    EXPECT_TRUE(peer.events().empty());
    EXPECT_FALSE(peer.ended().has_value());
    peer.session().probe();
    peer.pump();
    EXPECT_FALSE(peer.saw("ProbeAnswered"));
    peer.send(Message{MessageNumber::request_failure});
    EXPECT_TRUE(peer.saw("ProbeAnswered"));
}

// Item 117: what anybody can write into a connection is no sign of the server's life.
TEST_P(Rfc4254GlobalRequests, OnlyAWholeAndVerifiedPacketIsASignOfLife) {
    RoguePeer peer{options()};
    ASSERT_TRUE(peer.establish());
    const Bytes packet = peer.seal(global_request("keepalive@openssh.com", false));
    const std::uint64_t before = peer.session().signs_of_life();

    for (const std::byte byte : std::span{packet}.first(packet.size() - 1)) {
        peer.send_raw(std::span{&byte, 1});
        EXPECT_EQ(peer.session().signs_of_life(), before);
    }
    peer.send_raw(std::span{packet}.last(1));
    EXPECT_EQ(peer.session().signs_of_life(), before + 1);

    Bytes forged = peer.seal(global_request("keepalive@openssh.com", false));
    forged.back() ^= std::byte{1};
    peer.send_raw(forged);
    EXPECT_EQ(peer.session().signs_of_life(), before + 1);
    EXPECT_TRUE(peer.ended().has_value());
}

// Item 117: a probe is a request that wants a reply; either answer is a sign of life.
TEST_P(Rfc4254GlobalRequests, AProbeIsAKeepaliveAndAnyAnswerCounts) {
    for (const auto answer : {MessageNumber::request_success, MessageNumber::request_failure}) {
        RoguePeer peer{options()};
        ASSERT_TRUE(peer.establish());

        peer.session().probe();
        peer.pump();
        EXPECT_EQ(peer.take(MessageNumber::global_request),
                  copy(global_request("keepalive@openssh.com", true)));
        peer.send(Message{answer});

        EXPECT_EQ(peer.events(), (std::vector<std::string>{"ProbeAnswered"}));
    }
}

// F: a request cut anywhere.
TEST_P(Rfc4254GlobalRequests, CutAnywhereTheyDisconnect) {
    const Bytes whole = copy(global_request("x", true));
    for (std::size_t size = 1; size < whole.size(); ++size) {
        RoguePeer peer{options()};
        ASSERT_TRUE(peer.establish());

        peer.send(std::span{whole}.first(size));

        EXPECT_EQ(peer.ended(), (ssh::Error{ErrorCode::malformed_message, 80})) << size;
    }
}

INSTANTIATE_TEST_SUITE_P(Against,
                         Rfc4254GlobalRequests,
                         testing::Values(ssh::Role::server, ssh::Role::client),
                         [](const auto& role) {
                             return role.param == ssh::Role::server ? "AServer" : "AClient";
                         });

// Item 115: hostkeys-00@openssh.com is an announcement that nobody here reads (UpdateHostKeys is
// "no"). It is what any unknown request is, whatever stands in it and however often it comes.
TEST_P(Rfc4254GlobalRequests, AnnouncedHostKeysAreAnUnknownRequest) {
    RoguePeer peer{options()};
    ASSERT_TRUE(peer.establish());
    const std::span<const std::byte> blob = sim::Pair::host_key().public_key();

    peer.send(global_request("hostkeys-00@openssh.com", false).string(blob).string(blob));
    peer.send(global_request("hostkeys-00@openssh.com", false).uint32(0xFFFFFFFF).text("x"));
    EXPECT_TRUE(peer.numbers().empty());
    peer.send(global_request("hostkeys-00@openssh.com", true).string(blob));

    EXPECT_TRUE(peer.events().empty());
    EXPECT_EQ(peer.numbers(), std::vector{MessageNumber::request_failure});
    EXPECT_FALSE(peer.ended().has_value());
}

// Item 116: OpenSSH PROTOCOL 2.2, to a server that calls itself OpenSSH.
TEST(OpensshNoMoreSessions, IsSentToOpensshOnly) {
    for (const bool openssh : {true, false}) {
        RoguePeer::Options options;
        options.identification = openssh ? "SSH-2.0-OpenSSH_9.2p1" : "SSH-2.0-Other_1.0";
        RoguePeer peer{std::move(options)};
        ASSERT_TRUE(peer.exchange_keys());
        peer.send(Message{MessageNumber::service_accept}.text("ssh-userauth"));

        peer.send(Message{MessageNumber::userauth_success});

        EXPECT_EQ(peer.count(MessageNumber::global_request), openssh ? 1U : 0U);
        if (openssh) {
            EXPECT_EQ(peer.take(MessageNumber::global_request),
                      copy(global_request("no-more-sessions@openssh.com", false)));
        }
    }
}

}  // namespace
}  // namespace caponier::spec
