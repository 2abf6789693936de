// RFC 4252 from the server's side, message by message.

#include "ssh/auth/auth_server.h"

#include <algorithm>

#include "ssh/auth/public_key_method.h"
#include "ssh/crypto/signature.h"
#include "ssh/expects.h"
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

Result<void> AuthServer::take(const Transport::Message& message) {
    switch (message.number) {
    case MessageNumber::service_request:
        return take_service_request(message.payload);
    case MessageNumber::userauth_request:
        return take_request(message.payload);
    default:
        return failure(ErrorCode::unexpected_message, message.number);
    }
}

Result<void> AuthServer::take_service_request(std::span<const std::byte> payload) {
    WireReader in{payload};
    in.byte();
    const std::string_view service = in.text();
    if (!in.complete()) {
        return failure(ErrorCode::malformed_message, MessageNumber::service_request);
    }
    // RFC 4253 10: "If the server rejects the service request, it SHOULD send an appropriate
    // SSH_MSG_DISCONNECT message and MUST disconnect."
    if (service != auth_service) {
        return failure(ErrorCode::service_refused, MessageNumber::service_request);
    }
    std::vector<std::byte> accept;
    WireWriter out{accept};
    out.message(MessageNumber::service_accept);
    out.text(auth_service);
    transport_.send(accept);
    transport_.authentication_begins();
    phase_ = Phase::request_awaited;
    return {};
}

Result<void> AuthServer::take_request(std::span<const std::byte> payload) {
    // RFC 4252 5
    WireReader in{payload};
    in.byte();
    user_ = in.text();
    const std::string_view service = in.text();
    method_ = in.text();
    const std::span<const std::byte> fields = in.rest();
    if (!in.complete()) {
        return failure(ErrorCode::malformed_message, MessageNumber::userauth_request);
    }
    if (service != connection_service) {
        return failure(ErrorCode::service_refused, MessageNumber::userauth_request);
    }
    if (method_ == public_key_method || method_ == host_bound_method) {
        return take_public_key(method_, fields);
    }
    algorithm_.clear();
    key_.clear();
    signed_by_client_ = false;
    // RFC 4252 5: "the server SHOULD simply reject requests that it does not recognize."
    if (method_ != "none") {
        return refuse(public_key_method);
    }
    phase_ = Phase::answer_awaited;
    events_.push(AuthenticationRequested{user_, method_, {}, false});
    return {};
}

Result<void> AuthServer::take_public_key(std::string_view method,
                                         std::span<const std::byte> fields) {
    const Result<PublicKeyRequest> request = parse_public_key_request(user_, method, fields);
    if (!request) {
        return tl::unexpected{request.error()};
    }
    algorithm_ = request->key.algorithm;
    key_.assign(request->key.blob.begin(), request->key.blob.end());
    signed_by_client_ = request->has_signature;
    const std::vector<std::string>& allowed = transport_.algorithms().public_key;
    if (std::ranges::find(allowed, algorithm_) == allowed.end()) {
        return refuse(public_key_method);
    }
    if (signed_by_client_) {
        const std::vector<std::byte> data = signed_bytes(transport_.session_id(), *request);
        const bool bound_to_us =
            request->server_host_key.empty() ||
            std::ranges::equal(request->server_host_key, transport_.host_key());
        const Verification verification = verify(
            {.algorithm = algorithm_, .key = key_, .data = data, .signature = request->signature});
        if (!bound_to_us || verification != Verification::valid) {
            return refuse(public_key_method);
        }
    }
    phase_ = Phase::answer_awaited;
    events_.push(
        AuthenticationRequested{user_, public_key_method, {algorithm_, key_}, signed_by_client_});
    return {};
}

void AuthServer::accept() {
    expects(phase_ == Phase::answer_awaited);
    std::vector<std::byte> payload;
    WireWriter out{payload};
    if (method_ != "none" && !signed_by_client_) {
        // RFC 4252 7: the query is answered; nothing is decided by it.
        out.message(MessageNumber::userauth_pk_ok);
        out.text(algorithm_);
        out.string(key_);
        transport_.send(payload);
        phase_ = Phase::request_awaited;
        return;
    }
    out.message(MessageNumber::userauth_success);
    transport_.send(payload);
    transport_.authentication_ended();
    deadline_.stop();
    phase_ = Phase::done;
    events_.push(Established{});
}

Result<void> AuthServer::refuse(std::string_view methods_that_can_continue) {
    std::vector<std::byte> payload;
    WireWriter out{payload};
    out.message(MessageNumber::userauth_failure);
    out.text(methods_that_can_continue);
    out.boolean(false);
    transport_.send(payload);
    phase_ = Phase::request_awaited;
    // RFC 4252 4: "the implementation SHOULD limit the number of failed authentication attempts".
    // The probe with "none" is how a client asks for the methods, and costs nothing.
    if (method_ != "none" && ++failures_ >= authentication_failures_max) {
        return failure(ErrorCode::authentication_failed, MessageNumber::userauth_request);
    }
    return {};
}

}  // namespace caponier::ssh
