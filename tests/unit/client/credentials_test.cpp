// The credential thread: whole conversations over a real loop, and every order in which a policy, a
// question, the thread and the loop can end.

#include "engine/client/credentials.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include <gtest/gtest.h>

#include "ssh/crypto/signature.h"
#include "ssh/keys/base64.h"
#include "ssh/keys/public_key.h"
#include "ssh/wire/bytes.h"
#include "tests/unit/client/agents.h"
#include "tests/unit/client/credentials_ground.h"

namespace caponier::client {
namespace {

using namespace std::chrono_literals;

TEST_P(CredentialsTest, OffersAKeyFileAndSignsWithIt) {
    const std::vector<std::byte> blob = make_key_pair(folder.path("id"));
    start();

    const auto* const offer = std::get_if<relay::TryPublicKey>(&ask(public_key_wanted()));
    ASSERT_NE(offer, nullptr);
    EXPECT_EQ(offer->algorithm, "ssh-ed25519");
    EXPECT_EQ(offer->blob, blob);

    const relay::Bytes data(100, std::byte{7});
    const auto* const signature =
        std::get_if<relay::Signature>(&ask(relay::SignatureQuestion{"ssh-ed25519", blob, data}));
    ASSERT_NE(signature, nullptr);
    EXPECT_EQ(ssh::verify({"ssh-ed25519", blob, data, signature->blob}), ssh::Verification::valid);
}

TEST_P(CredentialsTest, SignsWithTheAgentAndTheAlgorithmThatIsAskedFor) {
    const RealAgent agent{folder.path("agent")};
    const std::vector<std::byte> blob = make_key_pair(folder.path("in_agent"), "rsa");
    ASSERT_TRUE(agent.add(folder.path("in_agent")));
    agent_path = agent.path();
    start();

    const auto* const offer = std::get_if<relay::TryPublicKey>(&ask(public_key_wanted()));
    ASSERT_NE(offer, nullptr);
    EXPECT_EQ(offer->algorithm, "rsa-sha2-512");

    const relay::Bytes data(100, std::byte{7});
    const auto* const signature =
        std::get_if<relay::Signature>(&ask(relay::SignatureQuestion{"rsa-sha2-256", blob, data}));
    ASSERT_NE(signature, nullptr);
    EXPECT_EQ(ssh::verify({"rsa-sha2-256", blob, data, signature->blob}), ssh::Verification::valid);
}

TEST_P(CredentialsTest, AnAgentThatRefusesToSignDeclines) {
    const RealAgent agent{folder.path("agent")};
    const std::vector<std::byte> blob = make_key_pair(folder.path("in_agent"));
    ASSERT_TRUE(agent.add(folder.path("in_agent")));
    agent_path = agent.path();
    start();
    ASSERT_TRUE(std::holds_alternative<relay::TryPublicKey>(ask(public_key_wanted())));
    ASSERT_TRUE(agent.remove(folder.path("in_agent")));

    EXPECT_TRUE(std::holds_alternative<relay::DeclineSignature>(
        ask(relay::SignatureQuestion{"ssh-ed25519", blob, {}})));
    EXPECT_TRUE(lines.contain("cannot sign with agent key 'a comment'"));
}

TEST_P(CredentialsTest, AKeyThatWasNotOfferedSignsNothing) {
    const std::vector<std::byte> blob = make_key_pair(folder.path("id"));
    const std::vector<std::byte> other = make_key_pair(folder.path("other"));
    start();

    EXPECT_TRUE(std::holds_alternative<relay::DeclineSignature>(
        ask(relay::SignatureQuestion{"ssh-ed25519", blob, {}})));
    ASSERT_TRUE(std::holds_alternative<relay::TryPublicKey>(ask(public_key_wanted())));
    EXPECT_TRUE(std::holds_alternative<relay::DeclineSignature>(
        ask(relay::SignatureQuestion{"ssh-ed25519", other, {}})));
    EXPECT_TRUE(std::holds_alternative<relay::DeclineSignature>(
        ask(relay::SignatureQuestion{"rsa-sha2-256", blob, {}})));
}

// Item 90.
TEST_P(CredentialsTest, ADeadAgentIsAWarningAndFilesAreOffered) {
    make_key_pair(folder.path("id"));
    agent_path = folder.path("nobody");
    start();

    EXPECT_TRUE(std::holds_alternative<relay::TryPublicKey>(ask(public_key_wanted())));
    EXPECT_TRUE(lines.contain("nobody is not used: cannot connect to the agent"));
}

// Item 90.
TEST_P(CredentialsTest, ASlowAgentIsAWarningAndFilesAreOffered) {
    make_key_pair(folder.path("id"));
    agent_path = folder.path("slow");
    const FakeAgent agent{agent_path};
    patience.listing = 3ms;
    start();

    EXPECT_TRUE(std::holds_alternative<relay::TryPublicKey>(ask(public_key_wanted())));
    EXPECT_TRUE(lines.contain("the agent does not answer"));
}

TEST_P(CredentialsTest, ASecondSessionFindsAnAgentThatWasRestarted) {
    settings.identity_files = {"none"};
    agent_path = folder.path("agent");
    make_key_pair(folder.path("in_agent"));
    {
        const RealAgent agent{agent_path};
        ASSERT_TRUE(agent.add(folder.path("in_agent")));
        start();
        ASSERT_TRUE(std::holds_alternative<relay::TryPublicKey>(ask(public_key_wanted())));
    }
    const RealAgent agent{agent_path};
    ASSERT_TRUE(agent.add(folder.path("in_agent")));

    policy = credentials->make_policy(*loop);

    EXPECT_TRUE(std::holds_alternative<relay::TryPublicKey>(ask(public_key_wanted())));
}

TEST_P(CredentialsTest, SaysWhatWasOfferedWhenNothingIsLeft) {
    make_key_pair(folder.path("id"));
    start();
    ASSERT_TRUE(std::holds_alternative<relay::TryPublicKey>(ask(public_key_wanted())));

    const std::string refusal = refusal_of(public_key_wanted());

    EXPECT_EQ(refusal,
              "me@bastion.example: Permission denied (publickey). The server refused the key that "
              "was offered: " +
                  folder.path("id") +
                  ".\nCheck the user name, add the key to authorized_keys on the server, or name "
                  "another key with -i.");
}

TEST_P(CredentialsTest, AnRsaKeyThatTheEngineCannotUseIsExplained) {
    make_key_pair(folder.path("id"), "rsa");
    settings.engine = SshEngine::libssh2;
    start();
    ASSERT_TRUE(std::holds_alternative<relay::TryPublicKey>(ask(public_key_wanted())));

    policy->key_not_usable();
    const std::string refusal = refusal_of(relay::IdentityQuestion{});

    EXPECT_NE(refusal.find("use an ed25519 or ecdsa key"), std::string::npos) << refusal;
}

TEST_P(CredentialsTest, MethodsThatAreNotSpokenOrNotAllowedAreTold) {
    settings.authentication.password = false;
    start();

    const std::string refusal = refusal_of(wanted("gssapi-with-mic,password"));

    EXPECT_NE(refusal.find("asks for 'gssapi-with-mic,password'"), std::string::npos) << refusal;
}

TEST_P(CredentialsTest, ASecondFactorIsToldFromARefusal) {
    make_key_pair(folder.path("id"));
    start();
    ASSERT_TRUE(std::holds_alternative<relay::TryPublicKey>(ask(public_key_wanted())));

    const std::string refusal =
        refusal_of(relay::IdentityQuestion{.methods = "hostbased", .partial_success = true});

    EXPECT_NE(refusal.find("accepted what was tried, but also wants 'hostbased'"),
              std::string::npos)
        << refusal;
}

// ---- a person ----------------------------------------------------------------------------------

TEST_P(CredentialsTest, APasswordIsAPersonsAndIsAskedForAgain) {
    person_says("secret");
    start();
    for (int attempt = 0; attempt < 3; ++attempt) {
        const auto* const with = std::get_if<relay::TryPassword>(&ask(wanted("password")));
        ASSERT_NE(with, nullptr);
        EXPECT_EQ(ssh::text_of(with->password.bytes()), "secret");
    }

    const std::string refusal = refusal_of(wanted("password"));

    EXPECT_NE(refusal.find("The server refused the password (3 attempts)"), std::string::npos)
        << refusal;
    EXPECT_FALSE(lines.contain("secret"));
}

TEST_P(CredentialsTest, WhereNobodyAnswersNothingIsSent) {
    start();

    const std::string refusal = refusal_of(wanted("password"));

    EXPECT_NE(refusal.find("SSH_ASKPASS /bin/false: it gave no answer"), std::string::npos)
        << refusal;
}

TEST_P(CredentialsTest, PromptsAreAnsweredByAPersonAndNoneNeedsNobody) {
    settings.identity_files = {"none"};
    start();
    ASSERT_TRUE(
        std::holds_alternative<relay::TryKeyboardInteractive>(ask(wanted("keyboard-interactive"))));

    const auto* const none =
        std::get_if<relay::PromptAnswers>(&ask(relay::PromptsQuestion{"name", "words", {}}));
    ASSERT_NE(none, nullptr);
    EXPECT_TRUE(none->texts.empty());
    EXPECT_TRUE(lines.contain("name"));
    EXPECT_TRUE(lines.contain("words"));
    policy->authenticated();
    EXPECT_TRUE(policy->needs_no_person());
}

TEST_P(CredentialsTest, PromptsThatNobodyAnswersTurnToTheNextMethod) {
    start();
    ASSERT_TRUE(
        std::holds_alternative<relay::TryKeyboardInteractive>(ask(wanted("keyboard-interactive"))));

    const std::string refusal = refusal_of(relay::PromptsQuestion{"", "", {{"Code: ", false}}});

    EXPECT_NE(refusal.find("it gave no answer"), std::string::npos) << refusal;
}

TEST_P(CredentialsTest, AnExpiredPasswordIsNotTriedAgain) {
    person_says("old");
    start();
    ASSERT_TRUE(std::holds_alternative<relay::TryPassword>(ask(wanted("password"))));

    const std::string refusal =
        refusal_of(relay::IdentityQuestion{.methods = "password", .password_expired = true});

    EXPECT_NE(refusal.find("has expired"), std::string::npos) << refusal;
    EXPECT_EQ(refusal.find("refused"), std::string::npos) << refusal;
}

TEST_P(CredentialsTest, AnEncryptedKeyIsUnlockedWhenTheServerWantsIt) {
    const std::vector<std::byte> blob = make_key_pair(folder.path("id"), "ed25519", "open sesame");
    person_says("open sesame");
    start();

    ASSERT_TRUE(std::holds_alternative<relay::TryPublicKey>(ask(public_key_wanted())));
    const relay::Bytes data(100, std::byte{7});
    const auto* const signature =
        std::get_if<relay::Signature>(&ask(relay::SignatureQuestion{"ssh-ed25519", blob, data}));

    ASSERT_NE(signature, nullptr);
    EXPECT_EQ(ssh::verify({"ssh-ed25519", blob, data, signature->blob}), ssh::Verification::valid);
    policy->authenticated();
    EXPECT_FALSE(policy->needs_no_person());
}

TEST_P(CredentialsTest, AWrongPassphraseDeclinesAfterItsAttempts) {
    const std::vector<std::byte> blob = make_key_pair(folder.path("id"), "ed25519", "open sesame");
    person_says("open says me");
    settings.authentication.password_prompts = 2;
    start();
    ASSERT_TRUE(std::holds_alternative<relay::TryPublicKey>(ask(public_key_wanted())));

    EXPECT_TRUE(std::holds_alternative<relay::DeclineSignature>(
        ask(relay::SignatureQuestion{"ssh-ed25519", blob, {}})));

    EXPECT_TRUE(lines.contain("its passphrase is another one (2 attempts)"));
}

TEST_P(CredentialsTest, InBatchModeNobodyIsAsked) {
    make_key_pair(folder.path("id"), "ed25519", "open sesame");
    person_says("open sesame");
    settings.authentication.batch_mode = true;
    start();

    const std::string refusal = refusal_of(wanted("publickey,password"));

    EXPECT_NE(refusal.find("BatchMode=yes"), std::string::npos) << refusal;
    EXPECT_NE(refusal.find("ssh-add"), std::string::npos) << refusal;
}

// ---- another session ---------------------------------------------------------------------------

TEST_P(CredentialsTest, AKeyFileNeedsNoPersonOnceItWorked) {
    const std::vector<std::byte> blob = make_key_pair(folder.path("id"));
    start();
    EXPECT_FALSE(policy->needs_no_person());
    ASSERT_TRUE(std::holds_alternative<relay::TryPublicKey>(ask(public_key_wanted())));
    ASSERT_TRUE(std::holds_alternative<relay::Signature>(
        ask(relay::SignatureQuestion{"ssh-ed25519", blob, {}})));
    EXPECT_FALSE(policy->needs_no_person());

    policy->authenticated();

    EXPECT_TRUE(policy->needs_no_person());
}

TEST_P(CredentialsTest, AnAgentsKeyNeedsNoPersonEither) {
    const RealAgent agent{folder.path("agent")};
    const std::vector<std::byte> blob = make_key_pair(folder.path("in_agent"));
    ASSERT_TRUE(agent.add(folder.path("in_agent")));
    agent_path = agent.path();
    start();
    ASSERT_TRUE(std::holds_alternative<relay::TryPublicKey>(ask(public_key_wanted())));
    ASSERT_TRUE(std::holds_alternative<relay::Signature>(
        ask(relay::SignatureQuestion{"ssh-ed25519", blob, relay::Bytes(8)})));

    policy->authenticated();

    EXPECT_TRUE(policy->needs_no_person());
}

TEST_P(CredentialsTest, APasswordNeedsAPersonAgain) {
    person_says("secret");
    start();
    ASSERT_TRUE(std::holds_alternative<relay::TryPassword>(ask(wanted("password"))));

    policy->authenticated();

    EXPECT_FALSE(policy->needs_no_person());
}

TEST_P(CredentialsTest, WhatWorkedIsTriedFirstInTheNextSession) {
    make_key_pair(folder.path("first"));
    const std::vector<std::byte> blob = make_key_pair(folder.path("second"));
    settings.identity_files = {folder.path("first"), folder.path("second")};
    start();
    ASSERT_TRUE(std::holds_alternative<relay::TryPublicKey>(ask(public_key_wanted())));
    ASSERT_TRUE(std::holds_alternative<relay::TryPublicKey>(ask(public_key_wanted())));
    ASSERT_TRUE(std::holds_alternative<relay::Signature>(
        ask(relay::SignatureQuestion{"ssh-ed25519", blob, {}})));
    policy->authenticated();

    policy = credentials->make_policy(*loop);

    const auto* const offer = std::get_if<relay::TryPublicKey>(&ask(public_key_wanted()));
    ASSERT_NE(offer, nullptr);
    EXPECT_EQ(offer->blob, blob);
}

TEST_P(CredentialsTest, ChecksHostKeys) {
    const std::vector<std::byte> key = make_key_pair(folder.path("host"));
    const std::vector<std::byte> other = make_key_pair(folder.path("other"));
    folder.write("known_hosts", "bastion.example ssh-ed25519 " + ssh::encode_base64(key) + "\n");
    start();

    EXPECT_TRUE(std::holds_alternative<relay::AcceptHostKey>(
        ask(relay::HostKeyQuestion{"ssh-ed25519", key})));
    EXPECT_NE(refusal_of(relay::HostKeyQuestion{"ssh-ed25519", other}).find("known_hosts:1"),
              std::string::npos);
    EXPECT_NE(refusal_of(relay::HostKeyQuestion{"ssh-ed25519", {}}), "not refused");
    EXPECT_EQ(credentials->recorded_key_types(), std::vector<std::string>{"ssh-ed25519"});
}

// A token may wait for its touch for two minutes, and the pool dials several sessions at once.
TEST_P(CredentialsTest, AHostKeyIsDecidedWhileAnAgentThinks) {
    const std::vector<std::byte> key = make_key_pair(folder.path("host"));
    folder.write("known_hosts", "bastion.example ssh-ed25519 " + ssh::encode_base64(key) + "\n");
    agent_path = folder.path("slow");
    const FakeAgent agent{agent_path};
    patience.listing = 1h;
    start();
    std::unique_ptr<relay::SessionPolicy> second = credentials->make_policy(*loop);
    Sink second_sink;

    policy->ask(public_key_wanted(), sink);
    second->ask(relay::HostKeyQuestion{"ssh-ed25519", key}, second_sink);

    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (second_sink.answers == 0 && std::chrono::steady_clock::now() < deadline) {
        loop->run_once(false);
        std::this_thread::yield();
    }
    ASSERT_EQ(second_sink.answers, 1);
    EXPECT_TRUE(std::holds_alternative<relay::AcceptHostKey>(*second_sink.last));
    EXPECT_EQ(sink.answers, 0);
}

// The first session of the pool has warned that its key is not on record; the second gets another.
TEST_P(CredentialsTest, WhatOneSessionBelievedBindsTheNextOne) {
    settings.strict_host_key_checking = StrictHostKeyChecking::accept_new;
    settings.user_known_hosts_files = {"/dev/null"};
    const std::vector<std::byte> key = make_key_pair(folder.path("host"));
    const std::vector<std::byte> other = make_key_pair(folder.path("other"));
    start();
    ASSERT_TRUE(std::holds_alternative<relay::AcceptHostKey>(
        ask(relay::HostKeyQuestion{"ssh-ed25519", key})));

    policy = credentials->make_policy(*loop);

    EXPECT_NE(refusal_of(relay::HostKeyQuestion{"ssh-ed25519", other}).find("not the one that"),
              std::string::npos);
    EXPECT_TRUE(std::holds_alternative<relay::AcceptHostKey>(
        ask(relay::HostKeyQuestion{"ssh-ed25519", key})));
}

TEST_P(CredentialsTest, EveryLineOfABannerIsFilteredAndSaysWhoseItIs) {
    start();

    policy->show_banner("Welcome\r\n\x1b]0;title\x07\n\ncaponier: warning: the key was verified");

    EXPECT_EQ(lines.all(),
              "bastion.example says: Welcome\n"
              "bastion.example says: \\x1b]0;title\\x07\n"
              "bastion.example says: caponier: warning: the key was verified\n");
}

TEST_P(CredentialsTest, ALongBannerIsCut) {
    start();
    std::string text;
    for (int i = 0; i < 100'000; ++i) {
        text += "x\n";
    }

    policy->show_banner(std::move(text));

    const std::string all = lines.all();
    EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 41);
    EXPECT_TRUE(lines.contain("bastion.example says: (99960 more lines")) << all;
}

// sshconnect2.c, input_userauth_info_req(): "(%s@%s) %s", but of the first line only.
TEST_P(CredentialsTest, EveryLineOfAQuestionSaysWhoAsks) {
    askpass.program = folder.write(
        "askpass", "#!/bin/sh\nprintf '%s' \"$1\" > " + folder.path("asked") + "\n", 0700);
    start();
    ASSERT_TRUE(
        std::holds_alternative<relay::TryKeyboardInteractive>(ask(wanted("keyboard-interactive"))));

    relay::PromptsQuestion question;
    question.name = "caponier: the key was verified\nSo:";
    question.prompts.push_back({"Pick one\n\nEnter passphrase for key '/home/me/id': ", false});
    ask(std::move(question));

    EXPECT_EQ(text_of_file(folder.path("asked")),
              "(me@bastion.example) Pick one\n"
              "(me@bastion.example) Enter passphrase for key '/home/me/id': ");
    EXPECT_EQ(lines.all(),
              "bastion.example says: caponier: the key was verified\n"
              "bastion.example says: So:\n");
}

TEST_P(CredentialsTest, AFileNameThatCannotBeExpandedIsAnErrorAtStart) {
    settings.identity_files = {"%q"};

    EXPECT_FALSE(Credentials::start({settings, {"me", "/", 0}, "", {}}, lines.log()));
}

TEST_P(CredentialsTest, AnAnswerMayAskAgain) {
    make_key_pair(folder.path("id"));
    start();
    sink.policy_to_ask = policy.get();
    sink.next_question = public_key_wanted();

    ask(public_key_wanted());
    while (sink.answers < 2) {
        loop->run_once();
    }

    EXPECT_TRUE(std::holds_alternative<relay::Refuse>(*sink.last));
}

TEST_P(CredentialsTest, AnAnswerMayDestroyItsPolicy) {
    start();
    sink.policy_to_destroy = &policy;

    ask(public_key_wanted());

    EXPECT_EQ(policy, nullptr);
}

TEST_P(CredentialsTest, NoAnswerArrivesAfterAPolicyIsGone) {
    start();
    constexpr int rounds = 200;

    // The thread is sometimes quicker than the destruction, and sometimes not.
    for (int round = 0; round < rounds; ++round) {
        policy->ask(public_key_wanted(), sink);
        if (round % 2 == 0) {
            EXPECT_TRUE(credentials->recorded_key_types().empty());
        }
        policy.reset();
        if (round % 3 == 0) {
            loop->run_once(false);
        }
        policy = credentials->make_policy(*loop);
    }
    policy.reset();
    credentials->drain(*loop);

    EXPECT_EQ(sink.answers, 0);
}

TEST_P(CredentialsTest, ALoopMayEndWhileTheThreadStillThinks) {
    agent_path = folder.path("slow");
    const FakeAgent agent{agent_path};
    patience.listing = 1h;
    start();
    policy->ask(public_key_wanted(), sink);

    policy.reset();
    credentials->drain(*loop);
    loop.reset();
    credentials->stop();

    EXPECT_EQ(sink.answers, 0);
    credentials.reset();
}

TEST_P(CredentialsTest, StoppingAnswersEveryOpenQuestion) {
    agent_path = folder.path("slow");
    const FakeAgent agent{agent_path};
    patience.listing = 1h;
    settings.identity_files = {"none"};
    start();
    const std::unique_ptr<relay::SessionPolicy> second = credentials->make_policy(*loop);
    Sink second_sink;
    policy->ask(public_key_wanted(), sink);
    second->ask(public_key_wanted(), second_sink);

    credentials->stop();
    credentials->drain(*loop);

    EXPECT_EQ(sink.answers, 1);
    EXPECT_EQ(second_sink.answers, 1);
    EXPECT_TRUE(std::holds_alternative<relay::Refuse>(*sink.last));
    EXPECT_TRUE(std::holds_alternative<relay::Refuse>(*second_sink.last));
}

TEST_P(CredentialsTest, QuestionsAfterTheStopAreRefused) {
    start();
    credentials->stop();

    EXPECT_EQ(refusal_of(public_key_wanted()), "the program is ending");
}

INSTANTIATE_TEST_SUITE_P(Backends,
                         CredentialsTest,
                         testing::Values(io::Backend::epoll, io::Backend::io_uring),
                         &name_of_backend);

}  // namespace
}  // namespace caponier::client
