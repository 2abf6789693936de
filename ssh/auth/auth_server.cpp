// RFC 4252 from the server's side, message by message.

#include "ssh/auth/auth_server.h"

#include <algorithm>

#include "ssh/auth/password_method.h"
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
    case MessageNumber::userauth_request: {
        const Result<void> taken = take_request(message.payload);
        // It may have held a password.
        wipe(message.payload);
        return taken;
    }
    case MessageNumber::userauth_info_response: {
        const Result<void> taken = take_info_response(message.payload);
        wipe(message.payload);
        return taken;
    }
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
    const std::string_view user = in.text();
    const std::string_view service = in.text();
    const std::string_view method = in.text();
    const std::span<const std::byte> fields = in.rest();
    if (!in.complete()) {
        return failure(ErrorCode::malformed_message, MessageNumber::userauth_request);
    }
    if (service != connection_service) {
        return failure(ErrorCode::service_refused, MessageNumber::userauth_request);
    }
    if (++requests_ > authentication_requests_max) {
        return failure(ErrorCode::authentication_failed, MessageNumber::userauth_request);
    }
    // RFC 4252 5: "The server implementation MUST carefully check them in every message, and MUST
    // flush any accumulated authentication states if they change."
    partly_accepted_ = partly_accepted_ && user == user_;
    // "the client MAY at any time continue with a new SSH_MSG_USERAUTH_REQUEST message, in which
    // case the server MUST abandon the previous authentication attempt".
    forget_request();
    user_ = user;
    method_ = method;
    return take_method(fields);
}

Result<void> AuthServer::take_method(std::span<const std::byte> fields) {
    if (method_ == "none") {
        ask_application(false);
        return {};
    }
    // The host-bound method is the publickey method with one field more.
    const std::string_view name =
        method_ == host_bound_method ? public_key_method : std::string_view{method_};
    // RFC 4252 5: "the server SHOULD simply reject requests that it does not recognize."
    if (std::ranges::find(config_.methods, name) == config_.methods.end()) {
        return refuse_without_question();
    }
    if (name == public_key_method) {
        return take_public_key(fields);
    }
    if (name == password_method) {
        return take_password(fields);
    }
    if (name == keyboard_interactive_method) {
        if (const auto submethods = parse_keyboard_interactive_request(fields); !submethods) {
            return tl::unexpected{submethods.error()};
        }
        ask_application(false);
        return {};
    }
    return refuse_without_question();
}

Result<void> AuthServer::take_public_key(std::span<const std::byte> fields) {
    const Result<PublicKeyRequest> request = parse_public_key_request(user_, method_, fields);
    if (!request) {
        return tl::unexpected{request.error()};
    }
    algorithm_ = request->key.algorithm;
    key_.assign(request->key.blob.begin(), request->key.blob.end());
    const std::vector<std::string>& allowed = transport_.algorithms().public_key;
    if (std::ranges::find(allowed, algorithm_) == allowed.end()) {
        return refuse_without_question();
    }
    if (request->has_signature) {
        const std::vector<std::byte> data = signed_bytes(transport_.session_id(), *request);
        const bool bound_to_us =
            request->server_host_key.empty() ||
            std::ranges::equal(request->server_host_key, transport_.host_key());
        const Verification verification = verify(
            {.algorithm = algorithm_, .key = key_, .data = data, .signature = request->signature});
        if (!bound_to_us || verification != Verification::valid) {
            return refuse_without_question();
        }
    }
    method_ = public_key_method;
    ask_application(request->has_signature);
    return {};
}

Result<void> AuthServer::take_password(std::span<const std::byte> fields) {
    const Result<PasswordRequest> request = parse_password_request(fields);
    if (!request) {
        return tl::unexpected{request.error()};
    }
    // RFC 4252 8: a change that nobody asked for is refused like a wrong password.
    if (request->is_change) {
        return refuse_without_question();
    }
    secret_ = SecretBytes::copy_of(request->password);
    ask_application(false);
    return {};
}

Result<void> AuthServer::take_info_response(std::span<const std::byte> payload) {
    if (phase_ != Phase::response_awaited) {
        return failure(ErrorCode::unexpected_message, MessageNumber::userauth_info_response);
    }
    secret_ = SecretBytes::copy_of(payload);
    Result<AnswerViews> answers = parse_info_response(secret_.bytes());
    if (!answers) {
        return tl::unexpected{answers.error()};
    }
    // RFC 4256 3.4: "If the num-responses field does not match the num-prompts field in the request
    // message, the server MUST send a failure message."
    if (answers->size() != prompts_asked_) {
        return refuse_without_question();
    }
    answers_ = std::move(*answers);
    phase_ = Phase::answer_awaited;
    events_.push(PromptsAnswered{answers_});
    return {};
}

void AuthServer::ask_application(bool signed_by_client) {
    signed_by_client_ = signed_by_client;
    phase_ = Phase::answer_awaited;
    events_.push(AuthenticationRequested{.user = user_,
                                         .method = method_,
                                         .key = {algorithm_, key_},
                                         .signed_by_client = signed_by_client,
                                         .password = secret_.bytes(),
                                         .after_partial_success = partly_accepted_});
}

// ---- the application's answers -----------------------------------------------------------------

void AuthServer::accept() {
    expects(phase_ == Phase::answer_awaited);
    std::vector<std::byte> payload;
    WireWriter out{payload};
    if (method_ == public_key_method && !signed_by_client_) {
        // RFC 4252 7: the query is answered; nothing is decided by it.
        out.message(MessageNumber::userauth_pk_ok);
        out.text(algorithm_);
        out.string(key_);
        transport_.send(payload);
        phase_ = Phase::request_awaited;
        return;
    }
    forget_request();
    out.message(MessageNumber::userauth_success);
    transport_.send(payload);
    transport_.authentication_ended();
    deadline_.stop();
    phase_ = Phase::done;
    events_.push(Established{});
}

void AuthServer::accept_partly(std::string_view methods_that_can_continue) {
    expects(phase_ == Phase::answer_awaited);
    // A key that somebody asked about has proved nothing.
    expects(method_ != public_key_method || signed_by_client_);
    forget_request();
    partly_accepted_ = true;
    send_failure(methods_that_can_continue, true);
}

void AuthServer::ask_prompts(std::string_view name,
                             std::string_view instruction,
                             std::span<const Prompt> prompts) {
    expects(phase_ == Phase::answer_awaited);
    expects(method_ == keyboard_interactive_method);
    expects(prompts.size() <= prompts_max);
    answers_.clear();
    secret_ = SecretBytes{};
    prompts_asked_ = prompts.size();
    transport_.send(make_info_request(
        {.name = name, .instruction = instruction, .prompts = {prompts.begin(), prompts.end()}}));
    phase_ = Phase::response_awaited;
}

Result<void> AuthServer::refuse(std::string_view methods_that_can_continue) {
    const bool is_probe = method_ == "none";
    forget_request();
    send_failure(methods_that_can_continue, false);
    // RFC 4252 4: "the implementation SHOULD limit the number of failed authentication attempts".
    // The probe with "none" is how a client asks for the methods, and costs nothing.
    if (!is_probe && ++failures_ >= authentication_failures_max) {
        return failure(ErrorCode::authentication_failed, MessageNumber::userauth_request);
    }
    return {};
}

Result<void> AuthServer::refuse_without_question() {
    std::string methods;
    for (const std::string& method : config_.methods) {
        methods += (methods.empty() ? "" : ",") + method;
    }
    return refuse(methods);
}

void AuthServer::send_failure(std::string_view methods_that_can_continue, bool partial_success) {
    std::vector<std::byte> payload;
    WireWriter out{payload};
    out.message(MessageNumber::userauth_failure);
    out.text(methods_that_can_continue);
    out.boolean(partial_success);
    transport_.send(payload);
    phase_ = Phase::request_awaited;
}

void AuthServer::forget_request() noexcept {
    method_.clear();
    algorithm_.clear();
    key_.clear();
    signed_by_client_ = false;
    answers_.clear();
    secret_ = SecretBytes{};
    prompts_asked_ = 0;
}

}  // namespace caponier::ssh
