// SSH_MSG_KEXINIT, read and written.

#include "ssh/transport/kexinit.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "ssh/wire/wire_writer.h"
#include "tests/sim/random.h"

namespace caponier::ssh {
namespace {

std::vector<std::byte> own() {
    AlgorithmLists lists;
    lists.kex = {"a", "b"};
    lists.host_key = {"c"};
    lists.cipher = {"d", "e"};
    lists.mac = {"f"};
    const std::vector<std::string> markers{"m"};
    const RandomSource random{
        .fill = [](void*,
                   std::span<std::byte> bytes) noexcept { std::ranges::fill(bytes, std::byte{9}); },
        .context = nullptr};
    return make_kexinit(lists, markers, random);
}

// RFC 4253 7.1
TEST(KexInit, OfOursIsReadAsItWasMeant) {
    const std::vector<std::byte> payload = own();
    const auto message = parse_kexinit(payload);

    ASSERT_TRUE(message.has_value());
    EXPECT_EQ(message->cookie.size(), kexinit_cookie_bytes);
    EXPECT_EQ(message->cookie[0], std::byte{9});
    EXPECT_EQ(message->kex.text(), "a,b,m");
    EXPECT_EQ(message->host_key.text(), "c");
    EXPECT_EQ(message->cipher_client_to_server.text(), "d,e");
    EXPECT_EQ(message->cipher_server_to_client.text(), "d,e");
    EXPECT_EQ(message->mac_client_to_server.text(), "f");
    EXPECT_EQ(message->compression_client_to_server.text(), "none");
    EXPECT_EQ(message->language_client_to_server.text(), "");
    EXPECT_FALSE(message->first_kex_packet_follows);
}

TEST(KexInit, CutAnywhereIsMalformed) {
    const std::vector<std::byte> payload = own();
    for (std::size_t size = 0; size < payload.size(); ++size) {
        EXPECT_FALSE(parse_kexinit(std::span{payload}.first(size)).has_value()) << size;
    }
}

TEST(KexInit, WithMoreBehindItIsMalformed) {
    std::vector<std::byte> payload = own();
    payload.push_back(std::byte{0});
    EXPECT_EQ(parse_kexinit(payload).error(), (Error{ErrorCode::malformed_message, 20}));
}

TEST(KexInit, WithAnotherNumberIsMalformed) {
    std::vector<std::byte> payload = own();
    payload[0] = std::byte{21};
    EXPECT_FALSE(parse_kexinit(payload).has_value());
}

// Item 30, F: whatever the bytes are, it is read or refused.
TEST(KexInit, OfRandomBytesDoesNoHarm) {
    sim::Random random{1};
    for (int i = 0; i < 20'000; ++i) {
        std::vector<std::byte> payload = own();
        for (std::uint64_t changes = random.between(1, 4); changes > 0; --changes) {
            payload[random.below(payload.size())] = static_cast<std::byte>(random.next());
        }
        payload.resize(random.between(0, payload.size()));
        std::ignore = parse_kexinit(payload);
    }
}

}  // namespace
}  // namespace caponier::ssh
