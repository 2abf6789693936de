// RFC 4252 and RFC 8332: authentication, from either side.

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "ssh/auth/public_key_method.h"
#include "ssh/crypto/signature.h"
#include "tests/sim/pair.h"
#include "tests/spec/rogue_peer.h"

namespace caponier::spec {
namespace {

using ssh::ErrorCode;
using ssh::MessageNumber;

std::span<const std::byte> user_blob() {
    return sim::Pair::user_key().public_key();
}

/// A server that waits for the client's next request.
class Rfc4252Client : public testing::Test {
  protected:
    void begin(RoguePeer& peer) {
        ASSERT_TRUE(peer.exchange_keys());
        peer.send(Message{MessageNumber::service_accept}.text("ssh-userauth"));
        peer.forget();
    }
    void fail_none(RoguePeer& peer) {
        peer.send(Message{MessageNumber::userauth_failure}.text("publickey").boolean(false));
    }
    static Message pk_ok(std::string_view algorithm, std::span<const std::byte> blob) {
        return Message{MessageNumber::userauth_pk_ok}.text(algorithm).string(blob);
    }
};

// Item 81. RFC 4252 5: every request has "user name", "service name" and "method name".
TEST_F(Rfc4252Client, TheFirstRequestIsNoneForTheConnectionService) {
    RoguePeer peer;
    ASSERT_TRUE(peer.exchange_keys());
    peer.send(Message{MessageNumber::service_accept}.text("ssh-userauth"));

    const std::optional<Bytes> request = peer.take(MessageNumber::userauth_request);

    ASSERT_TRUE(request.has_value());
    EXPECT_EQ(*request,
              copy(Message{MessageNumber::userauth_request}
                       .text("user")
                       .text("ssh-connection")
                       .text("none")));
}

// Item 82. RFC 4252 5.1: "The value of 'partial success' MUST be TRUE if the authentication request
// to which this is a response was successful."
TEST_F(Rfc4252Client, FailuresAreToldWithTheirMethods) {
    RoguePeer peer;
    begin(peer);
    peer.send(Message{MessageNumber::userauth_failure}.text("publickey,password").boolean(false));
    EXPECT_TRUE(peer.saw("AuthenticationWanted publickey,password"));
    ASSERT_TRUE(peer.session().try_public_key({"ssh-ed25519", user_blob()}));
    peer.pump();

    peer.send(Message{MessageNumber::userauth_failure}.text("password").boolean(true));

    EXPECT_TRUE(peer.saw("AuthenticationWanted password more"));
}

// Item 83. RFC 4252 5.4: "The SSH server may send an SSH_MSG_USERAUTH_BANNER message at any time
// after this authentication protocol starts and before authentication is successful."
TEST_F(Rfc4252Client, BannersAreToldWheneverTheyCome) {
    RoguePeer peer;
    begin(peer);
    peer.send(Message{MessageNumber::userauth_banner}.text("one").text(""));
    peer.send(Message{MessageNumber::userauth_banner}.text(std::string(30'000, '!')).text("en"));
    fail_none(peer);
    peer.send(Message{MessageNumber::userauth_banner}.text("three").text(""));

    EXPECT_FALSE(peer.ended().has_value());
    EXPECT_TRUE(peer.saw("Banner one"));
    EXPECT_TRUE(peer.saw("Banner three"));
    EXPECT_EQ(peer.events().size(), 4U);
}

// Items 84 and 45. RFC 4252 7: the signature is over "session identifier" and the request, with the
// algorithm of the request.
TEST_F(Rfc4252Client, ThePublicKeyRequestIsSignedOverSessionIdAndRequest) {
    RoguePeer peer;
    begin(peer);
    fail_none(peer);
    ASSERT_TRUE(peer.session().try_public_key({"ssh-ed25519", user_blob()}));
    peer.pump();
    const Message fields = Message{MessageNumber::userauth_request}
                               .text("user")
                               .text("ssh-connection")
                               .text("publickey");
    Message query = fields;
    query.boolean(false).text("ssh-ed25519").string(user_blob());
    EXPECT_EQ(peer.take(MessageNumber::userauth_request), copy(query));

    peer.send(pk_ok("ssh-ed25519", user_blob()));

    const std::optional<Bytes> request = peer.take(MessageNumber::userauth_request);
    ASSERT_TRUE(request.has_value());
    Message unsigned_request = fields;
    unsigned_request.boolean(true).text("ssh-ed25519").string(user_blob());
    const std::size_t before = unsigned_request.payload().size();
    ASSERT_GT(request->size(), before);
    EXPECT_TRUE(std::equal(
        unsigned_request.payload().begin(), unsigned_request.payload().end(), request->begin()));
    Bytes data;
    ssh::WireWriter out{data};
    out.string(peer.session_id());
    out.fixed(unsigned_request.payload());
    ssh::WireReader in{std::span{*request}.subspan(before)};
    EXPECT_EQ(ssh::verify({.algorithm = "ssh-ed25519",
                           .key = user_blob(),
                           .data = data,
                           .signature = in.string()}),
              ssh::Verification::valid);
}

// Item 86: OpenSSH PROTOCOL 3.1, where the server advertises it: the request names its host key.
TEST_F(Rfc4252Client, TheRequestIsBoundToTheHostKeyWhereTheServerAdvertisesIt) {
    RoguePeer peer;
    ASSERT_TRUE(peer.exchange_keys());
    peer.send(Message{MessageNumber::ext_info}
                  .uint32(1)
                  .text("publickey-hostbound@openssh.com")
                  .text("0"));
    peer.send(Message{MessageNumber::service_accept}.text("ssh-userauth"));
    fail_none(peer);
    ASSERT_TRUE(peer.session().try_public_key({"ssh-ed25519", user_blob()}));
    peer.pump();
    peer.forget();

    peer.send(pk_ok("ssh-ed25519", user_blob()));

    const std::optional<Bytes> request = peer.take(MessageNumber::userauth_request);
    ASSERT_TRUE(request.has_value());
    const Message begin = Message{MessageNumber::userauth_request}
                              .text("user")
                              .text("ssh-connection")
                              .text("publickey-hostbound-v00@openssh.com")
                              .boolean(true)
                              .text("ssh-ed25519")
                              .string(user_blob())
                              .string(sim::Pair::host_key().public_key());
    ASSERT_GT(request->size(), begin.payload().size());
    EXPECT_TRUE(std::equal(begin.payload().begin(), begin.payload().end(), request->begin()));
}

// npm's ssh2 names the key's type where RFC 4252 7 has the algorithm of the request; which
// algorithm signs stays ours to say.
TEST_F(Rfc4252Client, APkOkMayNameTheTypeOfAnRsaKey) {
    const Message rsa = Message{MessageNumber{0}}.text("ssh-rsa").text("e").text("n");
    const std::span<const std::byte> blob = rsa.payload().subspan(1);
    RoguePeer::Options options;
    options.answers_signatures = false;
    RoguePeer peer{options};
    begin(peer);
    fail_none(peer);
    ASSERT_TRUE(peer.session().try_public_key({"ssh-rsa", blob}));
    peer.pump();

    peer.send(pk_ok("ssh-rsa", blob));

    EXPECT_FALSE(peer.ended().has_value());
    EXPECT_TRUE(peer.saw("SignatureWanted rsa-sha2-512"));
}

// Item 85: PK_OK is only for the key that was asked about.
TEST_F(Rfc4252Client, APkOkForAnotherKeyDisconnects) {
    const Bytes other = copy(sim::Pair::host_key().public_key());
    for (const Message& answer : {pk_ok("ssh-ed25519", other), pk_ok("ssh-rsa", user_blob())}) {
        RoguePeer peer;
        begin(peer);
        fail_none(peer);
        ASSERT_TRUE(peer.session().try_public_key({"ssh-ed25519", user_blob()}));
        peer.pump();

        peer.send(answer);

        ASSERT_TRUE(peer.ended().has_value());
        EXPECT_EQ(peer.ended()->code, ErrorCode::unexpected_message);
        EXPECT_FALSE(peer.saw("SignatureWanted"));
    }
}

// Item 85, and the table's finer half: answers to what was not asked.
TEST_F(Rfc4252Client, AnswersThatNobodyWaitsForDisconnect) {
    const std::vector<Message> messages{
        pk_ok("ssh-ed25519", user_blob()),
        Message{MessageNumber::userauth_success},
        Message{MessageNumber::userauth_failure}.text("publickey").boolean(false),
        Message{MessageNumber::userauth_info_response}.uint32(0)};
    for (const Message& message : messages) {
        RoguePeer peer;
        begin(peer);
        fail_none(peer);  // Now it is the client's turn.

        peer.send(message);

        ASSERT_TRUE(peer.ended().has_value());
        EXPECT_EQ(peer.ended()->code, ErrorCode::unexpected_message);
        EXPECT_FALSE(peer.saw("Established"));
    }
}

// Item 76. RFC 8332 3.3: for an RSA key the algorithms that the server named are the ones to try.
TEST(Rfc8332, ServerSigAlgsDecideForRsa) {
    const std::vector<std::string> allowed{"ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256"};

    EXPECT_EQ(ssh::signature_algorithm_for("ssh-rsa", allowed, ""), "rsa-sha2-512");
    EXPECT_EQ(ssh::signature_algorithm_for("ssh-rsa", allowed, "rsa-sha2-256,ssh-ed25519"),
              "rsa-sha2-256");
    EXPECT_EQ(ssh::signature_algorithm_for("ssh-rsa", allowed, "ssh-ed25519"), "");
    EXPECT_EQ(ssh::signature_algorithm_for("ssh-ed25519", allowed, "rsa-sha2-256"), "ssh-ed25519");
    EXPECT_EQ(ssh::signature_algorithm_for("ssh-dss", allowed, ""), "");
}

// Item 50: a server that never answers is not waited for, and a person is.
TEST_F(Rfc4252Client, OnlyTheServersTimeIsLimited) {
    RoguePeer::Options options;
    options.session.login_timeout = std::chrono::seconds{30};
    RoguePeer peer{std::move(options)};
    begin(peer);
    fail_none(peer);
    peer.pass(std::chrono::minutes{10});
    EXPECT_FALSE(peer.ended().has_value());

    ASSERT_TRUE(peer.session().try_public_key({"ssh-ed25519", user_blob()}));
    peer.pass(std::chrono::seconds{0});
    peer.pass(std::chrono::seconds{29});
    EXPECT_FALSE(peer.ended().has_value());
    peer.pass(std::chrono::seconds{2});

    ASSERT_TRUE(peer.ended().has_value());
    EXPECT_EQ(peer.ended()->code, ErrorCode::timed_out);
}

// ---- the server --------------------------------------------------------------------------------

class Rfc4252Server : public testing::Test {
  protected:
    static RoguePeer::Options options() {
        RoguePeer::Options options;
        options.role = ssh::Role::client;
        return options;
    }
    static void begin(RoguePeer& peer) {
        ASSERT_TRUE(peer.exchange_keys());
        peer.send(Message{MessageNumber::service_request}.text("ssh-userauth"));
        ASSERT_TRUE(peer.take(MessageNumber::service_accept).has_value());
        peer.forget();
    }
    /// A request that is signed by the user's key as if it were this one.
    static Bytes signed_request(RoguePeer& peer, ssh::PublicKeyRequest request) {
        request.has_signature = true;
        const ssh::Result<Bytes> signature = ssh::sign(
            sim::Pair::user_key(), "ssh-ed25519", ssh::signed_bytes(peer.session_id(), request));
        request.signature = *signature;
        return ssh::make_public_key_request(request);
    }
    static ssh::PublicKeyRequest request() {
        return {.user = "user",
                .key = {"ssh-ed25519", user_blob()},
                .server_host_key = {},
                .has_signature = false,
                .signature = {}};
    }
};

TEST_F(Rfc4252Server, AVerifiedSignatureThatTheApplicationAcceptsIsSuccess) {
    RoguePeer peer{options()};
    begin(peer);

    peer.send(signed_request(peer, request()));

    EXPECT_TRUE(peer.saw("AuthenticationRequested user publickey signed"));
    EXPECT_EQ(peer.count(MessageNumber::userauth_success), 1U);
    EXPECT_TRUE(peer.session().is_established());
}

// Item 98 (CVE-2024-45337): a query is answered, and makes nobody a user.
TEST_F(Rfc4252Server, AQueryIsAnsweredAndDecidesNothing) {
    RoguePeer peer{options()};
    begin(peer);

    peer.send(ssh::make_public_key_request(request()));

    EXPECT_EQ(peer.count(MessageNumber::userauth_pk_ok), 1U);
    EXPECT_FALSE(peer.session().is_established());
}

TEST_F(Rfc4252Server, ASignatureThatDoesNotVerifyIsAFailureWithoutAQuestion) {
    RoguePeer peer{options()};
    begin(peer);
    Bytes request_bytes = signed_request(peer, request());
    request_bytes.back() ^= std::byte{1};

    peer.send(request_bytes);

    EXPECT_EQ(peer.count(MessageNumber::userauth_failure), 1U);
    EXPECT_TRUE(peer.events().empty());
}

// A signature that is bound to another server's host key.
TEST_F(Rfc4252Server, AHostBoundSignatureForAnotherHostIsAFailure) {
    RoguePeer peer{options()};
    begin(peer);
    ssh::PublicKeyRequest bound = request();
    bound.server_host_key = user_blob();

    peer.send(signed_request(peer, bound));

    EXPECT_EQ(peer.count(MessageNumber::userauth_failure), 1U);
    EXPECT_FALSE(peer.session().is_established());
    // For this host it is good.
    bound.server_host_key = sim::Pair::host_key().public_key();
    peer.send(signed_request(peer, bound));
    EXPECT_TRUE(peer.session().is_established());
}

TEST_F(Rfc4252Server, AnAlgorithmThatIsNotAllowedIsAFailure) {
    RoguePeer::Options restricted = options();
    restricted.session.algorithms.public_key = {"rsa-sha2-512"};
    RoguePeer peer{std::move(restricted)};
    begin(peer);

    peer.send(ssh::make_public_key_request(request()));
    peer.send(signed_request(peer, request()));

    EXPECT_EQ(peer.count(MessageNumber::userauth_failure), 2U);
    EXPECT_TRUE(peer.events().empty());
}

// RFC 4252 5: what is not supported is refused; "none" is for the application to refuse.
TEST_F(Rfc4252Server, OtherMethodsAreFailuresWithTheListOfWhatCanContinue) {
    RoguePeer peer{options()};
    begin(peer);

    for (const std::string_view method : {"password", "keyboard-interactive", "none"}) {
        peer.send(Message{MessageNumber::userauth_request}
                      .text("user")
                      .text("ssh-connection")
                      .text(method)
                      .boolean(false)
                      .text("secret"));
        EXPECT_EQ(peer.take(MessageNumber::userauth_failure),
                  copy(Message{MessageNumber::userauth_failure}.text("publickey").boolean(false)))
            << method;
    }
}

// Item 96. RFC 4252 6: "Message numbers of 80 and higher are reserved for protocols running after
// this authentication protocol, so receiving one of them before authentication is complete is an
// error, to which the server MUST respond by disconnecting" (CVE-2025-32433).
TEST_F(Rfc4252Server, MessagesOfTheConnectionBeforeSuccessDisconnect) {
    for (int number = 80; number < 256; ++number) {
        if (number == 192 || number == 193) {
            continue;  // Item 78: pings are ignored.
        }
        RoguePeer peer{options()};
        begin(peer);

        peer.send(Message{static_cast<std::uint8_t>(number)}.text("x"));

        ASSERT_TRUE(peer.ended().has_value()) << number;
        EXPECT_EQ(peer.ended()->code, ErrorCode::unexpected_message) << number;
    }
}

// Item 97 (CVE-2018-10933): what only a server says is not believed from a client.
TEST_F(Rfc4252Server, AClientCannotDeclareItsOwnSuccess) {
    for (const auto number : {MessageNumber::userauth_success,
                              MessageNumber::userauth_failure,
                              MessageNumber::userauth_banner,
                              MessageNumber::userauth_pk_ok,
                              MessageNumber::service_accept}) {
        RoguePeer peer{options()};
        begin(peer);

        peer.send(Message{number});

        ASSERT_TRUE(peer.ended().has_value());
        EXPECT_EQ(peer.ended()->code, ErrorCode::unexpected_message);
        EXPECT_FALSE(peer.session().is_established());
    }
}

// Item 95. RFC 4252 5.1: "any further authentication requests received after that SHOULD be
// silently ignored."
TEST_F(Rfc4252Server, RequestsAfterSuccessAreIgnored) {
    RoguePeer peer{options()};
    ASSERT_TRUE(peer.establish());

    peer.send(ssh::make_public_key_request(request()));

    EXPECT_TRUE(peer.numbers().empty());
    EXPECT_FALSE(peer.ended().has_value());
}

// Item 94: pipelined requests are answered one by one.
TEST_F(Rfc4252Server, PipelinedRequestsAreAnsweredOneByOne) {
    RoguePeer peer{options()};
    begin(peer);
    peer.hold();
    const Message none =
        Message{MessageNumber::userauth_request}.text("user").text("ssh-connection").text("none");
    peer.send(none);
    peer.send(none);
    peer.send(signed_request(peer, request()));
    peer.release();

    EXPECT_EQ(peer.numbers(),
              (std::vector{MessageNumber::userauth_failure,
                           MessageNumber::userauth_failure,
                           MessageNumber::userauth_success}));
}

// Item 100. RFC 4252 4: "the implementation SHOULD limit the number of failed authentication
// attempts a client may perform in a single session".
TEST_F(Rfc4252Server, FailuresAreLimited) {
    RoguePeer peer{options()};
    begin(peer);
    Bytes wrong = signed_request(peer, request());
    wrong.back() ^= std::byte{1};

    for (int i = 0; i < ssh::authentication_failures_max; ++i) {
        EXPECT_FALSE(peer.ended().has_value()) << i;
        peer.send(wrong);
    }

    ASSERT_TRUE(peer.ended().has_value());
    EXPECT_EQ(peer.ended()->code, ErrorCode::authentication_failed);
    EXPECT_EQ(peer.disconnect_reason(), 14U);
}

// Item 100: and so is the time.
TEST_F(Rfc4252Server, TheTimeToAuthenticateIsLimited) {
    RoguePeer::Options limited = options();
    limited.session.login_timeout = std::chrono::seconds{30};
    RoguePeer peer{std::move(limited)};
    begin(peer);

    peer.pass(std::chrono::seconds{31});

    ASSERT_TRUE(peer.ended().has_value());
    EXPECT_EQ(peer.ended()->code, ErrorCode::timed_out);
}

// A key blob of any length is a peer's bytes: it must not come to where programmer errors are told.
TEST_F(Rfc4252Server, AHugeKeyDisconnects) {
    RoguePeer peer{options()};
    begin(peer);
    const Bytes huge(100'000);
    ssh::PublicKeyRequest large = request();
    large.key.blob = huge;

    peer.send(ssh::make_public_key_request(large));

    EXPECT_EQ(peer.ended(), (ssh::Error{ErrorCode::malformed_message, 50}));
}

// F: a request cut anywhere.
TEST_F(Rfc4252Server, RequestsCutAnywhereDisconnect) {
    const Bytes whole = ssh::make_public_key_request(request());
    for (std::size_t size = 1; size < whole.size(); size += 5) {
        RoguePeer peer{options()};
        begin(peer);

        peer.send(std::span{whole}.first(size));

        EXPECT_TRUE(peer.ended().has_value() || peer.count(MessageNumber::userauth_failure) == 1)
            << size;
        EXPECT_FALSE(peer.session().is_established()) << size;
    }
}

}  // namespace
}  // namespace caponier::spec
