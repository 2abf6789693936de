// ssh-agent, the real one and broken ones (item 90).

#include "engine/client/agent_connection.h"

#include <optional>

#include <sys/eventfd.h>

#include <gtest/gtest.h>

#include "ssh/crypto/signature.h"
#include "ssh/limits.h"
#include "ssh/wire/bytes.h"
#include "ssh/wire/wire_writer.h"
#include "tests/unit/client/agents.h"
#include "tests/unit/client/temporary_folder.h"

namespace caponier::client {
namespace {

using namespace std::chrono_literals;

/// For what is expected to come; the tests never wait for it to pass.
constexpr std::chrono::milliseconds long_enough = 30s;

std::vector<std::byte> bytes(std::initializer_list<int> values) {
    std::vector<std::byte> out;
    for (const int value : values) {
        out.push_back(static_cast<std::byte>(value));
    }
    return out;
}

/// What listing the identities of an agent that answers so comes to.
std::string failure_with(std::vector<std::byte> answer,
                         FakeAgent::Then then,
                         std::chrono::milliseconds patience = long_enough) {
    const TemporaryFolder folder;
    const FakeAgent agent{folder.path("agent"), std::move(answer), then};
    auto connection = AgentConnection::open(folder.path("agent"), -1);
    EXPECT_TRUE(connection);
    const auto keys = connection->identities(patience);
    return keys ? "no failure" : keys.error();
}

TEST(AgentConnection, ListsTheKeysOfARealAgent) {
    const TemporaryFolder folder;
    const RealAgent agent{folder.path("agent")};
    const std::vector<std::byte> blob = make_key_pair(folder.path("id"));
    ASSERT_TRUE(agent.add(folder.path("id")));

    auto connection = AgentConnection::open(agent.path(), -1);
    ASSERT_TRUE(connection);
    const auto keys = connection->identities(long_enough);

    ASSERT_TRUE(keys) << keys.error();
    ASSERT_EQ(keys->size(), 1);
    EXPECT_EQ(keys->front().blob, blob);
    EXPECT_EQ(keys->front().comment, "a comment");
}

/// An answer with keys of these sizes.
std::vector<std::byte> listing_of(std::initializer_list<std::size_t> key_bytes) {
    std::vector<std::byte> answer;
    ssh::WireWriter out{answer};
    const ssh::WireWriter::OpenString message = out.begin_string();
    out.byte(12);
    out.uint32(static_cast<std::uint32_t>(key_bytes.size()));
    for (const std::size_t size : key_bytes) {
        out.string(std::vector<std::byte>(size, std::byte{1}));
        out.text("of " + std::to_string(size));
    }
    out.end_string(message);
    return answer;
}

// What is offered comes back in requests: a key that no session would take is not offered.
TEST(AgentConnection, LeavesKeysOutThatAreLargerThanAnyRealOne) {
    const TemporaryFolder folder;
    const FakeAgent agent{folder.path("agent"),
                          listing_of({100, ssh::public_key_blob_bytes_max + 1, 150'000, 16 * 1024}),
                          FakeAgent::Then::stay};
    auto connection = AgentConnection::open(folder.path("agent"), -1);
    ASSERT_TRUE(connection);

    const auto keys = connection->identities(long_enough);

    ASSERT_TRUE(keys) << keys.error();
    ASSERT_EQ(keys->size(), 2U);
    EXPECT_EQ(keys->front().comment, "of 100");
    EXPECT_EQ(keys->back().comment, "of 16384");
    EXPECT_EQ(connection->left_out(), (std::vector<std::string>{"of 16385", "of 150000"}));
}

TEST(AgentConnection, SignsWithARealAgentAndTheAlgorithmThatIsAskedFor) {
    const TemporaryFolder folder;
    const RealAgent agent{folder.path("agent")};
    const std::vector<std::byte> blob = make_key_pair(folder.path("id"), "rsa");
    ASSERT_TRUE(agent.add(folder.path("id")));
    auto connection = AgentConnection::open(agent.path(), -1);
    ASSERT_TRUE(connection);
    const auto data = ssh::bytes_of("what is to be signed");

    for (const std::string_view algorithm : {"rsa-sha2-256", "rsa-sha2-512"}) {
        const auto signature = connection->sign({blob, algorithm, data}, long_enough);

        ASSERT_TRUE(signature) << signature.error();
        EXPECT_EQ(ssh::verify({algorithm, blob, data, *signature}), ssh::Verification::valid);
    }
}

TEST(AgentConnection, ARefusalKeepsTheConnection) {
    const TemporaryFolder folder;
    const RealAgent agent{folder.path("agent")};
    const std::vector<std::byte> blob = make_key_pair(folder.path("id"));
    auto connection = AgentConnection::open(agent.path(), -1);
    ASSERT_TRUE(connection);

    const auto signature = connection->sign({blob, "ssh-ed25519", ssh::bytes_of("x")}, long_enough);

    ASSERT_FALSE(signature);
    EXPECT_NE(signature.error().find("refused"), std::string::npos);
    EXPECT_TRUE(connection->is_usable());
    EXPECT_TRUE(connection->identities(long_enough));
}

TEST(AgentConnection, NobodyAtTheSocketIsAnError) {
    const TemporaryFolder folder;
    EXPECT_FALSE(AgentConnection::open(folder.path("nothing"), -1));
    EXPECT_FALSE(AgentConnection::open(folder.path(std::string(200, 'x')), -1));
    EXPECT_FALSE(AgentConnection::open(folder.write("file", ""), -1));
}

TEST(AgentConnection, AnAgentThatSaysNothingIsGivenUp) {
    const TemporaryFolder folder;
    const FakeAgent agent{folder.path("agent")};
    auto connection = AgentConnection::open(folder.path("agent"), -1);
    ASSERT_TRUE(connection);

    const auto keys = connection->identities(3ms);

    ASSERT_FALSE(keys);
    EXPECT_EQ(keys.error(), "the agent does not answer");
    EXPECT_FALSE(connection->is_usable());
    EXPECT_FALSE(connection->identities(long_enough));
}

TEST(AgentConnection, AnAgentThatStopsInTheMiddleOfItsAnswerIsGivenUp) {
    EXPECT_EQ(failure_with(bytes({0, 0, 0, 9, 12, 0, 0}), FakeAgent::Then::stay, 20ms),
              "the agent does not answer");
    EXPECT_EQ(failure_with(bytes({0, 0, 0, 9, 12, 0, 0}), FakeAgent::Then::close),
              "the agent closed the connection");
}

TEST(AgentConnection, NonsenseIsNoAnswer) {
    const std::string no_length = "this is not an agent: its answer has no valid length";
    EXPECT_EQ(failure_with(bytes({0xff, 0xff, 0xff, 0xff, 1}), FakeAgent::Then::stay), no_length);
    EXPECT_EQ(failure_with(bytes({0, 4, 0, 1, 1}), FakeAgent::Then::stay), no_length);
    EXPECT_EQ(failure_with(bytes({0, 0, 0, 0}), FakeAgent::Then::stay), no_length);
    EXPECT_NE(failure_with(bytes({0, 0, 0, 5, 12, 0xff, 0xff, 0xff, 0xff}), FakeAgent::Then::stay)
                  .find("the agent's answer: "),
              std::string::npos);
    EXPECT_NE(failure_with(bytes({0, 0, 0, 1, 5}), FakeAgent::Then::stay).find("refused"),
              std::string::npos);
}

TEST(AgentConnection, AWaitCanBeInterrupted) {
    const TemporaryFolder folder;
    const FakeAgent agent{folder.path("agent")};
    const io::Socket interrupt{::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK)};
    auto connection = AgentConnection::open(folder.path("agent"), interrupt.fd());
    ASSERT_TRUE(connection);

    const auto keys = connection->identities(long_enough);

    ASSERT_FALSE(keys);
    EXPECT_EQ(keys.error(), "interrupted");
}

}  // namespace
}  // namespace caponier::client
