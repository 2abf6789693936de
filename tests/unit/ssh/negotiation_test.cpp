// RFC 4253 7.1: what two lists come to.

#include "ssh/transport/negotiation.h"

#include <gtest/gtest.h>

namespace caponier::ssh {
namespace {

/// The lists of a side, all of them agreeable.
KexInit side() {
    KexInit message;
    message.kex = NameList{"curve25519-sha256,ecdh-sha2-nistp256"};
    message.host_key = NameList{"ssh-ed25519,rsa-sha2-512"};
    message.cipher_client_to_server = NameList{"aes128-gcm@openssh.com"};
    message.cipher_server_to_client = NameList{"aes128-gcm@openssh.com"};
    message.compression_client_to_server = NameList{"none"};
    message.compression_server_to_client = NameList{"none"};
    return message;
}

// Item 30: "the first algorithm on the client's list that is also on the server's list".
TEST(Negotiation, TakesTheClientsFirstThatTheServerHas) {
    KexInit client = side();
    KexInit server = side();
    client.kex = NameList{"sntrup761x25519-sha512,ecdh-sha2-nistp256,curve25519-sha256"};
    server.kex = NameList{"curve25519-sha256,ecdh-sha2-nistp256,sntrup761x25519-sha512"};
    client.host_key = NameList{"ssh-dss,rsa-sha2-512,ssh-ed25519"};
    server.host_key = NameList{"ssh-ed25519,rsa-sha2-512"};

    const auto negotiated = negotiate(client, server);

    ASSERT_TRUE(negotiated.has_value());
    EXPECT_EQ(negotiated->kex->name, "ecdh-sha2-nistp256");
    EXPECT_EQ(negotiated->host_key, "rsa-sha2-512");
}

// Item 22: each direction for itself.
TEST(Negotiation, TakesACipherForEachDirection) {
    KexInit client = side();
    KexInit server = side();
    client.cipher_client_to_server = NameList{"aes128-gcm@openssh.com,aes256-gcm@openssh.com"};
    server.cipher_client_to_server = NameList{"aes256-gcm@openssh.com"};
    client.cipher_server_to_client = NameList{"chacha20-poly1305@openssh.com"};
    server.cipher_server_to_client = NameList{"chacha20-poly1305@openssh.com"};

    const auto negotiated = negotiate(client, server);

    ASSERT_TRUE(negotiated.has_value());
    EXPECT_EQ(negotiated->cipher_client_to_server, CipherAlgorithm::aes256_gcm);
    EXPECT_EQ(negotiated->cipher_server_to_client, CipherAlgorithm::chacha20_poly1305);
}

// Item 33.
TEST(Negotiation, TellsWhetherAGuessWouldHaveBeenRight) {
    KexInit client = side();
    const KexInit server = side();
    EXPECT_TRUE(negotiate(client, server)->same_first_choices);
    client.host_key = NameList{"rsa-sha2-512,ssh-ed25519"};
    EXPECT_FALSE(negotiate(client, server)->same_first_choices);
    client = side();
    client.kex = NameList{"ecdh-sha2-nistp256,curve25519-sha256"};
    EXPECT_FALSE(negotiate(client, server)->same_first_choices);
}

// Item 31.
TEST(Negotiation, NamesTheListThatHasNothingInCommon) {
    const KexInit client = side();
    KexInit server = side();
    server.kex = NameList{"diffie-hellman-group14-sha1"};
    EXPECT_EQ(negotiate(client, server).error().code, ErrorCode::no_common_kex);
    EXPECT_EQ(list_of(ErrorCode::no_common_kex, server), "diffie-hellman-group14-sha1");
    server = side();
    server.host_key = NameList{"ssh-rsa"};
    EXPECT_EQ(negotiate(client, server).error().code, ErrorCode::no_common_host_key);
    server = side();
    server.cipher_server_to_client = NameList{"aes128-cbc"};
    EXPECT_EQ(negotiate(client, server).error().code, ErrorCode::no_common_cipher);
    server = side();
    server.compression_client_to_server = NameList{"zlib"};
    EXPECT_EQ(negotiate(client, server).error().code, ErrorCode::no_common_compression);
}

// Item 47: markers are on both lists and are no methods.
TEST(Negotiation, NeverTakesAMarker) {
    KexInit client = side();
    KexInit server = side();
    client.kex = server.kex =
        NameList{"ext-info-c,kex-strict-c-v00@openssh.com,kex-strict-s-v00@openssh.com"};

    EXPECT_EQ(negotiate(client, server).error().code, ErrorCode::no_common_kex);
    EXPECT_TRUE(offers_strict_kex(client, Role::client));
    EXPECT_TRUE(offers_ext_info(client, Role::client));
    EXPECT_FALSE(offers_ext_info(client, Role::server));
}

// Item 49.
TEST(Negotiation, SpeaksNothingRetired) {
    const AlgorithmLists lists = with_defaults(SessionConfig{});
    for (const auto* list :
         {&lists.kex, &lists.host_key, &lists.cipher, &lists.mac, &lists.public_key}) {
        for (const std::string& name : *list) {
            for (const std::string_view bad : {"sha1", "md5", "cbc", "arcfour", "dss", "ssh-rsa"}) {
                EXPECT_EQ(name.find(bad), std::string::npos) << name;
            }
        }
    }
}

}  // namespace
}  // namespace caponier::ssh
