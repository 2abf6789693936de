// RFC 4253 7.2 and 8, against the formulas written out.

#include "ssh/transport/key_derivation.h"

#include <vector>

#include <gtest/gtest.h>

#include "ssh/wire/wire_writer.h"
#include "tests/unit/ssh/hex.h"

namespace caponier::ssh {
namespace {

using Bytes = std::vector<std::byte>;

SharedSecret secret() {
    // An mpint whose magnitude begins with a high bit.
    return {SecretBytes::copy_of(from_hex("00000003 00 8001"))};
}

Bytes concatenated(std::initializer_list<std::span<const std::byte>> parts) {
    Bytes all;
    for (const auto part : parts) {
        all.insert(all.end(), part.begin(), part.end());
    }
    return all;
}

// Item 37. RFC 4253 8: V_C, V_S, I_C, I_S and K_S as strings, then the public values, which are
// strings in RFC 5656 4, then K.
TEST(ExchangeHash, IsOverTheEightFieldsInTheirOrder) {
    const Bytes client_kexinit = from_hex("14 01");
    const Bytes server_kexinit = from_hex("14 02");
    const Bytes host_key = from_hex("aabb");
    const Bytes client_value = from_hex("0102");
    const Bytes server_value = from_hex("0304");
    const SharedSecret k = secret();
    Bytes input;
    WireWriter out{input};
    out.text("SSH-2.0-c");
    out.text("SSH-2.0-s");
    out.string(client_kexinit);
    out.string(server_kexinit);
    out.string(host_key);
    out.string(client_value);
    out.string(server_value);
    out.fixed(k.encoded.bytes());

    const Digest digest = exchange_hash(HashAlgorithm::sha256,
                                        {.client_identification = "SSH-2.0-c",
                                         .server_identification = "SSH-2.0-s",
                                         .client_kexinit = client_kexinit,
                                         .server_kexinit = server_kexinit,
                                         .host_key = host_key,
                                         .client_value = client_value,
                                         .server_value = server_value,
                                         .secret = k});

    EXPECT_EQ(copy_of(digest.bytes()), copy_of(hash(HashAlgorithm::sha256, input).bytes()));
}

// Item 38. RFC 4253 7.2: "K1 = HASH(K || H || X || session_id)", "K2 = HASH(K || H || K1)", "K3 =
// HASH(K || H || K1 || K2)", "key = K1 || K2 || K3 || ...".
TEST(KeyDerivation, ExtendsTheKeyByHashingWhatItHas) {
    const SharedSecret k = secret();
    const Digest h = hash(HashAlgorithm::sha256, from_hex("01"));
    const Bytes session_id = from_hex("c0ffee");
    const Bytes x{std::byte{'D'}};
    const auto digest_of = [&](std::initializer_list<std::span<const std::byte>> parts) {
        return copy_of(hash(HashAlgorithm::sha256, concatenated(parts)).bytes());
    };
    const Bytes k1 = digest_of({k.encoded.bytes(), h.bytes(), x, session_id});
    const Bytes k2 = digest_of({k.encoded.bytes(), h.bytes(), k1});
    const Bytes k3 = digest_of({k.encoded.bytes(), h.bytes(), k1, k2});
    const Bytes whole = concatenated({k1, k2, k3});
    const KeyDerivation derivation{HashAlgorithm::sha256, k, h, session_id};

    for (const std::size_t size : {12U, 16U, 32U, 33U, 64U, 96U}) {
        const SecretBytes key = derivation.derive(KeyPurpose::encryption_server_to_client, size);
        EXPECT_EQ(copy_of(key.bytes()), copy_of(std::span{whole}.first(size))) << size;
    }
}

TEST(KeyDerivation, GivesEveryPurposeItsOwnKey) {
    const SharedSecret k = secret();
    const Digest h = hash(HashAlgorithm::sha256, from_hex("01"));
    const KeyDerivation derivation{HashAlgorithm::sha256, k, h, h.bytes()};
    Bytes before;
    for (const KeyPurpose purpose : {KeyPurpose::iv_client_to_server,
                                     KeyPurpose::iv_server_to_client,
                                     KeyPurpose::encryption_client_to_server,
                                     KeyPurpose::encryption_server_to_client,
                                     KeyPurpose::integrity_client_to_server,
                                     KeyPurpose::integrity_server_to_client}) {
        const Bytes key = copy_of(derivation.derive(purpose, 16).bytes());
        EXPECT_NE(key, before);
        before = key;
    }
}

}  // namespace
}  // namespace caponier::ssh
