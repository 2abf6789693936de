// What the credential threads answer: whether a host key is accepted, which method and which key
// come next, what a person says, and signatures. How questions get here is credentials.cpp's.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "engine/client/credentials.h"
#include "engine/client/session_memory.h"
#include "engine/client/text_filter.h"
#include "ssh/crypto/secret_memory.h"
#include "ssh/crypto/signature.h"
#include "ssh/keys/certificate.h"
#include "ssh/wire/bytes.h"

namespace caponier::client {

namespace {

/// An agent that takes longer than this for a signature has asked a person, or waits for a touch:
/// that a key is on such a token, or needs a confirmation, is told by nothing else.
constexpr std::chrono::milliseconds signature_without_person{700};

}  // namespace

relay::Answer Credentials::answer(const relay::HostKeyQuestion& question, SessionMemory& session) {
    AskPerson ask;
    if (!options_.settings.authentication.batch_mode && prompter_.can_ask()) {
        ask = [&](const std::string& words) -> std::optional<std::string> {
            const tl::expected<ssh::SecretBytes, std::string> answer =
                ask_person(words, true, session);
            return answer ? std::optional{std::string{ssh::text_of(answer->bytes())}}
                          : std::nullopt;
        };
    }
    const auto now = std::chrono::duration_cast<std::chrono::seconds>(
        std::chrono::system_clock::now().time_since_epoch());
    const tl::expected<void, std::string> decided =
        host_key_check_.decide({.blob = question.blob,
                                .now_s = static_cast<std::uint64_t>(now.count()),
                                .peer_is_loopback = question.peer_is_loopback},
                               ask,
                               log_);
    if (!decided) {
        return relay::Refuse{decided.error()};
    }
    return relay::AcceptHostKey{};
}

// ---- methods -----------------------------------------------------------------------------------

std::unique_ptr<Credentials::SessionMemory> Credentials::make_memory() {
    const AuthenticationOptions& options = options_.settings.authentication;
    KeyFiles::Ask ask;
    if (!options.batch_mode) {
        ask = [this](const std::string& prompt) { return prompter_.ask(prompt, false); };
    }
    return std::make_unique<SessionMemory>(KeyFiles{std::move(ask), options.password_prompts});
}

relay::Answer Credentials::answer(const relay::IdentityQuestion& question, SessionMemory& session) {
    if (!session.methods) {
        session.binding = question.binding;
        session.methods.emplace(options_.settings.authentication, prompter_.can_ask());
    }
    // After a key that the engine cannot use, the server has said nothing new.
    if (!question.methods.empty()) {
        session.offered = question.methods;
    }
    if (question.partial_success) {
        if (session.identities && session.methods->last() == Method::public_key) {
            session.identities->last_was_accepted();
        }
        session.methods->last_was_accepted();
    }
    if (question.password_expired) {
        session.password_expired = true;
        session.methods->take_back(Method::password);  // it was right
        session.methods->exhaust(Method::password);
    }
    return try_next_method(session);
}

relay::Answer Credentials::try_next_method(SessionMemory& session) {
    while (const std::optional<Method> method = session.methods->next(session.offered)) {
        std::optional<relay::Answer> attempt;
        switch (*method) {
        case Method::public_key:
            attempt = try_next_key(session);
            break;
        case Method::keyboard_interactive:
            session.methods->try_now(Method::keyboard_interactive);
            attempt = relay::TryKeyboardInteractive{};
            break;
        case Method::password:
            attempt = try_password(session);
            break;
        }
        if (attempt) {
            return *std::move(attempt);
        }
        session.methods->exhaust(*method);
    }
    return refusal(session);
}

std::optional<relay::Answer> Credentials::try_next_key(SessionMemory& session) {
    if (!session.identities) {
        IdentitySources sources = sources_;
        sources.can_ask = !options_.settings.authentication.batch_mode && prompter_.can_ask();
        session.identities.emplace(sources, agent_keys(session), log_once());
        session.identities->prefer(what_worked());
    }
    const Identity* const identity = session.identities->next(session.key_files, log_once());
    if (identity == nullptr) {
        return std::nullopt;
    }
    session.methods->try_now(Method::public_key);
    log_(LogLevel::verbose, fmt::format("offering {}", identity->name()));
    return relay::TryPublicKey{identity->algorithm(), identity->blob};
}

std::optional<relay::Answer> Credentials::try_password(SessionMemory& session) {
    const Settings& settings = options_.settings;
    session.methods->try_now(Method::password);
    if (session.methods->is_again(Method::password)) {
        log_(LogLevel::info, "Permission denied, please try again.");
    }
    tl::expected<ssh::SecretBytes, std::string> password = ask_person(
        fmt::format("{}@{}'s password: ", printable(settings.user), printable(settings.host)),
        false,
        session);
    if (!password) {
        session.methods->take_back(Method::password);
        return std::nullopt;
    }
    return relay::TryPassword{*std::move(password)};
}

relay::Answer Credentials::answer(const relay::PromptsQuestion& question, SessionMemory& session) {
    const Settings& settings = options_.settings;
    session.methods->question_came(!question.prompts.empty());
    for (const std::string& words : {question.name, question.instruction}) {
        log_words_of_server(words);
    }
    // sshconnect2.c, input_userauth_info_req(): "(%s@%s) %s". Each line has it, because the second
    // one could look like a question of ours.
    const std::string speaker =
        fmt::format("({}@{}) ", printable(settings.user), printable(settings.host));
    relay::PromptAnswers answers;
    for (const relay::PromptsQuestion::Prompt& prompt : question.prompts) {
        const std::vector<std::string> words = attributed_lines(speaker, prompt.text);
        tl::expected<ssh::SecretBytes, std::string> answer =
            ask_person(words.empty() ? speaker : fmt::format("{}", fmt::join(words, "\n")),
                       prompt.echo,
                       session);
        if (!answer) {
            session.methods->take_back(Method::keyboard_interactive);
            session.methods->exhaust(Method::keyboard_interactive);
            return try_next_method(session);
        }
        answers.texts.push_back(*std::move(answer));
    }
    return answers;
}

tl::expected<ssh::SecretBytes, std::string> Credentials::ask_person(const std::string& prompt,
                                                                    bool echo,
                                                                    SessionMemory& session) {
    // Where nobody can be asked, the next session would do without in the same way.
    session.needs_person = session.needs_person || prompter_.can_ask();
    tl::expected<ssh::SecretBytes, std::string> answer = prompter_.ask(prompt, echo);
    if (!answer && prompter_.can_ask()) {
        session.no_answer = answer.error();
    }
    return answer;
}

/// In ssh's words, which people look for; then what is behind them, the nearest cause first.
relay::Refuse Credentials::refusal(const SessionMemory& session) const {
    const Settings& settings = options_.settings;
    std::vector<Reason> reasons;
    if (session.password_expired) {
        reasons.push_back({"The password has expired, and the server wants a new one.",
                           "Change it there, with ssh or passwd, and come back."});
    }
    std::ranges::move(session.methods->refused(), std::back_inserter(reasons));
    if (session.identities) {
        reasons.push_back(session.identities->refusal());
    }
    if (!session.no_answer.empty()) {
        reasons.push_back({fmt::format("Nobody answered: {}.", session.no_answer), {}});
    }
    if (std::optional<Reason> reason = session.methods->not_tried(session.offered)) {
        reasons.push_back(*std::move(reason));
    }
    if (std::optional<Reason> reason = session.methods->refused_unasked(reasons.empty())) {
        reasons.push_back(*std::move(reason));
    }
    std::string message = fmt::format("{}@{}: Permission denied ({}).",
                                      printable(settings.user),
                                      printable(settings.host),
                                      printable(session.offered, 200));
    // The first cause stands in the line that says what happened; what to do follows in the next.
    for (std::size_t i = 0; i < reasons.size(); ++i) {
        const Reason& reason = reasons[i];
        message += i == 0 ? " " : "\n";
        message += reason.cause;
        if (!reason.remedy.empty()) {
            message += i == 0 ? "\n" : " ";
            message += reason.remedy;
        }
    }
    return relay::Refuse{std::move(message)};
}

/// For what every session of a pool would say again.
Log Credentials::log_once() {
    return [this](LogLevel level, std::string_view line) {
        constexpr std::size_t remembered_max = 1000;
        const bool is_news = told_.size() >= remembered_max || told_.emplace(line).second;
        if (is_news) {
            log_(level, line);
        }
    };
}

/// A banner, a name or an instruction. Without a name in front a server could tell a person that
/// Caponier has checked something.
void Credentials::log_words_of_server(std::string_view text) const {
    const std::string speaker = printable(options_.settings.host) + " says: ";
    for (const std::string& line : attributed_lines(speaker, text)) {
        log_(LogLevel::info, line);
    }
}

// ---- signatures --------------------------------------------------------------------------------

relay::Answer Credentials::answer(const relay::SignatureQuestion& question,
                                  SessionMemory& session) {
    const Identity* const identity =
        session.identities ? session.identities->find(question.blob) : nullptr;
    if (identity == nullptr) {
        return relay::DeclineSignature{};
    }
    tl::expected<relay::Bytes, std::string> signature = sign(question, *identity, session);
    if (!signature) {
        log_(LogLevel::info,
             fmt::format("warning: cannot sign with {}: {}", identity->name(), signature.error()));
        session.identities->last_was_not_signed(signature.error());
        return relay::DeclineSignature{};
    }
    session.signed_by = question.blob;
    return relay::Signature{*std::move(signature)};
}

tl::expected<relay::Bytes, std::string> Credentials::sign(const relay::SignatureQuestion& question,
                                                          const Identity& identity,
                                                          SessionMemory& session) {
    if (identity.in_agent != Identity::InAgent::no) {
        return sign_by_agent(question, identity, session);
    }
    const tl::expected<const ssh::PrivateKey*, std::string> key =
        session.key_files.open(identity.file);
    if (!key) {
        return tl::unexpected{key.error()};
    }
    // The file may have been exchanged since it was offered, and nothing but this proves that a
    // public half belongs to a private half that was locked.
    const std::span<const std::byte> blob = (*key)->key.public_key();
    const std::span<const std::byte> expected = identity.plain_blob();
    if (!std::equal(blob.begin(), blob.end(), expected.begin(), expected.end())) {
        return tl::unexpected{std::string{"the file holds another key than its public half says"}};
    }
    ssh::Result<std::vector<std::byte>> signature =
        ssh::sign((*key)->key, ssh::plain_algorithm(question.algorithm), question.data);
    if (!signature) {
        return tl::unexpected{std::string{ssh::describe(signature.error().code)}};
    }
    return *std::move(signature);
}

tl::expected<relay::Bytes, std::string> Credentials::sign_by_agent(
    const relay::SignatureQuestion& question, const Identity& identity, SessionMemory& session) {
    AgentConnection* const connection = agent(session);
    if (connection == nullptr) {
        return tl::unexpected{std::string{"the agent is gone"}};
    }
    if (identity.is_on_token()) {
        log_(LogLevel::info,
             fmt::format("Confirm user presence for {} by touching its token", identity.name()));
    }
    const auto begin = std::chrono::steady_clock::now();
    tl::expected<relay::Bytes, std::string> signature =
        connection->sign({.key = identity.agent_blob(),
                          .algorithm = ssh::plain_algorithm(question.algorithm),
                          .data = question.data},
                         options_.patience.signing);
    const bool took_long = std::chrono::steady_clock::now() - begin > signature_without_person;
    session.needs_person = session.needs_person || identity.is_on_token() || took_long;
    return signature;
}

// ---- the agent ---------------------------------------------------------------------------------

AgentConnection* Credentials::agent(SessionMemory& session) {
    if (options_.agent_path.empty()) {
        return nullptr;
    }
    if (session.agent != nullptr && session.agent->is_usable()) {
        return session.agent.get();
    }
    session.agent.reset();
    tl::expected<AgentConnection, std::string> opened =
        AgentConnection::open(options_.agent_path, interrupt_.fd());
    if (!opened) {
        warn_of_agent(opened.error());
        return nullptr;
    }
    session.agent = std::make_unique<AgentConnection>(*std::move(opened));
    const relay::SessionBinding& binding = session.binding;
    if (!binding.session_id.empty()) {
        // An agent that does not know the extension refuses, and is used as before.
        const tl::expected<void, std::string> bound = session.agent->bind(
            {binding.host_key, binding.session_id, binding.signature}, options_.patience.listing);
        if (!bound) {
            log_(LogLevel::debug, fmt::format("the agent is not bound: {}", bound.error()));
        }
        if (!session.agent->is_usable()) {
            warn_of_agent(bound.error());
            session.agent.reset();
        }
    }
    return session.agent.get();
}

std::vector<AgentKey> Credentials::agent_keys(SessionMemory& session) {
    AgentConnection* const connection = agent(session);
    if (connection == nullptr) {
        return {};
    }
    tl::expected<std::vector<AgentKey>, std::string> keys =
        connection->identities(options_.patience.listing);
    if (!keys) {
        warn_of_agent(keys.error());
        return {};
    }
    for (const std::string& comment : connection->left_out()) {
        log_(LogLevel::info,
             fmt::format("warning: agent key '{}' is skipped: {}",
                         printable(comment, 100),
                         ssh::describe(ssh::ErrorCode::oversized_key)));
    }
    return *std::move(keys);
}

/// Once: the sessions of a pool would all say the same.
void Credentials::warn_of_agent(std::string_view why) {
    if (!std::exchange(warned_of_agent_, true)) {
        log_(LogLevel::info,
             fmt::format(
                 "warning: the agent at {} is not used: {}", printable(options_.agent_path), why));
    }
}

}  // namespace caponier::client
