#pragma once
// What the tests of the credential threads share: a loop, a policy whose questions are asked on it,
// and a person who says what a test wants.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include <gtest/gtest.h>

#include "engine/client/credentials.h"
#include "engine/io/choose_loop.h"
#include "tests/unit/client/temporary_folder.h"

namespace caponier::client {

/// Keeps the last answer, and does what a test wants while it is delivered.
class Sink final : public relay::AnswerSink {
  public:
    void answer(relay::Answer&& answer) noexcept override {
        ++answers;
        last = std::move(answer);
        if (policy_to_destroy != nullptr) {
            policy_to_destroy->reset();
        }
        if (next_question) {
            relay::Question question = *std::move(next_question);
            next_question.reset();
            policy_to_ask->ask(std::move(question), *this);
        }
    }

    int answers = 0;
    std::optional<relay::Answer> last;
    std::unique_ptr<relay::SessionPolicy>* policy_to_destroy = nullptr;
    relay::SessionPolicy* policy_to_ask = nullptr;
    std::optional<relay::Question> next_question;
};

class CredentialsTest : public testing::TestWithParam<io::Backend> {
  protected:
    CredentialsTest() {
        settings.host = settings.host_name = "bastion.example";
        settings.user = "me";
        settings.user_known_hosts_files = {folder.path("known_hosts")};
        settings.global_known_hosts_files = {"none"};
        settings.identity_files = {folder.path("id")};
        auto chosen = io::choose_loop(GetParam());
        if (chosen) {
            loop = std::move(chosen->loop);
        }
    }

    void SetUp() override {
        if (loop == nullptr) {
            GTEST_SKIP() << "this backend is not to be had here";
        }
    }

    void TearDown() override {
        policy.reset();
        if (credentials != nullptr) {
            credentials->drain(*loop);
        }
    }

    void start() {
        auto started = Credentials::start(
            {settings, {"me", folder.path(""), 1000}, agent_path, patience, askpass}, lines.log());
        ASSERT_TRUE(started) << started.error();
        credentials = *std::move(started);
        policy = credentials->make_policy(*loop);
    }

    const relay::Answer& ask(relay::Question question) {
        const int before = sink.answers;
        policy->ask(std::move(question), sink);
        EXPECT_EQ(sink.answers, before) << "answered inside ask()";
        while (sink.answers == before) {
            loop->run_once();
        }
        return *sink.last;
    }

    std::string refusal_of(relay::Question question) {
        const auto* const refuse = std::get_if<relay::Refuse>(&ask(std::move(question)));
        return refuse == nullptr ? "not refused" : refuse->message;
    }

    static relay::IdentityQuestion public_key_wanted() { return wanted("publickey"); }
    static relay::IdentityQuestion wanted(std::string methods) {
        return {.methods = std::move(methods)};
    }

    /// From now on a person answers with these words, whatever is asked.
    void person_says(const std::string& words) {
        askpass.program = folder.write("askpass", "#!/bin/sh\necho '" + words + "'\n", 0700);
    }

    const TemporaryFolder folder;
    std::unique_ptr<io::Loop> loop;
    Settings settings;
    std::string agent_path;
    AgentPatience patience;
    /// Nobody answers, also where the tests run on a terminal.
    AskpassEnvironment askpass{.program = "/bin/false", .require = "force"};
    LogLines lines;
    std::unique_ptr<Credentials> credentials;
    std::unique_ptr<relay::SessionPolicy> policy;
    Sink sink;
};

inline std::string name_of_backend(const testing::TestParamInfo<io::Backend>& backend) {
    return backend.param == io::Backend::epoll ? "epoll" : "uring";
}

}  // namespace caponier::client
