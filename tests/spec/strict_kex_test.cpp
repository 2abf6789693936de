// RFC 4253 7.3 and OpenSSH's strict key exchange (PROTOCOL 1.10): what may stand between the first
// packet and the first keys, and what sequence numbers do.

#include <string>

#include <gtest/gtest.h>

#include "tests/spec/rogue_peer.h"

namespace caponier::spec {
namespace {

using ssh::ErrorCode;
using ssh::MessageNumber;

RoguePeer::Options options_of(ssh::Role role, bool strict) {
    RoguePeer::Options options;
    options.role = role;
    if (!strict) {
        options.markers = std::vector<std::string>{};
    }
    return options;
}

/// Everything that is no step of the key exchange.
std::vector<Message> intruders() {
    return {ignore("x"),
            Message{MessageNumber::unimplemented}.uint32(0),
            Message{MessageNumber::debug}.boolean(false).text("x").text(""),
            Message{std::uint8_t{9}},
            Message{std::uint8_t{29}},
            Message{MessageNumber::ext_info}.uint32(0),
            Message{MessageNumber::service_request}.text("ssh-userauth"),
            Message{MessageNumber::userauth_success},
            Message{MessageNumber::ping}.text("x"),
            Message{std::uint8_t{255}}};
}

class StrictKex : public testing::TestWithParam<ssh::Role> {};

// Item 52 (b), CVE-2023-48795: in front of the KEXINIT.
TEST_P(StrictKex, NothingMayPrecedeTheKexinit) {
    for (const Message& intruder : intruders()) {
        RoguePeer peer{options_of(GetParam(), true)};
        peer.cooperates = false;
        peer.send_identification();

        peer.send(intruder);
        if (!peer.ended()) {
            peer.send_kexinit();
        }

        ASSERT_TRUE(peer.ended().has_value());
        EXPECT_EQ(peer.ended()->code, ErrorCode::unexpected_message);
    }
}

// Item 52 (b): between the KEXINIT and the public value.
TEST_P(StrictKex, NothingMayFollowTheKexinitButItsMethod) {
    for (const Message& intruder : intruders()) {
        RoguePeer peer{options_of(GetParam(), true)};
        peer.cooperates = false;
        peer.send_identification();
        peer.send_kexinit();
        ASSERT_FALSE(peer.ended().has_value());

        peer.send(intruder);

        ASSERT_TRUE(peer.ended().has_value());
        EXPECT_EQ(peer.ended()->code, ErrorCode::unexpected_message);
    }
}

// Item 52 (b): up to and with the peer's NEWKEYS (Dropbear 2025.88, tinyssh, CVE-2025-46712).
TEST_P(StrictKex, NothingMayStandBetweenThePublicValueAndNewkeys) {
    for (const Message& intruder : intruders()) {
        RoguePeer peer{options_of(GetParam(), true)};
        peer.cooperates = false;
        peer.send_identification();
        peer.send_kexinit();
        peer.send_kex_value();
        ASSERT_FALSE(peer.ended().has_value());

        peer.send(intruder);

        ASSERT_TRUE(peer.ended().has_value());
        EXPECT_EQ(peer.ended()->code, ErrorCode::unexpected_message);
    }
}

// Item 52 (c): sequence numbers start again at each NEWKEYS, in rekeys, too.
TEST_P(StrictKex, SequenceNumbersStartAgainAtEveryNewkeys) {
    RoguePeer::Options options = options_of(GetParam(), true);
    options.algorithms.cipher = {"chacha20-poly1305@openssh.com"};  // Its nonce is the number.
    RoguePeer peer{std::move(options)};
    ASSERT_TRUE(peer.establish());
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(peer.rekey());
        EXPECT_EQ(peer.next_sequence(), 0U);
        peer.send(global_request("keepalive@openssh.com", true));
        EXPECT_EQ(peer.count(MessageNumber::request_failure), 1U);
        peer.forget();
    }
}

// Item 20. RFC 4253 6.4: the sequence number "is never reset, even if keys/algorithms are
// renegotiated later" - as long as strict key exchange is not in use.
TEST_P(StrictKex, WithoutItSequenceNumbersGoOn) {
    RoguePeer::Options options = options_of(GetParam(), false);
    options.algorithms.cipher = {"chacha20-poly1305@openssh.com"};
    RoguePeer peer{std::move(options)};
    ASSERT_TRUE(peer.establish());
    const std::uint32_t before = peer.next_sequence();
    EXPECT_GT(before, 3U);

    ASSERT_TRUE(peer.rekey());
    EXPECT_GT(peer.next_sequence(), before);
    peer.send(global_request("keepalive@openssh.com", true));

    EXPECT_EQ(peer.count(MessageNumber::request_failure), 1U);
}

// Item 52: in a rekey IGNORE and its kin are legal, in strict mode as well (russh got it wrong).
TEST_P(StrictKex, ARekeyMayBeInterruptedByIgnore) {
    RoguePeer peer{options_of(GetParam(), true)};
    ASSERT_TRUE(peer.establish());

    peer.hold();
    peer.send(ignore("x"));
    peer.send_kexinit();
    peer.send(ignore("y"));
    peer.release();

    EXPECT_FALSE(peer.ended().has_value());
    EXPECT_TRUE(peer.saw("KeysChanged"));
}

// Item 53: a peer without it is spoken to, with a warning where the cipher is the weak one.
TEST_P(StrictKex, APeerWithoutItIsWarnedAboutWithChacha20) {
    for (const bool chacha : {true, false}) {
        RoguePeer::Options options = options_of(GetParam(), false);
        options.algorithms.cipher = {chacha ? "chacha20-poly1305@openssh.com"
                                            : "aes128-gcm@openssh.com"};
        RoguePeer peer{std::move(options)};

        ASSERT_TRUE(peer.exchange_keys());

        EXPECT_EQ(peer.saw("Warning"), chacha);
    }
}

// Items 69 and 71. RFC 4253 11.2: "All implementations MUST understand (and ignore) this message at
// any time (after receiving the identification string)." - where strict key exchange is not in use.
TEST_P(StrictKex, WithoutItIgnoreIsIgnoredAndUnknownsAreAnswered) {
    RoguePeer peer{options_of(GetParam(), false)};
    peer.cooperates = false;
    peer.send_identification();
    peer.send(ignore("x"));
    peer.send(Message{std::uint8_t{9}});
    peer.send(Message{MessageNumber::debug}.boolean(false).text("x").text(""));

    peer.cooperates = true;
    peer.send_kexinit();
    if (GetParam() == ssh::Role::client) {
        peer.send_kex_value();
    }

    EXPECT_TRUE(peer.saw("KeysChanged"));

    const std::optional<Bytes> reply = peer.take(MessageNumber::unimplemented);
    ASSERT_TRUE(reply.has_value());
    EXPECT_EQ(*reply, copy(Message{MessageNumber::unimplemented}.uint32(1)));
}

// Item 54: the names without "@openssh.com" may stand beside the others.
TEST_P(StrictKex, TheOtherSpellingsAreTolerated) {
    RoguePeer::Options options;
    options.role = GetParam();
    const std::string letter = GetParam() == ssh::Role::client ? "c" : "s";
    options.markers = {{"kex-strict-" + letter, "kex-strict-" + letter + "-v00@openssh.com"}};
    RoguePeer peer{std::move(options)};

    ASSERT_TRUE(peer.exchange_keys());

    EXPECT_EQ(peer.next_sequence(), peer.count(MessageNumber::newkeys) - 1);
}

// Item 36: one KEXINIT an exchange, in the first one as well.
TEST_P(StrictKex, ASecondKexinitDisconnects) {
    for (const bool strict : {true, false}) {
        RoguePeer peer{options_of(GetParam(), strict)};
        peer.cooperates = false;
        peer.send_identification();
        peer.send_kexinit();

        peer.send(peer.make_kexinit());

        EXPECT_EQ(peer.ended(), (ssh::Error{ErrorCode::unexpected_message, 20}));
    }
}

// Item 51. RFC 4253 7.3: NEWKEYS ends a key exchange; elsewhere it is an error.
TEST_P(StrictKex, NewkeysOutOfPlaceDisconnects) {
    const Message newkeys{MessageNumber::newkeys};
    {
        RoguePeer peer{options_of(GetParam(), false)};
        peer.send_identification();
        peer.send(newkeys);
        EXPECT_TRUE(peer.ended().has_value()) << "in front of the KEXINIT";
    }
    {
        RoguePeer peer{options_of(GetParam(), false)};
        peer.cooperates = false;
        peer.send_identification();
        peer.send_kexinit();
        peer.send(newkeys);
        EXPECT_TRUE(peer.ended().has_value()) << "in front of the public value";
    }
    {
        RoguePeer peer{options_of(GetParam(), true)};
        ASSERT_TRUE(peer.establish());
        peer.send(newkeys);
        ASSERT_TRUE(peer.ended().has_value()) << "without a key exchange";
        EXPECT_EQ(peer.ended()->code, ErrorCode::unexpected_message);
    }
}

// Item 51: NEWKEYS has no fields.
TEST_P(StrictKex, NewkeysWithFieldsDisconnects) {
    RoguePeer peer{options_of(GetParam(), true)};
    peer.cooperates = false;
    peer.send_identification();
    peer.send_kexinit();
    peer.send_kex_value();

    peer.send(Message{MessageNumber::newkeys}.byte(0));

    EXPECT_TRUE(peer.ended().has_value());
}

// Item 51. RFC 4253 7.3: "All messages sent after this message MUST use the new keys": what comes
// under the old ones does not verify.
TEST_P(StrictKex, AMessageUnderTheOldKeysAfterNewkeysDisconnects) {
    RoguePeer peer{options_of(GetParam(), true)};
    ASSERT_TRUE(peer.establish());
    const Bytes under_old_keys = peer.seal(ignore("x"));
    // The message is lost on the way; what follows it is out of step.
    peer.send(ignore("y"));

    ASSERT_TRUE(peer.ended().has_value());
    EXPECT_EQ(peer.ended()->code, ErrorCode::integrity_failure);
}

// Item 21: the sequence number cannot be brought to wrap before there are keys.
TEST_P(StrictKex, AnEndlessFirstKeyExchangeIsCutOff) {
    RoguePeer peer{options_of(GetParam(), false)};
    peer.cooperates = false;
    peer.send_identification();

    int sent = 0;
    for (; sent < 10'000 && !peer.ended(); ++sent) {
        peer.send(ignore(""));
    }

    EXPECT_TRUE(peer.ended().has_value());
    EXPECT_LT(sent, 5'000);
}

INSTANTIATE_TEST_SUITE_P(Against,
                         StrictKex,
                         testing::Values(ssh::Role::server, ssh::Role::client),
                         [](const auto& role) {
                             return role.param == ssh::Role::server ? "AServer" : "AClient";
                         });

}  // namespace
}  // namespace caponier::spec
