#pragma once
// The threads that own the user's side of sessions: one known_hosts, the other private keys and the
// agent. Session workers ask them through relay::SessionPolicy and never wait: questions go to
// their queues, answers come back by Loop::post(). What they decide is host_key_check.h's and
// identities.h's part. The rules of lifetime and the reasons for them are in credentials.cpp's
// head.

#include <array>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <tl/expected.hpp>

#include "engine/client/agent_connection.h"
#include "engine/client/authentication_methods.h"
#include "engine/client/host_key_check.h"
#include "engine/client/identities.h"
#include "engine/client/key_files.h"
#include "engine/client/log.h"
#include "engine/client/prompter.h"
#include "engine/client/settings.h"
#include "engine/io/loop.h"
#include "engine/io/socket.h"
#include "engine/relay/session_policy.h"

namespace caponier::client {

/// One per process or forwarder.
class Credentials {
    /// Only start() can make one: the constructor has to be public for std::make_unique.
    struct Token {
        explicit Token() = default;
    };

  public:
    struct Options {
        Settings settings;  ///< complete()
        Account account;
        std::string agent_path;  ///< agent_path(); empty: no agent
        AgentPatience patience;
        AskpassEnvironment askpass{};
    };

    /// Starts the threads. The error is one line: a file name that cannot be expanded, or a lack of
    /// descriptors or threads.
    [[nodiscard]] static tl::expected<std::unique_ptr<Credentials>, std::string> start(
        Options options, Log log);
    Credentials(Token token,
                Options options,
                HostKeyCheck host_key_check,
                IdentitySources sources,
                Log log) noexcept;
    ~Credentials();  ///< stops; the policies are gone and their loops are drained
    Credentials(const Credentials&) = delete;
    Credentials& operator=(const Credentials&) = delete;

    /// On the loop's thread, for one session. Destroyed there, before drain().
    [[nodiscard]] std::unique_ptr<relay::SessionPolicy> make_policy(io::Loop& loop);

    /// On the loop's thread, after its last policy is gone and before the loop is destroyed: runs
    /// the loop until no answer is on its way to it. Waits for nobody.
    void drain(io::Loop& loop) noexcept;

    /// Ends the threads, in the middle of a wait for the agent, too. Open questions and later ones
    /// are answered with Refuse. From any thread, also more than once.
    void stop() noexcept;

    /// A question to a person is open. From any thread.
    [[nodiscard]] bool asks_person() const noexcept { return prompter_.is_asking(); }

    /// HostKeyCheck::recorded_key_types(): reads files, so not on a shard. From any thread.
    [[nodiscard]] std::vector<std::string> recorded_key_types() const;

  private:
    class Policy;
    struct OpenQuestion;
    struct SessionMemory;

    /// A signature may wait two minutes for a token to be touched, and an agent may hang. Host keys
    /// need neither, and so have a queue and a thread that no login holds up.
    enum class Lane : std::size_t { host_keys, login };
    static constexpr std::size_t lanes = 2;
    [[nodiscard]] static Lane lane_of(const relay::Question& question) noexcept;

    void run(Lane lane) noexcept;
    [[nodiscard]] std::unique_ptr<OpenQuestion> wait_for_question(Lane lane);

    void ask(std::unique_ptr<OpenQuestion> question) noexcept;
    void abandon(OpenQuestion& question) noexcept;
    void hand_back(std::unique_ptr<OpenQuestion> question) noexcept;
    void arrived(const io::Loop& loop) noexcept;

    // On the thread for host keys.
    [[nodiscard]] relay::Answer answer(const relay::HostKeyQuestion& question,
                                       SessionMemory& session);
    // On the thread for logins.
    [[nodiscard]] relay::Answer answer(const relay::IdentityQuestion& question,
                                       SessionMemory& session);
    [[nodiscard]] relay::Answer answer(const relay::SignatureQuestion& question,
                                       SessionMemory& session);
    [[nodiscard]] relay::Answer answer(const relay::PromptsQuestion& question,
                                       SessionMemory& session);
    [[nodiscard]] relay::Answer try_next_method(SessionMemory& session);
    [[nodiscard]] std::optional<relay::Answer> try_next_key(SessionMemory& session);
    [[nodiscard]] std::optional<relay::Answer> try_password(SessionMemory& session);
    [[nodiscard]] relay::Refuse refusal(const SessionMemory& session) const;
    [[nodiscard]] tl::expected<ssh::SecretBytes, std::string> ask_person(const std::string& prompt,
                                                                         bool echo,
                                                                         SessionMemory& session);
    [[nodiscard]] tl::expected<relay::Bytes, std::string> sign(
        const relay::SignatureQuestion& question, const Identity& identity, SessionMemory& session);
    [[nodiscard]] tl::expected<relay::Bytes, std::string> sign_by_agent(
        const relay::SignatureQuestion& question, const Identity& identity, SessionMemory& session);
    [[nodiscard]] std::unique_ptr<SessionMemory> make_memory();
    void log_words_of_server(std::string_view text) const;
    [[nodiscard]] Log log_once();
    [[nodiscard]] AgentConnection* agent(SessionMemory& session);
    [[nodiscard]] std::vector<AgentKey> agent_keys(SessionMemory& session);
    void warn_of_agent(std::string_view why);

    void remember_what_worked(std::vector<std::byte> blob);
    [[nodiscard]] std::vector<std::byte> what_worked();
    void tell_of_unlocked_secrets();

    const Options options_;
    HostKeyCheck host_key_check_;  ///< the host key thread's, but for recorded_key_types()
    const IdentitySources sources_;
    const Log log_;
    io::Socket interrupt_;  ///< an eventfd: readable once stop() was called
    Prompter prompter_;
    bool warned_of_agent_ = false;             ///< the login thread's
    std::set<std::string, std::less<>> told_;  ///< the login thread's; what log_once() has said
    bool told_of_unlocked_secrets_ = false;    ///< the login thread's

    struct OnTheWay {
        const io::Loop* loop = nullptr;
        std::size_t answers = 0;
    };

    std::mutex mutex_;
    std::condition_variable changed_;
    using Queue = std::deque<std::unique_ptr<OpenQuestion>>;
    bool stopping_ = false;             ///< under mutex_
    std::array<Queue, lanes> queues_;   ///< under mutex_; at most one a policy
    std::vector<OnTheWay> on_the_way_;  ///< under mutex_; one entry a loop
    std::vector<std::byte> worked_;     ///< under mutex_; a key's blob

    std::mutex joining_;
    std::array<std::thread, lanes> threads_;  ///< one a lane
};

}  // namespace caponier::client
