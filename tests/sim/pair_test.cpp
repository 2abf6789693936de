// Two sessions in memory: that they come together, carry bytes, rekey and part, with every cipher
// and key exchange, however the stream is cut.

#include "tests/sim/pair.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "ssh/crypto/aead.h"
#include "ssh/transport/algorithms.h"

namespace caponier::sim {
namespace {

std::vector<std::byte> content(std::uint64_t seed, std::size_t size) {
    Random random{seed};
    std::vector<std::byte> bytes(size);
    for (std::byte& byte : bytes) {
        byte = static_cast<std::byte>(random.next());
    }
    return bytes;
}

std::span<const std::byte> received_on(const Pair::End& end, ssh::LocalChannelId id) {
    const std::size_t index = static_cast<std::uint32_t>(id);
    return index < end.received.size() ? std::span<const std::byte>{end.received[index]}
                                       : std::span<const std::byte>{};
}

bool same_bytes(std::span<const std::byte> a, std::span<const std::byte> b) {
    return std::ranges::equal(a, b);
}

class PairOfAlgorithms : public testing::TestWithParam<std::tuple<std::string, std::string>> {};

TEST_P(PairOfAlgorithms, CarriesBytesBothWaysOverRekeysByEitherSide) {
    const auto& [kex, cipher] = GetParam();
    Pair::Options options;
    options.client.algorithms.kex = {kex};
    options.server.algorithms.kex = {kex};
    options.client.algorithms.cipher = {cipher};
    Pair pair{std::move(options)};
    ASSERT_TRUE(pair.establish());
    const auto channel = pair.open_channel();
    ASSERT_TRUE(channel.has_value());

    const std::vector<std::byte> up = content(1, 300'000);
    const std::vector<std::byte> down = content(2, 300'000);
    ASSERT_TRUE(pair.send_all(pair.client, channel->client, up));
    pair.client.session().rekey();
    ASSERT_TRUE(pair.send_all(pair.server, channel->server, down));
    pair.server.session().rekey();
    ASSERT_TRUE(pair.send_all(pair.client, channel->client, up));
    ASSERT_TRUE(pair.drive());

    std::vector<std::byte> twice{up};
    twice.insert(twice.end(), up.begin(), up.end());
    EXPECT_TRUE(same_bytes(received_on(pair.server, channel->server), twice));
    EXPECT_TRUE(same_bytes(received_on(pair.client, channel->client), down));
    EXPECT_EQ(pair.client.keys_changed, 3U);
    EXPECT_EQ(pair.server.keys_changed, 3U);
    EXPECT_TRUE(pair.client.strict);
    EXPECT_FALSE(pair.client.ended.has_value());
}

INSTANTIATE_TEST_SUITE_P(Pair,
                         PairOfAlgorithms,
                         testing::Combine(testing::Values("curve25519-sha256",
                                                          "curve25519-sha256@libssh.org",
                                                          "ecdh-sha2-nistp256",
                                                          "ecdh-sha2-nistp384",
                                                          "ecdh-sha2-nistp521",
                                                          "diffie-hellman-group14-sha256",
                                                          "diffie-hellman-group16-sha512",
                                                          "diffie-hellman-group-exchange-sha256"),
                                          testing::Values("aes128-gcm@openssh.com",
                                                          "aes256-gcm@openssh.com",
                                                          "chacha20-poly1305@openssh.com")));

/// Counter mode with each MAC, in both directions, over rekeys that both limits and sides ask for.
TEST(Pair, CarriesBytesUnderCounterModeWithEveryMac) {
    for (const std::string cipher : {"aes128-ctr", "aes192-ctr", "aes256-ctr"}) {
        for (const std::string mac : {"hmac-sha2-256",
                                      "hmac-sha2-512",
                                      "hmac-sha2-256-etm@openssh.com",
                                      "hmac-sha2-512-etm@openssh.com"}) {
            Pair::Options options;
            options.cut = Cut::random;
            options.client.algorithms.cipher = {cipher};
            options.client.algorithms.mac = {mac};
            options.client.rekey_limit.bytes = 100'000;
            Pair pair{std::move(options)};
            ASSERT_TRUE(pair.establish()) << cipher << " " << mac;
            const auto channel = pair.open_channel();
            ASSERT_TRUE(channel.has_value());
            const std::vector<std::byte> up = content(4, 250'000);
            const std::vector<std::byte> down = content(5, 150'000);

            ASSERT_TRUE(pair.send_all(pair.client, channel->client, up));
            ASSERT_TRUE(pair.send_all(pair.server, channel->server, down));
            ASSERT_TRUE(pair.drive());

            EXPECT_TRUE(same_bytes(received_on(pair.server, channel->server), up));
            EXPECT_TRUE(same_bytes(received_on(pair.client, channel->client), down));
            EXPECT_GT(pair.client.keys_changed, 2U);
        }
    }
}

TEST(Pair, RekeysFromBothSidesAtOnce) {
    Pair pair{{}};
    ASSERT_TRUE(pair.establish());

    pair.client.session().rekey();
    pair.server.session().rekey();
    ASSERT_TRUE(pair.drive());

    EXPECT_EQ(pair.client.keys_changed, 2U);
    EXPECT_EQ(pair.server.keys_changed, 2U);
    EXPECT_FALSE(pair.client.ended.has_value());
}

TEST(Pair, MakesProgressWithARekeyLimitOfSixteenBytes) {
    Pair::Options options;
    options.client.rekey_limit.bytes = 16;
    Pair pair{std::move(options)};
    ASSERT_TRUE(pair.establish());
    const auto channel = pair.open_channel();
    ASSERT_TRUE(channel.has_value());
    const std::vector<std::byte> up = content(3, 200'000);

    ASSERT_TRUE(pair.send_all(pair.client, channel->client, up));
    ASSERT_TRUE(pair.drive());

    EXPECT_TRUE(same_bytes(received_on(pair.server, channel->server), up));
    EXPECT_GT(pair.client.keys_changed, 5U);
}

// Item 60.
TEST(Pair, CarriesSixtyFourChannelsOverManyRekeys) {
    Pair::Options options;
    options.client.rekey_limit.bytes = 256 * 1024;
    options.server.rekey_limit.bytes = 256 * 1024;
    Pair pair{std::move(options)};
    ASSERT_TRUE(pair.establish());
    std::vector<Pair::Channel> channels;
    for (int i = 0; i < 64; ++i) {
        const auto channel = pair.open_channel();
        ASSERT_TRUE(channel.has_value());
        channels.push_back(*channel);
    }

    for (std::uint8_t round = 0; round < 8; ++round) {
        for (const Pair::Channel& channel : channels) {
            ASSERT_TRUE(pair.send_all(pair.client, channel.client, content(round, 32'000)));
            ASSERT_TRUE(pair.send_all(pair.server, channel.server, content(round, 33'000)));
        }
    }
    ASSERT_TRUE(pair.drive());

    for (const Pair::Channel& channel : channels) {
        std::vector<std::byte> up;
        std::vector<std::byte> down;
        for (std::uint8_t round = 0; round < 8; ++round) {
            const std::vector<std::byte> more = content(round, 32'000);
            up.insert(up.end(), more.begin(), more.end());
            const std::vector<std::byte> back = content(round, 33'000);
            down.insert(down.end(), back.begin(), back.end());
        }
        EXPECT_TRUE(same_bytes(received_on(pair.server, channel.server), up));
        EXPECT_TRUE(same_bytes(received_on(pair.client, channel.client), down));
    }
    EXPECT_GT(pair.client.keys_changed, 50U);
    EXPECT_FALSE(pair.client.ended.has_value());
}

TEST(Pair, EndsBothSessionsWhenOneDisconnects) {
    Pair pair{{}};
    ASSERT_TRUE(pair.establish());

    pair.client.session().disconnect();
    ASSERT_TRUE(pair.drive());

    ASSERT_TRUE(pair.server.ended.has_value());
    EXPECT_EQ(*pair.server.ended, (ssh::Error{ssh::ErrorCode::disconnected_by_peer, 11}));
}

}  // namespace
}  // namespace caponier::sim
