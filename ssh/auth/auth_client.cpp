// RFC 4252 from the client's side, message by message.

#include "ssh/auth/auth_client.h"

#include <algorithm>
#include <utility>

#include "ssh/auth/keyboard_interactive_method.h"
#include "ssh/auth/password_method.h"
#include "ssh/auth/public_key_method.h"
#include "ssh/crypto/secret_bytes.h"
#include "ssh/expects.h"
#include "ssh/keys/certificate.h"
#include "ssh/keys/public_key.h"
#include "ssh/limits.h"
#include "ssh/wire/wire_reader.h"
#include "ssh/wire/wire_writer.h"

namespace caponier::ssh {

namespace {

constexpr std::string_view auth_service = "ssh-userauth";

tl::unexpected<Error> failure(ErrorCode code, MessageNumber number) {
    return tl::unexpected{Error{code, static_cast<std::uint32_t>(number)}};
}

}  // namespace

void AuthClient::begin() {
    expects(phase_ == Phase::idle);
    // RFC 4253 10
    std::vector<std::byte> payload;
    WireWriter out{payload};
    out.message(MessageNumber::service_request);
    out.text(auth_service);
    transport_.send(payload);
    move_to(Phase::service_asked);
}

/// The clock runs while the server owes an answer, and not while a person thinks.
void AuthClient::move_to(Phase next) noexcept {
    phase_ = next;
    if (phase_ == Phase::service_asked || server_owes_verdict()) {
        deadline_.start(config_.login_timeout);
    } else {
        deadline_.stop();
    }
}

bool AuthClient::server_owes_verdict() const noexcept {
    return phase_ == Phase::request_sent || phase_ == Phase::query_sent ||
           phase_ == Phase::password_sent || phase_ == Phase::interactive_sent;
}

/// RFC 4252 5.1 lets a client turn to another method in the middle of one; our turn it must be.
bool AuthClient::may_try() const noexcept {
    return phase_ == Phase::method_awaited || phase_ == Phase::answers_awaited;
}

Result<void> AuthClient::take(const Transport::Message& message) {
    const bool first = std::exchange(first_message_, false);
    // Whoever goes on for ever keeps a person, a thread and a place among the dials.
    if (++messages_ > authentication_messages_max) {
        return failure(ErrorCode::endless_login, message.number);
    }
    if (success_must_follow_ && message.number != MessageNumber::userauth_success) {
        return failure(ErrorCode::unexpected_message, MessageNumber::ext_info);
    }
    switch (message.number) {
    case MessageNumber::service_accept:
        return take_service_accept(message.payload);
    case MessageNumber::ext_info:
        // RFC 8308 2.4: as the first message after NEWKEYS, or directly before success.
        success_must_follow_ = !first;
        return take_ext_info(message.payload);
    case MessageNumber::userauth_failure:
        return take_failure(message.payload);
    case MessageNumber::userauth_success:
        return take_success(message.payload);
    case MessageNumber::userauth_banner:
        return take_banner(message.payload);
    case MessageNumber::userauth_pk_ok:
        return take_method_message(message.payload);
    default:
        return failure(ErrorCode::unexpected_message, message.number);
    }
}

Result<void> AuthClient::take_service_accept(std::span<const std::byte> payload) {
    WireReader in{payload};
    in.byte();
    const std::string_view service = in.text();
    if (!in.complete()) {
        return failure(ErrorCode::malformed_message, MessageNumber::service_accept);
    }
    if (phase_ != Phase::service_asked || service != auth_service) {
        return failure(ErrorCode::service_refused, MessageNumber::service_accept);
    }
    transport_.authentication_begins();
    // RFC 4252 5.2: the "none" request tells which methods can continue.
    std::vector<std::byte> request;
    WireWriter out{request};
    out.message(MessageNumber::userauth_request);
    out.text(config_.user);
    out.text(connection_service);
    out.text("none");
    transport_.send(request);
    move_to(Phase::request_sent);
    return {};
}

Result<void> AuthClient::take_ext_info(std::span<const std::byte> payload) {
    // RFC 8308 2.3: a second message replaces what the first one said.
    WireReader in{payload};
    in.byte();
    const std::uint32_t count = in.uint32();
    server_sig_algs_.clear();
    host_bound_ = false;
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
        const std::string_view name = in.text();
        const std::string_view value = in.text();
        if (name == "server-sig-algs") {
            server_sig_algs_ = value;
        } else if (name == "publickey-hostbound@openssh.com") {
            host_bound_ = value == "0";
        }
    }
    if (!in.complete()) {
        return failure(ErrorCode::malformed_message, MessageNumber::ext_info);
    }
    return {};
}

Result<void> AuthClient::take_failure(std::span<const std::byte> payload) {
    // RFC 4252 5.1
    WireReader in{payload};
    in.byte();
    const NameList methods = in.name_list();
    const bool partial_success = in.boolean();
    if (!in.complete()) {
        return failure(ErrorCode::malformed_message, MessageNumber::userauth_failure);
    }
    if (!server_owes_verdict()) {
        return failure(ErrorCode::unexpected_message, MessageNumber::userauth_failure);
    }
    methods_ = methods.text();
    move_to(Phase::method_awaited);
    events_.push(AuthenticationWanted{methods_, partial_success});
    return {};
}

Result<void> AuthClient::take_success(std::span<const std::byte> payload) {
    if (payload.size() != 1) {
        return failure(ErrorCode::malformed_message, MessageNumber::userauth_success);
    }
    if (!server_owes_verdict() || phase_ == Phase::query_sent) {
        return failure(ErrorCode::unexpected_message, MessageNumber::userauth_success);
    }
    success_must_follow_ = false;
    move_to(Phase::done);
    transport_.authentication_ended();
    events_.push(Established{});
    return {};
}

Result<void> AuthClient::take_banner(std::span<const std::byte> payload) {
    // RFC 4252 5.4
    WireReader in{payload};
    in.byte();
    const std::string_view text = in.text();
    in.text();
    if (!in.complete()) {
        return failure(ErrorCode::malformed_message, MessageNumber::userauth_banner);
    }
    banners_bytes_ += text.size();
    if (banners_bytes_ > banners_bytes_max) {
        return failure(ErrorCode::endless_login, MessageNumber::userauth_banner);
    }
    events_.push(Banner{text});
    return {};
}

/// RFC 4252 6: the numbers from 60 mean what the method in use says.
Result<void> AuthClient::take_method_message(std::span<const std::byte> payload) {
    switch (phase_) {
    case Phase::query_sent:
        return take_pk_ok(payload);
    case Phase::password_sent:
        return take_password_change_request(payload);
    case Phase::interactive_sent:
        return take_info_request(payload);
    default:
        return failure(ErrorCode::unexpected_message, MessageNumber::userauth_pk_ok);
    }
}

Result<void> AuthClient::take_pk_ok(std::span<const std::byte> payload) {
    // RFC 4252 7
    WireReader in{payload};
    in.byte();
    const std::string_view algorithm = in.text();
    const std::span<const std::byte> blob = in.string();
    if (!in.complete()) {
        return failure(ErrorCode::malformed_message, MessageNumber::userauth_pk_ok);
    }
    // Only the key that was asked about may be signed with. npm's ssh2 names the type of an RSA key
    // where RFC 4252 7 wants the "public key algorithm name from the request"; what is signed with
    // is ours to say in any case.
    const bool same =
        blob_type_of_algorithm(algorithm) == blob_type_name(key_) && std::ranges::equal(blob, key_);
    if (!same) {
        return failure(ErrorCode::unexpected_message, MessageNumber::userauth_pk_ok);
    }
    to_sign_ = signed_bytes(
        transport_.session_id(),
        {.user = config_.user,
         .key = key(),
         .server_host_key = host_bound_ ? transport_.host_key() : std::span<const std::byte>{},
         .has_signature = true,
         .signature = {}});
    move_to(Phase::signature_awaited);
    events_.push(SignatureWanted{key(), to_sign_});
    return {};
}

Result<void> AuthClient::take_password_change_request(std::span<const std::byte> payload) {
    const Result<std::string_view> prompt = parse_password_change_request(payload);
    if (!prompt) {
        return tl::unexpected{prompt.error()};
    }
    // RFC 4252 8: "the client MAY continue with another authentication method".
    move_to(Phase::method_awaited);
    events_.push(Banner{*prompt});
    events_.push(AuthenticationWanted{methods_, false, true});
    return {};
}

Result<void> AuthClient::take_info_request(std::span<const std::byte> payload) {
    Result<InfoRequest> request = parse_info_request(payload);
    if (!request) {
        return tl::unexpected{request.error()};
    }
    if (++rounds_ > prompt_rounds_max) {
        return failure(ErrorCode::protocol_error, MessageNumber::userauth_info_request);
    }
    prompts_ = std::move(request->prompts);
    move_to(Phase::answers_awaited);
    events_.push(PromptsWanted{request->name, request->instruction, prompts_});
    return {};
}

// ---- commands ----------------------------------------------------------------------------------

bool AuthClient::try_public_key(const PublicKeyView& key) {
    expects(may_try());
    if (key.blob.size() > public_key_blob_bytes_max) {
        return false;
    }
    const std::string_view algorithm = signature_algorithm_for(
        blob_type_name(key.blob), transport_.algorithms().public_key, server_sig_algs_);
    if (algorithm.empty()) {
        return false;
    }
    algorithm_ = algorithm;
    key_.assign(key.blob.begin(), key.blob.end());
    // RFC 4252 7: first the question whether the key "would be acceptable", so that
    // nobody has to touch a token for a key that the server does not want.
    transport_.send(make_public_key_request({.user = config_.user,
                                             .key = this->key(),
                                             .server_host_key = {},
                                             .has_signature = false,
                                             .signature = {}}));
    move_to(Phase::query_sent);
    return true;
}

void AuthClient::provide_signature(std::span<const std::byte> signature) {
    expects(phase_ == Phase::signature_awaited);
    transport_.send(make_public_key_request(
        {.user = config_.user,
         .key = key(),
         .server_host_key = host_bound_ ? transport_.host_key() : std::span<const std::byte>{},
         .has_signature = true,
         .signature = signature}));
    move_to(Phase::request_sent);
}

void AuthClient::decline_signature() {
    expects(phase_ == Phase::signature_awaited);
    move_to(Phase::method_awaited);
    events_.push(AuthenticationWanted{methods_, false});
}

void AuthClient::try_password(std::span<const std::byte> password) {
    expects(may_try());
    const SecretBytes request = make_password_request(config_.user, password);
    transport_.send(request.bytes());
    move_to(Phase::password_sent);
}

void AuthClient::try_keyboard_interactive() {
    expects(may_try());
    transport_.send(make_keyboard_interactive_request(config_.user));
    rounds_ = 0;
    move_to(Phase::interactive_sent);
}

void AuthClient::answer(std::span<const std::span<const std::byte>> answers) {
    expects(phase_ == Phase::answers_awaited);
    // RFC 4256 3.4: "If the num-responses field does not match the num-prompts field in the request
    // message, the server MUST send a failure message."
    expects(answers.size() == prompts_.size());
    const SecretBytes response = make_info_response(answers);
    transport_.send(response.bytes());
    move_to(Phase::interactive_sent);
}

}  // namespace caponier::ssh
