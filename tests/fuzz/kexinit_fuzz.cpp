// SSH_MSG_KEXINIT and what two of them come to (RFC 4253 7.1). The first byte of the input says
// which role the sender has; the rest is the payload.

#include <string_view>

#include "ssh/expects.h"
#include "ssh/transport/kexinit.h"
#include "ssh/transport/negotiation.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/sim/pair.h"
#include "tests/sim/random.h"

namespace caponier::fuzz {

namespace {

void expect_a_choice_of_both(const ssh::Negotiated& negotiated,
                             const ssh::KexInit& client,
                             const ssh::KexInit& server) {
    for (const ssh::KexInit* side : {&client, &server}) {
        ssh::expects(side->kex.contains(negotiated.kex->name));
        ssh::expects(side->host_key.contains(negotiated.host_key));
        ssh::expects(side->cipher_client_to_server.contains(
            ssh::shape_of(negotiated.cipher_client_to_server).name));
        ssh::expects(side->cipher_server_to_client.contains(
            ssh::shape_of(negotiated.cipher_server_to_client).name));
    }
}

void expect_valid_names(const ssh::NameList& list) {
    for (auto name = list.begin(); name != list.end(); name++) {
        ssh::expects(ssh::is_valid_name(*name));
    }
}

}  // namespace

void try_input(std::span<const std::byte> bytes) {
    Input input{bytes};
    const ssh::Role sender = (input.byte() & 1U) == 0 ? ssh::Role::client : ssh::Role::server;
    const ssh::Result<ssh::KexInit> peer = ssh::parse_kexinit(input.rest());
    if (!peer) {
        ssh::expects(peer.error().code == ssh::ErrorCode::malformed_message);
        return;
    }
    expect_valid_names(peer->kex);
    expect_valid_names(peer->language_server_to_client);
    ssh::expects(!peer->kex.empty());
    sim::Random random{1};
    const auto own_payload =
        ssh::make_kexinit(ssh::with_defaults(ssh::SessionConfig{}), {}, sim::random_source(random));
    const ssh::Result<ssh::KexInit> own = ssh::parse_kexinit(own_payload);
    ssh::expects(own.has_value());
    const bool is_client = sender == ssh::Role::client;
    const ssh::KexInit& client = is_client ? *peer : *own;
    const ssh::KexInit& server = is_client ? *own : *peer;

    const ssh::Result<ssh::Negotiated> negotiated = ssh::negotiate(client, server);

    if (negotiated) {
        expect_a_choice_of_both(*negotiated, client, server);
    } else {
        static_cast<void>(ssh::list_of(negotiated.error().code, *peer));
    }
    static_cast<void>(ssh::offers_strict_kex(*peer, sender));
    static_cast<void>(ssh::offers_ext_info(*peer, sender));
}

}  // namespace caponier::fuzz
