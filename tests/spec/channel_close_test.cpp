// RFC 4254 5.3 and 5.4: how a channel ends, and requests on channels.

#include <string>

#include <gtest/gtest.h>

#include "tests/spec/rogue_peer.h"

namespace caponier::spec {
namespace {

using ssh::ErrorCode;
using ssh::MessageNumber;

class Rfc4254ClosingAChannel : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_TRUE(peer.establish());
        const auto opened = peer.open_channel({.window_bytes = 100});
        ASSERT_TRUE(opened.has_value());
        channel = *opened;
        peer.forget();
    }

    RoguePeer peer;
    RoguePeer::Channel channel;
};

// Item 156. RFC 4254 5.3: "This message does not consume window space and can be sent even if no
// window space is available."
TEST_F(Rfc4254ClosingAChannel, EofIsSentWithAWindowOfNothing) {
    EXPECT_EQ(peer.session().send(channel.id, Bytes(100)), 100U);
    ASSERT_EQ(peer.session().channel(channel.id)->send_window, 0U);

    peer.session().eof(channel.id);
    peer.pump();

    const std::optional<Bytes> eof = peer.take(MessageNumber::channel_eof);
    ASSERT_TRUE(eof.has_value());
    EXPECT_EQ(*eof, copy(channel_eof(channel.peer_number)));
}

// Item 157. RFC 4254 5.3: "Note that the channel remains open after this message, and more data may
// still be sent in the other direction."
TEST_F(Rfc4254ClosingAChannel, TheOtherDirectionGoesOnAfterAnEof) {
    peer.send(channel_eof(channel.number));

    EXPECT_TRUE(peer.saw("ChannelEof 0"));
    EXPECT_EQ(peer.session().send(channel.id, Bytes(10)), 10U);
    peer.session().eof(channel.id);
    peer.pump();
    EXPECT_EQ(peer.numbers(),
              (std::vector{MessageNumber::channel_data, MessageNumber::channel_eof}));
}

// Item 158. RFC 4254 5.3: "When a party will no longer send more data to a channel, it SHOULD send
// SSH_MSG_CHANNEL_EOF."
TEST_F(Rfc4254ClosingAChannel, DataBehindAnEofDisconnects) {
    peer.send(channel_eof(channel.number));

    peer.send(channel_data(channel.number, "x"));

    ASSERT_TRUE(peer.ended().has_value());
    EXPECT_EQ(peer.ended()->code, ErrorCode::protocol_error);
}

// Item 158: stderr is data, too.
TEST_F(Rfc4254ClosingAChannel, ExtendedDataBehindAnEofDisconnects) {
    peer.send(channel_eof(channel.number));

    peer.send(
        Message{MessageNumber::channel_extended_data}.uint32(channel.number).uint32(1).text("x"));

    ASSERT_TRUE(peer.ended().has_value());
    EXPECT_EQ(peer.ended()->code, ErrorCode::protocol_error);
}

// Item 159. RFC 4254 5.3: "Upon receiving this message, a party MUST send back an
// SSH_MSG_CHANNEL_CLOSE unless it has already sent this message for the channel." The application
// does it with close(), once the last bytes are delivered.
TEST_F(Rfc4254ClosingAChannel, ACloseIsAnsweredByACloseAndFreesTheNumber) {
    peer.send(channel_close(channel.number));
    EXPECT_TRUE(peer.session().channel(channel.id).has_value());

    peer.session().close(channel.id);
    peer.pump();

    EXPECT_EQ(peer.count(MessageNumber::channel_close), 1U);
    EXPECT_FALSE(peer.session().channel(channel.id).has_value());
}

// Item 159: not twice.
TEST_F(Rfc4254ClosingAChannel, ACloseThatWasSentIsNotSentAgain) {
    peer.session().close(channel.id);
    peer.pump();

    peer.send(channel_close(channel.number));

    EXPECT_EQ(peer.count(MessageNumber::channel_close), 1U);
    EXPECT_FALSE(peer.session().channel(channel.id).has_value());
}

// Item 160: what came before the CLOSE is delivered.
TEST_F(Rfc4254ClosingAChannel, DataInFrontOfACloseIsDelivered) {
    peer.hold();
    peer.send(channel_data(channel.number, "last words"));
    peer.send(channel_close(channel.number));
    peer.release();

    ASSERT_EQ(peer.events().size(), 2U);
    EXPECT_TRUE(peer.events()[0].starts_with("ChannelData 0 10"));
    EXPECT_EQ(peer.events()[1], "ChannelClosed 0 cut");
}

// Items 162 and 164: a CLOSE without EOF is legal, and told from one with it.
TEST_F(Rfc4254ClosingAChannel, ACutChannelIsToldFromAnEndedOne) {
    const auto other = peer.open_channel({.peer_number = 78});
    ASSERT_TRUE(other.has_value());

    peer.send(channel_close(channel.number));
    peer.send(channel_eof(other->number));
    peer.send(channel_close(other->number));

    EXPECT_TRUE(peer.saw("ChannelClosed 0 cut"));
    EXPECT_EQ(peer.events().back(), "ChannelClosed 1");
    EXPECT_FALSE(peer.ended().has_value());
}

// Item 163: an EOF twice changes nothing.
TEST_F(Rfc4254ClosingAChannel, ASecondEofChangesNothing) {
    peer.send(channel_eof(channel.number));
    peer.forget();

    peer.send(channel_eof(channel.number));

    EXPECT_TRUE(peer.events().empty());
    EXPECT_FALSE(peer.ended().has_value());
}

/// What a peer may still say of a channel that is over.
std::vector<Message> late_messages(std::uint32_t number) {
    return {channel_close(number),
            channel_data(number, "x"),
            channel_data(number, std::string(32'769, 'x')),
            Message{MessageNumber::channel_extended_data}.uint32(number).uint32(1).text("x"),
            channel_eof(number),
            window_adjust(number, UINT32_MAX),
            channel_request(number, "x", true),
            Message{MessageNumber::channel_success}.uint32(number),
            Message{MessageNumber::channel_failure}.uint32(number)};
}

// Item 163, and item 147: behind its own CLOSE a peer has nothing to say about a channel. What it
// says all the same is not delivered and not answered, and does not cost the other channels their
// session; OpenSSH's client does the same.
TEST_F(Rfc4254ClosingAChannel, WhatFollowsACloseIsIgnored) {
    peer.send(channel_close(channel.number));
    peer.forget();

    for (const Message& message : late_messages(channel.number)) {
        peer.send(message);
    }

    EXPECT_TRUE(peer.events().empty());
    EXPECT_TRUE(peer.numbers().empty());
    EXPECT_FALSE(peer.ended().has_value());
    peer.session().close(channel.id);
    peer.pump();
    EXPECT_EQ(peer.numbers(), std::vector{MessageNumber::channel_close});
    EXPECT_FALSE(peer.session().channel(channel.id).has_value());
}

// Item 147: the same once both CLOSEs are through and the number is free.
TEST_F(Rfc4254ClosingAChannel, WhatComesForAClosedChannelIsIgnored) {
    const auto other = peer.open_channel({.peer_number = 78});
    ASSERT_TRUE(other.has_value());
    peer.session().close(channel.id);
    peer.pump();
    peer.send(channel_close(channel.number));
    peer.forget();

    for (const Message& message : late_messages(channel.number)) {
        peer.send(message);
    }

    EXPECT_TRUE(peer.events().empty());
    EXPECT_TRUE(peer.numbers().empty());
    EXPECT_FALSE(peer.ended().has_value());
    EXPECT_EQ(peer.session().send(other->id, Bytes(3)), 3U);
}

// Item 147: and where the number already asks for the next channel, which is not touched by it.
TEST_F(Rfc4254ClosingAChannel, WhatComesForAClosedChannelIsNotTheNextOnes) {
    peer.session().close(channel.id);
    peer.pump();
    peer.send(channel_close(channel.number));
    const auto next =
        peer.session().open({.host = "db.internal", .port = 5432, .originator_host = "::1"});
    ASSERT_TRUE(next.has_value());
    ASSERT_EQ(*next, channel.id);
    peer.pump();
    peer.forget();

    for (const Message& message : late_messages(channel.number)) {
        peer.send(message);
    }
    EXPECT_TRUE(peer.events().empty());
    EXPECT_TRUE(peer.numbers().empty());
    peer.send(Message{MessageNumber::channel_open_confirmation}
                  .uint32(channel.number)
                  .uint32(79)
                  .uint32(100)
                  .uint32(32'768));

    EXPECT_EQ(peer.events(), std::vector<std::string>{"ChannelOpened 0"});
    EXPECT_EQ(peer.session().channel(*next)->send_window, 100U);
    EXPECT_FALSE(peer.session().channel(*next)->eof_received);
}

// Item 147, the server's side: a client's number is its own again, before it is told.
TEST_F(Rfc4254ClosingAChannel, WhatComesForAClosedChannelIsIgnoredByAServer) {
    RoguePeer::Options options;
    options.role = ssh::Role::client;
    RoguePeer client{std::move(options)};
    ASSERT_TRUE(client.establish());
    const auto first = client.open_channel();
    ASSERT_TRUE(first.has_value());
    client.session().close(first->id);
    client.pump();
    client.send(channel_close(first->number));
    client.forget();

    for (const Message& message : late_messages(first->number)) {
        client.send(message);
    }

    EXPECT_TRUE(client.events().empty());
    EXPECT_TRUE(client.numbers().empty());
    EXPECT_FALSE(client.ended().has_value());
}

// Item 144: bytes that arrive after the application closed are dropped, and the peer's CLOSE ends
// the channel.
TEST_F(Rfc4254ClosingAChannel, WhatIsInFlightAtOurCloseIsDropped) {
    peer.session().close(channel.id);
    peer.pump();
    peer.forget();

    peer.send(channel_data(channel.number, "too late"));
    peer.send(channel_eof(channel.number));
    peer.send(channel_close(channel.number));

    EXPECT_TRUE(peer.events().empty());
    EXPECT_FALSE(peer.ended().has_value());
    EXPECT_FALSE(peer.session().channel(channel.id).has_value());
}

// Item 167: the end of one channel is not the end of another.
TEST_F(Rfc4254ClosingAChannel, OtherChannelsLiveOn) {
    const auto other = peer.open_channel({.peer_number = 78});
    ASSERT_TRUE(other.has_value());

    peer.session().close(channel.id);
    peer.pump();
    peer.send(channel_close(channel.number));

    EXPECT_EQ(peer.session().send(other->id, Bytes(3)), 3U);
}

// Commands for a channel that the peer closed meanwhile are legal and do nothing.
TEST_F(Rfc4254ClosingAChannel, CommandsAfterThePeersCloseDoNothing) {
    peer.send(channel_close(channel.number));

    EXPECT_EQ(peer.session().send(channel.id, Bytes(10)), 10U);
    peer.session().grant(channel.id, 0);
    peer.session().eof(channel.id);
    peer.pump();

    EXPECT_EQ(peer.count(MessageNumber::channel_data), 0U);
}

// Item 169. RFC 4254 5.4: "If the request is not recognized or is not supported for the channel,
// SSH_MSG_CHANNEL_FAILURE is returned."
TEST_F(Rfc4254ClosingAChannel, RequestsAreRefusedInOrderAndOnlyWhereAReplyIsWanted) {
    peer.hold();
    for (int i = 0; i < 200; ++i) {
        peer.send(
            channel_request(channel.number, "winadj@putty.projects.tartarus.org", i % 2 == 0));
    }
    peer.release();

    EXPECT_EQ(peer.count(MessageNumber::channel_failure), 100U);
    EXPECT_EQ(peer.numbers().size(), 100U);
}

// Item 166: OpenSSH's eow@openssh.com wants no reply and changes nothing here.
TEST_F(Rfc4254ClosingAChannel, EndOfWriteIsIgnored) {
    peer.send(channel_request(channel.number, "eow@openssh.com", false));

    EXPECT_TRUE(peer.numbers().empty());
    EXPECT_TRUE(peer.events().empty());
    EXPECT_FALSE(peer.ended().has_value());
}

// Item 170: replies that nobody waits for change nothing.
TEST_F(Rfc4254ClosingAChannel, UnsolicitedRepliesAreIgnored) {
    for (int i = 0; i < 1'000; ++i) {
        peer.send(Message{MessageNumber::channel_success}.uint32(channel.number));
        peer.send(Message{MessageNumber::channel_failure}.uint32(channel.number));
    }

    EXPECT_TRUE(peer.events().empty());
    EXPECT_FALSE(peer.ended().has_value());
}

// Item 171. RFC 4254 5.3: after our CLOSE we send nothing on the channel.
TEST_F(Rfc4254ClosingAChannel, RequestsAfterOurCloseGetNoReply) {
    peer.session().close(channel.id);
    peer.pump();

    peer.send(channel_request(channel.number, "x", true));

    EXPECT_EQ(peer.count(MessageNumber::channel_failure), 0U);
    EXPECT_FALSE(peer.ended().has_value());
}

// Item 172 and F: cut at every byte, no message of a channel does harm.
TEST_F(Rfc4254ClosingAChannel, MessagesCutAnywhereDisconnect) {
    const std::vector<Bytes> messages{
        copy(channel_data(0, "abc")),
        copy(window_adjust(0, 1)),
        copy(channel_eof(0)),
        copy(channel_close(0)),
        copy(channel_request(0, "x", true)),
        copy(Message{MessageNumber::channel_extended_data}.uint32(0).uint32(1).text("abc"))};
    for (const Bytes& whole : messages) {
        for (std::size_t size = 1; size < whole.size(); ++size) {
            RoguePeer other;
            ASSERT_TRUE(other.establish());
            ASSERT_TRUE(other.open_channel().has_value());

            other.send(std::span{whole}.first(size));

            const auto number = std::to_integer<std::uint32_t>(whole[0]);
            EXPECT_EQ(other.ended(), (ssh::Error{ErrorCode::malformed_message, number}))
                << size << " of " << whole.size() << " bytes";
        }
    }
}

}  // namespace
}  // namespace caponier::spec
