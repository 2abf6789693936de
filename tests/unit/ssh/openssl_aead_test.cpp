// Known answers of the packet ciphers through OpenSSL.

#include <gtest/gtest.h>

#include "tests/unit/ssh/aead_known_answers.h"
#include "tests/unit/ssh/aead_packets.h"

namespace caponier::ssh {
namespace {

std::unique_ptr<Aead> made(CipherAlgorithm algorithm, std::string_view iv) {
    return make_aead(algorithm, TestKey{algorithm, iv}.view(), AeadProvider::openssl);
}

Bytes with_room_for_tag(std::string_view frame) {
    Bytes packet = from_hex(frame);
    packet.resize(packet.size() + aead_tag_bytes);
    return packet;
}

TEST(OpensslAead, SealsTheKnownGcmPackets) {
    for (const GcmAnswer& answer : known_gcm_answers) {
        Bytes packet = with_room_for_tag(known_gcm_frame);

        made(answer.algorithm, answer.iv)->seal(0, packet);

        EXPECT_EQ(packet, from_hex(answer.sealed)) << answer.iv;
    }
}

TEST(OpensslAead, OpensTheKnownGcmPackets) {
    for (const GcmAnswer& answer : known_gcm_answers) {
        Bytes packet = from_hex(answer.sealed);

        ASSERT_TRUE(made(answer.algorithm, answer.iv)->open(0, packet)) << answer.iv;

        EXPECT_EQ(text_of_frame(packet), text_of_frame(with_room_for_tag(known_gcm_frame)));
    }
}

// RFC 5647 7.1: "The invocation field is treated as a 64-bit integer and is incremented after each
// invocation of AES-GCM to process a binary packet." The rows 1 and 2 are consecutive over the
// boundary of the low half, 3 and 4 over that of the whole field, whose carry stays in it.
TEST(OpensslAead, CountsInvocationsInSixtyFourBits) {
    for (const std::size_t row : {1U, 3U, 6U, 8U}) {
        const GcmAnswer& answer = known_gcm_answers[row];
        const std::unique_ptr<Aead> aead = made(answer.algorithm, answer.iv);
        Bytes packet = with_room_for_tag(known_gcm_frame);
        aead->seal(0, packet);

        Bytes next = with_room_for_tag(known_gcm_frame);
        aead->seal(0, next);

        EXPECT_EQ(packet, from_hex(answer.sealed));
        EXPECT_EQ(next, from_hex(known_gcm_answers[row + 1].sealed));
    }
}

TEST(OpensslAead, SealsTheKnownChachaPackets) {
    const std::unique_ptr<Aead> aead = made(CipherAlgorithm::chacha20_poly1305, "");
    for (const ChachaAnswer& answer : known_chacha_answers) {
        Bytes packet = with_room_for_tag(known_chacha_frame);

        aead->seal(answer.sequence, packet);

        EXPECT_EQ(packet, from_hex(answer.sealed)) << answer.sequence;
    }
}

TEST(OpensslAead, OpensTheKnownChachaPackets) {
    const std::unique_ptr<Aead> aead = made(CipherAlgorithm::chacha20_poly1305, "");
    for (const ChachaAnswer& answer : known_chacha_answers) {
        Bytes packet = from_hex(answer.sealed);
        const auto front = std::span<const std::byte>{packet}.first<packet_length_bytes>();

        EXPECT_EQ(aead->packet_length(answer.sequence, front), 0x28U);
        ASSERT_TRUE(aead->open(answer.sequence, packet)) << answer.sequence;

        EXPECT_EQ(text_of_frame(packet), text_of_frame(with_room_for_tag(known_chacha_frame)));
    }
}

// Checklist 17: the length is decrypted before anything is verified, again for each byte that
// comes.
TEST(OpensslAead, ReadsAChachaLengthAsOftenAsItIsAsked) {
    const std::unique_ptr<Aead> aead = made(CipherAlgorithm::chacha20_poly1305, "");
    Bytes packet = from_hex(known_chacha_answers[2].sealed);
    const auto front = std::span<const std::byte>{packet}.first<packet_length_bytes>();

    EXPECT_EQ(aead->packet_length(7, front), 0x28U);
    EXPECT_EQ(aead->packet_length(7, front), 0x28U);

    EXPECT_TRUE(aead->open(7, packet));
}

// PROTOCOL.chacha20poly1305: the nonce is "the packet sequence number".
TEST(OpensslAead, DoesNotOpenAChachaPacketUnderAnotherSequenceNumber) {
    const std::unique_ptr<Aead> aead = made(CipherAlgorithm::chacha20_poly1305, "");
    for (const std::uint32_t sequence : {0U, 6U, 8U, 0x0700'0000U, 0xffff'ffffU}) {
        Bytes packet = from_hex(known_chacha_answers[2].sealed);

        EXPECT_FALSE(aead->open(sequence, packet)) << sequence;
    }
}

}  // namespace
}  // namespace caponier::ssh
