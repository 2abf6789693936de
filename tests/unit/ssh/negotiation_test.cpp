// RFC 4253 7.1: what two lists come to.

#include "ssh/transport/negotiation.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "ssh/keys/public_key.h"

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

// Item 32: an AEAD brings its own authentication, and then nothing in common among the MACs is
// nothing that is missing. RFC 4253 7.1 makes the choice for each direction.
TEST(Negotiation, TakesAMacOnlyForACipherThatNeedsOne) {
    KexInit client = side();
    KexInit server = side();
    client.cipher_client_to_server = server.cipher_client_to_server = NameList{"aes256-ctr"};
    client.mac_client_to_server = NameList{"hmac-sha2-512-etm@openssh.com,hmac-sha2-256"};
    server.mac_client_to_server = NameList{"hmac-sha2-256,hmac-sha2-512-etm@openssh.com"};
    client.mac_server_to_client = NameList{"hmac-sha2-256"};
    server.mac_server_to_client = NameList{"hmac-md5"};

    const auto negotiated = negotiate(client, server);

    ASSERT_TRUE(negotiated.has_value());
    EXPECT_EQ(negotiated->mac_client_to_server, MacAlgorithm::hmac_sha2_512_etm);
    EXPECT_EQ(negotiated->mac_server_to_client, std::nullopt);
}

// Items 31 and 32.
TEST(Negotiation, FailsWithoutACommonMacWhereOneIsNeeded) {
    KexInit client = side();
    KexInit server = side();
    client.cipher_server_to_client = server.cipher_server_to_client = NameList{"aes128-ctr"};
    for (const std::string_view names : {"", "hmac-md5", "hmac-sha1,hmac-sha2-256-96"}) {
        client.mac_server_to_client = NameList{"hmac-sha2-256,hmac-sha2-512"};
        server.mac_server_to_client = NameList{names};

        EXPECT_EQ(negotiate(client, server).error().code, ErrorCode::no_common_mac);
        EXPECT_EQ(list_of(ErrorCode::no_common_mac, server), names);
    }
}

// "The same negotiation preferences as a careful person would choose": AEAD first, then
// encrypt-then-MAC; the curves first, the smallest group last.
TEST(Negotiation, PrefersWhatIsSafest) {
    const AlgorithmLists lists = with_defaults(SessionConfig{});
    const auto place = [](const std::vector<std::string>& list, std::string_view name) {
        return std::ranges::find(list, name) - list.begin();
    };

    for (const std::string_view aead :
         {"aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com"}) {
        EXPECT_LT(place(lists.cipher, aead), place(lists.cipher, "aes128-ctr"));
    }
    EXPECT_EQ(lists.cipher.front(),
              cpu_has_aes() ? "aes128-gcm@openssh.com" : "chacha20-poly1305@openssh.com");
    EXPECT_LT(place(lists.mac, "hmac-sha2-512-etm@openssh.com"), place(lists.mac, "hmac-sha2-256"));
    EXPECT_EQ(lists.kex.front(), "curve25519-sha256");
    EXPECT_EQ(lists.kex.back(), "diffie-hellman-group14-sha256");
    EXPECT_EQ(lists.host_key.front(), "ssh-ed25519");
}

// CVE-2002-20001: a client makes a server calculate at no cost of its own.
TEST(Negotiation, AServerOffersNoFiniteFieldGroupsUnlessItIsTold) {
    SessionConfig config;
    config.role = Role::server;
    for (const std::string& name : with_defaults(config).kex) {
        EXPECT_FALSE(name.starts_with("diffie-hellman-")) << name;
    }
    config.algorithms.kex = {"diffie-hellman-group14-sha256"};
    EXPECT_EQ(with_defaults(config).kex, config.algorithms.kex);
}

// RFC 4253 7.1: the host key algorithms of a server are those that it has keys for.
TEST(Negotiation, AServerOffersTheHostKeysThatItHas) {
    SessionConfig config;
    config.role = Role::server;
    config.host_keys.push_back(make_public_key_blob(
        {.type = KeyType::ed25519, .point = std::vector<std::byte>(32, std::byte{1})}));
    EXPECT_EQ(with_defaults(config).host_key, std::vector<std::string>{"ssh-ed25519"});

    config.algorithms.host_key = {"rsa-sha2-512", "ssh-ed25519"};
    EXPECT_EQ(with_defaults(config).host_key, std::vector<std::string>{"ssh-ed25519"});
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
