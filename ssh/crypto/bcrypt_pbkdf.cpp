// bcrypt's hash with Blowfish inside, and the rounds around it.

#include "ssh/crypto/bcrypt_pbkdf.h"

#include <array>
#include <string_view>

#include "ssh/crypto/blowfish_tables.h"
#include "ssh/crypto/hash.h"
#include "ssh/expects.h"
#include "ssh/wire/bytes.h"
#include "ssh/wire/wire_writer.h"

namespace caponier::ssh {

namespace {

constexpr std::size_t block_bytes = 32;

/// Two words at a time go through sixteen rounds.
struct Halves {
    std::uint32_t left = 0;
    std::uint32_t right = 0;
};

/// A SHA-512 digest as the key schedule reads it: big-endian words, again and again.
constexpr std::size_t words_of_digest = 16;
using DigestWords = std::array<std::uint32_t, words_of_digest>;

std::uint32_t big_endian_word(std::span<const std::byte> bytes) noexcept {
    std::uint32_t word = 0;
    for (const std::byte byte : bytes.first(4)) {
        word = word << 8 | std::to_integer<std::uint32_t>(byte);
    }
    return word;
}

/// Ends the hash. What it is of is secret, so that the digest is wiped.
DigestWords secret_words_of(Hash& hash) noexcept {
    std::array<std::byte, 4 * words_of_digest> digest{};
    hash.finish(digest);
    DigestWords words{};
    for (std::size_t i = 0; i < words.size(); ++i) {
        words[i] = big_endian_word(std::span{digest}.subspan(4 * i));
    }
    wipe(digest);
    return words;
}

/// Blowfish with bcrypt's "eksblowfish" key schedule (Provos and Mazieres, 1999). It is derived
/// from the passphrase, so it is wiped.
class Blowfish {
  public:
    Blowfish() noexcept : state_{blowfish_subkeys, blowfish_boxes} {}
    Blowfish(const Blowfish&) = delete;
    Blowfish& operator=(const Blowfish&) = delete;
    ~Blowfish() { wipe(std::as_writable_bytes(std::span{&state_, 1})); }

    [[nodiscard]] Halves encrypt(Halves block) const noexcept {
        for (std::size_t round = 0; round < 16; round += 2) {
            block.left ^= state_.subkeys[round];
            block.right ^= mixed(block.left) ^ state_.subkeys[round + 1];
            block.left ^= mixed(block.right);
        }
        return {block.right ^ state_.subkeys[17], block.left ^ state_.subkeys[16]};
    }

    void expand(const DigestWords& key, const DigestWords& salt) noexcept {
        for (std::size_t i = 0; i < state_.subkeys.size(); ++i) {
            state_.subkeys[i] ^= key[i % words_of_digest];
        }
        std::size_t salt_at = 0;
        Halves block;
        const auto refill = [&](std::span<std::uint32_t> words) {
            for (std::size_t at = 0; at < words.size(); at += 2) {
                block.left ^= salt[salt_at++ % words_of_digest];
                block.right ^= salt[salt_at++ % words_of_digest];
                block = encrypt(block);
                words[at] = block.left;
                words[at + 1] = block.right;
            }
        };
        refill(state_.subkeys);
        for (std::array<std::uint32_t, 256>& box : state_.boxes) {
            refill(box);
        }
    }

  private:
    [[nodiscard]] std::uint32_t mixed(std::uint32_t word) const noexcept {
        return ((state_.boxes[0][word >> 24] + state_.boxes[1][word >> 16 & 0xff]) ^
                state_.boxes[2][word >> 8 & 0xff]) +
               state_.boxes[3][word & 0xff];
    }

    struct State {
        std::array<std::uint32_t, 18> subkeys;
        std::array<std::array<std::uint32_t, 256>, 4> boxes;
    };
    State state_;
};

using Block = std::array<std::byte, block_bytes>;

/// bcrypt's hash of 32 bytes, with 2^6 expansions by salt and passphrase.
Block bcrypt_hash(const DigestWords& passphrase, const DigestWords& salt) noexcept {
    constexpr std::string_view plaintext = "OxychromaticBlowfishSwatDynamite";
    Blowfish blowfish;
    blowfish.expand(passphrase, salt);
    for (int i = 0; i < 64; ++i) {
        blowfish.expand(salt, {});
        blowfish.expand(passphrase, {});
    }
    Block block{};
    for (std::size_t at = 0; at < block_bytes; at += 8) {
        const std::span<const std::byte> text = bytes_of(plaintext).subspan(at);
        Halves halves{big_endian_word(text), big_endian_word(text.subspan(4))};
        for (int i = 0; i < 64; ++i) {
            halves = blowfish.encrypt(halves);
        }
        // The words leave with their least byte first.
        for (std::size_t byte = 0; byte < 4; ++byte) {
            block[at + byte] = static_cast<std::byte>(halves.left >> 8 * byte & 0xff);
            block[at + 4 + byte] = static_cast<std::byte>(halves.right >> 8 * byte & 0xff);
        }
    }
    return block;
}

/// Block number `count` of the result.
Block derived_block(const DigestWords& passphrase,
                    const BcryptParameters& parameters,
                    std::uint32_t count) {
    std::array<std::byte, 4> counter{};
    WireWriter{std::span{counter}}.uint32(count);
    Hash hash{HashAlgorithm::sha512};
    hash.update(parameters.salt);
    hash.update(counter);
    Block turn = bcrypt_hash(passphrase, secret_words_of(hash));
    Block sum = turn;
    for (std::uint32_t round = 1; round < parameters.rounds; ++round) {
        hash.update(turn);
        turn = bcrypt_hash(passphrase, secret_words_of(hash));
        for (std::size_t i = 0; i < block_bytes; ++i) {
            sum[i] ^= turn[i];
        }
    }
    wipe(turn);
    return sum;
}

}  // namespace

Result<SecretBytes> bcrypt_pbkdf(std::span<const std::byte> passphrase,
                                 const BcryptParameters& parameters,
                                 std::size_t key_bytes) {
    expects(key_bytes > 0);
    expects(key_bytes <= bcrypt_key_bytes_max);
    if (parameters.salt.empty() || parameters.salt.size() > bcrypt_salt_bytes_max ||
        parameters.rounds == 0) {
        return tl::unexpected{Error{ErrorCode::malformed_key}};
    }
    if (parameters.rounds > bcrypt_rounds_max) {
        return tl::unexpected{Error{ErrorCode::unsupported_key}};
    }
    Hash hash{HashAlgorithm::sha512};
    hash.update(passphrase);
    DigestWords passphrase_words = secret_words_of(hash);

    // Unlike PBKDF2, it spreads the bytes of each block over the whole key, so that no part of the
    // key is to be had for the price of one block.
    const std::size_t blocks = (key_bytes + block_bytes - 1) / block_bytes;
    const std::size_t bytes_a_block = (key_bytes + blocks - 1) / blocks;
    SecretBytes key{key_bytes};
    for (std::size_t block = 0; block < blocks; ++block) {
        Block derived =
            derived_block(passphrase_words, parameters, static_cast<std::uint32_t>(block + 1));
        for (std::size_t i = 0; i < bytes_a_block && i * blocks + block < key_bytes; ++i) {
            key.bytes()[i * blocks + block] = derived[i];
        }
        wipe(derived);
    }
    wipe(std::as_writable_bytes(std::span{passphrase_words}));
    return key;
}

}  // namespace caponier::ssh
