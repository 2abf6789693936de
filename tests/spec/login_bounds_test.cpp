// What a server, an agent or a user may make of a login: keys and signatures of any size, banners
// and questions without an end. Whatever it is, it is the end of its own session at most.

#include <string>
#include <variant>

#include <gtest/gtest.h>

#include "ssh/limits.h"
#include "tests/sim/pair.h"
#include "tests/spec/authentication_peer.h"
#include "tests/spec/rogue_peer.h"

namespace caponier::spec {
namespace {

using ssh::ErrorCode;
using ssh::MessageNumber;

constexpr std::string_view certificate_name = "ssh-ed25519-cert-v01@openssh.com";

std::span<const std::byte> user_blob() {
    return sim::Pair::user_key().public_key();
}

/// A certificate around an Ed25519 key that a nonce makes as large as is wanted. Nobody signed it:
/// whether an authority did is not asked here.
Bytes certificate_of(std::size_t bytes, std::uint32_t role, std::span<const std::byte> plain_key) {
    ssh::WireReader plain{plain_key};
    plain.text();
    const std::span<const std::byte> point = plain.string();
    const auto with_nonce = [&](std::size_t nonce_bytes) {
        Bytes certificate;
        ssh::WireWriter out{certificate};
        out.text(certificate_name);
        out.string(Bytes(nonce_bytes));
        out.string(point);
        out.uint64(1);
        out.uint32(role);
        out.text("id");
        out.text("");
        out.uint64(0);
        out.uint64(UINT64_MAX);
        out.text("");
        out.text("");
        out.text("");
        out.string(user_blob());
        out.string(Bytes(64));
        return certificate;
    };
    return with_nonce(bytes - with_nonce(0).size());
}

Bytes host_certificate_of(std::size_t bytes) {
    return certificate_of(bytes, 2, sim::Pair::host_key().public_key());
}

Bytes user_certificate_of(std::size_t bytes) {
    return certificate_of(bytes, 1, user_blob());
}

/// A client whose application has a signature of so many bytes.
RoguePeer::Options signing_with(std::size_t signature_bytes) {
    RoguePeer::Options options;
    options.application = [signature_bytes](ssh::Session& session, const ssh::Event& event) {
        const bool asked = std::holds_alternative<ssh::SignatureWanted>(event);
        if (asked) {
            session.provide_signature(Bytes(signature_bytes));
        }
        return asked;
    };
    return options;
}

Message pk_ok(std::string_view algorithm, std::span<const std::byte> blob) {
    return Message{MessageNumber::userauth_pk_ok}.text(algorithm).string(blob);
}

// ---- sizes -------------------------------------------------------------------------------------

// The largest host key, user key and signature that are let in fit one request together.
TEST(LargeKeys, AtTheirBoundsFitOneRequest) {
    RoguePeer::Options options = signing_with(ssh::signature_bytes_max);
    options.algorithms.host_key = {std::string{certificate_name}};
    RoguePeer peer{std::move(options)};
    const Bytes blob = user_certificate_of(ssh::public_key_blob_bytes_max);
    peer.host_certificate = host_certificate_of(ssh::host_key_bytes_max);
    ASSERT_TRUE(peer.exchange_keys());
    peer.send(Message{MessageNumber::ext_info}
                  .uint32(1)
                  .text("publickey-hostbound@openssh.com")
                  .text("0"));
    peer.send(Message{MessageNumber::service_accept}.text("ssh-userauth"));
    peer.send(failure_with("publickey"));
    ASSERT_TRUE(peer.session().try_public_key({certificate_name, blob}));
    peer.pump();
    peer.forget();

    peer.send(pk_ok(certificate_name, blob));

    const std::optional<Bytes> request = peer.take(MessageNumber::userauth_request);
    ASSERT_TRUE(request.has_value());
    EXPECT_GT(request->size(),
              ssh::host_key_bytes_max + ssh::public_key_blob_bytes_max + ssh::signature_bytes_max);
    EXPECT_FALSE(peer.ended().has_value());
}

// A certificate has room for anything: its nonce is "a CA-provided random bitstring of arbitrary
// length". All of it would be in every request that is bound to the host.
TEST(LargeKeys, OfAServerEndTheSession) {
    for (const std::size_t bytes : {ssh::host_key_bytes_max + 1, std::size_t{100} * 1024}) {
        RoguePeer::Options options;
        options.algorithms.host_key = {std::string{certificate_name}};
        RoguePeer peer{std::move(options)};
        peer.host_certificate = host_certificate_of(bytes);

        EXPECT_FALSE(peer.exchange_keys());

        ASSERT_TRUE(peer.ended().has_value());
        EXPECT_EQ(peer.ended()->code, ErrorCode::oversized_key);
        EXPECT_FALSE(peer.saw("HostKeyReceived"));
    }
}

// Nothing is sent for a key that an agent made up.
TEST(LargeKeys, OfAUserAreNotTried) {
    RoguePeer peer;
    refuse_none(peer, "publickey");
    const Bytes blob = user_certificate_of(ssh::public_key_blob_bytes_max + 1);

    EXPECT_FALSE(peer.session().try_public_key({certificate_name, blob}));
    peer.pump();

    EXPECT_EQ(peer.count(MessageNumber::userauth_request), 0U);
    EXPECT_FALSE(peer.ended().has_value());
}

// ---- how much, and how often -------------------------------------------------------------------

Message banner(std::size_t bytes) {
    return Message{MessageNumber::userauth_banner}.text(std::string(bytes, 'b')).text("");
}

/// A client that tries the same again, whatever it is told.
bool tries_again(ssh::Session& session, const ssh::Event& event) {
    if (const auto* wanted = std::get_if<ssh::AuthenticationWanted>(&event)) {
        if (wanted->methods == "publickey") {
            EXPECT_TRUE(session.try_public_key({"ssh-ed25519", user_blob()}));
        } else {
            session.try_keyboard_interactive();
        }
        return true;
    }
    if (std::holds_alternative<ssh::PromptsWanted>(event)) {
        session.answer({});
        return true;
    }
    return false;
}

// Item 83: banners are long, and there may be several; not for ever.
TEST(EndlessLogins, ByBannersEndTheSession) {
    RoguePeer peer;
    refuse_none(peer, "publickey");
    const std::size_t pieces = 8;

    for (std::size_t i = 0; i < pieces; ++i) {
        peer.send(banner(ssh::banners_bytes_max / pieces));
    }
    EXPECT_FALSE(peer.ended().has_value());
    EXPECT_EQ(peer.events().size(), pieces);
    peer.send(banner(1));

    ASSERT_TRUE(peer.ended().has_value());
    EXPECT_EQ(peer.ended()->code, ErrorCode::endless_login);
    EXPECT_EQ(peer.events().size(), pieces + 1);
    EXPECT_EQ(peer.disconnect_reason(), 2U);
}

// Without a byte in it, a banner is a message.
TEST(EndlessLogins, ByEmptyBannersEndTheSession) {
    RoguePeer peer;
    refuse_none(peer, "publickey");

    std::size_t sent = 0;
    for (; sent < 2 * ssh::authentication_messages_max && !peer.ended(); ++sent) {
        peer.send(banner(0));
    }

    ASSERT_TRUE(peer.ended().has_value());
    EXPECT_EQ(peer.ended()->code, ErrorCode::endless_login);
    EXPECT_LE(sent, ssh::authentication_messages_max);
}

// "Partial success" takes nothing from what is left to try.
TEST(EndlessLogins, ByPartialSuccessEndTheSession) {
    RoguePeer::Options options;
    options.application = tries_again;
    RoguePeer peer{std::move(options)};
    ASSERT_TRUE(peer.exchange_keys());
    peer.send(Message{MessageNumber::service_accept}.text("ssh-userauth"));

    for (std::size_t i = 0; i < 2 * ssh::authentication_messages_max && !peer.ended(); ++i) {
        peer.send(failure_with("publickey", true));
    }

    ASSERT_TRUE(peer.ended().has_value());
    EXPECT_EQ(peer.ended()->code, ErrorCode::endless_login);
    EXPECT_LE(peer.count(MessageNumber::userauth_request), ssh::authentication_messages_max);
}

// The rounds of one attempt are bounded, and so are attempts.
TEST(EndlessLogins, ByRoundsOfPromptsEndTheSession) {
    RoguePeer::Options options;
    options.application = tries_again;
    RoguePeer peer{std::move(options)};
    ASSERT_TRUE(peer.exchange_keys());
    peer.send(Message{MessageNumber::service_accept}.text("ssh-userauth"));

    const Message round =
        Message{MessageNumber::userauth_info_request}.text("").text("").text("").uint32(0);
    for (std::size_t i = 0; i < ssh::authentication_messages_max && !peer.ended(); ++i) {
        peer.send(failure_with("keyboard-interactive", true));
        peer.send(round);
    }

    ASSERT_TRUE(peer.ended().has_value());
    EXPECT_EQ(peer.ended()->code, ErrorCode::endless_login);
    EXPECT_LE(peer.count(MessageNumber::userauth_info_response), ssh::authentication_messages_max);
}

// ---- what fits no packet -----------------------------------------------------------------------

constexpr std::size_t more_than_a_packet_bytes = std::size_t{200} * 1024;

/// The peer hears why, and nothing of what was to be sent.
void expect_too_large(RoguePeer& peer) {
    ASSERT_TRUE(peer.ended().has_value());
    EXPECT_EQ(peer.ended()->code, ErrorCode::message_too_large);
    EXPECT_EQ(peer.numbers(), std::vector{MessageNumber::disconnect});
}

TEST(MessagesThatFitNoPacket, WithASignatureEndTheSession) {
    RoguePeer peer{signing_with(more_than_a_packet_bytes)};
    refuse_none(peer, "publickey");
    ASSERT_TRUE(peer.session().try_public_key({"ssh-ed25519", user_blob()}));
    peer.pump();
    peer.forget();

    peer.send(pk_ok("ssh-ed25519", user_blob()));

    expect_too_large(peer);
}

TEST(MessagesThatFitNoPacket, WithAUserNameEndTheSession) {
    RoguePeer::Options options;
    options.session.user = std::string(more_than_a_packet_bytes, 'u');
    RoguePeer peer{std::move(options)};
    ASSERT_TRUE(peer.exchange_keys());
    peer.forget();

    peer.send(Message{MessageNumber::service_accept}.text("ssh-userauth"));

    expect_too_large(peer);
}

TEST(MessagesThatFitNoPacket, WithAPasswordEndTheSession) {
    RoguePeer peer;
    refuse_none(peer, "password");

    peer.session().try_password(Bytes(more_than_a_packet_bytes));
    peer.pump();

    expect_too_large(peer);
}

TEST(MessagesThatFitNoPacket, WithAnswersToPromptsEndTheSession) {
    RoguePeer::Options options;
    options.application = [](ssh::Session& session, const ssh::Event& event) {
        const auto* asked = std::get_if<ssh::PromptsWanted>(&event);
        if (asked != nullptr) {
            const Bytes answer(more_than_a_packet_bytes / ssh::prompts_max);
            session.answer(std::vector<std::span<const std::byte>>(asked->prompts.size(), answer));
        }
        return asked != nullptr;
    };
    RoguePeer peer{std::move(options)};
    refuse_none(peer, "keyboard-interactive");
    peer.session().try_keyboard_interactive();
    peer.pump();
    peer.forget();
    Message request{MessageNumber::userauth_info_request};
    request.text("").text("").text("").uint32(ssh::prompts_max);
    for (std::size_t i = 0; i < ssh::prompts_max; ++i) {
        request.text("?").boolean(false);
    }

    peer.send(request);

    expect_too_large(peer);
}

// What a server asks a person is its application's.
TEST(MessagesThatFitNoPacket, OfAServerEndTheSession) {
    RoguePeer peer{
        client_of({"keyboard-interactive"}, [](ssh::Session& session, const ssh::Event& event) {
            const bool asked = std::holds_alternative<ssh::AuthenticationRequested>(event);
            if (asked) {
                session.ask_prompts("", std::string(more_than_a_packet_bytes, 'i'), {});
            }
            return asked;
        })};
    ask_for_service(peer);

    peer.send(request_for("keyboard-interactive").text("").text(""));

    expect_too_large(peer);
}

// Lists of names may come from a user as well.
TEST(MessagesThatFitNoPacket, WithAlgorithmsEndTheSession) {
    RoguePeer::Options options;
    options.session.algorithms.kex.assign(10'000, "curve25519-sha256");
    RoguePeer peer{std::move(options)};

    EXPECT_FALSE(peer.exchange_keys());

    expect_too_large(peer);
}

// A name that nothing could resolve costs the connection that asks for it, and no other one.
TEST(MessagesThatFitNoPacket, ToOpenAChannelAreNotMade) {
    RoguePeer peer;
    ASSERT_TRUE(peer.establish());
    const std::string longest(ssh::address_bytes_max, 'h');
    const std::string too_long(ssh::address_bytes_max + 1, 'h');
    using Kind = ssh::ChannelKind;

    for (const Kind kind : {Kind::direct_tcpip, Kind::direct_streamlocal}) {
        const auto refused =
            peer.session().open({.kind = kind, .host = too_long, .originator_host = "::1"});
        ASSERT_FALSE(refused.has_value());
        EXPECT_EQ(refused.error().code, ErrorCode::message_too_large);
        EXPECT_TRUE(peer.session()
                        .open({.kind = kind, .host = longest, .originator_host = "::1"})
                        .has_value());
    }
    EXPECT_FALSE(peer.session().open({.host = "db", .originator_host = too_long}).has_value());
    const auto forward = peer.session().request_forward({.host = too_long});
    ASSERT_FALSE(forward.has_value());
    EXPECT_EQ(forward.error().code, ErrorCode::message_too_large);
    peer.pump();

    EXPECT_EQ(peer.count(MessageNumber::channel_open), 2U);
    EXPECT_EQ(peer.count(MessageNumber::global_request), 0U);
    EXPECT_FALSE(peer.ended().has_value());
}

// What a peer has in its lists is told to the application, and not back to the peer.
TEST(MessagesThatFitNoPacket, AreNotMadeOfThePeersNames) {
    RoguePeer::Options options;
    options.algorithms.host_key.assign(9'000, "x@example.com");
    RoguePeer peer{std::move(options)};

    EXPECT_FALSE(peer.exchange_keys());

    ASSERT_TRUE(peer.ended().has_value());
    EXPECT_EQ(peer.ended()->code, ErrorCode::no_common_host_key);
    EXPECT_GT(peer.end_text().size(), 100'000U);
    EXPECT_EQ(peer.disconnect_reason(), 3U);
}

}  // namespace
}  // namespace caponier::spec
