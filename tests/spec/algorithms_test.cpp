// RFC 4253 8 with every method, RFC 4419's choice of a group, and what may stand for a host key.

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "ssh/crypto/diffie_hellman.h"
#include "ssh/keys/certificate.h"
#include "ssh/keys/private_key.h"
#include "ssh/keys/public_key.h"
#include "ssh/spoken_algorithms.h"
#include "ssh/wire/wire_reader.h"
#include "ssh/wire/wire_writer.h"
#include "tests/sim/pair.h"
#include "tests/spec/rogue_peer.h"
#include "tests/unit/ssh/test_keys.h"

namespace caponier::spec {
namespace {

using ssh::ErrorCode;
using ssh::MessageNumber;

constexpr std::string_view group_exchange = "diffie-hellman-group-exchange-sha256";

/// A number behind its length, and without it.
Bytes mpint(std::span<const std::byte> magnitude) {
    Bytes field;
    ssh::WireWriter{field}.mpint(magnitude);
    return field;
}
Bytes mpint_body(std::span<const std::byte> magnitude) {
    const Bytes field = mpint(magnitude);
    return {field.begin() + 4, field.end()};
}

Bytes less(Bytes number, unsigned small) {
    number.back() = static_cast<std::byte>(std::to_integer<unsigned>(number.back()) - small);
    return number;
}

RoguePeer::Options options_for(ssh::Role role, std::string_view kex) {
    RoguePeer::Options options;
    options.role = role;
    options.algorithms.kex = {std::string{kex}};
    options.session.algorithms.kex = {std::string{kex}};
    return options;
}

class EveryKex : public testing::TestWithParam<ssh::Role> {};

TEST_P(EveryKex, MakesKeysAndMakesThemAnew) {
    for (const std::string& kex : ssh::spoken_algorithms().kex) {
        RoguePeer peer{options_for(GetParam(), kex)};
        ASSERT_TRUE(peer.establish()) << kex;

        ASSERT_TRUE(peer.rekey()) << kex;

        EXPECT_TRUE(peer.saw("KeysChanged " + kex));
    }
}

INSTANTIATE_TEST_SUITE_P(Of, EveryKex, testing::Values(ssh::Role::client, ssh::Role::server));

// Item 39. RFC 8268 4: "1 < e < p-1, 1 < f < p-1 MUST be true. Values not within these bounds MUST
// NOT be sent or accepted by either side. If either one of these conditions is violated, then the
// key exchange fails."
TEST(Rfc8268KeyExchange, PublicValuesOutOfRangeDisconnect) {
    const Bytes prime = ssh::modp_group(2048).prime;
    Bytes one_zero_more{std::byte{0}};
    const Bytes body = mpint_body(less(prime, 100));
    one_zero_more.insert(one_zero_more.end(), body.begin(), body.end());
    const std::vector<Bytes> values{Bytes{},
                                    Bytes{std::byte{0}},
                                    Bytes{std::byte{1}},
                                    mpint_body(less(prime, 1)),
                                    mpint_body(prime),
                                    less(prime, 100),  // negative: the top bit is set
                                    one_zero_more,
                                    Bytes(2'000, std::byte{0x7f})};
    for (const Bytes& value : values) {
        for (const ssh::Role role : {ssh::Role::client, ssh::Role::server}) {
            RoguePeer peer{options_for(role, "diffie-hellman-group14-sha256")};
            peer.cooperates = false;
            peer.send_identification();
            peer.send_kexinit();

            if (role == ssh::Role::client) {
                peer.send(Message{MessageNumber::kex_ecdh_init}.string(value));
            } else {
                peer.send(Message{MessageNumber::kex_ecdh_reply}
                              .string(sim::Pair::host_key().public_key())
                              .string(value)
                              .text("signature"));
            }

            ASSERT_TRUE(peer.ended().has_value()) << value.size();
            EXPECT_EQ(peer.ended()->code, ErrorCode::key_exchange_failed);
            EXPECT_EQ(peer.disconnect_reason(), 3U);
        }
    }
}

// ---- group exchange ----------------------------------------------------------------------------

/// A server that asks the session under test to calculate with this.
void offer_group(RoguePeer& peer, const Bytes& prime, const Bytes& generator) {
    peer.cooperates = false;
    peer.send_identification();
    peer.send_kexinit();
    peer.send(Message{MessageNumber::kex_dh_gex_group}.fixed(mpint(prime)).fixed(mpint(generator)));
}

// RFC 4419 3: "uint32 min, minimal size in bits of an acceptable group; uint32 n, preferred size;
// uint32 max". RFC 9142 1.2.1: no group "less than 2048 bits".
TEST(Rfc4419GroupExchange, TheClientAsksForTwoThousandBitsOrMore) {
    RoguePeer peer{options_for(ssh::Role::server, group_exchange)};
    peer.cooperates = false;
    peer.send_identification();
    peer.send_kexinit();

    const std::optional<Bytes> request = peer.take(MessageNumber::kex_dh_gex_request);

    ASSERT_TRUE(request.has_value());
    EXPECT_EQ(
        *request,
        copy(Message{MessageNumber::kex_dh_gex_request}.uint32(2048).uint32(3072).uint32(8192)));
}

// Item 39: a prime that is too small, too large or even, a generator that generates nothing.
TEST(Rfc4419GroupExchange, AGroupThatIsNoneDisconnects) {
    const Bytes two{std::byte{2}};
    const Bytes prime = ssh::modp_group(3072).prime;
    Bytes small(256, std::byte{0xff});
    small[0] = std::byte{0x7f};
    Bytes large(1025, std::byte{0xff});
    large[0] = std::byte{1};
    struct Group {
        Bytes prime;
        Bytes generator;
    };
    for (const Group& group : {Group{small, two},
                               Group{large, two},
                               Group{Bytes(100'000, std::byte{0xff}), two},
                               Group{less(prime, 1), two},
                               Group{Bytes{}, two},
                               Group{prime, Bytes{}},
                               Group{prime, Bytes{std::byte{1}}},
                               Group{prime, less(prime, 1)},
                               Group{prime, prime}}) {
        RoguePeer peer{options_for(ssh::Role::server, group_exchange)};

        offer_group(peer, group.prime, group.generator);

        ASSERT_TRUE(peer.ended().has_value()) << group.prime.size();
        EXPECT_EQ(peer.ended()->code, ErrorCode::key_exchange_failed);
        EXPECT_EQ(peer.disconnect_reason(), 3U);
    }
}

// Item 39, the values in a group that the server chose.
TEST(Rfc4419GroupExchange, PublicValuesOutOfRangeDisconnect) {
    const Bytes prime = ssh::modp_group(3072).prime;
    for (const Bytes& value :
         {Bytes{}, Bytes{std::byte{1}}, mpint_body(less(prime, 1)), mpint_body(prime)}) {
        RoguePeer peer{options_for(ssh::Role::server, group_exchange)};
        offer_group(peer, prime, Bytes{std::byte{2}});
        ASSERT_EQ(peer.count(MessageNumber::kex_dh_gex_init), 1U);

        peer.send(Message{MessageNumber::kex_dh_gex_reply}
                      .string(sim::Pair::host_key().public_key())
                      .string(value)
                      .text("signature"));

        ASSERT_TRUE(peer.ended().has_value());
        EXPECT_EQ(peer.ended()->code, ErrorCode::key_exchange_failed);
    }
}

TEST(Rfc4419GroupExchange, MessagesThatAreCutDisconnect) {
    const Bytes whole = copy(Message{MessageNumber::kex_dh_gex_group}
                                 .fixed(mpint(ssh::modp_group(2048).prime))
                                 .fixed(mpint(Bytes{std::byte{2}})));
    for (const std::size_t size : {std::size_t{1}, std::size_t{5}, whole.size() - 1}) {
        RoguePeer peer{options_for(ssh::Role::server, group_exchange)};
        peer.cooperates = false;
        peer.send_identification();
        peer.send_kexinit();

        peer.send(std::span{whole}.first(size));

        EXPECT_EQ(peer.ended(), (ssh::Error{ErrorCode::malformed_message, 31})) << size;
    }
    RoguePeer peer{options_for(ssh::Role::client, group_exchange)};
    peer.cooperates = false;
    peer.send_identification();
    peer.send_kexinit();

    peer.send(Message{MessageNumber::kex_dh_gex_request}.uint32(2048).uint32(3072));

    EXPECT_EQ(peer.ended(), (ssh::Error{ErrorCode::malformed_message, 34}));
}

// Each side's messages in their order: one of another method, or one too early, is an error.
TEST(Rfc4419GroupExchange, MessagesOutOfOrderDisconnect) {
    for (const auto number : {MessageNumber::kex_dh_gex_reply,
                              MessageNumber::kex_dh_gex_init,
                              MessageNumber::kex_dh_gex_request,
                              MessageNumber::kex_ecdh_init}) {
        RoguePeer peer{options_for(ssh::Role::server, group_exchange)};
        peer.cooperates = false;
        peer.send_identification();
        peer.send_kexinit();

        peer.send(Message{number}.text("x"));

        ASSERT_TRUE(peer.ended().has_value());
        EXPECT_EQ(peer.ended()->code, ErrorCode::unexpected_message);
    }
    RoguePeer twice{options_for(ssh::Role::server, group_exchange)};
    const Bytes prime = ssh::modp_group(2048).prime;
    offer_group(twice, prime, Bytes{std::byte{2}});
    twice.send(Message{MessageNumber::kex_dh_gex_group}
                   .fixed(mpint(prime))
                   .fixed(mpint(Bytes{std::byte{2}})));
    ASSERT_TRUE(twice.ended().has_value());
    EXPECT_EQ(twice.ended()->code, ErrorCode::unexpected_message);

    // RFC 4419 5: the old request, "used for backward compatibility", is not spoken.
    RoguePeer old{options_for(ssh::Role::client, group_exchange)};
    old.cooperates = false;
    old.send_identification();
    old.send_kexinit();
    old.send(Message{std::uint8_t{30}}.uint32(2048));
    ASSERT_TRUE(old.ended().has_value());
    EXPECT_EQ(old.ended()->code, ErrorCode::unexpected_message);
}

struct Wish {
    std::uint32_t min;
    std::uint32_t preferred;
    std::uint32_t max;
    std::size_t bits;  ///< of the group that comes; 0 for none
};

// RFC 4419 3: "The server should return the smallest group it knows that is larger than the size
// the client requested. If the server does not know a group that is larger than the client request,
// then it SHOULD return the largest group it knows."
TEST(Rfc4419GroupExchange, TheServerChoosesWithinTheClientsBounds) {
    for (const Wish& wish : {Wish{2048, 3072, 8192, 3072},
                             Wish{1024, 1024, 8192, 2048},
                             Wish{1024, 2049, 8192, 3072},
                             Wish{2048, 8192, 8192, 8192},
                             Wish{2048, 16'384, 32'768, 8192},
                             Wish{2048, 4000, 4000, 3072},
                             Wish{1024, 1536, 2047, 0},
                             Wish{8193, 8193, 16'384, 0},
                             Wish{3072, 2048, 8192, 0},
                             Wish{2048, 4096, 3072, 0},
                             Wish{0xffffffff, 0, 0, 0},
                             Wish{0, 0, 0, 0}}) {
        RoguePeer peer{options_for(ssh::Role::client, group_exchange)};
        peer.cooperates = false;
        peer.send_identification();
        peer.send_kexinit();

        peer.send(Message{MessageNumber::kex_dh_gex_request}
                      .uint32(wish.min)
                      .uint32(wish.preferred)
                      .uint32(wish.max));

        const std::optional<Bytes> group = peer.take(MessageNumber::kex_dh_gex_group);
        ASSERT_EQ(group.has_value(), wish.bits != 0) << wish.preferred;
        if (!group) {
            ASSERT_TRUE(peer.ended().has_value());
            EXPECT_EQ(peer.ended()->code, ErrorCode::key_exchange_failed);
            continue;
        }
        ssh::WireReader in{*group};
        in.byte();
        EXPECT_EQ(ssh::bits_of(in.mpint()), wish.bits) << wish.preferred;
    }
}

// ---- what is offered ---------------------------------------------------------------------------

// Item 49: "A scan of the KEXINIT that we send shows nothing retired" - nor anything that is not
// spoken, in either role.
TEST(Rfc4253Negotiation, OurKexinitHasNothingRetired) {
    for (const ssh::Role role : {ssh::Role::client, ssh::Role::server}) {
        RoguePeer::Options options;
        options.role = role;
        RoguePeer peer{std::move(options)};
        ASSERT_TRUE(peer.exchange_keys());

        const std::optional<Bytes> payload = peer.take(MessageNumber::kexinit);

        ASSERT_TRUE(payload.has_value());
        const auto kexinit = ssh::parse_kexinit(*payload);
        ASSERT_TRUE(kexinit.has_value());
        for (const ssh::NameList& list : {kexinit->kex,
                                          kexinit->host_key,
                                          kexinit->cipher_client_to_server,
                                          kexinit->cipher_server_to_client,
                                          kexinit->mac_client_to_server,
                                          kexinit->mac_server_to_client}) {
            ASSERT_FALSE(list.empty());
            for (const std::string_view name : list) {
                for (const std::string_view retired :
                     {"sha1", "cbc", "dss", "md5", "arcfour", "group1-", "ssh-rsa", "umac"}) {
                    EXPECT_EQ(name.find(retired), std::string_view::npos) << name;
                }
            }
        }
        EXPECT_EQ(kexinit->compression_client_to_server.text(), "none");
        EXPECT_EQ(kexinit->compression_server_to_client.text(), "none");
    }
}

// Item 32 the other way round: with a cipher that does not authenticate, a MAC has to be found.
TEST(Rfc4253Negotiation, CounterModeWithoutACommonMacDisconnects) {
    RoguePeer::Options options;
    options.algorithms.cipher = {"aes128-ctr"};
    options.algorithms.mac = {"hmac-sha1", "hmac-md5"};
    RoguePeer peer{std::move(options)};
    peer.cooperates = false;
    peer.send_identification();

    peer.send_kexinit();

    ASSERT_TRUE(peer.ended().has_value());
    EXPECT_EQ(peer.ended()->code, ErrorCode::no_common_mac);
    EXPECT_EQ(peer.end_text(), "hmac-sha1,hmac-md5");
    EXPECT_EQ(peer.disconnect_reason(), 3U);
}

// Item 18: a MAC that does not verify ends the session with one error, wherever the bit was.
TEST(Rfc4253PacketProtocol, ADamagedPacketUnderCounterModeDisconnects) {
    for (const std::string mac : {"hmac-sha2-256", "hmac-sha2-512-etm@openssh.com"}) {
        for (const std::size_t at : {4U, 5U, 20U, 40U, 79U}) {
            RoguePeer::Options options;
            options.algorithms.cipher = {"aes256-ctr"};
            options.algorithms.mac = {mac};
            RoguePeer peer{std::move(options)};
            ASSERT_TRUE(peer.establish());
            Bytes packet = peer.seal(global_request("a request that is to be damaged", true));
            ASSERT_GT(packet.size(), at);
            packet[at] ^= std::byte{1};

            peer.send_raw(packet);

            ASSERT_TRUE(peer.ended().has_value()) << at;
            EXPECT_EQ(peer.ended()->code, ErrorCode::integrity_failure);
            EXPECT_EQ(peer.disconnect_reason(), 5U);
            EXPECT_EQ(peer.count(MessageNumber::request_failure), 0U);
        }
    }
}

// ---- host certificates -------------------------------------------------------------------------

/// A certificate around an Ed25519 key. Nobody signed it: whether an authority did is decided by
/// the application.
Bytes certificate_around(std::span<const std::byte> plain_key) {
    const auto key = ssh::parse_public_key(plain_key);
    Bytes blob;
    ssh::WireWriter out{blob};
    out.text("ssh-ed25519-cert-v01@openssh.com");
    out.text("nonce");
    out.string(key->point);
    out.uint64(1);
    out.uint32(2);
    out.text("host");
    out.text({});
    out.uint64(0);
    out.uint64(UINT64_MAX);
    out.text({});
    out.text({});
    out.text({});
    out.string(plain_key);
    out.text("signature of the authority");
    return blob;
}

RoguePeer::Options with_host_key_algorithm(ssh::Role role, std::string name) {
    RoguePeer::Options options;
    options.role = role;
    options.algorithms.host_key = {std::move(name)};
    return options;
}

// Item 44. PROTOCOL.certkeys: the host proves that it has "the private key corresponding to the
// public key in the certificate", and K_S is the certificate.
TEST(HostCertificate, IsShownWithTheSignatureOfTheKeyInside) {
    RoguePeer peer{with_host_key_algorithm(ssh::Role::server, "ssh-ed25519-cert-v01@openssh.com")};
    peer.host_certificate = certificate_around(sim::Pair::host_key().public_key());

    EXPECT_TRUE(peer.exchange_keys());

    EXPECT_TRUE(peer.saw("HostKeyReceived ssh-ed25519-cert-v01@openssh.com"));
    EXPECT_TRUE(peer.saw("KeysChanged"));
}

// Item 44: another key's signature, another key's certificate, a certificate where a plain key was
// agreed on and the other way round, and what is no certificate at all.
TEST(HostCertificate, IsNotTakenFromWhoDoesNotHoldItsKey) {
    const Bytes certificate = certificate_around(sim::Pair::host_key().public_key());
    Bytes cut{certificate.begin(), certificate.end() - 1};
    struct Case {
        std::string algorithm;
        Bytes blob;
        const ssh::SigningKey& signer;
    };
    const std::string name = "ssh-ed25519-cert-v01@openssh.com";
    for (const Case& one :
         {Case{name, certificate, sim::Pair::user_key()},
          Case{name, certificate_around(sim::Pair::user_key().public_key()), sim::Pair::host_key()},
          Case{name, cut, sim::Pair::host_key()},
          Case{name, copy(sim::Pair::host_key().public_key()), sim::Pair::host_key()},
          Case{"ssh-ed25519", certificate, sim::Pair::host_key()}}) {
        RoguePeer peer{with_host_key_algorithm(ssh::Role::server, one.algorithm)};
        peer.host_certificate = one.blob;
        peer.host_key = &one.signer;

        EXPECT_FALSE(peer.exchange_keys());

        ASSERT_TRUE(peer.ended().has_value());
        EXPECT_EQ(peer.ended()->code, ErrorCode::key_exchange_failed);
        EXPECT_FALSE(peer.saw("HostKeyReceived"));
    }
}

// ---- RSA host keys -----------------------------------------------------------------------------

const ssh::SigningKey& rsa_key() {
    static const ssh::Result<ssh::PrivateKey> key = ssh::parse_private_key(ssh::test_keys::rsa);
    return key->key;
}

/// A blob's fields under another name.
Bytes renamed(std::span<const std::byte> blob, std::string_view name) {
    ssh::WireReader in{blob};
    in.text();
    Bytes other;
    ssh::WireWriter out{other};
    out.text(name);
    out.fixed(in.rest());
    return other;
}

// RFC 8332 3: the key stays "ssh-rsa", whatever it signs with. Servers that write the algorithm
// into K_S are taken by ssh; the exchange hash has their bytes, and the application the key as it
// is recorded everywhere.
TEST(RsaHostKey, MayBeShownUnderTheNameOfItsSignature) {
    for (const std::string_view name : {"ssh-rsa", "rsa-sha2-512", "rsa-sha2-256"}) {
        for (const std::string algorithm : {"rsa-sha2-512", "rsa-sha2-256"}) {
            RoguePeer::Options options = with_host_key_algorithm(ssh::Role::server, algorithm);
            Bytes shown;
            options.application = [&shown](ssh::Session&, const ssh::Event& event) {
                if (const auto* received = std::get_if<ssh::HostKeyReceived>(&event)) {
                    shown = copy(received->key.blob);
                }
                return false;
            };
            RoguePeer peer{std::move(options)};
            peer.host_key = &rsa_key();
            peer.host_certificate = renamed(rsa_key().public_key(), name);

            EXPECT_TRUE(peer.establish()) << name;

            EXPECT_EQ(shown, copy(rsa_key().public_key()));
            EXPECT_TRUE(
                std::ranges::equal(peer.session().binding().host_key, rsa_key().public_key()));
            peer.host_certificate = copy(rsa_key().public_key());
            EXPECT_TRUE(peer.rekey()) << "the same key under another name is the same key";
        }
    }
}

// Item 44: a name decides nothing about what signs.
TEST(RsaHostKey, UnderTheNameOfAnotherTypeIsNotTaken) {
    struct Case {
        std::string algorithm;
        Bytes blob;
        const ssh::SigningKey& signer;
    };
    for (const Case& one :
         {Case{"rsa-sha2-512", renamed(rsa_key().public_key(), "ssh-ed25519"), rsa_key()},
          Case{"rsa-sha2-512", renamed(rsa_key().public_key(), "rsa-sha2-1024"), rsa_key()},
          Case{"ssh-ed25519",
               renamed(sim::Pair::host_key().public_key(), "rsa-sha2-512"),
               sim::Pair::host_key()}}) {
        RoguePeer peer{with_host_key_algorithm(ssh::Role::server, one.algorithm)};
        peer.host_certificate = one.blob;
        peer.host_key = &one.signer;

        EXPECT_FALSE(peer.exchange_keys());

        ASSERT_TRUE(peer.ended().has_value());
        EXPECT_EQ(peer.ended()->code, ErrorCode::key_exchange_failed);
    }
}

TEST(HostCertificate, IsShownByAServerThatHasOne) {
    RoguePeer::Options options =
        with_host_key_algorithm(ssh::Role::client, "ssh-ed25519-cert-v01@openssh.com");
    options.session.host_keys = {copy(sim::Pair::host_key().public_key()),
                                 certificate_around(sim::Pair::host_key().public_key())};
    RoguePeer peer{std::move(options)};

    EXPECT_TRUE(peer.exchange_keys());
}

}  // namespace
}  // namespace caponier::spec
