// RFC 4252 8: the password method, from either side.

#include <string>

#include <gtest/gtest.h>

#include "tests/spec/authentication_peer.h"
#include "tests/spec/rogue_peer.h"

namespace caponier::spec {
namespace {

using ssh::ErrorCode;
using ssh::MessageNumber;

Message password_request(std::string_view password, std::string_view user = "user") {
    return request_for("password", user).boolean(false).text(password);
}

// ---- the client --------------------------------------------------------------------------------

// Item 81. RFC 4252 8: "byte SSH_MSG_USERAUTH_REQUEST, string user name, string service name,
// string "password", boolean FALSE, string plaintext password in ISO-10646 UTF-8 encoding".
TEST(Rfc4252PasswordClient, ARequestCarriesThePassword) {
    RoguePeer peer;
    refuse_none(peer, "password");

    peer.session().try_password(ssh::bytes_of("s\xc3\xa9same"));
    peer.pump();

    EXPECT_EQ(peer.take(MessageNumber::userauth_request), copy(password_request("s\xc3\xa9same")));
}

TEST(Rfc4252PasswordClient, AnEmptyPasswordIsAPassword) {
    RoguePeer peer;
    refuse_none(peer, "password");

    peer.session().try_password({});
    peer.pump();

    EXPECT_EQ(peer.take(MessageNumber::userauth_request), copy(password_request("")));
}

TEST(Rfc4252PasswordClient, SuccessEstablishes) {
    RoguePeer peer;
    refuse_none(peer, "password");
    peer.session().try_password(ssh::bytes_of("right"));

    peer.send(Message{MessageNumber::userauth_success});

    EXPECT_TRUE(peer.saw("Established"));
    EXPECT_TRUE(peer.session().is_established());
}

TEST(Rfc4252PasswordClient, FailureAsksForAnotherOne) {
    RoguePeer peer;
    refuse_none(peer, "password");
    peer.session().try_password(ssh::bytes_of("wrong"));

    peer.send(failure_with("password"));
    EXPECT_TRUE(peer.saw("AuthenticationWanted password"));

    peer.session().try_password(ssh::bytes_of("right"));
    peer.pump();
    peer.send(Message{MessageNumber::userauth_success});
    EXPECT_TRUE(peer.session().is_established());
}

// RFC 4252 8: "Normally, the server responds to this message with success or failure. However, if
// the password has expired, the server SHOULD indicate this by responding with
// SSH_MSG_USERAUTH_PASSWD_CHANGEREQ." "In this case, the client MAY continue with another
// authentication method".
TEST(Rfc4252PasswordClient, AnExpiredPasswordIsToldAndAnotherMethodMayFollow) {
    RoguePeer peer;
    refuse_none(peer, "password,keyboard-interactive");
    peer.session().try_password(ssh::bytes_of("old"));

    peer.send(
        Message{MessageNumber::userauth_passwd_changereq}.text("Your password is old.").text("en"));

    EXPECT_TRUE(peer.saw("Banner Your password is old."));
    EXPECT_TRUE(peer.saw("AuthenticationWanted password,keyboard-interactive password expired"));
    EXPECT_FALSE(peer.ended().has_value());
    peer.forget();
    peer.session().try_keyboard_interactive();
    peer.pump();
    EXPECT_EQ(peer.count(MessageNumber::userauth_request), 1U);
}

TEST(Rfc4252PasswordClient, AChangeRequestCutAnywhereDisconnects) {
    const Message whole =
        Message{MessageNumber::userauth_passwd_changereq}.text("prompt").text("en");
    for (std::size_t size = 1; size < whole.payload().size(); ++size) {
        RoguePeer peer;
        refuse_none(peer, "password");
        peer.session().try_password(ssh::bytes_of("old"));

        peer.send(whole.payload().first(size));

        EXPECT_EQ(peer.ended(), (ssh::Error{ErrorCode::malformed_message, 60})) << size;
    }
}

// Item 85: number 60 means what the method in use says (RFC 4252 6). One that fits another method
// is not understood as if it were of this one.
TEST(Rfc4252PasswordClient, TheMessageOfAnotherMethodDisconnects) {
    RoguePeer peer;
    refuse_none(peer, "password");
    peer.session().try_password(ssh::bytes_of("old"));

    peer.send(Message{MessageNumber::userauth_info_request}
                  .text("")
                  .text("")
                  .text("")
                  .uint32(1)
                  .text("Password: ")
                  .boolean(false));

    ASSERT_TRUE(peer.ended().has_value());
    EXPECT_FALSE(peer.saw("PromptsWanted"));
}

TEST(Rfc4252PasswordClient, AChangeRequestThatNobodyWaitsForDisconnects) {
    RoguePeer peer;
    refuse_none(peer, "password");

    peer.send(Message{MessageNumber::userauth_passwd_changereq}.text("now").text(""));

    EXPECT_EQ(peer.ended(), (ssh::Error{ErrorCode::unexpected_message, 60}));
}

// Item 50: the server's time is limited, the person's is not.
TEST(Rfc4252PasswordClient, OnlyTheServersTimeIsLimited) {
    RoguePeer::Options options;
    options.session.login_timeout = std::chrono::seconds{30};
    RoguePeer peer{std::move(options)};
    refuse_none(peer, "password");
    peer.pass(std::chrono::hours{1});
    EXPECT_FALSE(peer.ended().has_value());

    peer.session().try_password(ssh::bytes_of("slow"));
    peer.pass(std::chrono::seconds{0});
    peer.pass(std::chrono::seconds{31});

    ASSERT_TRUE(peer.ended().has_value());
    EXPECT_EQ(peer.ended()->code, ErrorCode::timed_out);
}

// ---- the server --------------------------------------------------------------------------------

/// Takes one user with one password.
bool checks_password(ssh::Session& session, const ssh::Event& event) {
    const auto* asked = std::get_if<ssh::AuthenticationRequested>(&event);
    if (asked == nullptr) {
        return false;
    }
    const bool right = asked->method == "password" && asked->user == "user" &&
                       ssh::text_of(asked->password) == "right";
    right ? session.accept_authentication() : session.refuse_authentication("password");
    return true;
}

// Item 99: an unknown user hears what a wrong password hears.
TEST(Rfc4252PasswordServer, ThePasswordIsTheApplicationsToJudge) {
    RoguePeer peer{client_of({"password"}, checks_password)};
    ask_for_service(peer);

    peer.send(password_request("wrong"));
    EXPECT_EQ(peer.take(MessageNumber::userauth_failure), copy(failure_with("password")));
    peer.send(password_request("right", "nobody"));
    EXPECT_EQ(peer.take(MessageNumber::userauth_failure), copy(failure_with("password")));
    EXPECT_FALSE(peer.session().is_established());
    peer.send(password_request("right"));

    EXPECT_EQ(peer.count(MessageNumber::userauth_success), 1U);
    EXPECT_TRUE(peer.session().is_established());
}

// Items 93 and 99. RFC 4252 5: "the server SHOULD simply reject requests that it does not
// recognize."
TEST(Rfc4252PasswordServer, IsNotAskedWhereTheMethodIsNotOffered) {
    RoguePeer peer{client_of({"publickey"}, checks_password)};
    ask_for_service(peer);

    peer.send(password_request("right"));

    EXPECT_EQ(peer.take(MessageNumber::userauth_failure), copy(failure_with("publickey")));
    EXPECT_FALSE(peer.saw("AuthenticationRequested"));
}

// RFC 4252 8: a change of the password that the server did not ask for.
TEST(Rfc4252PasswordServer, AChangeIsAFailure) {
    RoguePeer peer{client_of({"password"}, checks_password)};
    ask_for_service(peer);

    peer.send(request_for("password").boolean(true).text("right").text("new"));

    EXPECT_EQ(peer.count(MessageNumber::userauth_failure), 1U);
    EXPECT_FALSE(peer.session().is_established());
}

// Item 100. RFC 4252 4: "the implementation SHOULD limit the number of failed authentication
// attempts a client may perform in a single session (the RECOMMENDED limit is 20 attempts)".
TEST(Rfc4252PasswordServer, FailuresAreLimited) {
    RoguePeer peer{client_of({"password"}, checks_password)};
    ask_for_service(peer);

    for (int i = 0; i < ssh::authentication_failures_max; ++i) {
        EXPECT_FALSE(peer.ended().has_value()) << i;
        peer.send(password_request("guess"));
    }

    ASSERT_TRUE(peer.ended().has_value());
    EXPECT_EQ(peer.ended()->code, ErrorCode::authentication_failed);
    EXPECT_EQ(peer.disconnect_reason(), 14U);
}

// Item 94: "none" first, in one go with what follows it.
TEST(Rfc4252PasswordServer, PipelinedRequestsAreAnsweredOneByOne) {
    RoguePeer peer{client_of({"password"}, checks_password)};
    ask_for_service(peer);
    peer.hold();
    peer.send(request_for("none"));
    peer.send(password_request("wrong"));
    peer.send(password_request("right"));
    peer.release();

    EXPECT_EQ(peer.numbers(),
              (std::vector{MessageNumber::userauth_failure,
                           MessageNumber::userauth_failure,
                           MessageNumber::userauth_success}));
}

// Item 103 (F): a request cut anywhere.
TEST(Rfc4252PasswordServer, ARequestCutAnywhereMakesNobodyAUser) {
    const Message whole = password_request("right");
    for (std::size_t size = 1; size < whole.payload().size(); ++size) {
        RoguePeer peer{client_of({"password"}, checks_password)};
        ask_for_service(peer);

        peer.send(whole.payload().first(size));

        EXPECT_TRUE(peer.ended().has_value() || peer.count(MessageNumber::userauth_failure) == 1)
            << size;
        EXPECT_FALSE(peer.session().is_established()) << size;
    }
}

// ---- partial success ---------------------------------------------------------------------------

/// Wants the password and then the keyboard.
bool wants_both(ssh::Session& session, const ssh::Event& event) {
    const auto* asked = std::get_if<ssh::AuthenticationRequested>(&event);
    if (asked == nullptr) {
        return false;
    }
    if (asked->method == "password" && ssh::text_of(asked->password) == "right") {
        session.accept_authentication_partly("keyboard-interactive");
    } else if (asked->method == "keyboard-interactive" && asked->after_partial_success) {
        session.accept_authentication();
    } else {
        session.refuse_authentication("password");
    }
    return true;
}

Message interactive_request(std::string_view user = "user") {
    return request_for("keyboard-interactive", user).text("").text("");
}

// Item 82. RFC 4252 5.1: "The value of 'partial success' MUST be TRUE if the authentication request
// to which this is a response was successful."
TEST(Rfc4252PartialSuccess, IsToldAndRemembered) {
    RoguePeer peer{client_of({"password", "keyboard-interactive"}, wants_both)};
    ask_for_service(peer);
    peer.send(interactive_request());
    EXPECT_EQ(peer.take(MessageNumber::userauth_failure), copy(failure_with("password")));

    peer.send(password_request("right"));
    EXPECT_EQ(peer.take(MessageNumber::userauth_failure),
              copy(failure_with("keyboard-interactive", true)));
    EXPECT_FALSE(peer.session().is_established());
    peer.send(interactive_request());

    EXPECT_TRUE(peer.session().is_established());
}

// Item 92. RFC 4252 5: "The server implementation MUST carefully check them in every message, and
// MUST flush any accumulated authentication states if they change."
TEST(Rfc4252PartialSuccess, IsForgottenWhenTheUserChanges) {
    RoguePeer peer{client_of({"password", "keyboard-interactive"}, wants_both)};
    ask_for_service(peer);
    peer.send(password_request("right"));

    peer.send(interactive_request("root"));
    EXPECT_FALSE(peer.session().is_established());
    peer.send(interactive_request());

    EXPECT_FALSE(peer.session().is_established());
}

// Item 92: another service than ssh-connection.
TEST(Rfc4252PartialSuccess, AnotherServiceDisconnects) {
    RoguePeer peer{client_of({"password"}, checks_password)};
    ask_for_service(peer);

    peer.send(Message{MessageNumber::userauth_request}
                  .text("user")
                  .text("ssh-userauth")
                  .text("password")
                  .boolean(false)
                  .text("right"));

    ASSERT_TRUE(peer.ended().has_value());
    EXPECT_EQ(peer.ended()->code, ErrorCode::service_refused);
    EXPECT_FALSE(peer.session().is_established());
}

// Item 100: requests that cost no failure are counted, too.
TEST(Rfc4252PartialSuccess, RequestsOfAnyKindAreLimited) {
    RoguePeer peer{client_of({"password"}, checks_password)};
    ask_for_service(peer);

    for (int i = 0; i < ssh::authentication_requests_max; ++i) {
        ASSERT_FALSE(peer.ended().has_value()) << i;
        peer.send(request_for("none"));
    }
    EXPECT_FALSE(peer.ended().has_value());
    peer.send(request_for("none"));

    ASSERT_TRUE(peer.ended().has_value());
    EXPECT_EQ(peer.ended()->code, ErrorCode::authentication_failed);
}

}  // namespace
}  // namespace caponier::spec
