// Questions, their way to the credential thread and back, and who owns what meanwhile.
//
// A question is one OpenQuestion with one owner at any time: the policy that makes it, the queue,
// the thread, the loop (from post() on, as a released unique_ptr), and at last the callback on the
// loop's thread, which takes it back and destroys it. What the session remembers between questions
// (which keys were tried) travels inside, so that the thread and the shard never share it.
//
// A policy may go while its question is open. It then says so under the mutex. If the thread still
// has the question, it will destroy it and never touch the loop. If the answer was posted already,
// then the post is complete, because posting happens under the same mutex; the callback finds no
// policy and only destroys the question. Either way no answer arrives. What remains is that a loop
// must not be destroyed with a post in it: on_the_way_ counts them, and drain() runs the loop until
// there is none. So a loop may go before the thread is stopped, and the thread may be stopped
// before the loops.

#include "engine/client/credentials.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>

#include <sys/eventfd.h>
#include <unistd.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/client/text_filter.h"
#include "engine/io/expects.h"
#include "ssh/crypto/secret_memory.h"
#include "ssh/crypto/signature.h"
#include "ssh/keys/certificate.h"
#include "ssh/wire/bytes.h"

namespace caponier::client {

namespace {

/// A banner may have as many lines as a server likes; a log has not.
constexpr std::size_t banner_lines_max = 40;

/// An agent that takes longer than this for a signature has asked a person, or waits for a touch:
/// that a key is on such a token, or needs a confirmation, is told by nothing else.
constexpr std::chrono::milliseconds signature_without_person{700};

}  // namespace

/// Home in the policy, away with the question while one is open.
struct Credentials::SessionMemory {
    explicit SessionMemory(KeyFiles files) : key_files(std::move(files)) {}

    // From the first IdentityQuestion on.
    std::optional<AuthenticationMethods> methods;
    std::optional<Identities> identities;
    std::string offered;  ///< the methods that the server named last
    relay::SessionBinding binding;

    KeyFiles key_files;
    /// OpenSSH's agent binds a connection to one session, so that each session has its own.
    std::unique_ptr<AgentConnection> agent;
    bool password_expired = false;
    std::string no_answer;             ///< why a person did not answer
    std::vector<std::byte> signed_by;  ///< the blob of the last signature
    bool authenticated = false;
    bool needs_person = false;  ///< somebody had to know or to touch something
};

struct Credentials::OpenQuestion {
    OpenQuestion(Credentials& owner, io::Loop& home, Policy& asker) noexcept
        : credentials(owner), loop(home), policy(&asker) {
        posted.bind<&OpenQuestion::on_posted>(*this);
    }

    void on_posted(io::Outcome& outcome) noexcept;

    Credentials& credentials;
    io::Loop& loop;
    relay::Question question;
    // Whatever goes wrong on the way, the answer is not an acceptance.
    relay::Answer answer = relay::Refuse{"the program is ending"};
    std::unique_ptr<SessionMemory> session;
    relay::AnswerSink* sink = nullptr;
    Policy* policy;          ///< the loop's thread's; null when it is gone
    bool abandoned = false;  ///< under Credentials::mutex_
    io::Completion posted;
};

class Credentials::Policy final : public relay::SessionPolicy {
  public:
    Policy(Credentials& credentials, io::Loop& loop)
        : credentials_(credentials), loop_(loop), session_(credentials.make_memory()) {}
    Policy(const Policy&) = delete;
    Policy& operator=(const Policy&) = delete;

    ~Policy() override {
        if (open_ != nullptr) {
            open_->policy = nullptr;
            credentials_.abandon(*open_);
        }
    }

    void ask(relay::Question&& question, relay::AnswerSink& sink) noexcept override {
        io::expects(open_ == nullptr);
        auto open = std::make_unique<OpenQuestion>(credentials_, loop_, *this);
        open->question = std::move(question);
        open->session = std::move(session_);
        open->sink = &sink;
        open_ = open.get();
        credentials_.ask(std::move(open));
    }

    void key_not_usable() noexcept override {
        io::expects(session_ != nullptr);
        if (session_->identities) {
            session_->identities->last_was_not_usable();
        }
    }

    void show_banner(std::string&& text) noexcept override { credentials_.log_lines(text); }

    void authenticated() noexcept override {
        io::expects(session_ != nullptr);
        session_->authenticated = true;
        session_->agent.reset();
        session_->needs_person = session_->needs_person || session_->key_files.asked();
        session_->key_files.forget();
        if (!session_->signed_by.empty()) {
            credentials_.remember_what_worked(std::move(session_->signed_by));
        }
    }

    bool needs_no_person() const noexcept override {
        return session_ != nullptr && session_->authenticated && !session_->needs_person;
    }

    /// The question is over. Its answer is delivered by the caller, afterwards: that may ask again,
    /// or destroy this policy.
    void take_back(OpenQuestion& question) noexcept {
        session_ = std::move(question.session);
        open_ = nullptr;
    }

  private:
    Credentials& credentials_;
    io::Loop& loop_;
    std::unique_ptr<SessionMemory> session_;  ///< away while a question is open
    OpenQuestion* open_ = nullptr;
};

void Credentials::OpenQuestion::on_posted(io::Outcome&) noexcept {
    const std::unique_ptr<OpenQuestion> self{this};
    credentials.arrived(loop);
    if (policy != nullptr) {
        policy->take_back(*this);
        sink->answer(std::move(answer));
    }
}

// ---- start and end -----------------------------------------------------------------------------

Credentials::Credentials(
    Token, Options options, HostKeyCheck host_key_check, IdentitySources sources, Log log) noexcept
    : options_(std::move(options)),
      host_key_check_(std::move(host_key_check)),
      sources_(std::move(sources)),
      log_(std::move(log)),
      interrupt_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      prompter_(options_.askpass, interrupt_.fd()) {}

tl::expected<std::unique_ptr<Credentials>, std::string> Credentials::start(Options options,
                                                                           Log log) {
    tl::expected<HostKeyCheck, std::string> check =
        HostKeyCheck::make(options.settings, options.account);
    if (!check) {
        return tl::unexpected{check.error()};
    }
    tl::expected<IdentitySources, std::string> sources =
        identity_sources(options.settings, options.account);
    if (!sources) {
        return tl::unexpected{sources.error()};
    }
    auto credentials = std::make_unique<Credentials>(
        Token{}, std::move(options), *std::move(check), *std::move(sources), std::move(log));
    if (!credentials->interrupt_) {
        return tl::unexpected{
            fmt::format("no eventfd: {}", std::generic_category().message(errno))};
    }
    try {
        credentials->thread_ = std::thread{[owner = credentials.get()] { owner->run(); }};
    } catch (const std::system_error& error) {
        return tl::unexpected{fmt::format("no thread for credentials: {}", error.what())};
    }
    return credentials;
}

Credentials::~Credentials() {
    stop();
    io::expects(std::all_of(on_the_way_.begin(), on_the_way_.end(), [](const OnTheWay& entry) {
        return entry.answers == 0;
    }));
}

void Credentials::stop() noexcept {
    std::deque<std::unique_ptr<OpenQuestion>> unanswered;
    {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
        unanswered.swap(queue_);
    }
    changed_.notify_all();
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(interrupt_.fd(), &one, sizeof one);
    for (std::unique_ptr<OpenQuestion>& question : unanswered) {
        hand_back(std::move(question));
    }
    const std::lock_guard lock{joining_};
    if (thread_.joinable()) {
        thread_.join();
    }
}

std::unique_ptr<relay::SessionPolicy> Credentials::make_policy(io::Loop& loop) {
    return std::make_unique<Policy>(*this, loop);
}

std::vector<std::string> Credentials::recorded_key_types() const {
    return host_key_check_.recorded_key_types();
}

// ---- the way of a question
// -----------------------------------------------------------------------

void Credentials::ask(std::unique_ptr<OpenQuestion> question) noexcept {
    {
        const std::lock_guard lock{mutex_};
        if (!stopping_) {
            queue_.push_back(std::move(question));
        }
    }
    if (question != nullptr) {
        hand_back(std::move(question));
    } else {
        changed_.notify_one();
    }
}

void Credentials::abandon(OpenQuestion& question) noexcept {
    const std::lock_guard lock{mutex_};
    question.abandoned = true;
}

void Credentials::hand_back(std::unique_ptr<OpenQuestion> question) noexcept {
    const std::lock_guard lock{mutex_};
    if (question->abandoned) {
        return;
    }
    io::Loop& loop = question->loop;
    const auto entry = std::find_if(
        on_the_way_.begin(), on_the_way_.end(), [&](const OnTheWay& e) { return e.loop == &loop; });
    if (entry == on_the_way_.end()) {
        on_the_way_.push_back({&loop, 1});
    } else {
        ++entry->answers;
    }
    loop.post(question.release()->posted);
}

void Credentials::arrived(const io::Loop& loop) noexcept {
    const std::lock_guard lock{mutex_};
    const auto entry = std::find_if(
        on_the_way_.begin(), on_the_way_.end(), [&](const OnTheWay& e) { return e.loop == &loop; });
    io::expects(entry != on_the_way_.end());
    if (--entry->answers == 0) {
        on_the_way_.erase(entry);
    }
}

void Credentials::drain(io::Loop& loop) noexcept {
    const auto is_drained = [&] {
        const std::lock_guard lock{mutex_};
        return std::none_of(on_the_way_.begin(), on_the_way_.end(), [&](const OnTheWay& entry) {
            return entry.loop == &loop;
        });
    };
    while (!is_drained()) {
        loop.run_once();
    }
}

// ---- the credential thread
// -----------------------------------------------------------------------

std::unique_ptr<Credentials::OpenQuestion> Credentials::wait_for_question() {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) {
        return nullptr;
    }
    std::unique_ptr<OpenQuestion> question = std::move(queue_.front());
    queue_.pop_front();
    return question;
}

void Credentials::run() noexcept {
    while (std::unique_ptr<OpenQuestion> open = wait_for_question()) {
        open->answer = std::visit(
            [&](const auto& question) { return answer(question, *open->session); }, open->question);
        hand_back(std::move(open));
        tell_of_unlocked_secrets();
    }
}

/// Once: it is no reason to stop, and more memory is not locked later.
void Credentials::tell_of_unlocked_secrets() {
    if (told_of_unlocked_secrets_ || ssh::secret_memory_is_locked()) {
        return;
    }
    told_of_unlocked_secrets_ = true;
    log_(LogLevel::info,
         "warning: not all keys can be kept out of swap: raise the limit of locked memory "
         "(ulimit -l)");
}

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
        session.methods->last_was_accepted();
        if (session.identities) {
            session.identities->last_was_accepted();
        }
    }
    if (question.password_expired) {
        session.password_expired = true;
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
        session.identities.emplace(sources, agent_keys(session), log_);
        session.identities->prefer(what_worked());
    }
    const Identity* const identity = session.identities->next(session.key_files, log_);
    if (identity == nullptr) {
        return std::nullopt;
    }
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
    session.methods->question_came();
    for (const std::string& words : {question.name, question.instruction}) {
        log_lines(words);
    }
    relay::PromptAnswers answers;
    for (const relay::PromptsQuestion::Prompt& prompt : question.prompts) {
        tl::expected<ssh::SecretBytes, std::string> answer =
            ask_person(fmt::format("({}@{}) {}",
                                   printable(settings.user),
                                   printable(settings.host),
                                   printable(prompt.text)),
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
    session.needs_person = true;
    tl::expected<ssh::SecretBytes, std::string> answer = prompter_.ask(prompt, echo);
    if (!answer) {
        session.no_answer = answer.error();
    }
    return answer;
}

relay::Refuse Credentials::refusal(const SessionMemory& session) const {
    const Settings& settings = options_.settings;
    std::vector<std::string> reasons;
    if (session.password_expired) {
        reasons.emplace_back(
            "the password has expired, and the server wants a new one: change it there, with ssh "
            "or "
            "passwd, and come back");
    }
    if (!session.no_answer.empty()) {
        reasons.push_back(session.no_answer);
    }
    if (std::string why = session.methods->refusal(session.offered); !why.empty()) {
        reasons.push_back(std::move(why));
    }
    if (session.identities && (reasons.empty() || session.identities->any_worth_telling())) {
        reasons.push_back(session.identities->refusal());
    }
    return relay::Refuse{fmt::format(
        "{}@{}: {}", printable(settings.user), printable(settings.host), fmt::join(reasons, "; "))};
}

void Credentials::log_lines(std::string_view text) const {
    for (std::size_t line = 0; line < banner_lines_max && !text.empty(); ++line) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view words = text.substr(0, end);
        if (words.ends_with('\r')) {
            words.remove_suffix(1);
        }
        log_(LogLevel::info, printable(words));
        text.remove_prefix(std::min(end + 1, text.size()));
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

// ---- what worked -------------------------------------------------------------------------------

void Credentials::remember_what_worked(std::vector<std::byte> blob) {
    const std::lock_guard lock{mutex_};
    worked_ = std::move(blob);
}

std::vector<std::byte> Credentials::what_worked() {
    const std::lock_guard lock{mutex_};
    return worked_;
}

}  // namespace caponier::client
