// RFC 4253 7 and 8, RFC 5656, RFC 8731: negotiation, the exchange, the host key.

#include <algorithm>
#include <array>
#include <string>

#include <gtest/gtest.h>

#include "tests/sim/pair.h"
#include "tests/spec/rogue_peer.h"

namespace caponier::spec {
namespace {

using ssh::ErrorCode;
using ssh::MessageNumber;

/// A KEXINIT with one list replaced; 0 is the list of kex methods.
Bytes kexinit_with(std::size_t list, std::string_view names) {
    Message message{MessageNumber::kexinit};
    message.fixed(Bytes(16));
    constexpr std::array<std::string_view, 10> usual{"curve25519-sha256",
                                                     "ssh-ed25519",
                                                     "aes128-gcm@openssh.com",
                                                     "aes128-gcm@openssh.com",
                                                     "hmac-sha2-256",
                                                     "hmac-sha2-256",
                                                     "none",
                                                     "none",
                                                     "",
                                                     ""};
    for (std::size_t i = 0; i < usual.size(); ++i) {
        message.text(i == list ? names : usual[i]);
    }
    message.boolean(false).uint32(0);
    return copy(message);
}

// Item 31. RFC 4253 7.1: "If no algorithm satisfying all these conditions can be found, the
// connection fails, and both sides MUST disconnect." The user hears what the server has.
TEST(Rfc4253Negotiation, NothingInCommonDisconnectsWithReasonThree) {
    struct Case {
        std::size_t list;
        std::string_view names;
        ErrorCode error;
    };
    for (const Case& one : {Case{0, "diffie-hellman-group1-sha1", ErrorCode::no_common_kex},
                            Case{1, "ssh-dss", ErrorCode::no_common_host_key},
                            Case{2, "3des-cbc", ErrorCode::no_common_cipher},
                            Case{3, "3des-cbc", ErrorCode::no_common_cipher},
                            Case{6, "zlib", ErrorCode::no_common_compression},
                            Case{7, "zlib", ErrorCode::no_common_compression}}) {
        RoguePeer peer;
        peer.cooperates = false;
        peer.send_identification();

        peer.send_kexinit(kexinit_with(one.list, one.names));

        ASSERT_TRUE(peer.ended().has_value());
        EXPECT_EQ(peer.ended()->code, one.error);
        EXPECT_EQ(peer.disconnect_reason(), 3U);
        if (one.list != 2 && one.list != 6) {
            EXPECT_EQ(peer.end_text(), one.names);
        }
    }
}

// Item 32: the ciphers bring their own authentication, so that the MAC lists do not matter.
TEST(Rfc4253Negotiation, AnEmptyOrForeignMacListIsFine) {
    for (const std::string_view names : {"", "hmac-md5"}) {
        RoguePeer peer;
        peer.cooperates = false;
        peer.send_identification();

        peer.send_kexinit(kexinit_with(4, names));

        EXPECT_FALSE(peer.ended().has_value());
    }
}

// Item 47. RFC 8308 2.2: a marker that is "negotiated as a key exchange method" ends the
// connection.
TEST(Rfc4253Negotiation, OnlyMarkersInCommonAreNothingInCommon) {
    for (const ssh::Role role : {ssh::Role::client, ssh::Role::server}) {
        RoguePeer::Options options;
        options.role = role;
        RoguePeer peer{std::move(options)};
        peer.cooperates = false;
        peer.send_identification();

        peer.send_kexinit(kexinit_with(
            0, "ext-info-c,ext-info-s,kex-strict-c-v00@openssh.com,kex-strict-s-v00@openssh.com"));

        ASSERT_TRUE(peer.ended().has_value());
        EXPECT_EQ(peer.ended()->code, ErrorCode::no_common_kex);
    }
}

// Item 29. RFC 4253 7.1: the lists "MUST contain at least one algorithm name"; RFC 4251 6: names
// are "non-empty strings no longer than 64 characters".
TEST(Rfc4253Negotiation, ListsThatAreNoneDisconnect) {
    const std::string too_long(65, 'x');
    for (const std::string_view names : {std::string_view{""},
                                         std::string_view{","},
                                         std::string_view{"a,,b"},
                                         std::string_view{"curve25519-sha256,"},
                                         std::string_view{too_long},
                                         std::string_view{"curve25519 sha256"},
                                         std::string_view{"a\x01"}}) {
        for (const std::size_t list : {0U, 1U, 2U, 3U, 6U, 7U}) {
            RoguePeer peer;
            peer.cooperates = false;
            peer.send_identification();

            peer.send_kexinit(kexinit_with(list, names));

            EXPECT_EQ(peer.ended(), (ssh::Error{ErrorCode::malformed_message, 20}))
                << "list " << list << ": " << names;
        }
    }
}

// Item 29, F: cut anywhere.
TEST(Rfc4253Negotiation, AKexinitCutAnywhereDisconnects) {
    const Bytes whole = kexinit_with(99, "");
    for (std::size_t size = 1; size < whole.size(); size += 3) {
        RoguePeer peer;
        peer.cooperates = false;
        peer.send_identification();

        peer.send(std::span{whole}.first(size));

        EXPECT_EQ(peer.ended(), (ssh::Error{ErrorCode::malformed_message, 20})) << size;
    }
}

// Items 28 and 47. RFC 4253 7.1: "The 'cookie' MUST be a random value generated by the sender."
// Items 77 and 79: and nothing dormant is offered.
TEST(Rfc4253Negotiation, EveryKexinitHasItsOwnCookieAndMarkersOnlyTheFirst) {
    RoguePeer peer;
    ASSERT_TRUE(peer.exchange_keys());
    const std::optional<Bytes> first = peer.take(MessageNumber::kexinit);
    peer.send(Message{MessageNumber::service_accept}.text("ssh-userauth"));
    peer.send(Message{MessageNumber::userauth_success});
    ASSERT_TRUE(peer.rekey());
    const std::optional<Bytes> second = peer.take(MessageNumber::kexinit);
    ASSERT_TRUE(first.has_value() && second.has_value());

    EXPECT_FALSE(std::equal(first->begin() + 1, first->begin() + 17, second->begin() + 1));
    const auto a = ssh::parse_kexinit(*first);
    const auto b = ssh::parse_kexinit(*second);
    ASSERT_TRUE(a.has_value() && b.has_value());
    EXPECT_TRUE(a->kex.contains("kex-strict-c-v00@openssh.com"));
    EXPECT_TRUE(a->kex.contains("ext-info-c"));
    EXPECT_FALSE(b->kex.contains("kex-strict-c-v00@openssh.com"));
    EXPECT_FALSE(b->kex.contains("ext-info-c"));
    for (const std::string_view name : a->kex) {
        EXPECT_TRUE(ssh::kex_method(name) != nullptr || name == "ext-info-c" ||
                    name == "kex-strict-c-v00@openssh.com")
            << name;
    }
}

// Item 33. RFC 4253 7: "if the guess was wrong, and a packet was optimistically sent by one or both
// parties, such packets MUST be ignored" - exactly that one.
TEST(Rfc4253KeyExchange, AWrongGuessIsThrownAwayAndOnlyThat) {
    for (int rounds = 0; rounds < 20; ++rounds) {
        RoguePeer::Options options;
        options.role = ssh::Role::client;
        options.algorithms.kex = {"ecdh-sha2-nistp256", "curve25519-sha256"};
        options.session.algorithms.kex = {"curve25519-sha256", "ecdh-sha2-nistp256"};
        RoguePeer peer{std::move(options)};
        peer.cooperates = false;
        peer.send_identification();
        peer.send_kexinit(peer.make_kexinit(true));

        peer.send(Message{MessageNumber::kex_ecdh_init}.text("not a point"));
        ASSERT_FALSE(peer.ended().has_value());
        peer.cooperates = true;
        peer.send_kex_value();

        EXPECT_TRUE(peer.saw("KeysChanged"));
    }
}

// Item 33: a second packet that is no better is an error.
TEST(Rfc4253KeyExchange, ASecondWrongValueDisconnects) {
    RoguePeer::Options options;
    options.role = ssh::Role::client;
    options.session.algorithms.kex = {"ecdh-sha2-nistp256", "curve25519-sha256"};
    RoguePeer peer{std::move(options)};
    peer.cooperates = false;
    peer.send_identification();
    peer.send_kexinit(peer.make_kexinit(true));
    peer.send(Message{MessageNumber::kex_ecdh_init}.text("not a point"));

    peer.send(Message{MessageNumber::kex_ecdh_init}.text("not a point"));

    ASSERT_TRUE(peer.ended().has_value());
    EXPECT_EQ(peer.ended()->code, ErrorCode::key_exchange_failed);
}

// Item 33: a right guess is the first message of the method.
TEST(Rfc4253KeyExchange, ARightGuessIsUsed) {
    RoguePeer::Options options;
    options.role = ssh::Role::client;
    RoguePeer peer{std::move(options)};
    peer.hold();
    peer.send_identification();
    peer.send_kexinit(peer.make_kexinit(true));
    peer.release();

    EXPECT_TRUE(peer.saw("KeysChanged"));
    EXPECT_EQ(peer.count(MessageNumber::kex_ecdh_reply), 1U);
}

// Items 40 and 41. RFC 8731 3: "Clients and servers MUST also abort if the length of the received
// public keys are not the expected lengths." and "implementations MUST check whether the computed
// Diffie-Hellman shared secret is the all-zero value and abort if so".
TEST(Rfc4253KeyExchange, PublicValuesThatAreNoneDisconnect) {
    struct Case {
        std::string_view kex;
        Bytes value;
    };
    const std::vector<Case> cases{{"curve25519-sha256", Bytes(31, std::byte{9})},
                                  {"curve25519-sha256", Bytes(33, std::byte{9})},
                                  {"curve25519-sha256", Bytes(32)},
                                  {"curve25519-sha256", Bytes{}},
                                  {"ecdh-sha2-nistp256", Bytes(65, std::byte{4})},
                                  {"ecdh-sha2-nistp256", Bytes(33, std::byte{2})},
                                  {"ecdh-sha2-nistp256", Bytes{std::byte{0}}},
                                  {"ecdh-sha2-nistp256", Bytes{}}};
    for (const Case& one : cases) {
        RoguePeer::Options options;
        options.role = ssh::Role::client;
        options.algorithms.kex = {std::string{one.kex}};
        RoguePeer peer{std::move(options)};
        peer.cooperates = false;
        peer.send_identification();
        peer.send_kexinit();

        peer.send(Message{MessageNumber::kex_ecdh_init}.string(one.value));

        ASSERT_TRUE(peer.ended().has_value());
        EXPECT_EQ(peer.ended()->code, ErrorCode::key_exchange_failed);
        EXPECT_EQ(peer.disconnect_reason(), 3U);
    }
}

// Items 44 and 37: a signature over another hash, and one in another's name.
TEST(Rfc4253KeyExchange, ASignatureThatDoesNotVerifyDisconnects) {
    for (const int change : {0, 1, 2}) {
        RoguePeer peer;
        peer.cooperates = false;
        peer.send_identification();
        peer.send_kexinit();
        Bytes reply = peer.make_kex_reply();
        if (change == 0) {
            reply.back() ^= std::byte{1};
        } else if (change == 1) {
            reply[reply.size() - 70] ^= std::byte{1};  // In the name of the algorithm.
        } else {
            reply[30] ^= std::byte{1};  // In the host key.
        }

        peer.send(reply);

        ASSERT_TRUE(peer.ended().has_value());
        EXPECT_EQ(peer.ended()->code, ErrorCode::key_exchange_failed) << change;
        EXPECT_FALSE(peer.saw("HostKeyReceived")) << change;
    }
}

// Item 45: nothing secret before the host key is accepted, and nothing at all without it.
TEST(Rfc4253KeyExchange, NothingIsSentUntilTheHostKeyIsAccepted) {
    RoguePeer::Options options;
    options.accepts_host_key = false;
    RoguePeer peer{std::move(options)};
    ASSERT_FALSE(peer.exchange_keys());
    ASSERT_TRUE(peer.saw("HostKeyReceived ssh-ed25519"));

    peer.send(Message{MessageNumber::service_accept}.text("ssh-userauth"));
    peer.send(Message{MessageNumber::userauth_success});

    EXPECT_EQ(peer.numbers(), (std::vector{MessageNumber::kexinit, MessageNumber::kex_ecdh_init}));
    EXPECT_FALSE(peer.session().is_established());
    // RFC 4253 11.1: SSH_DISCONNECT_HOST_KEY_NOT_VERIFIABLE.
    peer.session().reject_host_key();
    peer.pump();
    EXPECT_EQ(peer.disconnect_reason(), 9U);
}

// Item 46: a rekey with another host key than the one that was accepted.
TEST(Rfc4253KeyExchange, AnotherHostKeyInARekeyDisconnects) {
    RoguePeer peer;
    ASSERT_TRUE(peer.establish());
    peer.host_key = &sim::Pair::user_key();

    EXPECT_FALSE(peer.rekey());

    ASSERT_TRUE(peer.ended().has_value());
    EXPECT_EQ(peer.ended()->code, ErrorCode::host_key_changed);
    EXPECT_EQ(peer.disconnect_reason(), 9U);
}

// Items 8 and 37. RFC 4253 8: V_C and V_S are hashed "CR and LF excluded" - comments and trailing
// spaces included; both sides hash the same, or the signature would not verify.
TEST(Rfc4253KeyExchange, TheIdentificationIsHashedAsItIs) {
    RoguePeer::Options options;
    options.identification = "SSH-2.0-Rogue_1.0 a comment  ";
    RoguePeer peer{std::move(options)};

    EXPECT_TRUE(peer.exchange_keys());

    EXPECT_TRUE(peer.saw("PeerIdentified SSH-2.0-Rogue_1.0 a comment  "));
}

// Item 25: the message behind NEWKEYS is under the new keys, in the same piece of the stream.
TEST(Rfc4253KeyExchange, WhatFollowsNewkeysInTheSamePieceIsOpenedWithTheNewKeys) {
    RoguePeer peer;
    peer.cooperates = false;
    peer.send_identification();
    peer.send_kexinit();
    peer.hold();
    peer.send_kex_value();
    peer.send_newkeys();
    peer.send(Message{MessageNumber::service_accept}.text("ssh-userauth"));
    peer.send(Message{MessageNumber::userauth_success});
    peer.release();

    EXPECT_TRUE(peer.session().is_established());
}

// Item 50: the peer's time for the first exchange is limited, from the first moment on.
TEST(Rfc4253KeyExchange, APeerThatStopsInTheExchangeTimesOut) {
    for (int steps = 0; steps < 4; ++steps) {
        RoguePeer::Options options;
        options.session.kex_timeout = std::chrono::seconds{30};
        RoguePeer peer{std::move(options)};
        peer.cooperates = false;
        peer.pass(std::chrono::seconds{0});
        if (steps > 0) {
            peer.send_identification();
        }
        if (steps > 1) {
            peer.send_kexinit();
        }
        if (steps > 2) {
            peer.send_kex_value();
        }
        ASSERT_TRUE(peer.session().next_deadline().has_value()) << steps;
        peer.pass(std::chrono::seconds{0});

        peer.pass(std::chrono::seconds{29});
        EXPECT_FALSE(peer.ended().has_value()) << steps;
        peer.pass(std::chrono::seconds{2});

        ASSERT_TRUE(peer.ended().has_value()) << steps;
        EXPECT_EQ(peer.ended()->code, ErrorCode::timed_out);
    }
}

// Item 50: a person's thinking about the host key is not the peer's delay.
TEST(Rfc4253KeyExchange, TheClockStandsStillWhileTheHostKeyIsDecided) {
    RoguePeer::Options options;
    options.accepts_host_key = false;
    options.session.kex_timeout = std::chrono::seconds{30};
    RoguePeer peer{std::move(options)};
    ASSERT_FALSE(peer.exchange_keys());
    EXPECT_FALSE(peer.session().next_deadline().has_value());

    peer.pass(std::chrono::minutes{10});
    peer.session().accept_host_key();
    peer.pass(std::chrono::seconds{0});

    EXPECT_FALSE(peer.ended().has_value());
    peer.pass(std::chrono::seconds{31});
    EXPECT_TRUE(peer.ended().has_value());
}

}  // namespace
}  // namespace caponier::spec
