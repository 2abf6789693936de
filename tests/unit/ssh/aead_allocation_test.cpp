// No packet allocates, in the cipher. The counters have to be in place before anything else uses
// libcrypto.

#include <cstdio>

#include <gtest/gtest.h>
#include <openssl/crypto.h>

#include "tests/unit/ssh/aead_packets.h"
#include "tests/unit/ssh/counted_allocations.h"

namespace caponier::ssh {
namespace {

struct Choice {
    AeadProvider provider;
    CipherAlgorithm algorithm;
};

void PrintTo(const Choice& choice, std::ostream* out) {
    *out << (choice.provider == AeadProvider::openssl ? "openssl " : "ipsec_mb ")
         << shape_of(choice.algorithm).name;
}

TEST(AeadAllocation, IsCountedInLibcryptoToo) {
    const std::size_t before = counted_allocations();

    OPENSSL_free(OPENSSL_malloc(1));

    EXPECT_GT(counted_allocations(), before);
}

class AeadAllocationOf : public ::testing::TestWithParam<Choice> {};

TEST_P(AeadAllocationOf, HappensForAKeyAndNeverForAPacket) {
    const auto [provider, algorithm] = GetParam();
    const TestKey key{algorithm};
    const std::size_t before_key = counted_allocations();
    const std::unique_ptr<Aead> sealer = make_aead(algorithm, key.view(), provider);
    const std::unique_ptr<Aead> opener = make_aead(algorithm, key.view(), provider);
    if (!sealer) {
        GTEST_SKIP() << "this machine does not have the provider";
    }
    ASSERT_GT(counted_allocations(), before_key);
    std::mt19937 random{1};
    const Bytes frame = frame_of(algorithm, 32'768, random);
    const Bytes data(32'768);
    Bytes packet = frame;
    bool all_opened = true;

    const std::size_t before_packets = counted_allocations();
    for (std::uint32_t sequence = 0; sequence < 100; sequence += 2) {
        std::copy(frame.begin(), frame.end(), packet.begin());
        sealer->seal(sequence, packet);
        static_cast<void>(opener->packet_length(
            sequence, std::span<const std::byte>{packet}.first<packet_length_bytes>()));
        all_opened = opener->open(sequence, packet) && all_opened;
        std::copy(frame.begin(), frame.end(), packet.begin());
        sealer->seal_from(sequence + 1, packet, channel_data_offset, data);
        all_opened = opener->open(sequence + 1, packet) && all_opened;
    }

    EXPECT_EQ(counted_allocations(), before_packets);
    EXPECT_TRUE(all_opened);
}

INSTANTIATE_TEST_SUITE_P(
    EachProvider,
    AeadAllocationOf,
    ::testing::Values(Choice{AeadProvider::openssl, CipherAlgorithm::aes128_gcm},
                      Choice{AeadProvider::openssl, CipherAlgorithm::aes256_gcm},
                      Choice{AeadProvider::openssl, CipherAlgorithm::chacha20_poly1305},
                      Choice{AeadProvider::ipsec_mb, CipherAlgorithm::aes128_gcm},
                      Choice{AeadProvider::ipsec_mb, CipherAlgorithm::aes256_gcm}));

}  // namespace
}  // namespace caponier::ssh

int main(int argc, char** argv) {
    if (!caponier::ssh::count_allocations_of_libcrypto()) {
        std::fputs("libcrypto was used before it could be counted\n", stderr);
        return 1;
    }
    ::testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
