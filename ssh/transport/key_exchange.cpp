// The messages of a key exchange and what is calculated from them.

#include "ssh/transport/key_exchange.h"

#include <utility>

#include "ssh/crypto/ctr_hmac.h"
#include "ssh/crypto/signature.h"
#include "ssh/keys/certificate.h"
#include "ssh/limits.h"
#include "ssh/wire/message_numbers.h"
#include "ssh/wire/wire_reader.h"
#include "ssh/wire/wire_writer.h"

namespace caponier::ssh {

namespace {

tl::unexpected<Error> malformed(MessageNumber number) {
    return tl::unexpected{Error{ErrorCode::malformed_message, static_cast<std::uint32_t>(number)}};
}

std::vector<std::byte> copy_of(std::span<const std::byte> bytes) {
    return {bytes.begin(), bytes.end()};
}

/// What one direction's key is made for and of.
struct KeyPlan {
    CipherAlgorithm cipher;
    std::optional<MacAlgorithm> mac;
    KeyPurpose key;
    KeyPurpose iv;
    KeyPurpose mac_key;
};

KeyExchange::Key make_key(const KeyDerivation& derivation, const KeyPlan& plan) {
    const CipherShape& shape = shape_of(plan.cipher);
    const SecretBytes key = derivation.derive(plan.key, shape.key_bytes);
    const SecretBytes iv = derivation.derive(plan.iv, shape.iv_bytes);
    if (!plan.mac) {
        return {make_aead(plan.cipher, {.key = key.bytes(), .iv = iv.bytes()}), shape};
    }
    const SecretBytes mac_key = derivation.derive(plan.mac_key, shape_of(*plan.mac).key_bytes);
    return {make_ctr_hmac(plan.cipher,
                          *plan.mac,
                          {.key = key.bytes(), .iv = iv.bytes(), .mac_key = mac_key.bytes()}),
            shape_of(plan.cipher, *plan.mac)};
}

}  // namespace

Result<void> KeyExchange::take_peer_kexinit(std::span<const std::byte> payload) {
    peer_kexinit_ = copy_of(payload);
    const Result<KexInit> peer = parse_kexinit(peer_kexinit_);
    if (!peer) {
        return tl::unexpected{peer.error()};
    }
    peer_ = *peer;
    const Result<KexInit> own = parse_kexinit(own_kexinit_);
    if (!own) {
        return tl::unexpected{own.error()};
    }
    const bool is_client = frame_.role == Role::client;
    Result<Negotiated> negotiated = negotiate(is_client ? *own : peer_, is_client ? peer_ : *own);
    if (!negotiated) {
        return tl::unexpected{negotiated.error()};
    }
    negotiated_ = std::move(*negotiated);
    agreement_ = negotiated_.kex->make();
    group_choice_ = agreement_->group_choice();
    return {};
}

MessageNumber KeyExchange::awaited() const noexcept {
    const bool is_client = frame_.role == Role::client;
    if (awaits_group()) {
        return is_client ? MessageNumber::kex_dh_gex_group : MessageNumber::kex_dh_gex_request;
    }
    return is_client ? negotiated_.kex->reply : negotiated_.kex->init;
}

Result<std::vector<std::byte>> KeyExchange::make_first_message() {
    if (!awaits_group()) {
        return make_init();
    }
    std::vector<std::byte> payload;
    WireWriter out{payload};
    out.message(MessageNumber::kex_dh_gex_request);
    out.fixed(group_choice_->request());
    return payload;
}

Result<std::vector<std::byte>> KeyExchange::take_group_message(std::span<const std::byte> payload) {
    GroupChoice& choice = *std::exchange(group_choice_, nullptr);
    const std::span<const std::byte> fields = payload.subspan(1);
    if (frame_.role == Role::client) {
        if (const Result<void> taken = choice.take(fields); !taken) {
            return tl::unexpected{taken.error()};
        }
        group_ = copy_of(choice.hashed());
        return make_init();
    }
    const Result<std::vector<std::byte>> chosen = choice.choose(fields);
    if (!chosen) {
        return tl::unexpected{chosen.error()};
    }
    group_ = copy_of(choice.hashed());
    std::vector<std::byte> answer;
    WireWriter out{answer};
    out.message(MessageNumber::kex_dh_gex_group);
    out.fixed(*chosen);
    return answer;
}

Result<std::vector<std::byte>> KeyExchange::make_init() {
    Result<std::vector<std::byte>> value = agreement_->offer(frame_.random);
    if (!value) {
        return tl::unexpected{value.error()};
    }
    own_value_ = std::move(*value);
    std::vector<std::byte> payload;
    WireWriter out{payload};
    out.message(negotiated_.kex->init);
    out.string(own_value_);
    return payload;
}

Result<void> KeyExchange::take_reply(std::span<const std::byte> payload) {
    // RFC 5656 4: SSH_MSG_KEX_ECDH_REPLY; RFC 4253 8: SSH_MSG_KEXDH_REPLY
    WireReader in{payload};
    in.byte();
    const std::span<const std::byte> host_key = in.string();
    const std::span<const std::byte> server_value = in.string();
    const std::span<const std::byte> signature = in.string();
    if (!in.complete()) {
        return malformed(negotiated_.kex->reply);
    }
    if (host_key.size() > host_key_bytes_max) {
        return tl::unexpected{Error{ErrorCode::oversized_key}};
    }
    Result<SharedSecret> secret = agreement_->finish(server_value);
    if (!secret) {
        return tl::unexpected{secret.error()};
    }
    secret_ = std::move(*secret);
    host_key_ = copy_of(host_key);
    compute_hash(own_value_, server_value);
    // RFC 4253 8: the client "verifies that K_S really is the host key for S" - the application's
    // part - "and ... verifies the signature s on H".
    if (!signature_fits(signature)) {
        return tl::unexpected{Error{ErrorCode::key_exchange_failed}};
    }
    host_key_signature_ = copy_of(signature);
    return {};
}

/// PROTOCOL.certkeys: a certificate is used "in place of the key", and the signature is made by the
/// key inside it, under that key's own algorithm. Whether an authority vouches for it is part of
/// the application's decision about the host key.
bool KeyExchange::signature_fits(std::span<const std::byte> signature) const {
    SignatureCheck check{.algorithm = negotiated_.host_key,
                         .key = host_key_,
                         .data = exchange_hash_.bytes(),
                         .signature = signature,
                         .wants_user = false};
    if (!is_certificate_algorithm(negotiated_.host_key)) {
        return verify(check) == Verification::valid;
    }
    const Result<Certificate> certificate = parse_certificate(host_key_);
    if (!certificate || certificate->type_name != blob_type_of_algorithm(negotiated_.host_key)) {
        return false;
    }
    check.algorithm = plain_algorithm(negotiated_.host_key);
    check.key = certificate->public_key;
    return verify(check) == Verification::valid;
}

Result<void> KeyExchange::take_init(std::span<const std::byte> payload,
                                    std::span<const std::byte> host_key) {
    // RFC 5656 4: SSH_MSG_KEX_ECDH_INIT; RFC 4253 8: SSH_MSG_KEXDH_INIT
    WireReader in{payload};
    in.byte();
    const std::span<const std::byte> client_value = in.string();
    if (!in.complete()) {
        return malformed(negotiated_.kex->init);
    }
    Result<KexAgreement::Answer> answer = agreement_->answer(client_value, frame_.random);
    if (!answer) {
        return tl::unexpected{answer.error()};
    }
    secret_ = std::move(answer->secret);
    own_value_ = std::move(answer->value);
    host_key_ = copy_of(host_key);
    compute_hash(client_value, own_value_);
    return {};
}

std::vector<std::byte> KeyExchange::make_reply(std::span<const std::byte> signature) const {
    std::vector<std::byte> payload;
    WireWriter out{payload};
    out.message(negotiated_.kex->reply);
    out.string(host_key_);
    out.string(own_value_);
    out.string(signature);
    return payload;
}

void KeyExchange::compute_hash(std::span<const std::byte> client_value,
                               std::span<const std::byte> server_value) noexcept {
    const bool is_client = frame_.role == Role::client;
    exchange_hash_ =
        ssh::exchange_hash(negotiated_.kex->hash,
                           {.client_identification =
                                is_client ? frame_.own_identification : frame_.peer_identification,
                            .server_identification =
                                is_client ? frame_.peer_identification : frame_.own_identification,
                            .client_kexinit = is_client ? own_kexinit_ : peer_kexinit_,
                            .server_kexinit = is_client ? peer_kexinit_ : own_kexinit_,
                            .host_key = host_key_,
                            .group = group_,
                            .client_value = client_value,
                            .server_value = server_value,
                            .secret = secret_});
}

KeyExchange::Keys KeyExchange::make_keys(std::span<const std::byte> session_id) const {
    const KeyDerivation derivation{negotiated_.kex->hash, secret_, exchange_hash_, session_id};
    Key up = make_key(derivation,
                      {.cipher = negotiated_.cipher_client_to_server,
                       .mac = negotiated_.mac_client_to_server,
                       .key = KeyPurpose::encryption_client_to_server,
                       .iv = KeyPurpose::iv_client_to_server,
                       .mac_key = KeyPurpose::integrity_client_to_server});
    Key down = make_key(derivation,
                        {.cipher = negotiated_.cipher_server_to_client,
                         .mac = negotiated_.mac_server_to_client,
                         .key = KeyPurpose::encryption_server_to_client,
                         .iv = KeyPurpose::iv_server_to_client,
                         .mac_key = KeyPurpose::integrity_server_to_client});
    if (frame_.role == Role::client) {
        return {.out = std::move(up), .in = std::move(down)};
    }
    return {.out = std::move(down), .in = std::move(up)};
}

}  // namespace caponier::ssh
