// Which method comes after which, and what is told when none is left.

#include "engine/client/authentication_methods.h"

#include <gtest/gtest.h>

namespace caponier::client {
namespace {

constexpr std::string_view all = "publickey,password,keyboard-interactive,hostbased";

/// Tries what comes next until nothing does; keys are exhausted at once.
std::string order_of(AuthenticationMethods& methods, std::string_view offered, bool asks = true) {
    std::string order;
    while (const std::optional<Method> method = methods.next(offered)) {
        order += order.empty() ? "" : " ";
        order += name_of(*method);
        if (*method == Method::public_key) {
            methods.exhaust(*method);
            continue;
        }
        methods.try_now(*method);
        if (*method == Method::keyboard_interactive && asks) {
            methods.question_came();
        }
    }
    return order;
}

TEST(AuthenticationMethods, ComeInSshsOrderThreeTimesEach) {
    AuthenticationMethods methods{{}, true};

    EXPECT_EQ(order_of(methods, all),
              "publickey keyboard-interactive keyboard-interactive keyboard-interactive password "
              "password password");
    EXPECT_EQ(methods.refusal(all),
              "the server refused the answers (3 attempts): check them and the user name; the "
              "server refused the password (3 attempts): check the password and the user name");
}

TEST(AuthenticationMethods, ComeInThePreferredOrderAndNoOthers) {
    AuthenticationOptions options;
    options.password_prompts = 1;
    options.preferred = {"password", "gssapi-with-mic", "publickey"};
    AuthenticationMethods methods{options, true};

    EXPECT_EQ(order_of(methods, all), "password publickey");
}

TEST(AuthenticationMethods, AreThoseOfTheServer) {
    AuthenticationMethods methods{{}, true};

    EXPECT_FALSE(methods.next("hostbased,gssapi-with-mic").has_value());
    EXPECT_FALSE(methods.next("").has_value());
    EXPECT_EQ(methods.next("password"), Method::password);
    EXPECT_EQ(methods.refusal("hostbased"),
              "the server asks for 'hostbased', and of these nothing is allowed or supported here "
              "(supported: publickey, keyboard-interactive, password)");
}

TEST(AuthenticationMethods, ThatAreSwitchedOffAreNotTried) {
    AuthenticationOptions options;
    options.public_key = options.keyboard_interactive = options.password = false;
    AuthenticationMethods methods{options, true};

    EXPECT_EQ(order_of(methods, all), "");
}

TEST(AuthenticationMethods, WithoutAPersonAreThoseThatMayNeedNone) {
    AuthenticationOptions batch;
    batch.batch_mode = true;
    AuthenticationMethods in_batch_mode{batch, true};
    AuthenticationMethods alone{{}, false};

    EXPECT_EQ(order_of(in_batch_mode, all), "publickey");
    EXPECT_NE(in_batch_mode.refusal(all).find("BatchMode=yes"), std::string::npos);
    // A server may decide by other means and ask nothing (RFC 4256 3.2: "num-prompts MAY be 0").
    EXPECT_EQ(order_of(alone, all, false), "publickey keyboard-interactive");
    EXPECT_NE(alone.refusal(all).find("SSH_ASKPASS_REQUIRE=force"), std::string::npos);
    // Where only keys are asked for, they have the word.
    EXPECT_EQ(alone.refusal("publickey"), "");
}

TEST(AuthenticationMethods, WithoutAPersonAQuestionEndsKeyboardInteractive) {
    AuthenticationMethods alone{{}, false};

    EXPECT_EQ(order_of(alone, all, true), "publickey keyboard-interactive");
}

// sshconnect2.c: "disable if no SSH2_MSG_USERAUTH_INFO_REQUEST has been seen".
TEST(AuthenticationMethods, KeyboardInteractiveWithoutAQuestionIsTriedOnce) {
    AuthenticationMethods methods{{}, true};

    EXPECT_EQ(order_of(methods, "keyboard-interactive", false), "keyboard-interactive");
}

TEST(AuthenticationMethods, AnAttemptThatWasAcceptedPartlyDoesNotCount) {
    AuthenticationOptions options;
    options.password_prompts = 1;
    AuthenticationMethods methods{options, true};
    methods.try_now(Method::password);
    methods.last_was_accepted();

    EXPECT_EQ(methods.next("password"), Method::password);
    EXPECT_NE(methods.refusal("hostbased").find("accepted what was tried, but also wants"),
              std::string::npos);
}

TEST(AuthenticationMethods, NoPromptsMeansNoPasswords) {
    AuthenticationOptions options;
    options.password_prompts = 0;
    AuthenticationMethods methods{options, true};

    EXPECT_EQ(order_of(methods, all), "publickey");
}

}  // namespace
}  // namespace caponier::client
