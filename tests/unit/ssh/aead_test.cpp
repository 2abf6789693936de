// What holds for every packet cipher of every provider that this machine has.

#include "ssh/crypto/aead.h"

#include <string>
#include <tuple>

#include <gtest/gtest.h>

#include "tests/unit/ssh/aead_packets.h"

namespace caponier::ssh {
namespace {

TEST(CipherShape, IsFoundByItsName) {
    for (const CipherAlgorithm algorithm : {CipherAlgorithm::aes128_gcm,
                                            CipherAlgorithm::aes256_gcm,
                                            CipherAlgorithm::chacha20_poly1305}) {
        EXPECT_EQ(cipher_of(shape_of(algorithm).name), algorithm);
    }
    EXPECT_EQ(cipher_of("chacha20-poly1305"), std::nullopt);
    EXPECT_EQ(cipher_of(""), std::nullopt);
}

// RFC 5647 7.3 and PROTOCOL.chacha20poly1305: "512 bits of key material".
TEST(CipherShape, HasTheSizesOfItsStandard) {
    EXPECT_EQ(shape_of(CipherAlgorithm::aes128_gcm).key_bytes, 16U);
    EXPECT_EQ(shape_of(CipherAlgorithm::aes256_gcm).key_bytes, 32U);
    EXPECT_EQ(shape_of(CipherAlgorithm::chacha20_poly1305).key_bytes, 64U);
    EXPECT_EQ(shape_of(CipherAlgorithm::aes128_gcm).iv_bytes, 12U);
    EXPECT_EQ(shape_of(CipherAlgorithm::chacha20_poly1305).iv_bytes, 0U);
    EXPECT_EQ(shape_of(CipherAlgorithm::aes256_gcm).block_bytes, 16U);
    EXPECT_EQ(shape_of(CipherAlgorithm::chacha20_poly1305).block_bytes, 8U);
}

// RFC 4344 3.2 as OpenSSH has it: 64 GiB under one AES key, 1 GiB otherwise.
TEST(CipherShape, HasTheRekeyLimitOfOpenSsh) {
    EXPECT_EQ(shape_of(CipherAlgorithm::aes128_gcm).rekey_bytes, std::uint64_t{1} << 36);
    EXPECT_EQ(shape_of(CipherAlgorithm::aes256_gcm).rekey_bytes, std::uint64_t{1} << 36);
    EXPECT_EQ(shape_of(CipherAlgorithm::chacha20_poly1305).rekey_bytes, std::uint64_t{1} << 30);
}

TEST(MakeAead, AlwaysSucceedsWithTheAutomaticProvider) {
    for (const CipherAlgorithm algorithm : {CipherAlgorithm::aes128_gcm,
                                            CipherAlgorithm::aes256_gcm,
                                            CipherAlgorithm::chacha20_poly1305}) {
        EXPECT_NE(make_aead(algorithm, TestKey{algorithm}.view()), nullptr);
    }
}

using AeadChoice = std::tuple<AeadProvider, CipherAlgorithm>;

class Packet : public ::testing::TestWithParam<AeadChoice> {
  protected:
    void SetUp() override {
        if (!made()) {
            GTEST_SKIP() << "this machine does not have the provider";
        }
    }
    [[nodiscard]] std::unique_ptr<Aead> made() const {
        return make_aead(algorithm_, key_.view(), std::get<AeadProvider>(GetParam()));
    }
    [[nodiscard]] Bytes sealed(std::uint32_t sequence, const Bytes& frame) const {
        Bytes packet = frame;
        made()->seal(sequence, packet);
        return packet;
    }
    [[nodiscard]] bool opens(std::uint32_t sequence, Bytes packet) const {
        return made()->open(sequence, packet);
    }

    const CipherAlgorithm algorithm_ = std::get<CipherAlgorithm>(GetParam());
    const TestKey key_{algorithm_};
    std::mt19937 random_{1};
};

TEST_P(Packet, OpensToWhatWasSealed) {
    const std::unique_ptr<Aead> sealer = made();
    const std::unique_ptr<Aead> opener = made();
    for (std::uint32_t sequence = 0; sequence < 8; ++sequence) {
        const Bytes frame = frame_of(algorithm_, 300 * sequence, random_);
        Bytes packet = frame;

        sealer->seal(sequence, packet);

        const auto front = std::span<const std::byte>{packet}.first<packet_length_bytes>();
        EXPECT_EQ(opener->packet_length(sequence, front),
                  frame.size() - packet_length_bytes - aead_tag_bytes);
        EXPECT_NE(text_of_frame(packet), text_of_frame(frame));
        ASSERT_TRUE(opener->open(sequence, packet));
        EXPECT_EQ(text_of_frame(packet), text_of_frame(frame));
    }
}

// Checklist 61: no key ever meets a nonce twice.
TEST_P(Packet, NeverLooksTheSameTwice) {
    const std::unique_ptr<Aead> sealer = made();
    const Bytes frame = frame_of(algorithm_, 32, random_);
    Bytes first = frame;
    Bytes second = frame;

    sealer->seal(5, first);
    sealer->seal(6, second);

    EXPECT_NE(text_of_frame(first), text_of_frame(second));
}

// The data of every length from nothing to more than a few of the widest blocks, then large ones:
// pieces that end before, on and after a block are all among them.
TEST_P(Packet, SealedFromElsewhereIsTheSamePacket) {
    const std::unique_ptr<Aead> in_place = made();
    const std::unique_ptr<Aead> from_elsewhere = made();
    std::vector<std::size_t> sizes(700);
    for (std::size_t at = 0; at < sizes.size(); ++at) {
        sizes[at] = at;
    }
    sizes.insert(sizes.end(), {4'095, 4'096, 4'097, 16'390, 32'768, 33'000});
    std::uint32_t sequence = 0;
    for (const std::size_t data_bytes : sizes) {
        Bytes expected = frame_of(algorithm_, data_bytes, random_);
        Bytes packet = expected;
        const std::span<std::byte> place =
            std::span{packet}.subspan(channel_data_offset, data_bytes);
        const Bytes data = copy_of(place);
        std::fill(place.begin(), place.end(), std::byte{});

        in_place->seal(sequence, expected);
        from_elsewhere->seal_from(sequence, packet, channel_data_offset, data);

        ASSERT_EQ(packet, expected) << data_bytes << " bytes of data";
        ++sequence;
    }
}

// The head of a message is not always a channel data head.
TEST_P(Packet, SealedFromElsewhereTakesDataAtAnyOffset) {
    const std::unique_ptr<Aead> in_place = made();
    const std::unique_ptr<Aead> from_elsewhere = made();
    for (std::size_t offset = 5; offset < 200; ++offset) {
        Bytes expected = frame_of(algorithm_, 5'000, random_);
        Bytes packet = expected;
        const std::span<std::byte> place = std::span{packet}.subspan(offset, 4'700);
        const Bytes data = copy_of(place);
        std::fill(place.begin(), place.end(), std::byte{});

        in_place->seal(7, expected);
        from_elsewhere->seal_from(7, packet, offset, data);

        ASSERT_EQ(packet, expected) << "data at " << offset;
    }
}

TEST_P(Packet, LeavesTheDataItIsSealedFromAlone) {
    Bytes packet = frame_of(algorithm_, 2'000, random_);
    const Bytes data =
        copy_of(std::span<const std::byte>{packet}.subspan(channel_data_offset, 2'000));
    const Bytes before = data;

    made()->seal_from(0, packet, channel_data_offset, data);

    EXPECT_EQ(data, before);
}

// Checklist 18: a tag that does not verify is the end, wherever the damage lies: in the length, the
// padding length, the payload, the padding or the tag.
TEST_P(Packet, DoesNotOpenWithAnyBitFlipped) {
    const Bytes packet = sealed(3, frame_of(algorithm_, 26, random_));
    ASSERT_TRUE(opens(3, packet));
    for (std::size_t bit = 0; bit < 8 * packet.size(); ++bit) {
        Bytes damaged = packet;
        damaged[bit / 8] ^= std::byte{1} << (bit % 8);

        EXPECT_FALSE(opens(3, damaged)) << "bit " << bit;
    }
}

TEST_P(Packet, DoesNotOpenWhenCutShort) {
    const Bytes packet = sealed(3, frame_of(algorithm_, 26, random_));
    for (std::size_t size = packet_length_bytes + aead_tag_bytes + 1; size < packet.size();
         ++size) {
        EXPECT_FALSE(opens(3, Bytes(packet.begin(), packet.begin() + static_cast<long>(size))));
    }
}

TEST_P(Packet, LeavesNothingToReadWhenItDoesNotOpen) {
    Bytes packet = sealed(3, frame_of(algorithm_, 26, random_));
    packet.back() ^= std::byte{1};

    ASSERT_FALSE(made()->open(3, packet));

    EXPECT_EQ(packet, Bytes(packet.size()));
}

TEST_P(Packet, DoesNotOpenAsTheNextOne) {
    const std::unique_ptr<Aead> opener = made();
    Bytes first = sealed(0, frame_of(algorithm_, 26, random_));
    Bytes replayed = first;

    ASSERT_TRUE(opener->open(0, first));

    EXPECT_FALSE(opener->open(1, replayed));
}

// Checklist 20: sequence numbers wrap at 2^32, and the cipher goes on.
TEST_P(Packet, OpensAcrossTheWrapOfTheSequenceNumber) {
    const std::unique_ptr<Aead> sealer = made();
    const std::unique_ptr<Aead> opener = made();
    std::uint32_t sequence = 0xffff'fffe;
    for (int packets = 0; packets < 4; ++packets) {
        const Bytes frame = frame_of(algorithm_, 100, random_);
        Bytes packet = frame;

        sealer->seal(sequence, packet);

        ASSERT_TRUE(opener->open(sequence, packet));
        EXPECT_EQ(text_of_frame(packet), text_of_frame(frame));
        ++sequence;
    }
}

TEST_P(Packet, DoesNotOpenUnderAnotherKey) {
    Bytes key(shape_of(algorithm_).key_bytes, std::byte{7});
    const std::unique_ptr<Aead> other = make_aead(
        algorithm_, {.key = key, .iv = key_.view().iv}, std::get<AeadProvider>(GetParam()));
    Bytes packet = sealed(3, frame_of(algorithm_, 26, random_));

    EXPECT_FALSE(other->open(3, packet));
}

std::string name_of(const ::testing::TestParamInfo<AeadChoice>& info) {
    const auto [provider, algorithm] = info.param;
    const std::string suite = provider == AeadProvider::openssl ? "openssl" : "ipsec_mb";
    const std::string cipher{shape_of(algorithm).name};
    return suite + "_" + cipher.substr(0, cipher.find('-'));
}

INSTANTIATE_TEST_SUITE_P(OfOpenSsl,
                         Packet,
                         ::testing::Combine(::testing::Values(AeadProvider::openssl),
                                            ::testing::Values(CipherAlgorithm::aes128_gcm,
                                                              CipherAlgorithm::aes256_gcm,
                                                              CipherAlgorithm::chacha20_poly1305)),
                         name_of);
INSTANTIATE_TEST_SUITE_P(OfIpsecMb,
                         Packet,
                         ::testing::Combine(::testing::Values(AeadProvider::ipsec_mb),
                                            ::testing::Values(CipherAlgorithm::aes128_gcm,
                                                              CipherAlgorithm::aes256_gcm)),
                         name_of);

}  // namespace
}  // namespace caponier::ssh
