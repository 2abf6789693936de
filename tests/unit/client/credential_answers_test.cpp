// What a person is told, and in which order, where a login fails; and what is answered where nobody
// can be asked.

#include <sys/stat.h>

#include <gtest/gtest.h>

#include "engine/client/terminal_prompt.h"
#include "tests/unit/client/credentials_ground.h"

namespace caponier::client {
namespace {

class CredentialAnswersTest : public CredentialsTest {};

// What a service reads that has a wrong user or key: the key first, and not what nobody wanted.
TEST_P(CredentialAnswersTest, SaysTheNearestCauseFirstWhereNobodyCanBeAsked) {
    make_key_pair(folder.path("id"));
    settings.authentication.batch_mode = true;
    start();
    ASSERT_TRUE(std::holds_alternative<relay::TryPublicKey>(ask(wanted("publickey,password"))));

    const std::string refusal = refusal_of(wanted("publickey,password"));

    EXPECT_TRUE(refusal.starts_with(
        "me@bastion.example: Permission denied (publickey,password). The server refused the key "
        "that was offered: " +
        folder.path("id") + ".\n"))
        << refusal;
    EXPECT_TRUE(
        refusal.ends_with("\nThe server would take password, but BatchMode=yes forbids to "
                          "ask for it."))
        << refusal;
}

// OpenSSH without PAM lists keyboard-interactive and has no question.
TEST_P(CredentialAnswersTest, AMethodThatTheServerHasNoUseForIsNotTheCause) {
    make_key_pair(folder.path("id"));
    askpass = {.program = {}, .require = "never"};
    start();
    if (has_terminal()) {
        GTEST_SKIP() << "there is somebody to ask";
    }
    const std::string methods = "publickey,keyboard-interactive";
    ASSERT_TRUE(std::holds_alternative<relay::TryPublicKey>(ask(wanted(methods))));
    ASSERT_TRUE(std::holds_alternative<relay::TryKeyboardInteractive>(ask(wanted(methods))));

    const std::string refusal = refusal_of(wanted(methods));

    EXPECT_NE(refusal.find("(publickey,keyboard-interactive). The server refused the key"),
              std::string::npos)
        << refusal;
    EXPECT_EQ(refusal.find("without a question"), std::string::npos) << refusal;
}

TEST_P(CredentialAnswersTest, WhatIsWrongWithAKeyFileIsToldOnceForAllSessions) {
    make_key_pair(folder.path("id"));
    ASSERT_EQ(::chmod(folder.path("id").c_str(), 0644), 0);
    start();
    for (int session = 0; session < 3; ++session) {
        policy = credentials->make_policy(*loop);
        EXPECT_NE(refusal_of(public_key_wanted()).find("bad permissions"), std::string::npos);
    }

    const std::string all = lines.all();
    const std::size_t first = all.find("are too open");
    EXPECT_NE(first, std::string::npos);
    EXPECT_EQ(all.find("are too open", first + 1), std::string::npos) << all;
}

TEST_P(CredentialAnswersTest, AServerThatAsksNothingNeedsNobodyToAsk) {
    askpass = {.program = {}, .require = "never"};
    settings.authentication.public_key = false;
    start();
    if (has_terminal()) {
        GTEST_SKIP() << "there is somebody to ask";
    }

    ASSERT_TRUE(
        std::holds_alternative<relay::TryKeyboardInteractive>(ask(wanted("keyboard-interactive"))));
    EXPECT_TRUE(std::holds_alternative<relay::PromptAnswers>(ask(relay::PromptsQuestion{})));
    EXPECT_NE(
        refusal_of(relay::PromptsQuestion{"", "", {{"Code: ", false}}}).find("nobody can be asked"),
        std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Backends,
                         CredentialAnswersTest,
                         testing::Values(io::Backend::epoll, io::Backend::io_uring),
                         &name_of_backend);

}  // namespace
}  // namespace caponier::client
