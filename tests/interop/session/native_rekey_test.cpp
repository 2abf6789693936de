// The native session under new keys all the time, against the sshd of this machine: every cipher
// with every key exchange that both have, 64 channels with keys that last for 64 KiB, and keys that
// the server asks for. Every byte of every stream is compared.

#include <algorithm>
#include <cstdio>
#include <sstream>
#include <tuple>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ssh/expects.h"
#include "ssh/native_session.h"
#include "ssh/transport/algorithms.h"
#include "tests/interop/session/target.h"
#include "tests/interop/session/tunnel.h"

namespace caponier::ssh::test {
namespace {

constexpr std::uint64_t kibibyte = 1024;
constexpr std::uint64_t mebibyte = 1024 * kibibyte;
/// Diffie-Hellman in a group of 8192 bits takes its time, and there may be more than 100 of them.
constexpr std::chrono::minutes patience{5};

/// One channel that carries `bytes` each way at once, to its end.
void carry_each_way(Tunnel& tunnel, std::uint64_t bytes) {
    const DuplexTarget target{{.to_us = 1, .from_us = 2, .bytes = bytes}};
    tunnel.driver.be_patient(patience);
    const LocalChannelId id =
        tunnel.driver.open(target.port(), {.stream_in = 1, .stream_out = 2, .bytes_out = bytes});
    DrivenChannel& channel = tunnel.driver.channel(id);

    EXPECT_TRUE(tunnel.until([&] { return channel.closed || tunnel.driver.ended; }));

    EXPECT_FALSE(tunnel.driver.ended) << tunnel.driver.end_text;
    EXPECT_EQ(channel.received, bytes);
    EXPECT_TRUE(channel.intact);
    EXPECT_FALSE(channel.cut);
    EXPECT_EQ(target.arrived(), static_cast<std::int64_t>(bytes));
}

// ---- every cipher with every key exchange ------------------------------------------------------

/// What `sshd -T` says that it speaks, by the word in front of the list.
std::vector<std::string> spoken_by_sshd(const std::string& keyword) {
    std::vector<std::string> names;
    const Sshd folder_with_config;
    const std::string command =
        "/usr/sbin/sshd -T -f " + (folder_with_config.folder() / "sshd_config").string();
    std::FILE* const output = ::popen(command.c_str(), "r");
    expects(output != nullptr);
    std::array<char, 4096> line;
    while (std::fgets(line.data(), line.size(), output) != nullptr) {
        std::istringstream words{line.data()};
        std::string word;
        words >> word;
        for (; word == keyword && std::getline(words >> std::ws, word, ',');) {
            word.erase(word.find_last_not_of(" \n") + 1);
            names.push_back(word);
            word = keyword;
        }
    }
    expects(::pclose(output) == 0);
    return names;
}

/// In our order.
std::vector<std::string> in_both(const std::vector<std::string>& ours, const std::string& keyword) {
    const std::vector<std::string> theirs = spoken_by_sshd(keyword);
    std::vector<std::string> both;
    std::copy_if(ours.begin(), ours.end(), std::back_inserter(both), [&](const std::string& name) {
        return std::find(theirs.begin(), theirs.end(), name) != theirs.end();
    });
    return both;
}

std::vector<std::string> ciphers() {
    return in_both(with_defaults(config_of_user()).cipher, "ciphers");
}

std::vector<std::string> key_exchanges() {
    return in_both(with_defaults(config_of_user()).kex, "kexalgorithms");
}

std::string name_of(const testing::TestParamInfo<std::tuple<std::string, std::string>>& pair) {
    std::string name = std::get<0>(pair.param) + "_" + std::get<1>(pair.param);
    std::replace_if(
        name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
    return name;
}

class EveryCipherAndKeyExchange
    : public testing::TestWithParam<std::tuple<std::string, std::string>> {};

/// Exchanges in the large prime groups cost both sides a tenth of a second or more.
std::uint64_t bytes_between_rekeys(std::string_view kex) {
    const bool is_slow = kex.find("group16") != std::string_view::npos ||
                         kex.find("group18") != std::string_view::npos ||
                         kex.find("group-exchange") != std::string_view::npos;
    return is_slow ? 8 * mebibyte : mebibyte;
}

TEST_P(EveryCipherAndKeyExchange, Carries64MebibytesEachWayWithNewKeysAllAlong) {
    const auto& [cipher, kex] = GetParam();
    SessionConfig config = config_of_user();
    config.algorithms.cipher = {cipher};
    config.algorithms.kex = {kex};
    config.rekey_limit.bytes = bytes_between_rekeys(kex);
    Tunnel tunnel{{"LogLevel ERROR"}, make_native_session(config)};

    carry_each_way(tunnel, 64 * mebibyte);

    EXPECT_EQ(tunnel.driver.cipher_out, cipher);
    EXPECT_EQ(tunnel.driver.cipher_in, cipher);
    EXPECT_EQ(tunnel.driver.kex, kex);
    EXPECT_GE(tunnel.driver.keys_changed, 64 * mebibyte / bytes_between_rekeys(kex));
}

INSTANTIATE_TEST_SUITE_P(NativeSession,
                         EveryCipherAndKeyExchange,
                         testing::Combine(testing::ValuesIn(ciphers()),
                                          testing::ValuesIn(key_exchanges())),
                         name_of);

// ---- under load --------------------------------------------------------------------------------

class EveryCipher : public testing::TestWithParam<std::string> {};

TEST_P(EveryCipher, LosesNothingOn64ChannelsWithNewKeysForEvery64Kibibytes) {
    constexpr std::uint64_t channels = 64;
    SessionConfig config = config_of_user();
    config.algorithms.cipher = {GetParam()};
    config.rekey_limit.bytes = 64 * kibibyte;
    Tunnel tunnel{{"LogLevel ERROR"}, make_native_session(config)};
    tunnel.driver.be_patient(patience);
    Target target{echo};

    std::vector<LocalChannelId> ids;
    for (std::uint64_t stream = 0; stream < channels; ++stream) {
        ids.push_back(tunnel.driver.open(
            target.port(),
            {.stream_in = stream, .stream_out = stream, .bytes_out = 512 * kibibyte}));
    }
    const auto is_over = [&](LocalChannelId id) { return tunnel.driver.channel(id).closed; };
    EXPECT_TRUE(tunnel.until(
        [&] { return tunnel.driver.ended || std::all_of(ids.begin(), ids.end(), is_over); }));

    EXPECT_FALSE(tunnel.driver.ended) << tunnel.driver.end_text;
    for (const LocalChannelId id : ids) {
        const DrivenChannel& channel = tunnel.driver.channel(id);
        EXPECT_EQ(channel.received, 512 * kibibyte);
        EXPECT_TRUE(channel.intact);
        EXPECT_FALSE(channel.cut);
    }
    EXPECT_GE(tunnel.driver.keys_changed, 100U);
    std::printf("new keys %u times\n", tunnel.driver.keys_changed);
}

INSTANTIATE_TEST_SUITE_P(NativeSession,
                         EveryCipher,
                         testing::ValuesIn(ciphers()),
                         [](const testing::TestParamInfo<std::string>& cipher) {
                             return name_of({{cipher.param, ""}, cipher.index});
                         });

// ---- the server asks ---------------------------------------------------------------------------

TEST(NativeSession, LosesNothingWhenTheServerAsksForNewKeysInTheMiddle) {
    Tunnel tunnel{{"RekeyLimit 1M"}, make_native_session(config_of_user())};

    carry_each_way(tunnel, 16 * mebibyte);

    EXPECT_GE(tunnel.driver.keys_changed, 16U);
}

TEST(NativeSession, LosesNothingWhenBothSidesAskForNewKeys) {
    SessionConfig config = config_of_user();
    config.rekey_limit.bytes = 256 * kibibyte;
    Tunnel tunnel{{"RekeyLimit 256K"}, make_native_session(config)};

    carry_each_way(tunnel, 16 * mebibyte);

    EXPECT_GE(tunnel.driver.keys_changed, 64U);
}

}  // namespace
}  // namespace caponier::ssh::test
