// AES-CTR with HMAC: packets that were computed elsewhere, and packets that were tampered with.
// Checklist 17 and 18.

#include "ssh/crypto/ctr_hmac.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "ssh/crypto/hash.h"
#include "ssh/wire/wire_writer.h"
#include "tests/unit/ssh/hex.h"

namespace caponier::ssh {
namespace {

using Bytes = std::vector<std::byte>;

constexpr std::string_view payload = "^a channel's data, more than a block of it";
/// uint32 packet_length, byte padding_length, byte message.
constexpr std::size_t data_offset = 6;

Bytes counting_from(std::uint8_t first, std::size_t size) {
    Bytes bytes(size);
    for (std::byte& byte : bytes) {
        byte = static_cast<std::byte>(first++);
    }
    return bytes;
}

/// SHA-256 of two packets with the same payload, numbered 7 and 8. They were made with Python's
/// hmac and cryptography modules: keys 0, 1, 2, ..., MAC keys 100, 101, ..., padding of 0x11, and a
/// counter that carries between them.
struct KnownAnswer {
    CipherAlgorithm cipher;
    MacAlgorithm mac;
    std::string_view first;
    std::string_view second;
};

constexpr std::array<KnownAnswer, 12> known_answers{{
    {CipherAlgorithm::aes128_ctr,
     MacAlgorithm::hmac_sha2_256,
     "61a7ffd349ca94f5feb1160331a97c9f0a7ddd831a50ace3243a9d6589cbead9",
     "b4e412b3b4ad9c231a3f6b3a54ada9e3b0e1722e928bec9c5b6fa26317892014"},
    {CipherAlgorithm::aes128_ctr,
     MacAlgorithm::hmac_sha2_512,
     "8d72fe168e5761e52734014e40716b73cc69fda5364a8e35e796ab2ca8031d28",
     "33387fb2272abd2754ea46e83b23d239269e9997c616ce9d5ab095b022c0ba29"},
    {CipherAlgorithm::aes128_ctr,
     MacAlgorithm::hmac_sha2_256_etm,
     "77f80592db828bcfbe87e37739e7a301334987ffd21bb8126053c164a8eec303",
     "52d04c8c0819279c44f3de2660e8290fd2fb4095cfe7aa0a2313ea4de8e2ac4a"},
    {CipherAlgorithm::aes128_ctr,
     MacAlgorithm::hmac_sha2_512_etm,
     "37373f529c95f5d10fa861672d46edf4fe0847bcb59f1f5e0dd4bf34f538c026",
     "d3277aa21aaa1bd8fa9ccd6118d8f82ff9d7693854053b4fb60dfbb59b851e43"},
    {CipherAlgorithm::aes192_ctr,
     MacAlgorithm::hmac_sha2_256,
     "5d5598612007b33d4da7e817c6844525ceb87977e93606ccab1c0622087b8a00",
     "9dfc4a1cd713698e9d67926f26681f9e1d75f376f7603d3a89a02d8f0676f385"},
    {CipherAlgorithm::aes192_ctr,
     MacAlgorithm::hmac_sha2_512,
     "f1c95523031c7322fde1fa0b09d024ed446717bb8b8939e5db23e422e6edfc1f",
     "c9c2ff7e785dcc35a6a22de62d5ec19befb44a197250f14a4a4cffe153d22938"},
    {CipherAlgorithm::aes192_ctr,
     MacAlgorithm::hmac_sha2_256_etm,
     "5394f2a3eaf3a36c7b2df26721c33e65d8a2a049834e2b6919f0db37318e3e3f",
     "1b01573ac9d04117e4860596b2d1ef643314cebdbceaa540c60aebe50a40e9d1"},
    {CipherAlgorithm::aes192_ctr,
     MacAlgorithm::hmac_sha2_512_etm,
     "baea1070837df9d6adb539f51ce9002909e69c20b4e6eb1d6f52561a5083537a",
     "50594b83c668e890e1f0eac19bd24d24aa7f26bdf5f9221d65df75759a4521b5"},
    {CipherAlgorithm::aes256_ctr,
     MacAlgorithm::hmac_sha2_256,
     "2ee1fd1f7fc8bf04a82eb88d243d721a49d7c79441bcdbe8f9802d93e301c1fe",
     "a82e072281adc462f510d5b22584d6e78eb7ce0e6352ac64ee5cd5c13c1a0c01"},
    {CipherAlgorithm::aes256_ctr,
     MacAlgorithm::hmac_sha2_512,
     "b6f3397e6cd285dd773e17cc9991f2aed607ca23e94743c2dd820516f7372c33",
     "82996363ad45de4f7a593460553b4f939596c2c088e4e48693510c36f36dfffd"},
    {CipherAlgorithm::aes256_ctr,
     MacAlgorithm::hmac_sha2_256_etm,
     "064d63ca83f310d30c7ca282296f2b8bfbb4be1a55bbb892f0ae171b2c84035e",
     "d1bf69395f3ae0b74a31f1628407a915a572e37f0cf2e9ac39ccb54e5948a2b9"},
    {CipherAlgorithm::aes256_ctr,
     MacAlgorithm::hmac_sha2_512_etm,
     "3713fe25b65f3c550e8480b112c4e561e1417df521bbb86a89190db8f4ab54fb",
     "a73481b86f7a3f667f6a6ec48fba99234253fa3654ba98f46ab07f2a7e1cd605"},
}};

void PrintTo(const KnownAnswer& answer, std::ostream* out) {
    *out << shape_of(answer.cipher).name << " " << shape_of(answer.mac).name;
}

class CtrHmac : public testing::TestWithParam<KnownAnswer> {
  protected:
    [[nodiscard]] std::unique_ptr<Aead> made() const {
        const Bytes key = counting_from(0, shape_of(GetParam().cipher).key_bytes);
        const Bytes mac_key = counting_from(100, shape_of(GetParam().mac).key_bytes);
        const Bytes iv = from_hex("00112233445566778899aabbfffffffe");
        return make_ctr_hmac(
            GetParam().cipher, GetParam().mac, {.key = key, .iv = iv, .mac_key = mac_key});
    }

    [[nodiscard]] CipherShape shape() const { return shape_of(GetParam().cipher, GetParam().mac); }

    [[nodiscard]] Bytes frame(std::string_view text = payload) const {
        const std::size_t unpadded = (shape().pads_length ? 4 : 0) + 1 + text.size() + 4;
        const std::size_t padding = 4 + (16 - unpadded % 16) % 16;
        Bytes bytes;
        WireWriter out{bytes};
        out.uint32(static_cast<std::uint32_t>(1 + text.size() + padding));
        out.byte(static_cast<std::uint8_t>(padding));
        out.fixed(bytes_of(text));
        out.fixed(Bytes(padding, std::byte{0x11}));
        out.fixed(Bytes(shape().tag_bytes));
        return bytes;
    }

    [[nodiscard]] Bytes sealed(std::uint32_t sequence = 7) const {
        Bytes packet = frame();
        made()->seal(sequence, packet);
        return packet;
    }

    /// Everything between the length and the tag.
    [[nodiscard]] Bytes text_of(const Bytes& packet) const {
        return copy_of(std::span{packet}.subspan(4, packet.size() - 4 - shape().tag_bytes));
    }
};

TEST_P(CtrHmac, SealsTheKnownPackets) {
    const std::unique_ptr<Aead> sealer = made();
    Bytes first = frame();
    Bytes second = frame();

    sealer->seal(7, first);
    sealer->seal(8, second);

    EXPECT_EQ(copy_of(hash(HashAlgorithm::sha256, first).bytes()), from_hex(GetParam().first));
    EXPECT_EQ(copy_of(hash(HashAlgorithm::sha256, second).bytes()), from_hex(GetParam().second));
}

TEST_P(CtrHmac, OpensWhatWasSealed) {
    const std::unique_ptr<Aead> sealer = made();
    const std::unique_ptr<Aead> opener = made();
    for (std::uint32_t sequence = 0xffff'fffe; sequence != 3; ++sequence) {
        const Bytes original = frame(std::string(sequence % 97, 'x'));
        Bytes packet = original;
        sealer->seal(sequence, packet);

        const auto front = std::span<const std::byte>{packet}.first<packet_length_bytes>();
        const std::uint32_t length = opener->packet_length(sequence, front);

        EXPECT_EQ(length, original.size() - 4 - shape().tag_bytes);
        // Asked again, it is the same.
        EXPECT_EQ(opener->packet_length(sequence, front), length);
        ASSERT_TRUE(opener->open(sequence, packet));
        EXPECT_EQ(text_of(packet), text_of(original));
    }
}

TEST_P(CtrHmac, OpensAPacketWhoseLengthNobodyAskedFor) {
    const std::unique_ptr<Aead> sealer = made();
    const std::unique_ptr<Aead> opener = made();
    for (const std::uint32_t sequence : {0U, 1U}) {
        Bytes packet = frame();
        sealer->seal(sequence, packet);

        ASSERT_TRUE(opener->open(sequence, packet));
        EXPECT_EQ(text_of(packet), text_of(frame()));
    }
}

// RFC 4253 6: "packet_length ... The length of the packet in bytes" is encrypted with
// encrypt-and-MAC and in the clear with encrypt-then-MAC (OpenSSH PROTOCOL 1.1).
TEST_P(CtrHmac, HidesTheLengthUnlessItEncryptsFirst) {
    const Bytes packet = sealed();
    const Bytes original = frame();

    const bool same = std::equal(packet.begin(), packet.begin() + 4, original.begin());

    EXPECT_EQ(same, shape_of(GetParam().mac).encrypts_first);
    EXPECT_EQ(shape().pads_length, !shape_of(GetParam().mac).encrypts_first);
}

TEST_P(CtrHmac, SealedFromElsewhereIsTheSamePacket) {
    for (const std::size_t size : {0U, 1U, 9U, 10U, 11U, 25U, 26U, 27U, 100U, 4'096U, 32'768U}) {
        const std::string text = "^" + std::string(size, 'd');
        Bytes expected = frame(text);
        made()->seal(7, expected);
        Bytes packet = frame(text);
        const Bytes data{packet.begin() + data_offset,
                         packet.begin() + static_cast<std::ptrdiff_t>(data_offset + size)};
        std::fill_n(packet.begin() + data_offset, size, std::byte{0xee});

        made()->seal_from(7, packet, data_offset, data);

        EXPECT_EQ(packet, expected) << size;
    }
}

// RFC 4253 6.4: the MAC covers "sequence_number || unencrypted_packet": every bit of the packet,
// and its place. What does not verify leaves nothing to read.
TEST_P(CtrHmac, RefusesAnyOtherBit) {
    const Bytes packet = sealed();
    for (std::size_t bit = 0; bit < packet.size() * 8; ++bit) {
        Bytes damaged = packet;
        damaged[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));

        ASSERT_FALSE(made()->open(7, damaged)) << bit;
        EXPECT_EQ(damaged, Bytes(packet.size()));
    }
}

TEST_P(CtrHmac, RefusesAnotherNumberAnotherTagAndAnotherKey) {
    Bytes packet = sealed();
    EXPECT_FALSE(made()->open(8, packet));
    packet = sealed();
    std::fill(
        packet.end() - static_cast<std::ptrdiff_t>(shape().tag_bytes), packet.end(), std::byte{0});
    EXPECT_FALSE(made()->open(7, packet));

    const Bytes key = counting_from(0, shape_of(GetParam().cipher).key_bytes);
    const Bytes mac_key = counting_from(101, shape_of(GetParam().mac).key_bytes);
    const Bytes iv = from_hex("00112233445566778899aabbfffffffe");
    const std::unique_ptr<Aead> other = make_ctr_hmac(
        GetParam().cipher, GetParam().mac, {.key = key, .iv = iv, .mac_key = mac_key});
    packet = sealed();
    EXPECT_FALSE(other->open(7, packet));
}

INSTANTIATE_TEST_SUITE_P(Of, CtrHmac, testing::ValuesIn(known_answers));

TEST(CtrHmacNeeds, AMacOnlyWhereTheCipherHasNone) {
    EXPECT_TRUE(needs_mac(CipherAlgorithm::aes128_ctr));
    EXPECT_TRUE(needs_mac(CipherAlgorithm::aes256_ctr));
    EXPECT_FALSE(needs_mac(CipherAlgorithm::aes128_gcm));
    EXPECT_FALSE(needs_mac(CipherAlgorithm::chacha20_poly1305));
}

}  // namespace
}  // namespace caponier::ssh
