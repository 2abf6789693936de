// Known answers of SHA-2 and HMAC.

#include "ssh/crypto/hash.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/ssh/hex.h"

namespace caponier::ssh {
namespace {

std::vector<std::byte> hash_of(HashAlgorithm algorithm, std::string_view text) {
    return copy_of(hash(algorithm, bytes_of(text)).bytes());
}

// FIPS 180-2, appendices B.1, C.1 and D.1.
TEST(Hash, AgreesWithTheKnownAnswersOfAbc) {
    EXPECT_EQ(hash_of(HashAlgorithm::sha256, "abc"),
              from_hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
    EXPECT_EQ(hash_of(HashAlgorithm::sha384, "abc"),
              from_hex("cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
                       "8086072ba1e7cc2358baeca134c825a7"));
    EXPECT_EQ(hash_of(HashAlgorithm::sha512, "abc"),
              from_hex("ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                       "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"));
    EXPECT_EQ(hash_of(HashAlgorithm::sha1, "abc"),
              from_hex("a9993e364706816aba3e25717850c26c9cd0d89d"));
}

TEST(Hash, OfNothingIsKnown) {
    EXPECT_EQ(hash_of(HashAlgorithm::sha256, ""),
              from_hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
}

TEST(Hash, OfPiecesIsTheHashOfTheWhole) {
    Hash pieces{HashAlgorithm::sha512};

    pieces.update(bytes_of("a"));
    pieces.update({});
    pieces.update(bytes_of("bc"));

    EXPECT_EQ(copy_of(pieces.finish().bytes()), hash_of(HashAlgorithm::sha512, "abc"));
}

TEST(Hash, StartsAnewAfterItsEnd) {
    Hash twice{HashAlgorithm::sha256};
    twice.update(bytes_of("something else"));
    static_cast<void>(twice.finish());

    twice.update(bytes_of("abc"));

    EXPECT_EQ(copy_of(twice.finish().bytes()), hash_of(HashAlgorithm::sha256, "abc"));
}

TEST(Hash, GoesOnAfterAMove) {
    Hash first{HashAlgorithm::sha256};
    first.update(bytes_of("a"));

    Hash second{std::move(first)};
    second.update(bytes_of("bc"));

    EXPECT_EQ(copy_of(second.finish().bytes()), hash_of(HashAlgorithm::sha256, "abc"));
}

// RFC 2202 3, cases 2 and 6; RFC 4231 4.3.
TEST(Hmac, AgreesWithTheKnownAnswers) {
    EXPECT_EQ(
        copy_of(
            hmac(HashAlgorithm::sha1, bytes_of("Jefe"), bytes_of("what do ya want for nothing?"))
                .bytes()),
        from_hex("effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"));
    EXPECT_EQ(copy_of(hmac(HashAlgorithm::sha1,
                           std::vector<std::byte>(80, std::byte{0xaa}),
                           bytes_of("Test Using Larger Than Block-Size Key - Hash Key First"))
                          .bytes()),
              from_hex("aa4ae5e15272d00e95705637ce8a3b55ed402112"));
    EXPECT_EQ(
        copy_of(
            hmac(HashAlgorithm::sha256, bytes_of("Jefe"), bytes_of("what do ya want for nothing?"))
                .bytes()),
        from_hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"));
}

// HMAC_SHA256("", "") as in Wikipedia's and every library's tests.
TEST(Hmac, TakesAnEmptyKey) {
    EXPECT_EQ(copy_of(hmac(HashAlgorithm::sha256, {}, {}).bytes()),
              from_hex("b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"));
}

}  // namespace
}  // namespace caponier::ssh
