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
            methods.question_came(true);
        }
    }
    return order;
}

std::string words_of(const Reason& reason) {
    return reason.cause + " " + reason.remedy;
}

std::string refused(const AuthenticationMethods& methods) {
    std::string words;
    for (const Reason& reason : methods.refused()) {
        words += words_of(reason) + (reason.remedy.empty() ? "" : " ");
    }
    return words;
}

std::string not_tried(const AuthenticationMethods& methods, std::string_view offered) {
    const std::optional<Reason> reason = methods.not_tried(offered);
    return reason ? words_of(*reason) : "";
}

TEST(AuthenticationMethods, ComeInSshsOrderThreeTimesEach) {
    AuthenticationMethods methods{{}, true};

    EXPECT_EQ(order_of(methods, all),
              "publickey keyboard-interactive keyboard-interactive keyboard-interactive password "
              "password password");
    EXPECT_EQ(
        refused(methods),
        "The server refused the answers (3 attempts). Check them and the user name. "
        "The server refused the password (3 attempts). Check the password and the user name. ");
    EXPECT_EQ(not_tried(methods, all), "");
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
    EXPECT_EQ(not_tried(methods, "hostbased"),
              "The server asks for 'hostbased', and of these nothing is allowed or supported here. "
              "Supported are publickey, keyboard-interactive and password.");
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
    EXPECT_EQ(
        not_tried(in_batch_mode, all),
        "The server would take keyboard-interactive or password, but BatchMode=yes forbids to "
        "ask for it. ");
    // A server may decide by other means and ask nothing (RFC 4256 3.2: "num-prompts MAY be 0").
    EXPECT_EQ(order_of(alone, all, false), "publickey keyboard-interactive");
    EXPECT_EQ(
        not_tried(alone, all),
        "The server would take password, but nobody can be asked: there is no terminal. Run it "
        "on a terminal, or set SSH_ASKPASS and SSH_ASKPASS_REQUIRE=force.");
    EXPECT_EQ(refused(alone), "");
    // Where only keys are asked for, they have the word.
    EXPECT_EQ(not_tried(alone, "publickey"), "");
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
    EXPECT_NE(not_tried(methods, "hostbased").find("accepted what was tried, but also wants"),
              std::string::npos);
    EXPECT_EQ(refused(methods), "");
}

TEST(AuthenticationMethods, KeyboardInteractiveWithoutAQuestionIsNoReasonBesideOthers) {
    AuthenticationMethods methods{{}, false};
    EXPECT_FALSE(methods.refused_unasked(true).has_value());
    methods.try_now(Method::keyboard_interactive);

    EXPECT_FALSE(methods.refused_unasked(false).has_value());
    EXPECT_TRUE(methods.refused_unasked(true).has_value());
    // It decided by other means.
    methods.question_came(false);
    EXPECT_TRUE(methods.refused_unasked(false).has_value());
}

// A key that was right does not make the password right that was tried before it.
TEST(AuthenticationMethods, WhatWasAcceptedIsWhatWasTriedLast) {
    AuthenticationMethods methods{{}, true};
    methods.try_now(Method::password);
    methods.try_now(Method::public_key);
    EXPECT_EQ(methods.last(), Method::public_key);

    methods.last_was_accepted();

    EXPECT_EQ(methods.attempts(Method::password), 1);
    EXPECT_EQ(
        refused(methods),
        "The server refused the password (1 attempt). Check the password and the user name. ");
}

TEST(AuthenticationMethods, NoPromptsMeansNoPasswords) {
    AuthenticationOptions options;
    options.password_prompts = 0;
    AuthenticationMethods methods{options, true};

    EXPECT_EQ(order_of(methods, all), "publickey");
}

}  // namespace
}  // namespace caponier::client
