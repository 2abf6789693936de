// Questions, their way to the credential threads and back, and who owns what meanwhile.
//
// A question is one OpenQuestion with one owner at any time: the policy that makes it, a queue, its
// thread, the loop (from post() on, as a released unique_ptr), and at last the callback on the
// loop's thread, which takes it back and destroys it. What the session remembers between questions
// (which keys were tried) travels inside, so that the thread and the shard never share it.
//
// A policy may go while its question is open. It then says so under the mutex. If the thread still
// has the question, it will destroy it and never touch the loop. If the answer was posted already,
// then the post is complete, because posting happens under the same mutex; the callback finds no
// policy and only destroys the question. Either way no answer arrives. What remains is that a loop
// must not be destroyed with a post in it: on_the_way_ counts them, and drain() runs the loop until
// there is none. So a loop may go before the thread is stopped, and the thread may be stopped
// before the loops. What is answered is credential_answers.cpp's.

#include "engine/client/credentials.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <utility>
#include <variant>

#include <sys/eventfd.h>
#include <unistd.h>

#include <fmt/format.h>

#include "engine/client/session_memory.h"
#include "engine/client/start_thread.h"
#include "engine/io/expects.h"
#include "engine/io/refusal.h"
#include "ssh/crypto/secret_memory.h"

namespace caponier::client {

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

    void show_banner(std::string&& text) noexcept override {
        credentials_.log_words_of_server(text);
    }

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
    for (const std::string& warning : sources->warnings) {
        log(LogLevel::info, warning);
    }
    auto credentials = std::make_unique<Credentials>(
        Token{}, std::move(options), *std::move(check), *std::move(sources), std::move(log));
    if (!credentials->interrupt_) {
        return tl::unexpected{io::explain_refusal("eventfd", io::IoError{errno})};
    }
    for (std::size_t lane = 0; lane < lanes; ++lane) {
        auto thread = start_thread([owner = credentials.get(), lane] { owner->run(Lane{lane}); });
        if (!thread) {
            return tl::unexpected{std::move(thread.error())};
        }
        credentials->threads_[lane] = std::move(*thread);
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
    std::array<Queue, lanes> unanswered;
    {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
        unanswered.swap(queues_);
    }
    changed_.notify_all();
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(interrupt_.fd(), &one, sizeof one);
    for (Queue& queue : unanswered) {
        for (std::unique_ptr<OpenQuestion>& question : queue) {
            hand_back(std::move(question));
        }
    }
    const std::lock_guard lock{joining_};
    for (std::thread& thread : threads_) {
        if (thread.joinable()) {
            thread.join();
        }
    }
}

std::unique_ptr<relay::SessionPolicy> Credentials::make_policy(io::Loop& loop) {
    return std::make_unique<Policy>(*this, loop);
}

std::vector<std::string> Credentials::recorded_key_types() const {
    return host_key_check_.recorded_key_types();
}

// ---- the way of a question ---------------------------------------------------------------------

void Credentials::ask(std::unique_ptr<OpenQuestion> question) noexcept {
    {
        const std::lock_guard lock{mutex_};
        if (!stopping_) {
            queues_[static_cast<std::size_t>(lane_of(question->question))].push_back(
                std::move(question));
        }
    }
    if (question != nullptr) {
        hand_back(std::move(question));
    } else {
        changed_.notify_all();  // one of them is not the thread that it is for
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

// ---- the threads -------------------------------------------------------------------------------

Credentials::Lane Credentials::lane_of(const relay::Question& question) noexcept {
    return std::holds_alternative<relay::HostKeyQuestion>(question) ? Lane::host_keys : Lane::login;
}

std::unique_ptr<Credentials::OpenQuestion> Credentials::wait_for_question(Lane lane) {
    Queue& queue = queues_[static_cast<std::size_t>(lane)];
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [&] { return stopping_ || !queue.empty(); });
    if (queue.empty()) {
        return nullptr;
    }
    std::unique_ptr<OpenQuestion> question = std::move(queue.front());
    queue.pop_front();
    return question;
}

void Credentials::run(Lane lane) noexcept {
    while (std::unique_ptr<OpenQuestion> open = wait_for_question(lane)) {
        open->answer = std::visit(
            [&](const auto& question) { return answer(question, *open->session); }, open->question);
        hand_back(std::move(open));
        if (lane == Lane::login) {
            tell_of_unlocked_secrets();
        }
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
