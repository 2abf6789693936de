// RFC 4254 5.2: what may be sent on a channel, and what its window does.

#include <string>

#include <gtest/gtest.h>

#include "tests/spec/rogue_peer.h"

namespace caponier::spec {
namespace {

using ssh::ErrorCode;
using ssh::MessageNumber;

RoguePeer::Options with_window(std::uint32_t window_bytes) {
    RoguePeer::Options options;
    options.session.initial_window_bytes = window_bytes;
    return options;
}

/// Lengths of the data strings that came, one a message.
std::vector<std::size_t> data_lengths(RoguePeer& peer) {
    std::vector<std::size_t> lengths;
    while (const std::optional<Bytes> message = peer.take(MessageNumber::channel_data)) {
        ssh::WireReader in{*message};
        in.byte();
        in.uint32();
        lengths.push_back(in.string().size());
    }
    return lengths;
}

// Item 135. RFC 4254 5.2: "The maximum amount of data allowed is determined by the maximum packet
// size for the channel, and the current window size, whichever is smaller."
TEST(Rfc4254DataTransfer, NoPacketExceedsThePeersMaximumNorAllOfThemItsWindow) {
    RoguePeer peer;
    ASSERT_TRUE(peer.establish());
    const auto channel = peer.open_channel({.window_bytes = 250, .packet_bytes = 100});
    ASSERT_TRUE(channel.has_value());

    const std::size_t taken = peer.session().send(channel->id, Bytes(1'000));
    peer.pump();

    EXPECT_EQ(taken, 250U);
    EXPECT_EQ(data_lengths(peer), (std::vector<std::size_t>{100, 100, 50}));
}

// Item 135: our own limit holds where the peer's is larger.
TEST(Rfc4254DataTransfer, NoPacketExceedsWhatRfc4253Promises) {
    RoguePeer peer;
    ASSERT_TRUE(peer.establish());
    const auto channel = peer.open_channel({.packet_bytes = 0xFFFFFFFF});
    ASSERT_TRUE(channel.has_value());

    EXPECT_EQ(peer.session().send(channel->id, Bytes(40'000)), 40'000U);
    peer.pump();

    EXPECT_EQ(data_lengths(peer), (std::vector<std::size_t>{32'768, 7'232}));
}

// Item 136. RFC 4254 5.2: "The window size is decremented by the amount of data sent." -
// the length of the data string, not of the packet.
TEST(Rfc4254DataTransfer, DataTakesItsLengthFromTheWindow) {
    RoguePeer peer{with_window(1'000)};
    ASSERT_TRUE(peer.establish());
    const auto channel = peer.open_channel();
    ASSERT_TRUE(channel.has_value());

    peer.send(channel_data(channel->number, std::string(300, 'x')));

    EXPECT_EQ(peer.session().channel(channel->id)->receive_window, 700U);
    EXPECT_EQ(peer.session().channel(channel->id)->receive_owed, 300U);
}

// Item 137. RFC 4254 5.2: "The window MUST NOT be increased above 2^32 - 1 bytes."
TEST(Rfc4254DataTransfer, AnAdjustAboveTheLargestWindowDisconnects) {
    RoguePeer peer;
    ASSERT_TRUE(peer.establish());
    const auto channel = peer.open_channel({.window_bytes = 2});
    ASSERT_TRUE(channel.has_value());

    peer.send(window_adjust(channel->number, 0xFFFFFFFE));

    ASSERT_TRUE(peer.ended().has_value());
    EXPECT_EQ(peer.ended()->code, ErrorCode::window_overflow);
    EXPECT_EQ(peer.disconnect_reason(), 2U);
}

// Item 138. RFC 4254 5.2: "Implementations MUST correctly handle window sizes of up to 2^32 - 1
// bytes."
TEST(Rfc4254DataTransfer, TheLargestWindowIsUsedAsItIs) {
    RoguePeer peer;
    ASSERT_TRUE(peer.establish());
    const auto channel = peer.open_channel({.window_bytes = 1});
    ASSERT_TRUE(channel.has_value());

    peer.send(window_adjust(channel->number, 0xFFFFFFFE));

    EXPECT_FALSE(peer.ended().has_value());
    EXPECT_EQ(peer.session().channel(channel->id)->send_window, 0xFFFFFFFFU);
    EXPECT_EQ(peer.session().send(channel->id, Bytes(100'000)), 100'000U);
    EXPECT_EQ(peer.session().channel(channel->id)->send_window, 0xFFFFFFFFU - 100'000U);
}

// Item 139: an adjust by nothing is legal, and opens nothing.
TEST(Rfc4254DataTransfer, AnAdjustByNothingChangesNothing) {
    RoguePeer peer;
    ASSERT_TRUE(peer.establish());
    const auto channel = peer.open_channel({.window_bytes = 0});
    ASSERT_TRUE(channel.has_value());

    peer.send(window_adjust(channel->number, 0));

    EXPECT_FALSE(peer.ended().has_value());
    EXPECT_FALSE(peer.saw("WindowOpened"));
    peer.send(window_adjust(channel->number, 1));
    EXPECT_TRUE(peer.saw("WindowOpened"));
}

// Item 140. RFC 4254 5.2: "Both parties MAY ignore all extra data sent after the allowed window is
// empty." Ignoring it would be silent loss, so it ends the session.
TEST(Rfc4254DataTransfer, AByteBeyondTheWindowDisconnects) {
    RoguePeer peer{with_window(100)};
    ASSERT_TRUE(peer.establish());
    const auto channel = peer.open_channel();
    ASSERT_TRUE(channel.has_value());
    peer.send(channel_data(channel->number, std::string(100, 'x')));
    ASSERT_FALSE(peer.ended().has_value());

    peer.send(channel_data(channel->number, "x"));

    EXPECT_EQ(peer.ended(), (ssh::Error{ErrorCode::window_exceeded, 1}));
    EXPECT_EQ(peer.disconnect_reason(), 2U);
}

// Item 141. RFC 4254 5.1: "The 'maximum packet size' specifies the maximum size of an individual
// data packet that can be sent to the sender."
TEST(Rfc4254DataTransfer, ADataStringAboveOurMaximumPacketDisconnects) {
    RoguePeer::Options options;
    options.session.packet_bytes = 1'000;
    RoguePeer peer{std::move(options)};
    ASSERT_TRUE(peer.establish());
    const auto channel = peer.open_channel();
    ASSERT_TRUE(channel.has_value());
    peer.send(channel_data(channel->number, std::string(1'000, 'x')));
    ASSERT_FALSE(peer.ended().has_value());

    peer.send(channel_data(channel->number, std::string(1'001, 'x')));

    EXPECT_EQ(peer.ended(), (ssh::Error{ErrorCode::maximum_packet_exceeded, 1'001}));
}

// Item 142: credit comes back only for what the application has taken, and not byte by byte.
TEST(Rfc4254DataTransfer, WindowIsGivenBackOnlyForGrantedBytesAndInBatches) {
    RoguePeer peer{with_window(1'000)};
    ASSERT_TRUE(peer.establish());
    const auto channel = peer.open_channel();
    ASSERT_TRUE(channel.has_value());
    peer.send(channel_data(channel->number, std::string(800, 'x')));
    EXPECT_EQ(peer.count(MessageNumber::channel_window_adjust), 0U);

    peer.session().grant(channel->id, 499);
    peer.pump();
    EXPECT_EQ(peer.count(MessageNumber::channel_window_adjust), 0U);
    peer.session().grant(channel->id, 1);
    peer.pump();

    const std::optional<Bytes> adjust = peer.take(MessageNumber::channel_window_adjust);
    ASSERT_TRUE(adjust.has_value());
    EXPECT_EQ(*adjust, copy(window_adjust(channel->peer_number, 500)));
    EXPECT_EQ(peer.session().channel(channel->id)->receive_window, 700U);
    EXPECT_EQ(peer.session().channel(channel->id)->receive_owed, 300U);
}

// Item 145. RFC 4254 5.2: "Data sent with these messages consumes the same window as ordinary
// data." Forwarded connections have no stderr; what is dropped is credited.
TEST(Rfc4254DataTransfer, ExtendedDataIsDroppedAndItsWindowGivenBack) {
    RoguePeer peer{with_window(1'000)};
    ASSERT_TRUE(peer.establish());
    const auto channel = peer.open_channel();
    ASSERT_TRUE(channel.has_value());

    for (const std::uint32_t type : {1U, 99U}) {
        peer.send(Message{MessageNumber::channel_extended_data}
                      .uint32(channel->number)
                      .uint32(type)
                      .text(std::string(500, 'x')));
    }

    EXPECT_FALSE(peer.ended().has_value());
    EXPECT_FALSE(peer.saw("ChannelData"));
    EXPECT_EQ(peer.count(MessageNumber::channel_window_adjust), 2U);
    EXPECT_EQ(peer.session().channel(channel->id)->receive_window, 1'000U);
}

// Item 136, 140: extended data is held to the window as well.
TEST(Rfc4254DataTransfer, ExtendedDataBeyondTheWindowDisconnects) {
    RoguePeer peer{with_window(100)};
    ASSERT_TRUE(peer.establish());
    const auto channel = peer.open_channel();
    ASSERT_TRUE(channel.has_value());

    peer.send(Message{MessageNumber::channel_extended_data}
                  .uint32(channel->number)
                  .uint32(1)
                  .text(std::string(101, 'x')));

    EXPECT_EQ(peer.ended(), (ssh::Error{ErrorCode::window_exceeded, 1}));
}

// Item 146: no data is no event, and no end.
TEST(Rfc4254DataTransfer, DataOfNoBytesIsNotAnEnd) {
    RoguePeer peer;
    ASSERT_TRUE(peer.establish());
    const auto channel = peer.open_channel();
    ASSERT_TRUE(channel.has_value());

    peer.send(channel_data(channel->number, ""));

    EXPECT_FALSE(peer.ended().has_value());
    EXPECT_FALSE(peer.saw("ChannelData"));
    EXPECT_FALSE(peer.saw("ChannelEof"));
}

// Item 147: messages for a channel that is not there.
TEST(Rfc4254DataTransfer, MessagesForAnUnknownChannelDisconnect) {
    const std::vector<Message> messages{channel_data(5, "x"),
                                        channel_eof(5),
                                        channel_close(5),
                                        channel_request(5, "x", false),
                                        channel_data(0xFFFFFFFF, "x"),
                                        Message{MessageNumber::channel_success}.uint32(5),
                                        Message{MessageNumber::channel_failure}.uint32(5)};
    for (const Message& message : messages) {
        RoguePeer peer;
        ASSERT_TRUE(peer.establish());

        peer.send(message);

        ASSERT_TRUE(peer.ended().has_value());
        EXPECT_EQ(peer.ended()->code, ErrorCode::unknown_channel);
        EXPECT_EQ(peer.disconnect_reason(), 2U);
    }
}

// Item 147: an adjust may cross our CLOSE on the way.
TEST(Rfc4254DataTransfer, AnAdjustForAChannelThatIsGoneIsIgnored) {
    RoguePeer peer;
    ASSERT_TRUE(peer.establish());

    peer.send(window_adjust(5, 100));

    EXPECT_FALSE(peer.ended().has_value());
}

// Item 148: no window for a side that will not send any more.
TEST(Rfc4254DataTransfer, NoAdjustFollowsACloseByEitherSide) {
    for (const bool ours : {true, false}) {
        RoguePeer peer{with_window(1'000)};
        ASSERT_TRUE(peer.establish());
        const auto channel = peer.open_channel();
        ASSERT_TRUE(channel.has_value());
        peer.send(channel_data(channel->number, std::string(1'000, 'x')));

        if (ours) {
            peer.session().close(channel->id);
        } else {
            peer.send(channel_close(channel->number));
        }
        peer.session().grant(channel->id, 1'000);
        peer.pump();

        EXPECT_EQ(peer.count(MessageNumber::channel_window_adjust), 0U);
    }
}

// Item 130 (CVE-2026-59843): tiny maximum packets work byte by byte.
TEST(Rfc4254DataTransfer, APacketSizeOfOneByteWorks) {
    RoguePeer peer;
    ASSERT_TRUE(peer.establish());
    const auto channel = peer.open_channel({.packet_bytes = 1});
    ASSERT_TRUE(channel.has_value());

    EXPECT_EQ(peer.session().send(channel->id, Bytes(5)), 5U);
    peer.pump();

    EXPECT_EQ(data_lengths(peer), (std::vector<std::size_t>{1, 1, 1, 1, 1}));
}

// Item 131: a window of 0 waits, and says so when it opens.
TEST(Rfc4254DataTransfer, AWindowOfNothingWaitsForAnAdjust) {
    RoguePeer peer;
    ASSERT_TRUE(peer.establish());
    const auto channel = peer.open_channel({.window_bytes = 0});
    ASSERT_TRUE(channel.has_value());
    EXPECT_EQ(peer.session().send(channel->id, Bytes(5)), 0U);

    peer.send(window_adjust(channel->number, 3));

    EXPECT_TRUE(peer.saw("WindowOpened"));
    EXPECT_EQ(peer.session().send(channel->id, Bytes(5)), 3U);
}

// Item 149 (CVE-2026-39834): a write is counted in 64 bits, whatever a window counts in.
TEST(Rfc4254DataTransfer, AnOfferOfFourGibibytesIsTakenAsFarAsTheWindowGoes) {
    RoguePeer peer;
    ASSERT_TRUE(peer.establish());
    const auto channel = peer.open_channel({.window_bytes = 10});
    ASSERT_TRUE(channel.has_value());
    // Only its first ten bytes are ever looked at.
    const Bytes bytes(10);
    const std::span<const std::byte> huge{bytes.data(), std::size_t{1} << 32};

    EXPECT_EQ(peer.session().send(channel->id, huge), 10U);
    EXPECT_EQ(peer.session().send(channel->id, huge), 0U);
}

// Item 151: an adjust is not behind the data that another channel could not send yet.
TEST(Rfc4254DataTransfer, AnAdjustLeavesWhileAnotherChannelsWindowIsShut) {
    RoguePeer peer{with_window(1'000)};
    ASSERT_TRUE(peer.establish());
    const auto blocked = peer.open_channel({.window_bytes = 10});
    const auto other = peer.open_channel({.peer_number = 78});
    ASSERT_TRUE(blocked.has_value() && other.has_value());
    EXPECT_EQ(peer.session().send(blocked->id, Bytes(1'000)), 10U);

    peer.send(channel_data(other->number, std::string(1'000, 'x')));
    peer.session().grant(other->id, 1'000);
    peer.pump();

    EXPECT_EQ(peer.count(MessageNumber::channel_window_adjust), 1U);
}

// Item 152: what was promised stays promised; widen() only adds.
TEST(Rfc4254DataTransfer, WideningAddsToThePromisedWindow) {
    RoguePeer peer{with_window(1'000)};
    ASSERT_TRUE(peer.establish());
    const auto channel = peer.open_channel();
    ASSERT_TRUE(channel.has_value());

    peer.session().widen(channel->id, 9'000);
    peer.pump();

    EXPECT_EQ(peer.session().channel(channel->id)->receive_window, 10'000U);
    EXPECT_EQ(peer.count(MessageNumber::channel_window_adjust), 1U);
}

}  // namespace
}  // namespace caponier::spec
