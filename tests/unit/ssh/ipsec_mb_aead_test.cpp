// AES-GCM through libipsec-mb: known answers, and agreement with OpenSSL over random packets. Where
// the machine does not have the provider these tests are skipped, and say so.

#include <thread>

#include <gtest/gtest.h>

#include "tests/unit/ssh/aead_known_answers.h"
#include "tests/unit/ssh/aead_packets.h"

namespace caponier::ssh {
namespace {

std::unique_ptr<Aead> made(AeadProvider provider, CipherAlgorithm algorithm, std::string_view iv) {
    return make_aead(algorithm, TestKey{algorithm, iv}.view(), provider);
}

constexpr std::string_view any_iv = "0a0b0c0d 00000000fffffff0";

class IpsecMbAead : public ::testing::Test {
  protected:
    void SetUp() override {
        if (!made(AeadProvider::ipsec_mb, CipherAlgorithm::aes128_gcm, any_iv)) {
            GTEST_SKIP() << "this machine does not have libipsec-mb or VAES";
        }
    }
};

Bytes with_room_for_tag(std::string_view frame) {
    Bytes packet = from_hex(frame);
    packet.resize(packet.size() + aead_tag_bytes);
    return packet;
}

TEST_F(IpsecMbAead, SealsAndOpensTheKnownPackets) {
    for (const GcmAnswer& answer : known_gcm_answers) {
        Bytes packet = with_room_for_tag(known_gcm_frame);

        made(AeadProvider::ipsec_mb, answer.algorithm, answer.iv)->seal(0, packet);

        EXPECT_EQ(packet, from_hex(answer.sealed)) << answer.iv;
        ASSERT_TRUE(made(AeadProvider::ipsec_mb, answer.algorithm, answer.iv)->open(0, packet));
        EXPECT_EQ(text_of_frame(packet), text_of_frame(with_room_for_tag(known_gcm_frame)));
    }
}

// RFC 5647 7.1: "The invocation field is treated as a 64-bit integer". Its carry stays in it.
TEST_F(IpsecMbAead, CountsInvocationsInSixtyFourBits) {
    for (const std::size_t row : {1U, 3U, 6U, 8U}) {
        const GcmAnswer& answer = known_gcm_answers[row];
        const std::unique_ptr<Aead> aead =
            made(AeadProvider::ipsec_mb, answer.algorithm, answer.iv);
        Bytes packet = with_room_for_tag(known_gcm_frame);
        aead->seal(0, packet);

        Bytes next = with_room_for_tag(known_gcm_frame);
        aead->seal(0, next);

        EXPECT_EQ(next, from_hex(known_gcm_answers[row + 1].sealed));
    }
}

TEST_F(IpsecMbAead, HasNoChacha) {
    EXPECT_EQ(made(AeadProvider::ipsec_mb, CipherAlgorithm::chacha20_poly1305, ""), nullptr);
}

void expect_agreement(CipherAlgorithm algorithm, std::mt19937& random) {
    const std::unique_ptr<Aead> openssl = made(AeadProvider::openssl, algorithm, any_iv);
    const std::unique_ptr<Aead> ipsec_mb = made(AeadProvider::ipsec_mb, algorithm, any_iv);
    const std::unique_ptr<Aead> from_elsewhere = made(AeadProvider::ipsec_mb, algorithm, any_iv);
    const std::unique_ptr<Aead> opener = made(AeadProvider::openssl, algorithm, any_iv);
    const std::unique_ptr<Aead> ipsec_mb_opener = made(AeadProvider::ipsec_mb, algorithm, any_iv);
    for (int packets = 0; packets < 300; ++packets) {
        const std::size_t data_bytes = 1 + random() % 33'000;
        const Bytes frame = frame_of(algorithm, data_bytes, random);
        const Bytes data =
            copy_of(std::span<const std::byte>{frame}.subspan(channel_data_offset, data_bytes));
        Bytes expected = frame;
        Bytes sealed = frame;
        Bytes sealed_from = frame;
        std::fill_n(
            std::span{sealed_from}.subspan(channel_data_offset).begin(), data_bytes, std::byte{});

        openssl->seal(0, expected);
        ipsec_mb->seal(0, sealed);
        from_elsewhere->seal_from(0, sealed_from, channel_data_offset, data);

        ASSERT_EQ(sealed, expected) << data_bytes;
        ASSERT_EQ(sealed_from, expected) << data_bytes;
        ASSERT_TRUE(opener->open(0, sealed));
        ASSERT_TRUE(ipsec_mb_opener->open(0, sealed_from));
        ASSERT_EQ(text_of_frame(sealed), text_of_frame(frame));
        ASSERT_EQ(text_of_frame(sealed_from), text_of_frame(frame));
    }
}

TEST_F(IpsecMbAead, AgreesWithOpensslOverRandomPackets) {
    const std::uint32_t seed = aead_test_seed();
    SCOPED_TRACE("AEAD_TEST_SEED=" + std::to_string(seed));
    std::mt19937 random{seed};
    expect_agreement(CipherAlgorithm::aes128_gcm, random);
    expect_agreement(CipherAlgorithm::aes256_gcm, random);
}

// A session may be made on one thread and live on another, after the first has ended.
TEST_F(IpsecMbAead, MayMoveToAnotherThread) {
    std::unique_ptr<Aead> aead;
    std::thread maker{[&] {
        aead = made(AeadProvider::ipsec_mb, CipherAlgorithm::aes128_gcm, known_gcm_answers[0].iv);
    }};
    maker.join();
    Bytes packet = with_room_for_tag(known_gcm_frame);

    aead->seal(0, packet);

    EXPECT_EQ(packet, from_hex(known_gcm_answers[0].sealed));
}

}  // namespace
}  // namespace caponier::ssh
