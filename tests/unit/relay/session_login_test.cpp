// A session up to the login: the dial, the connect timeout, the questions to the policy.

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

#include <gtest/gtest.h>

#include "engine/relay/session_worker.h"
#include "tests/unit/relay/session_worker_ground.h"

namespace caponier::relay {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Phase = SessionEnd::Phase;

// ---- dial ---------------------------------------------------------------------------------------

TEST_F(SessionWorkerTest, GoesFromTheDialToAnEstablishedSession) {
    establish();

    EXPECT_EQ(established, 1);
    EXPECT_NE(worker->upstream(), nullptr);
    EXPECT_EQ(observer.told, (Words{"identified SSH-2.0-Fake"}));
}

TEST_F(SessionWorkerTest, OffersNoUpstreamBeforeTheSessionIsEstablishedOrAfterItEnded) {
    connect();
    EXPECT_EQ(worker->upstream(), nullptr);
    push(ssh::Established{});

    session().end(ssh::ErrorCode::protocol_error);
    worker->settle();

    EXPECT_EQ(worker->upstream(), nullptr);
}

TEST_F(SessionWorkerTest, TellsWhyNoAddressCouldBeReached) {
    destination.addresses = {address_of("10.0.0.9", 22)};

    worker->start();
    settle();

    ASSERT_EQ(ends.size(), 1U);
    EXPECT_EQ(ends[0].phase, Phase::connecting);
    EXPECT_EQ(ends[0].os_error, ECONNREFUSED);
    EXPECT_FALSE(ends[0].deadline);
}

TEST_F(SessionWorkerTest, TellsWhyNoSessionCouldBeMade) {
    factory.failure = ssh::Error{ssh::ErrorCode::crypto_failure};

    worker->start();
    settle();

    ASSERT_EQ(ends.size(), 1U);
    EXPECT_EQ(ends[0].error.code, ssh::ErrorCode::crypto_failure);
}

// ---- the connect timeout ------------------------------------------------------------------------

TEST_F(SessionWorkerTest, GivesUpAnAddressThatDoesNotAnswerInTime) {
    ground.loop.silent.insert(address.to_string());
    worker->start();

    pass(destination.connect_timeout - milliseconds{100});
    EXPECT_TRUE(ends.empty());
    pass(milliseconds{200});

    ASSERT_EQ(ends.size(), 1U);
    EXPECT_EQ(ends[0].phase, Phase::connecting);
    EXPECT_TRUE(ends[0].deadline);
    EXPECT_EQ(ends[0].error.code, ssh::ErrorCode::timed_out);
}

TEST_F(SessionWorkerTest, GivesUpAServerThatSaysNothingInTime) {
    connect();

    pass(destination.connect_timeout + milliseconds{1});

    ASSERT_EQ(ends.size(), 1U);
    EXPECT_EQ(ends[0].phase, Phase::identifying);
    EXPECT_TRUE(ends[0].deadline);
}

// Items 3 and 50: one allowance, the lines before the identification included.
TEST_F(SessionWorkerTest, CountsOneTimeoutFromTheFirstSynToTheEndOfTheKeyExchange) {
    connect();
    pass(seconds{6});
    push(ssh::PeerIdentified{"SSH-2.0-Fake"});

    pass(seconds{3});
    EXPECT_TRUE(ends.empty());
    pass(milliseconds{1'100});

    ASSERT_EQ(ends.size(), 1U);
    EXPECT_EQ(ends[0].phase, Phase::negotiating);
    EXPECT_TRUE(ends[0].deadline);
}

// The server asks somebody's telephone, or a directory that is slow to say who the user is.
TEST_F(SessionWorkerTest, GivesTheLoginATimeOfItsOwn) {
    connect();
    pass(seconds{6});
    push(ssh::PeerIdentified{"SSH-2.0-Fake"});
    push(ssh::KeysChanged{});
    pass(seconds{60});
    push(ssh::AuthenticationWanted{"publickey"});
    pass(hours{1});  // a person's, which is not counted
    answer(TryPublicKey{"ssh-ed25519", {}});

    pass(login_patience - seconds{61});
    EXPECT_TRUE(ends.empty());
    pass(seconds{2});

    ASSERT_EQ(ends.size(), 1U);
    EXPECT_EQ(ends[0].phase, Phase::authenticating);
    EXPECT_TRUE(ends[0].deadline);
}

TEST_F(SessionWorkerTest, LimitsTheLoginAlsoWhereConnectTimeoutIsZero) {
    destination.connect_timeout = seconds{0};
    connect();
    push(ssh::PeerIdentified{"SSH-2.0-Fake"});
    push(ssh::KeysChanged{});

    pass(login_patience + seconds{1});

    EXPECT_EQ(ends.size(), 1U);
}

// New keys later on are no new login.
TEST_F(SessionWorkerTest, HasNoTimeoutAfterARekey) {
    destination.alive.interval = seconds{0};
    establish();
    push(ssh::KeysChanged{});

    pass(hours{1});

    EXPECT_TRUE(ends.empty());
}

TEST_F(SessionWorkerTest, LetsAPersonThinkAsLongAsTheyLike) {
    connect();
    pass(seconds{6});
    push(ssh::PeerIdentified{"SSH-2.0-Fake"});
    push(ssh::HostKeyReceived{});

    pass(hours{1});
    EXPECT_TRUE(ends.empty());
    answer(AcceptHostKey{});
    pass(seconds{3});
    EXPECT_TRUE(ends.empty());
    pass(milliseconds{1'100});

    ASSERT_EQ(ends.size(), 1U);
    EXPECT_TRUE(ends[0].deadline);
}

// The process was stopped, and the server was not.
TEST_F(SessionWorkerTest, ReadsWhatHasComeBeforeItSaysThatTheServerWasTooSlow) {
    connect();
    pass(seconds{6});
    session().on_receive = [this](std::span<std::byte> bytes) {
        session().events.push_back(ssh::PeerIdentified{"SSH-2.0-Fake"});
        session().events.push_back(ssh::Established{});
        return bytes.size();
    };

    ground.stand_still(seconds{30});
    server->write("all of it");
    ground.stand_still(seconds{30});
    settle();

    EXPECT_TRUE(ends.empty());
    EXPECT_EQ(established, 1);
}

TEST_F(SessionWorkerTest, GivesUpSoonAfterItWasStoppedWhereNothingHasCome) {
    connect();
    ground.stand_still(seconds{60});

    pass(late_timer - milliseconds{100});
    EXPECT_TRUE(ends.empty());
    pass(milliseconds{200});

    ASSERT_EQ(ends.size(), 1U);
    EXPECT_TRUE(ends[0].deadline);
}

// ssh_config(5): ConnectTimeout 0 is "the default system TCP timeout".
TEST_F(SessionWorkerTest, HasNoConnectTimeoutIfItIsZero) {
    destination.connect_timeout = seconds{0};
    connect();

    pass(hours{1});

    EXPECT_TRUE(ends.empty());
}

TEST_F(SessionWorkerTest, HasNoConnectTimeoutOnceItIsEstablished) {
    destination.alive.interval = seconds{0};
    establish();

    pass(hours{1});

    EXPECT_TRUE(ends.empty());
}

// ---- questions ----------------------------------------------------------------------------------

TEST_F(SessionWorkerTest, AsksAndPassesEachAnswerOn) {
    connect();
    push(ssh::PeerIdentified{"SSH-2.0-Fake"});

    push(ssh::HostKeyReceived{{"ssh-ed25519", bytes_of("host")}});
    answer(AcceptHostKey{});
    push(ssh::AuthenticationWanted{"publickey", true});
    answer(TryPublicKey{"ssh-rsa", {std::byte{'k'}}});
    push(ssh::SignatureWanted{{"rsa-sha2-256", bytes_of("key")}, bytes_of("data")});
    answer(Signature{{std::byte{'s'}}});
    push(ssh::SignatureWanted{});
    answer(DeclineSignature{});

    ASSERT_EQ(factory.desk.questions.size(), 4U);
    EXPECT_EQ(text_of(std::get<HostKeyQuestion>(factory.desk.questions[0]).blob), "host");
    EXPECT_TRUE(std::get<IdentityQuestion>(factory.desk.questions[1]).partial_success);
    EXPECT_EQ(text_of(std::get<SignatureQuestion>(factory.desk.questions[2]).data), "data");
    EXPECT_EQ(session().told,
              (Words{"accept host key", "try ssh-rsa k", "signature s", "decline signature"}));
}

TEST_F(SessionWorkerTest, PassesPasswordsAndPromptsBetweenThePolicyAndTheSession) {
    connect();
    push(ssh::PeerIdentified{"SSH-2.0-Fake"});
    push(ssh::AuthenticationWanted{"password,keyboard-interactive", false, true});
    answer(TryPassword{ssh::SecretBytes::copy_of(bytes_of("secret"))});
    push(ssh::AuthenticationWanted{"keyboard-interactive"});
    answer(TryKeyboardInteractive{});
    const std::array prompts{ssh::Prompt{"Name: ", true}, ssh::Prompt{"Code: ", false}};
    push(ssh::PromptsWanted{"name", "instruction", prompts});
    PromptAnswers answers;
    answers.texts.push_back(ssh::SecretBytes::copy_of(bytes_of("alice")));
    answers.texts.push_back(ssh::SecretBytes::copy_of(bytes_of("123456")));
    answer(std::move(answers));

    EXPECT_TRUE(std::get<IdentityQuestion>(factory.desk.questions[0]).password_expired);
    const auto& asked = std::get<PromptsQuestion>(factory.desk.questions[2]);
    EXPECT_EQ(asked.name, "name");
    EXPECT_EQ(asked.instruction, "instruction");
    ASSERT_EQ(asked.prompts.size(), 2U);
    EXPECT_EQ(asked.prompts[0].text, "Name: ");
    EXPECT_TRUE(asked.prompts[0].echo);
    EXPECT_FALSE(asked.prompts[1].echo);
    const Words expected{"try password secret", "try keyboard-interactive", "answer alice 123456"};
    EXPECT_EQ(session().told, expected);
}

// What an agent is told of the session (session-bind@openssh.com).
TEST_F(SessionWorkerTest, TellsThePolicyWhatBindsTheSessionToItsServer) {
    connect();
    push(ssh::PeerIdentified{"SSH-2.0-Fake"});
    session().session_binding = {bytes_of("host key"), bytes_of("id"), bytes_of("signature")};
    push(ssh::AuthenticationWanted{"publickey"});

    const SessionBinding& binding = std::get<IdentityQuestion>(factory.desk.questions[0]).binding;
    EXPECT_EQ(text_of(binding.host_key), "host key");
    EXPECT_EQ(text_of(binding.session_id), "id");
    EXPECT_EQ(text_of(binding.signature), "signature");
}

TEST_F(SessionWorkerTest, NeedsNoPersonOnceItIsEstablishedAndThePolicySaysSo) {
    EXPECT_FALSE(worker->needs_no_person());
    establish();

    EXPECT_TRUE(worker->needs_no_person());
    EXPECT_EQ(std::count(factory.desk.told.begin(), factory.desk.told.end(), "authenticated"), 1);
    factory.desk.needs_no_person = false;
    EXPECT_FALSE(worker->needs_no_person());
}

TEST_F(SessionWorkerTest, TellsWhetherTheServerCanOnlyBeThisMachine) {
    const auto asked_with = [this](std::initializer_list<const char*> hosts) {
        destination.addresses.clear();
        for (const char* host : hosts) {
            destination.addresses.push_back(*io::Address::ip(host, 22));
        }
        push(ssh::HostKeyReceived{});
        const bool is_loopback =
            std::get<HostKeyQuestion>(factory.desk.questions.back()).peer_is_loopback;
        answer(AcceptHostKey{});
        return is_loopback;
    };
    connect();
    push(ssh::PeerIdentified{"SSH-2.0-Fake"});

    EXPECT_TRUE(asked_with({"127.0.0.1"}));
    EXPECT_TRUE(asked_with({"::1", "127.0.0.2"}));
    EXPECT_FALSE(asked_with({"127.0.0.1", "10.0.0.1"}));
    EXPECT_FALSE(asked_with({"10.0.0.1"}));
    EXPECT_FALSE(asked_with({}));
}

TEST_F(SessionWorkerTest, AsksForAnotherIdentityWhenTheEngineCannotUseTheFirst) {
    connect();
    session().usable_keys = false;
    push(ssh::AuthenticationWanted{"publickey"});

    answer(TryPublicKey{"old", {}});
    answer(TryPublicKey{"new", {}});

    EXPECT_EQ(factory.desk.told, (Words{"not usable"}));
    EXPECT_EQ(factory.desk.questions.size(), 2U);
    EXPECT_EQ(session().told, (Words{"try old ", "try new "}));
}

TEST_F(SessionWorkerTest, ReadsNothingWhileAQuestionIsOpen) {
    connect();
    session().on_receive = [this](std::span<std::byte> bytes) -> std::size_t {
        if (factory.desk.questions.empty()) {
            session().events.push_back(ssh::HostKeyReceived{});
            return 4;
        }
        return bytes.size();
    };
    server->write("kex.rest");
    settle();
    const std::size_t receives = ground.loop.receives;

    server->write(" later");
    settle();
    EXPECT_EQ(ground.loop.receives, receives);
    EXPECT_EQ(session().received, "kex.");
    answer(AcceptHostKey{});

    EXPECT_EQ(session().received, "kex.rest later");
}

TEST_F(SessionWorkerTest, OffersAnUnfinishedPacketAgainInFrontOfWhatComesNext) {
    connect();
    session().on_receive = [](std::span<std::byte> bytes) { return bytes.size() / 4 * 4; };

    server->write("aaaabb");
    settle();
    server->write("bbcccc");
    settle();
    server->write("d");
    settle();

    EXPECT_EQ(session().received, "aaaabbbbcccc");
}

TEST_F(SessionWorkerTest, EndsWithTheWordsOfAPolicyThatRefusesTheHostKey) {
    const std::string words = "the host key of bastion.example has changed: see known_hosts:3";
    connect();
    push(ssh::PeerIdentified{"SSH-2.0-Fake"});
    push(ssh::HostKeyReceived{});

    answer(Refuse{words});

    ASSERT_EQ(ends.size(), 1U);
    EXPECT_EQ(session().told, (Words{"reject host key"}));
    EXPECT_TRUE(ends[0].refused_by_policy);
    EXPECT_EQ(ends[0].text, words);
    EXPECT_EQ(ends[0].phase, Phase::negotiating);
}

TEST_F(SessionWorkerTest, EndsWithTheWordsOfAPolicyThatHasNoIdentityLeft) {
    connect();
    push(ssh::PeerIdentified{"SSH-2.0-Fake"});
    push(ssh::AuthenticationWanted{"password"});

    answer(Refuse{"no key"});

    ASSERT_EQ(ends.size(), 1U);
    EXPECT_EQ(session().told, (Words{"give up"}));
    EXPECT_EQ(ends[0].text, "no key");
    EXPECT_EQ(ends[0].phase, Phase::authenticating);
}

TEST_F(SessionWorkerTest, EndsWithThePeersWordsHoweverLongTheyAre) {
    const std::string words = "too many authentication failures for the user who asked";
    establish();

    session().end(ssh::ErrorCode::disconnected_by_peer, words);
    worker->settle();
    settle();

    ASSERT_EQ(ends.size(), 1U);
    EXPECT_EQ(ends[0].text, words);
    EXPECT_EQ(ends[0].error.code, ssh::ErrorCode::disconnected_by_peer);
    EXPECT_EQ(ends[0].phase, Phase::established);
}

TEST_F(SessionWorkerTest, CanEndWhileAQuestionIsOpen) {
    connect();
    push(ssh::HostKeyReceived{});

    session().end(ssh::ErrorCode::protocol_error);
    worker->settle();
    settle();
    answer(AcceptHostKey{});

    EXPECT_EQ(ends.size(), 1U);
    EXPECT_EQ(factory.desk.policies, 0U);
    EXPECT_TRUE(session().told.empty());
}

TEST_F(SessionWorkerTest, PassesBannersAndWarningsOn) {
    connect();

    push(ssh::Banner{"authorized use only"});
    push(ssh::Warning{"no strict key exchange"});

    EXPECT_EQ(factory.desk.told, (Words{"banner authorized use only"}));
    EXPECT_EQ(observer.told, (Words{"warning no strict key exchange"}));
}

}  // namespace
}  // namespace caponier::relay
