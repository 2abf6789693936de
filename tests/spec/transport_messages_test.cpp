// RFC 4253 10 to 12 and RFC 8308: the messages of the transport itself.

#include <string>

#include <gtest/gtest.h>

#include "tests/spec/rogue_peer.h"

namespace caponier::spec {
namespace {

using ssh::ErrorCode;
using ssh::MessageNumber;

RoguePeer::Options options_of(ssh::Role role) {
    RoguePeer::Options options;
    options.role = role;
    return options;
}

Message disconnect(std::uint32_t reason, std::string_view text) {
    return Message{MessageNumber::disconnect}.uint32(reason).text(text).text("");
}

class TransportMessages : public testing::TestWithParam<ssh::Role> {};

// Item 66. RFC 4253 11.1: "This message causes immediate termination of the connection. All
// implementations MUST be able to process this message".
TEST_P(TransportMessages, ADisconnectEndsTheSessionInEveryState) {
    for (int state = 0; state < 3; ++state) {
        RoguePeer peer{options_of(GetParam())};
        if (state == 0) {
            peer.cooperates = false;
            peer.send_identification();
        } else if (state == 1) {
            ASSERT_TRUE(peer.exchange_keys());
        } else {
            ASSERT_TRUE(peer.establish());
        }
        peer.forget();

        peer.hold();
        peer.send(disconnect(12, "too many of you"));
        peer.send(global_request("x", true));
        peer.release();

        EXPECT_EQ(peer.ended(), (ssh::Error{ErrorCode::disconnected_by_peer, 12}));
        EXPECT_EQ(peer.end_text(), "too many of you");
        // "The recipient MUST NOT ... send or receive any data after this message": no reply.
        EXPECT_TRUE(peer.numbers().empty());
        EXPECT_EQ(peer.events().size(), 1U);
    }
}

// Item 66, F: a description that is cut off is none.
TEST_P(TransportMessages, ADisconnectWithBrokenFieldsStillEndsTheSession) {
    for (std::size_t size = 1; size < 14; ++size) {
        RoguePeer peer{options_of(GetParam())};
        ASSERT_TRUE(peer.establish());

        peer.send(disconnect(2, "xyz").payload().first(size));

        ASSERT_TRUE(peer.ended().has_value());
        EXPECT_EQ(peer.ended()->code, ErrorCode::disconnected_by_peer);
    }
}

// Item 67. RFC 4253 11.1: SSH_DISCONNECT_BY_APPLICATION is 11.
TEST_P(TransportMessages, OurDisconnectNamesItsReason) {
    RoguePeer peer{options_of(GetParam())};
    ASSERT_TRUE(peer.establish());

    peer.session().disconnect();
    peer.pump();

    EXPECT_EQ(peer.disconnect_reason(), 11U);
    EXPECT_TRUE(peer.session().is_ended());
    EXPECT_TRUE(peer.saw("SessionEnded"));
}

// Item 66: after our own DISCONNECT nothing is processed and nothing sent.
TEST_P(TransportMessages, AfterTheEndNothingHappens) {
    RoguePeer peer{options_of(GetParam())};
    ASSERT_TRUE(peer.establish());
    const auto channel = peer.open_channel();
    ASSERT_TRUE(channel.has_value());
    peer.session().disconnect();
    peer.pump();
    peer.forget();

    peer.send(channel_data(channel->number, "x"));
    peer.send(global_request("x", true));
    peer.session().probe();
    peer.session().rekey();
    peer.session().close(channel->id);
    EXPECT_EQ(peer.session().send(channel->id, Bytes(3)), 3U);
    peer.pump();

    EXPECT_TRUE(peer.numbers().empty());
    EXPECT_TRUE(peer.events().empty());
}

// Items 69 and 70. RFC 4253 11.2: SSH_MSG_IGNORE, 11.3: SSH_MSG_DEBUG, of any length and content.
TEST_P(TransportMessages, IgnoreAndDebugChangeNothing) {
    RoguePeer peer{options_of(GetParam())};
    ASSERT_TRUE(peer.establish());

    peer.send(ignore(std::string(100'000, 'x')));
    peer.send(Message{MessageNumber::ignore});
    peer.send(Message{MessageNumber::debug}.boolean(true).text("\x1b[2J").text("en"));
    peer.send(Message{MessageNumber::debug});

    EXPECT_FALSE(peer.ended().has_value());
    EXPECT_TRUE(peer.events().empty());
    EXPECT_TRUE(peer.numbers().empty());
}

// Item 71. RFC 4253 11.4: "An implementation MUST respond to all unrecognized messages with an
// SSH_MSG_UNIMPLEMENTED message in the order in which the messages were received."
TEST_P(TransportMessages, UnknownNumbersAreAnsweredInOrderWithTheirSequenceNumbers) {
    RoguePeer peer{options_of(GetParam())};
    ASSERT_TRUE(peer.establish());
    std::vector<std::uint32_t> sequences;
    peer.hold();
    for (const int number : {9, 19, 22, 29, 54, 83, 101, 127, 191, 194, 255}) {
        peer.send(ignore("between"));
        sequences.push_back(peer.next_sequence());
        peer.send(Message{static_cast<std::uint8_t>(number)}.text("x"));
    }
    peer.release();

    for (const std::uint32_t sequence : sequences) {
        const std::optional<Bytes> reply = peer.take(MessageNumber::unimplemented);
        if (!reply) {
            continue;
        }
        EXPECT_EQ(*reply, copy(Message{MessageNumber::unimplemented}.uint32(sequence)));
    }
    EXPECT_EQ(peer.count(MessageNumber::unimplemented), 0U);
    EXPECT_FALSE(peer.ended().has_value());
}

// Item 71: never UNIMPLEMENTED for UNIMPLEMENTED; item 72: what it is about is not waited for.
TEST_P(TransportMessages, UnimplementedIsNotAnswered) {
    RoguePeer peer{options_of(GetParam())};
    ASSERT_TRUE(peer.establish());

    peer.send(Message{MessageNumber::unimplemented}.uint32(3));

    EXPECT_TRUE(peer.numbers().empty());
    EXPECT_FALSE(peer.ended().has_value());
}

// Item 78 (CVE-2025-26466): OpenSSH PROTOCOL 1.9, pings are copied into pongs, in order.
TEST_P(TransportMessages, PingsAreAnsweredInOrder) {
    RoguePeer peer{options_of(GetParam())};
    ASSERT_TRUE(peer.establish());
    peer.hold();
    for (int i = 0; i < 100; ++i) {
        peer.send(Message{MessageNumber::ping}.text(std::to_string(i)));
    }
    peer.release();

    for (int i = 0; i < 100; ++i) {
        const std::optional<Bytes> pong = peer.take(MessageNumber::pong);
        ASSERT_TRUE(pong.has_value());
        EXPECT_EQ(*pong, copy(Message{MessageNumber::pong}.text(std::to_string(i))));
    }
}

// Item 78: before authentication pings are not answered.
TEST_P(TransportMessages, PingsBeforeAuthenticationAreIgnored) {
    RoguePeer peer{options_of(GetParam())};
    ASSERT_TRUE(peer.exchange_keys());

    peer.send(Message{MessageNumber::ping}.text("x"));

    EXPECT_EQ(peer.count(MessageNumber::pong), 0U);
    EXPECT_FALSE(peer.ended().has_value());
}

// Item 78: and long ones are refused.
TEST_P(TransportMessages, APingOfUnusualLengthDisconnects) {
    RoguePeer peer{options_of(GetParam())};
    ASSERT_TRUE(peer.establish());

    peer.send(Message{MessageNumber::ping}.text(std::string(ssh::ping_bytes_max + 1, 'x')));

    EXPECT_TRUE(peer.ended().has_value());
}

// Item 16: message number 0 is no message.
TEST_P(TransportMessages, MessageNumberZeroDisconnects) {
    RoguePeer peer{options_of(GetParam())};
    ASSERT_TRUE(peer.establish());

    peer.send(Message{std::uint8_t{0}});

    EXPECT_EQ(peer.ended(), (ssh::Error{ErrorCode::unexpected_message, 0}));
    EXPECT_EQ(peer.disconnect_reason(), 2U);
}

// Item 18: a tag that does not verify ends the session with SSH_DISCONNECT_MAC_ERROR.
TEST_P(TransportMessages, ADamagedPacketDisconnectsWithReasonFive) {
    for (const std::string cipher : {"aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com"}) {
        RoguePeer::Options options = options_of(GetParam());
        options.algorithms.cipher = {cipher};
        RoguePeer peer{std::move(options)};
        ASSERT_TRUE(peer.establish());
        Bytes packet = peer.seal(ignore("x"));
        packet[packet.size() / 2] ^= std::byte{1};

        peer.send_raw(packet);

        EXPECT_EQ(peer.ended(), (ssh::Error{ErrorCode::integrity_failure}));
        EXPECT_EQ(peer.disconnect_reason(), 5U);
    }
}

// Item 13: a length that is out of bounds is refused before anything waits for its bytes.
TEST_P(TransportMessages, AnImpossibleLengthDisconnectsAtOnce) {
    for (const std::uint32_t length :
         {0U, 1U, 4U, 17U, 262'145U, 262'160U, 0x7FFFFFFFU, 0xFFFFFFFFU}) {
        RoguePeer peer{options_of(GetParam())};
        ASSERT_TRUE(peer.establish());

        // AES-GCM: the length is in the clear.
        Bytes field;
        ssh::WireWriter{field}.uint32(length);
        peer.send_raw(field);

        EXPECT_EQ(peer.ended(), (ssh::Error{ErrorCode::malformed_packet, length}));
    }
}

// Item 14. RFC 4253 6.1: "All implementations MUST be able to process packets with an uncompressed
// payload length of 32768 bytes or less and a total packet size of 35000 bytes or less".
TEST_P(TransportMessages, PacketsOfTheRequiredSizeAreTaken) {
    for (const std::string cipher :
         {"aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com"}) {
        RoguePeer::Options options = options_of(GetParam());
        options.algorithms.cipher = {cipher};
        RoguePeer peer{std::move(options)};
        ASSERT_TRUE(peer.establish());

        peer.send(ignore(std::string(34'900, 'x')));
        peer.send(global_request("x", true));

        EXPECT_EQ(peer.count(MessageNumber::request_failure), 1U);
    }
}

// Item 10: cut at every byte, the session is the same.
TEST_P(TransportMessages, AStreamInSingleBytesIsTheSame) {
    RoguePeer peer{options_of(GetParam())};
    ASSERT_TRUE(peer.establish());
    const Bytes packet = peer.seal(global_request("x", true));

    for (const std::byte byte : packet) {
        peer.send_raw(std::span{&byte, 1});
    }

    EXPECT_EQ(peer.count(MessageNumber::request_failure), 1U);
}

/// Bytes that come one at a time, gathered until as many are there as are wanted.
struct Gatherer {
    RoguePeer& peer;
    Bytes gathered{};
    std::size_t calls = 0;

    void take(std::byte byte) {
        gathered.push_back(byte);
        if (gathered.size() < peer.session().bytes_wanted()) {
            return;
        }
        ++calls;
        const std::size_t consumed = peer.session().receive(gathered, peer.now());
        peer.pump();  // takes the events
        gathered.erase(gathered.begin(), gathered.begin() + static_cast<std::ptrdiff_t>(consumed));
    }
};

// Before the keys and behind them: a packet costs two calls, one for its length and one for the
// rest, however its bytes come.
TEST_P(TransportMessages, TellHowManyBytesTheyNeed) {
    RoguePeer peer{options_of(GetParam())};
    EXPECT_EQ(peer.session().bytes_wanted(), 1U);
    peer.cooperates = false;
    peer.send_identification();
    Gatherer before_keys{peer};
    for (const std::byte byte : peer.seal(ignore(std::string(20'000, 'x')))) {
        before_keys.take(byte);
    }
    EXPECT_EQ(before_keys.calls, 2U);
    EXPECT_TRUE(before_keys.gathered.empty());

    RoguePeer established{options_of(GetParam())};
    ASSERT_TRUE(established.establish());
    Gatherer behind_keys{established};
    for (int packet = 0; packet < 3; ++packet) {
        for (const std::byte byte : established.seal(global_request("x@example.com", true))) {
            behind_keys.take(byte);
        }
    }
    EXPECT_EQ(behind_keys.calls, 6U);
    EXPECT_EQ(established.count(MessageNumber::request_failure), 3U);
}

// The end of the transport without a DISCONNECT is told as what it is.
TEST_P(TransportMessages, TheEndOfTheStreamIsALostConnection) {
    RoguePeer peer{options_of(GetParam())};
    ASSERT_TRUE(peer.establish());

    peer.session().end_of_input();
    peer.pump();

    EXPECT_EQ(peer.ended(), (ssh::Error{ErrorCode::connection_lost}));
    EXPECT_TRUE(peer.numbers().empty());
}

INSTANTIATE_TEST_SUITE_P(Against,
                         TransportMessages,
                         testing::Values(ssh::Role::server, ssh::Role::client),
                         [](const auto& role) {
                             return role.param == ssh::Role::server ? "AServer" : "AClient";
                         });

// ---- identification ----------------------------------------------------------------------------

// Items 2 and 5. RFC 4253 4.2: "The server MAY send other lines of data before sending the version
// string."; 5.1: "1.99" is 2.0.
TEST(Rfc4253Identification, LinesBeforeItAndVersion199AreTaken) {
    RoguePeer peer;
    peer.cooperates = false;
    peer.send_raw("Welcome.\r\nKeep out.\nSSH-1.99-Old_1.0\r\n");

    EXPECT_FALSE(peer.ended().has_value());
    EXPECT_EQ(peer.events(), (std::vector<std::string>{"PeerIdentified SSH-1.99-Old_1.0"}));
}

// Item 6: other versions are refused.
TEST(Rfc4253Identification, OtherVersionsAreRefused) {
    for (const std::string_view line : {"SSH-1.5-Old\r\n", "SSH-3.0-New\r\n", "SSH-2-x\r\n"}) {
        RoguePeer peer;
        peer.send_raw(line);

        EXPECT_EQ(peer.ended(), (ssh::Error{ErrorCode::unsupported_version})) << line;
    }
}

// Item 4: a client that says anything before it is no SSH client.
TEST(Rfc4253Identification, AClientMayNotSendOtherLines) {
    RoguePeer peer{options_of(ssh::Role::client)};
    peer.send_raw("G");

    EXPECT_EQ(peer.ended(), (ssh::Error{ErrorCode::not_ssh}));
}

// ---- services and extensions -------------------------------------------------------------------

// Item 65. RFC 4253 10: "If the server rejects the service request, it SHOULD send an appropriate
// SSH_MSG_DISCONNECT message and MUST disconnect."
TEST(Rfc4253Services, AnUnknownServiceDisconnectsWithReasonSeven) {
    RoguePeer peer{options_of(ssh::Role::client)};
    ASSERT_TRUE(peer.exchange_keys());

    peer.send(Message{MessageNumber::service_request}.text("ssh-connection"));

    EXPECT_EQ(peer.disconnect_reason(), 7U);
}

// Item 65: the answer must be to what was asked.
TEST(Rfc4253Services, AnAcceptForAnotherServiceDisconnects) {
    RoguePeer peer;
    ASSERT_TRUE(peer.exchange_keys());
    ASSERT_EQ(peer.count(MessageNumber::service_request), 1U);

    peer.send(Message{MessageNumber::service_accept}.text("ssh-connection"));

    ASSERT_TRUE(peer.ended().has_value());
    EXPECT_EQ(peer.ended()->code, ErrorCode::service_refused);
}

Message ext_info(std::string_view algorithms) {
    return Message{MessageNumber::ext_info}
        .uint32(2)
        .text("server-sig-algs")
        .text(algorithms)
        .text("what@example.com")
        .text(std::string_view{"\0\xff", 2});
}

// Item 73. RFC 8308 2.4: "As the next packet following the server's first SSH_MSG_NEWKEYS" or
// "Immediately preceding the server's SSH_MSG_USERAUTH_SUCCESS".
TEST(Rfc8308ExtInfo, IsTakenAtItsTwoPlaces) {
    RoguePeer peer;
    ASSERT_TRUE(peer.exchange_keys());

    peer.send(ext_info("ssh-ed25519"));
    peer.send(Message{MessageNumber::service_accept}.text("ssh-userauth"));
    peer.send(ext_info("rsa-sha2-256"));
    peer.send(Message{MessageNumber::userauth_success});

    EXPECT_TRUE(peer.session().is_established());
}

// Item 74 (CVE-2023-46446): and nowhere else before the login is done. Behind it nothing hangs on
// what it says, and it is answered like a number that nobody knows.
TEST(Rfc8308ExtInfo, ElsewhereDisconnects) {
    {
        RoguePeer peer;
        ASSERT_TRUE(peer.exchange_keys());
        peer.send(Message{MessageNumber::service_accept}.text("ssh-userauth"));
        peer.send(ext_info("ssh-ed25519"));
        EXPECT_FALSE(peer.ended().has_value());
        peer.send(Message{MessageNumber::userauth_failure}.text("publickey").boolean(false));
        EXPECT_TRUE(peer.ended().has_value()) << "in front of something that is no success";
    }
    {
        RoguePeer peer;
        peer.cooperates = false;
        peer.send_identification();
        peer.send(ext_info("ssh-ed25519"));
        EXPECT_TRUE(peer.ended().has_value()) << "before the keys";
    }
}

// Item 80: a count that is not the number of entries.
TEST(Rfc8308ExtInfo, AWrongCountDisconnects) {
    for (const std::uint32_t count : {0U, 2U, 0xFFFFFFFFU}) {
        RoguePeer peer;
        ASSERT_TRUE(peer.exchange_keys());

        peer.send(Message{MessageNumber::ext_info}.uint32(count).text("a").text("b"));

        EXPECT_EQ(peer.ended(), (ssh::Error{ErrorCode::malformed_message, 7})) << count;
    }
}

/// Whatever is said before and in a login, right and wrong; it comes behind one.
std::vector<Message> messages_of_a_login() {
    return {Message{MessageNumber::userauth_banner}.text("the disk is full").text(""),
            Message{MessageNumber::userauth_banner},
            Message{MessageNumber::userauth_success},
            Message{MessageNumber::userauth_failure}.text("publickey").boolean(true),
            Message{MessageNumber::userauth_pk_ok}.text("ssh-ed25519").text("key"),
            Message{MessageNumber::userauth_info_response}.uint32(0),
            Message{MessageNumber::service_accept}.text("ssh-userauth"),
            Message{MessageNumber::service_request}.text("ssh-userauth"),
            ext_info("ssh-ed25519")};
}

// Item 71: as OpenSSH answers it. A server's banner may come late from another thread; the channels
// of the session have nothing to do with it.
TEST_P(TransportMessages, OfALoginAreUnimplementedBehindIt) {
    RoguePeer peer{options_of(GetParam())};
    ASSERT_TRUE(peer.establish());
    const auto channel = peer.open_channel();
    ASSERT_TRUE(channel.has_value());
    peer.forget();

    for (const Message& message : messages_of_a_login()) {
        const std::uint32_t sequence = peer.next_sequence();
        peer.send(message);
        EXPECT_EQ(peer.take(MessageNumber::unimplemented),
                  copy(Message{MessageNumber::unimplemented}.uint32(sequence)));
    }

    EXPECT_TRUE(peer.events().empty());
    EXPECT_FALSE(peer.ended().has_value());
    EXPECT_EQ(peer.session().send(channel->id, Bytes(3)), 3U);
}

// Item 195: in a rekey nothing of the kind may come.
TEST_P(TransportMessages, OfALoginDisconnectInARekey) {
    for (const Message& message : messages_of_a_login()) {
        RoguePeer peer{options_of(GetParam())};
        ASSERT_TRUE(peer.establish());
        peer.cooperates = false;
        peer.send_kexinit();

        peer.send(message);

        ASSERT_TRUE(peer.ended().has_value());
        EXPECT_EQ(peer.ended()->code, ErrorCode::unexpected_message);
    }
}

// Item 75. RFC 8308 2.4: the server's EXT_INFO is the message behind its first NEWKEYS, and only
// for a client that asked for it.
TEST(Rfc8308ExtInfo, OfOursIsTheFirstMessageUnderTheFirstKeys) {
    for (const bool asks : {true, false}) {
        RoguePeer::Options options = options_of(ssh::Role::client);
        options.markers =
            asks ? std::vector<std::string>{"ext-info-c"} : std::vector<std::string>{};
        RoguePeer peer{std::move(options)};
        ASSERT_TRUE(peer.exchange_keys());

        std::vector expected{
            MessageNumber::kexinit, MessageNumber::kex_ecdh_reply, MessageNumber::newkeys};
        if (asks) {
            expected.push_back(MessageNumber::ext_info);
        }
        EXPECT_EQ(peer.numbers(), expected);
    }
}

// Item 75: not again after a rekey.
TEST(Rfc8308ExtInfo, OfOursIsNotRepeated) {
    RoguePeer peer{options_of(ssh::Role::client)};
    ASSERT_TRUE(peer.establish());

    ASSERT_TRUE(peer.rekey());

    EXPECT_EQ(peer.count(MessageNumber::ext_info), 0U);
}

}  // namespace
}  // namespace caponier::spec
