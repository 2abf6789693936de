// One session's life, with a server that makes plain system calls, a session without SSH, and a
// policy that answers when the test says so.

#include "engine/relay/session_worker.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/relay/fake_session.h"
#include "tests/unit/relay/fakes.h"
#include "tests/unit/relay/ground.h"

namespace caponier::relay {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Phase = SessionEnd::Phase;

class SessionWorkerTest : public testing::Test, public SessionWorker::Owner {
  protected:
    explicit SessionWorkerTest(const sim::NetworkShape& shape = {}) : ground(shape) {
        ground.turn = [this] { turn(); };
        pool = *ground.loop.make_pool(
            {.buffers = 4, .buffer_bytes = 64 * 1024, .headroom_bytes = 1024});
        destination.addresses = {address};
        destination.factory = &factory;
        listener = *ground.network.listen(address);
        SessionWorker::Owner& owner = *this;
        const SessionWorker::Surroundings around{.loop = ground.loop,
                                                 .pool = *pool,
                                                 .destination = destination,
                                                 .observer = observer,
                                                 .slot = SessionSlot{0},
                                                 .counters = counters};
        worker = std::make_unique<SessionWorker>(around, owner);
    }
    ~SessionWorkerTest() override {
        if (ends.empty()) {
            worker->disconnect();
        }
        settle();
        pass(seconds{2});
        EXPECT_EQ(ends.size(), 1U);
        EXPECT_TRUE(worker->is_idle());
        worker.reset();
        EXPECT_EQ(factory.desk.policies, 0U);
        EXPECT_EQ(ground.simulated.leases_out(), 0U);
        EXPECT_EQ(ground.simulated.in_flight(), 0U);
    }

    void session_established(SessionWorker&) noexcept override { ++established; }
    void session_ended(SessionWorker&, const SessionEnd& end) noexcept override {
        ends.push_back(end);
    }
    void wants_settling(SessionWorker&) noexcept override { unsettled = true; }

    /// As a shard makes it.
    void turn() {
        ground.loop.run_once(true);
        while (std::exchange(unsettled, false)) {
            worker->settle();
        }
    }
    void settle() { ground.settle(); }
    void pass(std::chrono::nanoseconds duration) { ground.pass(duration); }
    /// Dials, and finds the server's end of the connection.
    void connect() {
        worker->start();
        settle();
        server.emplace(ground.network, ground.network.take_waiting(listener).value_or(-1));
    }
    FakeSession& session() { return *factory.session; }
    void push(const ssh::Event& event) {
        session().events.push_back(event);
        worker->settle();
        settle();
    }
    void establish() {
        connect();
        push(ssh::PeerIdentified{"SSH-2.0-Fake"});
        push(ssh::Established{});
        session().told.clear();
    }
    void answer(Answer&& answer) {
        factory.desk.answer(std::move(answer));
        settle();
    }
    StreamId open_stream() {
        const Upstream::Opened opened = worker->upstream()->open(target, {}, user);
        EXPECT_TRUE(opened.ok);
        settle();
        return opened.id;
    }
    /// The session takes each byte for the data of channel 0.
    void deliver_bytes_one_by_one() {
        session().on_receive = [this](std::span<std::byte> bytes) {
            for (std::size_t at = 0; at < bytes.size(); ++at) {
                session().events.push_back(
                    ssh::ChannelData{ssh::LocalChannelId{0}, bytes.subspan(at, 1)});
            }
            return bytes.size();
        };
    }

    const Target target{"db", 1};
    const io::Address address = address_of("10.0.0.1", 22);
    Ground ground;
    FakeFactory factory{ground.loop};
    Destination destination;
    RecordingObserver observer;
    SessionCounters counters;
    FakeStreamUser user;
    std::unique_ptr<io::BufferPool> pool;
    int listener = -1;
    std::unique_ptr<SessionWorker> worker;
    std::optional<Peer> server;
    bool unsettled = false;
    int established = 0;
    std::vector<SessionEnd> ends;
};

/// A server whose kernel takes 100 bytes and that reads nothing.
class DeafServer : public SessionWorkerTest {
  protected:
    DeafServer() : SessionWorkerTest({.send_queue_bytes = 50, .receive_queue_bytes = 50}) {}
};

// ---- dial
// ----------------------------------------------------------------------------------------

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

// ---- the connect timeout
// -------------------------------------------------------------------------

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
TEST_F(SessionWorkerTest, CountsOneTimeoutFromTheFirstSynToTheEndOfAuthentication) {
    connect();
    pass(seconds{6});
    push(ssh::PeerIdentified{"SSH-2.0-Fake"});
    push(ssh::AuthenticationWanted{"publickey"});
    answer(TryPublicKey{"ssh-ed25519", {}});

    pass(seconds{3});
    EXPECT_TRUE(ends.empty());
    pass(milliseconds{1'100});

    ASSERT_EQ(ends.size(), 1U);
    EXPECT_EQ(ends[0].phase, Phase::authenticating);
    EXPECT_TRUE(ends[0].deadline);
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

// ssh_config(5): ConnectTimeout 0 is "the default system TCP timeout".
TEST_F(SessionWorkerTest, HasNoConnectTimeoutIfItIsZero) {
    destination.connect_timeout = seconds{0};
    connect();

    pass(hours{1});

    EXPECT_TRUE(ends.empty());
}

TEST_F(SessionWorkerTest, HasNoConnectTimeoutOnceItIsEstablished) {
    destination.alive_interval = seconds{0};
    establish();

    pass(hours{1});

    EXPECT_TRUE(ends.empty());
}

// ---- questions
// -----------------------------------------------------------------------------------

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

// ---- the clock
// -----------------------------------------------------------------------------------

// Items 64 and 117.
TEST_F(SessionWorkerTest, ProbesASilentServerAndGivesItUp) {
    establish();

    pass(3 * destination.alive_interval + seconds{1});
    EXPECT_EQ(session().told, (Words{"probe", "probe", "probe"}));
    EXPECT_TRUE(ends.empty());
    pass(destination.alive_interval);

    ASSERT_EQ(ends.size(), 1U);
    EXPECT_EQ(ends[0].phase, Phase::established);
    EXPECT_TRUE(ends[0].deadline);
    EXPECT_EQ(session().told.size(), 3U);
}

// Item 69: any packet is a sign of life.
TEST_F(SessionWorkerTest, CountsProbesAnewWhenTheServerSaysAnything) {
    establish();

    for (int times = 0; times < 5; ++times) {
        pass(3 * destination.alive_interval + seconds{1});
        server->write("alive");
        settle();
    }

    EXPECT_TRUE(ends.empty());
    EXPECT_EQ(session().told.size(), 15U);
}

TEST_F(SessionWorkerTest, NeverProbesAServerThatIsBusy) {
    establish();

    for (int times = 0; times < 20; ++times) {
        pass(destination.alive_interval / 2);
        server->write("data");
        settle();
    }

    EXPECT_TRUE(session().told.empty());
}

TEST_F(SessionWorkerTest, NeverProbesWhenItIsToldNotTo) {
    destination.alive_interval = seconds{0};
    establish();

    pass(hours{1});

    EXPECT_TRUE(session().told.empty());
}

TEST_F(SessionWorkerTest, TellsTheSessionThatItsDeadlinePassed) {
    establish();
    session().deadline = ground.network.now() + seconds{5};
    worker->settle();

    pass(seconds{4});
    EXPECT_TRUE(session().told.empty());
    pass(seconds{2});

    EXPECT_EQ(session().told, (Words{"expire"}));
}

TEST_F(SessionWorkerTest, DoesNotExpireASessionThatWaitsForAPerson) {
    connect();
    session().deadline = ground.network.now() + seconds{5};
    push(ssh::HostKeyReceived{});

    pass(seconds{60});
    EXPECT_TRUE(session().told.empty());
    answer(AcceptHostKey{});
    pass(milliseconds{10});

    EXPECT_EQ(session().told, (Words{"accept host key", "expire"}));
}

TEST_F(SessionWorkerTest, TurnsNoMoreOftenThanItsTimersWhileNothingHappens) {
    destination.alive_interval = seconds{10};
    destination.alive_count_max = 1'000;
    establish();

    std::size_t callbacks = 0;
    const io::TimePoint until = ground.network.now() + seconds{100};
    while (ground.network.now() < until) {
        callbacks += ground.loop.run_once(true);
    }

    EXPECT_LE(callbacks, 25U);
}

// ---- streams
// -------------------------------------------------------------------------------------

TEST_F(SessionWorkerTest, TellsAStreamOnceThatARoundIsComplete) {
    establish();
    open_stream();
    session().on_receive = [this](std::span<std::byte> bytes) {
        session().events.push_back(
            ssh::ChannelData{ssh::LocalChannelId{0}, bytes.first(bytes.size() / 2)});
        session().events.push_back(ssh::ChannelEof{ssh::LocalChannelId{0}});
        return bytes.size();
    };

    server->write("abcd");
    settle();

    EXPECT_EQ(user.told, (Words{"data: ab", "eof", "deliver"}));
}

TEST_F(SessionWorkerTest, LetsStreamsCopyWhenBothRoundsAreStillBeingSent) {
    user.keeps_rounds = true;
    establish();
    open_stream();
    deliver_bytes_one_by_one();

    server->write("a");
    settle();
    server->write("b");
    settle();
    server->write("c");
    settle();
    user.kept[0]->release();
    server->write("d");
    settle();

    EXPECT_EQ(
        user.told,
        (Words{
            "data: a", "deliver", "data: b", "deliver", "data to copy: c", "data: d", "deliver"}));
    user.kept[1]->release();
    user.kept[2]->release();
}

TEST_F(SessionWorkerTest, LetsStreamsCopyWhatTheEngineKeepsInMemoryOfItsOwn) {
    std::string elsewhere = "own";
    establish();
    open_stream();
    session().on_receive = [&](std::span<std::byte> bytes) {
        session().events.push_back(
            ssh::ChannelData{ssh::LocalChannelId{0}, std::as_writable_bytes(std::span{elsewhere})});
        return bytes.size();
    };

    server->write("x");
    settle();

    EXPECT_EQ(user.told, (Words{"data to copy: own"}));
}

TEST_F(SessionWorkerTest, TakesTheShortestOfItsFirstRoundTripsForThePaths) {
    establish();
    const StreamId id = open_stream();
    const auto answer_after = [&](milliseconds time) {
        pass(time);
        session().events.push_back(ssh::ProbeAnswered{});
        server->write("x");
        settle();
    };

    for (const int time : {100, 50, 80}) {
        answer_after(milliseconds{time});
    }
    EXPECT_EQ(std::count(session().told.begin(), session().told.end(), "probe"),
              2);  // and one before
    session().told.clear();
    worker->upstream()->grant(id, 1);
    pass(milliseconds{60});
    worker->upstream()->grant(id, initial_window_bytes / 2 + 1024 * 1024);

    EXPECT_TRUE(session().told.back().starts_with("widen "));
}

TEST_F(DeafServer, WakesStreamsThatTheOutboxHeldBackWhenItDrains) {
    establish();
    const StreamId id = open_stream();
    const ssh::LocalChannelId channel{static_cast<std::uint32_t>(id)};
    session().channel_of(channel).send_window = 1024 * 1024;
    EXPECT_GT(worker->upstream()->allowance(id), 0U);
    session().channel_of(channel).send_window -= sparse_bytes;
    session().outbox_text += pattern(600 * 1024);
    EXPECT_EQ(worker->upstream()->allowance(id), 0U);
    worker->settle();
    settle();
    EXPECT_TRUE(user.told.empty());

    for (int times = 0; times < 2'000 && user.told.empty(); ++times) {
        server->read();
        settle();
    }

    EXPECT_EQ(user.told, (Words{"writable"}));
    EXPECT_LT(session().outbox_text.size(), outbox_high_water_bytes);
    EXPECT_GE(session().outbox_text.size(), outbox_high_water_bytes - 100);
    for (int times = 0; times < 10'000 && !session().outbox_text.empty(); ++times) {
        server->read();
        settle();
    }
}

TEST_F(SessionWorkerTest, SendsAnOutboxOfMorePiecesThanOneSendTakes) {
    establish();
    session().outbox_piece_bytes = 10;
    session().outbox_text += pattern(10 * outbox_pieces * 3 + 5);
    const std::string text = session().outbox_text;

    worker->settle();
    settle();

    EXPECT_EQ(server->read(), text);
    EXPECT_TRUE(session().outbox_text.empty());
}

// ---- the end
// -------------------------------------------------------------------------------------

TEST_F(SessionWorkerTest, CutsItsStreamsBeforeItTellsThatTheSessionEnded) {
    establish();
    open_stream();

    server->shut_down();
    settle();

    ASSERT_EQ(ends.size(), 1U);
    EXPECT_EQ(user.told, (Words{"cut"}));
    EXPECT_EQ(ends[0].error.code, ssh::ErrorCode::connection_lost);
    EXPECT_EQ(ends[0].os_error, 0);
}

TEST_F(SessionWorkerTest, DeliversTheRoundInWhichTheSessionEnded) {
    establish();
    open_stream();
    session().on_receive = [this](std::span<std::byte> bytes) {
        session().events.push_back(ssh::ChannelData{ssh::LocalChannelId{0}, bytes});
        session().end(ssh::ErrorCode::disconnected_by_peer);
        return bytes.size();
    };

    server->write("last");
    settle();

    EXPECT_EQ(user.told, (Words{"data: last", "cut", "deliver"}));
    EXPECT_EQ(ends.size(), 1U);
}

TEST_F(SessionWorkerTest, TellsTheErrorOfABrokenConnection) {
    establish();

    server->reset();
    settle();

    ASSERT_EQ(ends.size(), 1U);
    EXPECT_EQ(ends[0].os_error, ECONNRESET);
    EXPECT_EQ(ends[0].phase, Phase::established);
}

TEST_F(SessionWorkerTest, SaysGoodbyeBeforeItCloses) {
    establish();

    worker->disconnect();
    settle();

    EXPECT_EQ(server->read(), "bye");
    EXPECT_TRUE(server->saw_end());
    ASSERT_EQ(ends.size(), 1U);
    EXPECT_EQ(ends[0].error.code, ssh::ErrorCode::closed_by_application);
}

// Item 68: SSH_MSG_DISCONNECT leaves, and the end never waits for a peer that does not read.
TEST_F(DeafServer, GetsItsGoodbyeOnlySoLong) {
    establish();
    session().outbox_text += pattern(1000);
    worker->settle();
    settle();

    worker->disconnect();
    pass(farewell_patience - milliseconds{10});
    EXPECT_TRUE(ends.empty());
    pass(milliseconds{20});

    EXPECT_EQ(ends.size(), 1U);
}

TEST_F(SessionWorkerTest, CanBeStoppedWhileItDials) {
    ground.loop.silent.insert(address.to_string());
    worker->start();

    worker->disconnect();
    EXPECT_EQ(ends.size(), 1U);
    settle();

    EXPECT_TRUE(worker->is_idle());
    EXPECT_EQ(ends[0].error.code, ssh::ErrorCode::closed_by_application);
}

TEST_F(SessionWorkerTest, CanBeStoppedBeforeTheServerIdentifiedItself) {
    connect();

    worker->disconnect();
    settle();

    EXPECT_EQ(ends.size(), 1U);
    EXPECT_TRUE(worker->is_idle());
}

TEST_F(SessionWorkerTest, CanBeStoppedWhileAQuestionIsOpen) {
    connect();
    push(ssh::HostKeyReceived{});

    worker->disconnect();
    settle();

    EXPECT_EQ(ends.size(), 1U);
    EXPECT_EQ(factory.desk.policies, 0U);
}

TEST_F(SessionWorkerTest, CanBeStoppedBeforeItWasStarted) {
    worker->disconnect();

    EXPECT_EQ(ends.size(), 1U);
    EXPECT_TRUE(worker->is_idle());
}

TEST_F(DeafServer, CanBeStoppedTwice) {
    establish();
    session().outbox_text += pattern(1000);
    worker->settle();

    worker->disconnect();
    worker->disconnect();
    pass(seconds{2});

    EXPECT_EQ(ends.size(), 1U);
}

}  // namespace
}  // namespace caponier::relay
