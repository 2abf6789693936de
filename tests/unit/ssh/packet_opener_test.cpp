// Packets from end to end: what the sealer makes, the opener opens, and what nobody should make is
// refused; plaintext and under each cipher.

#include "ssh/transport/packet_opener.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "ssh/crypto/ctr_hmac.h"
#include "ssh/limits.h"
#include "ssh/transport/outbox.h"
#include "ssh/transport/packet_sealer.h"
#include "ssh/wire/wire_writer.h"

namespace caponier::ssh {
namespace {

using Bytes = std::vector<std::byte>;

RandomSource zeros() {
    return {
        .fill = [](void*,
                   std::span<std::byte> bytes) noexcept { std::ranges::fill(bytes, std::byte{0}); },
        .context = nullptr};
}

/// Without a cipher: before the first NEWKEYS.
struct Protection {
    std::optional<CipherAlgorithm> cipher;
    std::optional<MacAlgorithm> mac;

    [[nodiscard]] CipherShape shape() const {
        return mac ? shape_of(*cipher, *mac) : shape_of(*cipher);
    }
    [[nodiscard]] std::unique_ptr<Aead> make() const {
        const Bytes key(shape().key_bytes, std::byte{7});
        const Bytes iv(shape().iv_bytes, std::byte{8});
        if (!mac) {
            return make_aead(*cipher, {.key = key, .iv = iv});
        }
        const Bytes mac_key(shape_of(*mac).key_bytes, std::byte{9});
        return make_ctr_hmac(*cipher, *mac, {.key = key, .iv = iv, .mac_key = mac_key});
    }
};

void PrintTo(const Protection& protection, std::ostream* out) {
    *out << (protection.cipher ? shape_of(*protection.cipher).name : "none") << " "
         << (protection.mac ? shape_of(*protection.mac).name : "");
}

/// One direction of a session.
struct Direction {
    explicit Direction(const Protection& protection) {
        if (protection.cipher) {
            sealer.use_key(protection.make(), protection.shape());
            opener.use_key(protection.make(), protection.shape());
        }
    }

    Bytes sealed(std::span<const std::byte> head, std::span<const std::byte> data = {}) {
        sealer.seal(head, data);
        std::array<std::span<const std::byte>, 4> pieces;
        Bytes bytes;
        for (std::size_t i = 0, count = outbox.pieces(pieces); i < count; ++i) {
            bytes.insert(bytes.end(), pieces[i].begin(), pieces[i].end());
        }
        outbox.consume(bytes.size());
        return bytes;
    }

    Outbox outbox;
    PacketSealer sealer{outbox, zeros()};
    PacketOpener opener;
};

Bytes payload_of(std::size_t size) {
    Bytes payload(size);
    for (std::size_t i = 0; i < size; ++i) {
        payload[i] = static_cast<std::byte>(i * 7 + 1);
    }
    return payload;
}

class Packets : public testing::TestWithParam<Protection> {};

TEST_P(Packets, AreOpenedAsTheyWereSealed) {
    Direction direction{GetParam()};
    for (const std::size_t size : {1U, 2U, 7U, 8U, 9U, 15U, 16U, 17U, 255U, 32'768U, 34'900U}) {
        const Bytes payload = payload_of(size);
        Bytes packet = direction.sealed(payload);

        const auto opened = direction.opener.open(packet);

        ASSERT_TRUE(opened.has_value() && opened->has_value()) << size;
        EXPECT_TRUE(std::ranges::equal((*opened)->payload, payload)) << size;
        EXPECT_EQ((*opened)->packet_bytes, packet.size());
    }
}

// Item 12. RFC 4253 6: "There MUST be at least four bytes of padding", "The maximum amount of
// padding is 255 bytes", and the whole is a multiple of the cipher block size or 8.
TEST_P(Packets, ArePaddedAsTheStandardSays) {
    const bool plain = !GetParam().cipher;
    const std::size_t block = plain ? 8 : GetParam().shape().block_bytes;
    const std::size_t tag = plain ? 0 : GetParam().shape().tag_bytes;
    const bool pads_length = plain || GetParam().shape().pads_length;
    Direction direction{GetParam()};
    for (std::size_t size = 1; size < 100; ++size) {
        Bytes packet = direction.sealed(payload_of(size));
        const std::size_t aligned = packet.size() - tag - (pads_length ? 0 : packet_length_bytes);
        EXPECT_EQ(aligned % block, 0U) << size;

        const auto opened = direction.opener.open(packet);

        ASSERT_TRUE(opened.has_value() && opened->has_value());
        const auto padding = std::to_integer<std::size_t>(packet[packet_length_bytes]);
        EXPECT_GE(padding, 4U);
        EXPECT_EQ(packet.size() - tag, packet_length_bytes + 1 + size + padding);
    }
}

TEST_P(Packets, OfHeadAndDataAreTheSameAsOfOnePayload) {
    for (const std::size_t size : {0U, 1U, 6U, 7U, 100U, 32'768U}) {
        Direction one{GetParam()};
        Direction two{GetParam()};
        const Bytes payload = payload_of(9 + size);

        EXPECT_EQ(one.sealed(payload),
                  two.sealed(std::span{payload}.first(9), std::span{payload}.subspan(9)));
    }
}

// Items 10 and 26: byte by byte.
TEST_P(Packets, WaitForAllOfThemselves) {
    Direction direction{GetParam()};
    const Bytes payload = payload_of(50);
    Bytes packet = direction.sealed(payload);
    for (std::size_t size = 0; size < packet.size(); ++size) {
        const auto opened = direction.opener.open(std::span{packet}.first(size));
        ASSERT_TRUE(opened.has_value()) << size;
        EXPECT_FALSE(opened->has_value()) << size;
    }

    const auto opened = direction.opener.open(packet);

    ASSERT_TRUE(opened.has_value() && opened->has_value());
    EXPECT_TRUE(std::ranges::equal((*opened)->payload, payload));
}

// Items 17 and 18: a bit anywhere. A damaged length is either refused at once or waits for bytes
// that then do not verify.
TEST_P(Packets, WithADamagedBitAreRefused) {
    if (!GetParam().cipher) {
        return;  // Nothing is authenticated before the first keys.
    }
    for (std::size_t at = 0; at < 60; ++at) {
        Direction direction{GetParam()};
        Bytes packet = direction.sealed(payload_of(30));
        if (at >= packet.size()) {
            break;
        }
        packet[at] ^= std::byte{0x10};
        packet.resize(packet_length_max + 100);

        const auto opened = direction.opener.open(packet);

        ASSERT_FALSE(opened.has_value()) << at;
        EXPECT_TRUE(at < packet_length_bytes || opened.error().code == ErrorCode::integrity_failure)
            << at;
    }
}

// Item 20. RFC 4253 6.4: the number is "incremented after every packet".
TEST_P(Packets, AreNumberedFromZero) {
    Direction direction{GetParam()};
    for (std::uint32_t number = 0; number < 5; ++number) {
        Bytes packet = direction.sealed(payload_of(3));
        const auto opened = direction.opener.open(packet);
        ASSERT_TRUE(opened.has_value() && opened->has_value());
        EXPECT_EQ((*opened)->sequence, number);
    }
    EXPECT_EQ(direction.sealer.use().packets, 5U);
    EXPECT_EQ(direction.opener.use().packets, 5U);
    EXPECT_EQ(direction.opener.use().bytes, direction.sealer.use().bytes);
}

INSTANTIATE_TEST_SUITE_P(
    Of,
    Packets,
    testing::Values(Protection{},
                    Protection{CipherAlgorithm::aes128_gcm, {}},
                    Protection{CipherAlgorithm::aes256_gcm, {}},
                    Protection{CipherAlgorithm::chacha20_poly1305, {}},
                    Protection{CipherAlgorithm::aes128_ctr, MacAlgorithm::hmac_sha2_256},
                    Protection{CipherAlgorithm::aes192_ctr, MacAlgorithm::hmac_sha2_512_etm},
                    Protection{CipherAlgorithm::aes256_ctr, MacAlgorithm::hmac_sha2_256_etm},
                    Protection{CipherAlgorithm::aes256_ctr, MacAlgorithm::hmac_sha2_512}));

/// A plaintext frame with the fields as they are given.
Bytes frame(std::uint32_t length, std::uint8_t padding, std::size_t bytes_behind) {
    Bytes packet;
    WireWriter out{packet};
    out.uint32(length);
    out.byte(padding);
    packet.resize(packet.size() + bytes_behind, std::byte{2});
    return packet;
}

Result<std::optional<OpenedPacket>> open(Bytes packet) {
    PacketOpener opener;
    return opener.open(packet);
}

// Item 13.
TEST(PacketOpener, RefusesALengthOutOfBoundsBeforeTheRestHasCome) {
    for (const std::uint32_t length : {0U,
                                       1U,
                                       4U,
                                       packet_length_max + 4,
                                       packet_length_max + 12,
                                       0x7FFFFFFCU,
                                       0xFFFFFFFCU,
                                       0xFFFFFFFFU}) {
        const auto opened = open(frame(length, 4, 0));
        ASSERT_FALSE(opened.has_value()) << length;
        EXPECT_EQ(opened.error(), (Error{ErrorCode::malformed_packet, length}));
    }
    EXPECT_TRUE(open(frame(packet_length_max - 4, 4, 0)).has_value());
}

// Item 12.
TEST(PacketOpener, RefusesALengthThatIsNoMultipleOfTheBlock) {
    for (std::uint32_t length = 5; length < 64; ++length) {
        EXPECT_EQ(open(frame(length, 4, 0)).has_value(), (length + 4) % 8 == 0) << length;
    }
}

// Items 15 and 16 (CVE-2019-3861): padding that is too short, or leaves no message.
TEST(PacketOpener, RefusesPaddingThatDoesNotFit) {
    for (int padding = 0; padding < 256; ++padding) {
        const auto opened = open(frame(12, static_cast<std::uint8_t>(padding), 11));
        const bool fits = padding >= 4 && padding <= 10;
        ASSERT_EQ(opened.has_value(), fits) << padding;
        if (fits) {
            EXPECT_EQ((*opened)->payload.size(), 11U - static_cast<unsigned>(padding));
        }
    }
}

}  // namespace
}  // namespace caponier::ssh
