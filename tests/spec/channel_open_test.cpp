// RFC 4254 5.1 and 7.2: opening channels, and refusing them.

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "tests/spec/rogue_peer.h"

namespace caponier::spec {
namespace {

using ssh::ErrorCode;
using ssh::MessageNumber;

Message open_message(std::string_view type, std::uint32_t number) {
    return Message{MessageNumber::channel_open}.text(type).uint32(number).uint32(1'000).uint32(
        32'768);
}

Message direct_tcpip(std::uint32_t number, std::uint32_t packet_bytes = 32'768) {
    return Message{MessageNumber::channel_open}
        .text("direct-tcpip")
        .uint32(number)
        .uint32(1'000)
        .uint32(packet_bytes)
        .text("db.internal")
        .uint32(5432)
        .text("127.0.0.1")
        .uint32(1);
}

Message confirmation(std::uint32_t recipient, std::uint32_t packet_bytes = 32'768) {
    return Message{MessageNumber::channel_open_confirmation}
        .uint32(recipient)
        .uint32(77)
        .uint32(1'000)
        .uint32(packet_bytes);
}

Message open_failure(std::uint32_t recipient, std::uint32_t reason, std::string_view text) {
    return Message{MessageNumber::channel_open_failure}
        .uint32(recipient)
        .uint32(reason)
        .text(text)
        .text("");
}

RoguePeer::Options as_client() {
    RoguePeer::Options options;
    options.role = ssh::Role::client;
    return options;
}

ssh::OpenTarget target() {
    return {.kind = ssh::OpenTarget::Kind::direct_tcpip,
            .host = "db.internal",
            .port = 5432,
            .originator_host = "192.0.2.9",
            .originator_port = 50'000};
}

/// The reason of the session's next SSH_MSG_CHANNEL_OPEN_FAILURE for `number`.
std::optional<std::uint32_t> refusal_of(RoguePeer& peer, std::uint32_t number) {
    const std::optional<Bytes> message = peer.take(MessageNumber::channel_open_failure);
    if (!message) {
        return std::nullopt;
    }
    ssh::WireReader in{*message};
    in.byte();
    const std::uint32_t recipient = in.uint32();
    const std::uint32_t reason = in.uint32();
    in.text();
    in.text();
    return in.complete() && recipient == number ? std::optional{reason} : std::nullopt;
}

// Item 119. RFC 4254 5: channels "are identified by numbers at each end. The number referring to a
// channel may be different on each side."
TEST(Rfc4254ChannelOpen, AnyNumberOfThePeerIsEchoedAsItIs) {
    for (const std::uint32_t number : {0U, 0x80000000U, 0xFFFFFFFFU}) {
        RoguePeer peer{as_client()};
        ASSERT_TRUE(peer.establish());

        const auto channel = peer.open_channel({.peer_number = number});
        ASSERT_TRUE(channel.has_value());
        EXPECT_EQ(peer.session().send(channel->id, Bytes(1)), 1U);
        peer.pump();

        const std::optional<Bytes> data = peer.take(MessageNumber::channel_data);
        ASSERT_TRUE(data.has_value());
        EXPECT_EQ(*data,
                  copy(Message{MessageNumber::channel_data}.uint32(number).string(Bytes(1))));
    }
}

// Item 119: OpenSSH refuses numbers above 2^31 - 1; ours are dense from 0.
TEST(Rfc4254ChannelOpen, OurNumbersAreDense) {
    RoguePeer peer;
    ASSERT_TRUE(peer.establish());

    for (std::uint32_t number = 0; number < 10; ++number) {
        EXPECT_EQ(peer.open_channel()->number, number);
    }
}

// Item 120. RFC 4254 5.3: "The channel is considered closed for a party when it has both sent and
// received SSH_MSG_CHANNEL_CLOSE, and the party may then reuse the channel number."
TEST(Rfc4254ChannelOpen, ANumberIsReusedOnlyAfterBothCloses) {
    RoguePeer peer;
    ASSERT_TRUE(peer.establish());
    const auto first = peer.open_channel();
    ASSERT_TRUE(first.has_value());

    peer.session().close(first->id);
    peer.pump();
    EXPECT_NE(peer.open_channel()->number, first->number);
    peer.send(channel_close(first->number));

    EXPECT_EQ(peer.open_channel()->number, first->number);
}

// Item 121: an answer only to what was asked, and one only.
TEST(Rfc4254ChannelOpen, AnAnswerThatNobodyWaitsForDisconnects) {
    for (const bool confirmed : {true, false}) {
        RoguePeer peer;
        ASSERT_TRUE(peer.establish());
        const auto open = peer.open_channel();
        ASSERT_TRUE(open.has_value());

        peer.send(confirmed ? confirmation(open->number) : open_failure(open->number, 2, "again"));

        ASSERT_TRUE(peer.ended().has_value());
        EXPECT_EQ(peer.ended()->code, ErrorCode::unknown_channel);
    }
    RoguePeer peer;
    ASSERT_TRUE(peer.establish());
    peer.send(confirmation(3));
    ASSERT_TRUE(peer.ended().has_value());
    EXPECT_EQ(peer.ended()->code, ErrorCode::unknown_channel);
}

// Item 121, the server's side: a channel that the peer asked for itself is not confirmed by it.
TEST(Rfc4254ChannelOpen, APeerCannotConfirmItsOwnOpen) {
    RoguePeer::Options options = as_client();
    options.accepts_channels = false;
    RoguePeer peer{std::move(options)};
    ASSERT_TRUE(peer.establish());
    peer.send(direct_tcpip(7));
    ASSERT_TRUE(peer.saw("ChannelRequested 0 direct-tcpip db.internal 5432"));

    peer.send(confirmation(0));

    ASSERT_TRUE(peer.ended().has_value());
    EXPECT_EQ(peer.ended()->code, ErrorCode::unknown_channel);
}

// Nothing may come for a channel that the application has not accepted yet.
TEST(Rfc4254ChannelOpen, DataBeforeTheConfirmationDisconnects) {
    RoguePeer::Options options = as_client();
    options.accepts_channels = false;
    RoguePeer peer{std::move(options)};
    ASSERT_TRUE(peer.establish());
    peer.send(direct_tcpip(7));

    peer.send(channel_data(0, "x"));

    ASSERT_TRUE(peer.ended().has_value());
    EXPECT_EQ(peer.ended()->code, ErrorCode::unknown_channel);
}

// Item 122: data may be in the same segment as the confirmation.
TEST(Rfc4254ChannelOpen, DataBehindTheConfirmationIsTaken) {
    RoguePeer peer;
    ASSERT_TRUE(peer.establish());
    ASSERT_TRUE(peer.session().open(target()).has_value());
    peer.pump();

    peer.hold();
    peer.send(confirmation(0));
    peer.send(channel_data(0, "banner"));
    peer.release();

    ASSERT_EQ(peer.events().size(), 2U);
    EXPECT_EQ(peer.events()[0], "ChannelOpened 0");
    EXPECT_TRUE(peer.events()[1].starts_with("ChannelData 0 6"));
}

// Item 123: the local client went away before the answer came.
TEST(Rfc4254ChannelOpen, AGivenUpOpenIsClosedWhenTheConfirmationComes) {
    RoguePeer peer;
    ASSERT_TRUE(peer.establish());
    const auto id = peer.session().open(target());
    ASSERT_TRUE(id.has_value());
    peer.session().close(*id);
    peer.pump();
    EXPECT_EQ(peer.count(MessageNumber::channel_close), 0U);
    EXPECT_TRUE(peer.session().channel(*id).has_value());

    peer.send(confirmation(0));
    EXPECT_EQ(peer.count(MessageNumber::channel_close), 1U);
    EXPECT_TRUE(peer.session().channel(*id).has_value());
    peer.send(channel_close(0));

    EXPECT_FALSE(peer.session().channel(*id).has_value());
    EXPECT_TRUE(peer.events().empty());
}

// dev-tunnels-ssh sends a CLOSE behind its refusal, for a channel that never was. How often it is
// said does not matter: a number that was in use may hear late words.
TEST(Rfc4254ChannelOpen, ACloseBehindARefusalIsIgnored) {
    for (const bool opens_again : {false, true}) {
        RoguePeer peer;
        ASSERT_TRUE(peer.establish());
        ASSERT_TRUE(peer.session().open(target()).has_value());
        peer.send(open_failure(0, 2, "connection refused"));
        if (opens_again) {
            ASSERT_TRUE(peer.session().open(target()).has_value());
            peer.pump();
        }

        peer.send(channel_close(0));
        peer.send(channel_close(0));

        EXPECT_FALSE(peer.ended().has_value());
        EXPECT_FALSE(peer.saw("ChannelClosed"));
    }
}

// Item 123: and when a refusal comes, the number is free.
TEST(Rfc4254ChannelOpen, AGivenUpOpenIsForgottenWhenTheRefusalComes) {
    RoguePeer peer;
    ASSERT_TRUE(peer.establish());
    const auto id = peer.session().open(target());
    ASSERT_TRUE(id.has_value());
    peer.session().close(*id);
    peer.pump();

    peer.send(open_failure(0, 2, "connection refused"));

    EXPECT_FALSE(peer.session().channel(*id).has_value());
    EXPECT_TRUE(peer.events().empty());
}

// Item 124. RFC 4254 5.1: "if the server does not understand the proposed 'channel type', even if
// it is a locally defined 'channel type', then the 'reason code' MUST be 0x00000003".
TEST(Rfc4254ChannelOpen, AnUnknownTypeIsRefusedWithReasonThree) {
    for (const ssh::Role role : {ssh::Role::client, ssh::Role::server}) {
        RoguePeer::Options options;
        options.role = role;
        RoguePeer peer{std::move(options)};
        ASSERT_TRUE(peer.establish());

        peer.send(open_message("teleport@example.com", 9));

        EXPECT_EQ(refusal_of(peer, 9), 3U);
        EXPECT_FALSE(peer.ended().has_value());
    }
}

// Item 127. RFC 4254 7.2: "Client implementations SHOULD reject direct TCP/IP open requests for
// security reasons"; 6.1: "Client implementations SHOULD reject any session channel open requests".
// What belongs to a forward, or does not (item 126), is in client_forwards_test.cpp.
TEST(Rfc4254ChannelOpen, AClientRefusesWhateverAServerOpens) {
    for (const std::string_view type : {"session",
                                        "x11",
                                        "direct-tcpip",
                                        "auth-agent@openssh.com",
                                        "direct-streamlocal@openssh.com"}) {
        RoguePeer peer;
        ASSERT_TRUE(peer.establish());

        peer.send(type == "direct-tcpip" ? direct_tcpip(9) : open_message(type, 9));

        EXPECT_EQ(refusal_of(peer, 9), 1U) << type;
        EXPECT_TRUE(peer.events().empty()) << type;
    }
}

// Item 127 and 118, the server's side: nothing but the direct kinds is served.
TEST(Rfc4254ChannelOpen, AServerRefusesSessionsAndTunnels) {
    for (const std::string_view type : {"session",
                                        "x11",
                                        "forwarded-tcpip",
                                        "forwarded-streamlocal@openssh.com",
                                        "tun@openssh.com"}) {
        RoguePeer peer{as_client()};
        ASSERT_TRUE(peer.establish());

        peer.send(open_message(type, 9));

        EXPECT_EQ(refusal_of(peer, 9), type == "tun@openssh.com" ? 3U : 1U) << type;
    }
}

// Item 124: reasons above the assigned ones and texts of any kind are passed on as they are.
TEST(Rfc4254ChannelOpen, ARefusalIsToldWithItsReasonAndText) {
    RoguePeer peer;
    ASSERT_TRUE(peer.establish());
    for (const std::uint32_t reason : {1U, 2U, 3U, 4U, 5U, 0xFDFFFFFFU}) {
        const auto id = peer.session().open(target());
        ASSERT_TRUE(id.has_value());
        peer.pump();

        peer.send(open_failure(0, reason, "no\x1b[2J"));

        EXPECT_TRUE(peer.saw("ChannelRefused 0 " + std::to_string(reason) + " no\x1b[2J"));
        EXPECT_FALSE(peer.session().channel(*id).has_value());
        peer.forget();
    }
}

// Item 129. RFC 4254 5.1: the maximum packet that we announce is what the transport takes.
TEST(Rfc4254ChannelOpen, TheAnnouncedMaximumPacketFitsThePacketsThatAreAccepted) {
    RoguePeer peer;
    ASSERT_TRUE(peer.establish());
    const auto channel = peer.open_channel();
    ASSERT_TRUE(channel.has_value());

    peer.send(channel_data(channel->number, std::string(ssh::maximum_packet_bytes, 'x')));

    EXPECT_FALSE(peer.ended().has_value());
    EXPECT_TRUE(peer.saw("ChannelData 0 32768"));
}

// Item 130 (CVE-2026-59843): with a maximum packet of 0 not a byte could ever be sent.
TEST(Rfc4254ChannelOpen, AMaximumPacketOfNothingIsRefused) {
    RoguePeer client{as_client()};
    ASSERT_TRUE(client.establish());
    client.send(direct_tcpip(9, 0));
    EXPECT_EQ(refusal_of(client, 9), 4U);

    RoguePeer server;
    ASSERT_TRUE(server.establish());
    ASSERT_TRUE(server.session().open(target()).has_value());
    server.pump();
    server.send(confirmation(0, 0));
    EXPECT_TRUE(server.saw("ChannelRefused 0"));
    EXPECT_FALSE(server.saw("ChannelOpened"));
    EXPECT_EQ(server.count(MessageNumber::channel_close), 1U);
}

// Item 132: no more channels than the limit.
TEST(Rfc4254ChannelOpen, OpensAboveTheLimitAreRefusedWithReasonFour) {
    RoguePeer::Options options = as_client();
    options.session.channels = 3;
    RoguePeer peer{std::move(options)};
    ASSERT_TRUE(peer.establish());
    for (std::uint32_t number = 0; number < 3; ++number) {
        ASSERT_TRUE(peer.open_channel().has_value());
    }

    peer.send(direct_tcpip(9));

    EXPECT_EQ(refusal_of(peer, 9), 4U);
}

// Item 132: and our own opens fail at once.
TEST(Rfc4254ChannelOpen, OurOwnOpensFailAboveTheLimit) {
    RoguePeer::Options options;
    options.session.channels = 1;
    RoguePeer peer{std::move(options)};
    ASSERT_TRUE(peer.establish());
    ASSERT_TRUE(peer.session().open(target()).has_value());

    const auto second = peer.session().open(target());

    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().code, ErrorCode::too_many_channels);
}

// Opens beyond `opens_in_flight` wait for their turn, in order.
TEST(Rfc4254ChannelOpen, OpensArePipelinedUpToTheLimit) {
    RoguePeer::Options options;
    options.session.opens_in_flight = 2;
    RoguePeer peer{std::move(options)};
    ASSERT_TRUE(peer.establish());
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(peer.session().open(target()).has_value());
    }
    peer.pump();
    EXPECT_EQ(peer.count(MessageNumber::channel_open), 2U);

    peer.send(confirmation(0));

    EXPECT_EQ(peer.count(MessageNumber::channel_open), 3U);
}

// Item 133: what follows the known fields, or is missing from them, is an error.
TEST(Rfc4254ChannelOpen, FieldsThatDoNotFitTheMessageDisconnect) {
    const Bytes whole = copy(direct_tcpip(9));
    std::vector<Bytes> broken{copy(direct_tcpip(9).byte(0)),
                              copy(Message{MessageNumber::channel_open}
                                       .text("direct-tcpip")
                                       .uint32(9)
                                       .uint32(1)
                                       .uint32(1)
                                       .text("h")
                                       .uint32(65'536)
                                       .text("")
                                       .uint32(1))};
    for (std::size_t size = 1; size < whole.size(); ++size) {
        broken.emplace_back(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    }
    for (const Bytes& message : broken) {
        RoguePeer peer{as_client()};
        ASSERT_TRUE(peer.establish());

        peer.send(message);

        EXPECT_EQ(peer.ended(), (ssh::Error{ErrorCode::malformed_message, 90}))
            << message.size() << " of " << whole.size() << " bytes";
    }
}

// Item 133, the answers.
TEST(Rfc4254ChannelOpen, AnswersWithMissingOrExtraBytesDisconnect) {
    std::vector<Bytes> broken{copy(confirmation(0).byte(0)),
                              copy(open_failure(0, 2, "no").byte(0))};
    for (const Bytes& whole : {copy(confirmation(0)), copy(open_failure(0, 2, "no"))}) {
        for (std::size_t size = 1; size < whole.size(); ++size) {
            broken.emplace_back(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        }
    }
    for (const Bytes& message : broken) {
        RoguePeer peer;
        ASSERT_TRUE(peer.establish());
        ASSERT_TRUE(peer.session().open(target()).has_value());
        peer.pump();

        peer.send(message);

        ASSERT_TRUE(peer.ended().has_value());
        EXPECT_EQ(peer.ended()->code, ErrorCode::malformed_message);
    }
}

// Item 134. RFC 4254 7.2: "The 'originator IP address' is the numeric IP address of the machine
// from where the connection request originates".
TEST(Rfc4254ChannelOpen, TheOpenCarriesTargetAndOriginator) {
    RoguePeer peer;
    ASSERT_TRUE(peer.establish());
    ASSERT_TRUE(peer.session().open(target()).has_value());
    peer.pump();

    const std::optional<Bytes> open = peer.take(MessageNumber::channel_open);

    ASSERT_TRUE(open.has_value());
    EXPECT_EQ(*open,
              copy(Message{MessageNumber::channel_open}
                       .text("direct-tcpip")
                       .uint32(0)
                       .uint32(256 * 1024)
                       .uint32(32'768)
                       .text("db.internal")
                       .uint32(5432)
                       .text("192.0.2.9")
                       .uint32(50'000)));
}

}  // namespace
}  // namespace caponier::spec
