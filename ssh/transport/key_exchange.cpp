// The messages of a key exchange and what is calculated from them.

#include "ssh/transport/key_exchange.h"

#include <utility>

#include "ssh/crypto/signature.h"
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
    return {};
}

Result<std::vector<std::byte>> KeyExchange::make_init() {
    Result<std::vector<std::byte>> value = agreement_->offer(frame_.random);
    if (!value) {
        return tl::unexpected{value.error()};
    }
    own_value_ = std::move(*value);
    std::vector<std::byte> payload;
    WireWriter out{payload};
    out.message(MessageNumber::kex_ecdh_init);
    out.string(own_value_);
    return payload;
}

Result<void> KeyExchange::take_reply(std::span<const std::byte> payload) {
    // RFC 5656 4: SSH_MSG_KEX_ECDH_REPLY
    WireReader in{payload};
    in.byte();
    const std::span<const std::byte> host_key = in.string();
    const std::span<const std::byte> server_value = in.string();
    const std::span<const std::byte> signature = in.string();
    if (!in.complete()) {
        return malformed(MessageNumber::kex_ecdh_reply);
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
    const Verification verification = verify({.algorithm = negotiated_.host_key,
                                              .key = host_key_,
                                              .data = exchange_hash_.bytes(),
                                              .signature = signature});
    if (verification != Verification::valid) {
        return tl::unexpected{Error{ErrorCode::key_exchange_failed}};
    }
    host_key_signature_ = copy_of(signature);
    return {};
}

Result<void> KeyExchange::take_init(std::span<const std::byte> payload,
                                    std::span<const std::byte> host_key) {
    // RFC 5656 4: SSH_MSG_KEX_ECDH_INIT
    WireReader in{payload};
    in.byte();
    const std::span<const std::byte> client_value = in.string();
    if (!in.complete()) {
        return malformed(MessageNumber::kex_ecdh_init);
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
    out.message(MessageNumber::kex_ecdh_reply);
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
                            .client_value = client_value,
                            .server_value = server_value,
                            .secret = secret_});
}

KeyExchange::Keys KeyExchange::make_keys(std::span<const std::byte> session_id) const {
    const KeyDerivation derivation{negotiated_.kex->hash, secret_, exchange_hash_, session_id};
    const auto make = [&](CipherAlgorithm cipher, KeyPurpose key, KeyPurpose iv) {
        const CipherShape& shape = shape_of(cipher);
        const SecretBytes key_bytes = derivation.derive(key, shape.key_bytes);
        const SecretBytes iv_bytes = derivation.derive(iv, shape.iv_bytes);
        return Key{make_aead(cipher, {.key = key_bytes.bytes(), .iv = iv_bytes.bytes()}), shape};
    };
    Key up = make(negotiated_.cipher_client_to_server,
                  KeyPurpose::encryption_client_to_server,
                  KeyPurpose::iv_client_to_server);
    Key down = make(negotiated_.cipher_server_to_client,
                    KeyPurpose::encryption_server_to_client,
                    KeyPurpose::iv_server_to_client);
    if (frame_.role == Role::client) {
        return {.out = std::move(up), .in = std::move(down)};
    }
    return {.out = std::move(down), .in = std::move(up)};
}

}  // namespace caponier::ssh
