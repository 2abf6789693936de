// The public values of a key exchange. The first byte of the input chooses the method, the second
// what is under attack:
//   0  the client takes the rest of the input as SSH_MSG_KEX_ECDH_REPLY
//   1  the server takes it as SSH_MSG_KEX_ECDH_INIT
//   2  the client takes a right reply with changes: uint16 where, one byte xor, and so on
//   3  the server takes a right init with changes
//   4  a right reply, its length changed to a uint16
//   5  the server takes the rest as SSH_MSG_KEX_DH_GEX_REQUEST, where the method has one
//   6  the client takes it as SSH_MSG_KEX_DH_GEX_GROUP
//   7  the client takes it as the reply where a certificate was negotiated
// Nothing but the reply that the server signed is accepted.

#include <optional>
#include <vector>

#include "ssh/crypto/signature.h"
#include "ssh/expects.h"
#include "ssh/transport/key_exchange.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/sim/pair.h"
#include "tests/sim/random.h"

namespace caponier::fuzz {

namespace {

using Bytes = std::vector<std::byte>;

/// Both ends of one exchange, up to the client's first message.
class Exchange {
  public:
    Exchange(std::size_t method, const char* host_key) {
        ssh::AlgorithmLists lists = ssh::with_defaults(ssh::SessionConfig{});
        const auto methods = ssh::kex_methods();
        lists.kex = {std::string{methods[method % methods.size()].name}};
        lists.host_key = {host_key};
        const Bytes up = ssh::make_kexinit(lists, {}, client_frame_.random);
        const Bytes down = ssh::make_kexinit(lists, {}, server_frame_.random);
        client = std::make_unique<ssh::KeyExchange>(client_frame_, up);
        server = std::make_unique<ssh::KeyExchange>(server_frame_, down);
        ssh::expects(client->take_peer_kexinit(down).has_value());
        ssh::expects(server->take_peer_kexinit(up).has_value());
        ssh::Result<Bytes> made = client->make_first_message();
        ssh::expects(made.has_value());
        init = std::move(*made);
    }

    /// Up to the client's value, where that was not the first message.
    void agree_on_group() {
        if (!client->awaits_group()) {
            return;
        }
        const ssh::Result<Bytes> group = server->take_group_message(init);
        ssh::expects(group.has_value());
        ssh::Result<Bytes> made = client->take_group_message(*group);
        ssh::expects(made.has_value());
        init = std::move(*made);
    }

    [[nodiscard]] Bytes right_reply() {
        const ssh::SigningKey& key = sim::Pair::host_key();
        ssh::expects(server->take_init(init, key.public_key()).has_value());
        const ssh::Result<Bytes> signature = ssh::sign(key, "ssh-ed25519", server->exchange_hash());
        ssh::expects(signature.has_value());
        return server->make_reply(*signature);
    }

  private:
    sim::Random client_random_{1};
    sim::Random server_random_{2};
    ssh::KeyExchange::Frame client_frame_{.role = ssh::Role::client,
                                          .own_identification = "SSH-2.0-a",
                                          .peer_identification = "SSH-2.0-b",
                                          .random = sim::random_source(client_random_)};
    ssh::KeyExchange::Frame server_frame_{.role = ssh::Role::server,
                                          .own_identification = "SSH-2.0-b",
                                          .peer_identification = "SSH-2.0-a",
                                          .random = sim::random_source(server_random_)};

  public:
    std::unique_ptr<ssh::KeyExchange> client;
    std::unique_ptr<ssh::KeyExchange> server;
    Bytes init;
};

Bytes changed(Bytes message, Input& input) {
    while (!input.is_empty()) {
        const std::size_t where = input.uint16();
        message[where % message.size()] ^= std::byte{input.byte()};
    }
    return message;
}

void take_as_client(Exchange& exchange, const Bytes& right, std::span<const std::byte> reply) {
    const bool taken = exchange.client->take_reply(reply).has_value();
    // The message number is read by whoever chose this function.
    const bool is_right =
        !reply.empty() && std::ranges::equal(reply.subspan(1), std::span{right}.subspan(1));
    ssh::expects(taken == is_right);
}

}  // namespace

void try_input(std::span<const std::byte> bytes) {
    Input input{bytes};
    const std::uint8_t method = input.byte();
    const std::uint8_t attack = input.byte();
    Exchange exchange{method, attack == 7 ? "ssh-ed25519-cert-v01@openssh.com" : "ssh-ed25519"};
    if (attack == 5 || attack == 6) {
        ssh::KeyExchange& attacked = attack == 5 ? *exchange.server : *exchange.client;
        if (attacked.awaits_group() && !input.is_empty()) {
            static_cast<void>(attacked.take_group_message(input.rest()));
        }
        return;
    }
    exchange.agree_on_group();
    if (attack == 7) {
        // No input can sign, whatever certificate it shows.
        ssh::expects(!exchange.client->take_reply(input.rest()).has_value());
        return;
    }
    if (attack == 1 || attack == 3) {
        const auto rest = input.bytes(attack == 1 ? SIZE_MAX : 0);
        const Bytes init =
            attack == 1 ? Bytes(rest.begin(), rest.end()) : changed(exchange.init, input);
        if (exchange.server->take_init(init, sim::Pair::host_key().public_key())) {
            ssh::expects(!exchange.server->exchange_hash().empty());
            static_cast<void>(exchange.server->make_keys(exchange.server->exchange_hash()));
        }
        return;
    }
    const Bytes right = exchange.right_reply();
    if (attack == 2) {
        take_as_client(exchange, right, changed(right, input));
    } else if (attack == 4) {
        Bytes reply = right;
        reply.resize(input.uint16() % 2'048);
        take_as_client(exchange, right, reply);
    } else {
        take_as_client(exchange, right, input.rest());
    }
}

}  // namespace caponier::fuzz
