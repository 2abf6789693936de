// Several shards on real threads: the relay, client::ShardThreads and client::Credentials as in the
// program, real sessions on both ends, and loops over the kernel. What the simulation shows of one
// thread in every order of events is shown here of several at the same time. ThreadSanitizer
// watches these cases in .ci/run.

#include <atomic>
#include <cerrno>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include <sys/syscall.h>

#include <gtest/gtest.h>

#include "engine/client/credentials.h"
#include "engine/client/random_source.h"
#include "engine/client/shard_threads.h"
#include "engine/io/choose_loop.h"
#include "engine/io/expects.h"
#include "engine/relay/relay.h"
#include "ssh/native_session.h"
#include "tests/loop/echo_bastion.h"
#include "tests/loop/echo_clients.h"
#include "tests/loop/refused_calls.h"
#include "tests/unit/client/temporary_folder.h"

namespace caponier::looptest {
namespace {

using Fate = EchoClients::Fate;

constexpr std::size_t shards_max = 3;
constexpr std::size_t sessions_max = 4;

/// What the shards told, from whichever thread.
class Witness final : public relay::Observer {
  public:
    void listening(const relay::Forward&, const io::Address& address) noexcept override {
        port_.set_value(address.port());
    }
    void listen_failed(const relay::Forward&, const io::Address&, io::IoError) noexcept override {
        port_.set_value(0);
    }
    void draining(std::uint64_t) noexcept override {}
    void finished(relay::Finish why) noexcept override { finish = why; }
    void peer_identified(relay::SessionSlot, std::string_view) noexcept override {}
    void keys_changed(relay::SessionSlot, std::string_view) noexcept override {}
    void session_established(relay::SessionSlot) noexcept override { ++sessions_established; }
    void session_lost(relay::SessionSlot, const relay::SessionEnd&, bool) noexcept override {
        ++sessions_lost;
    }
    void session_ended(const relay::SessionEnd&) noexcept override { ++sessions_ended; }
    bool follows_tunnels() const noexcept override { return true; }
    void tunnel_opened(const io::Address&, const relay::Target&) noexcept override {
        const std::lock_guard lock{mutex_};
        ++tunnels_[std::this_thread::get_id()];
    }
    void tunnel_refused(const io::Address&,
                        const relay::Target&,
                        std::string_view) noexcept override {
        ++tunnels_refused;
    }
    void tunnel_ended(const io::Address&, const relay::Target&, bool) noexcept override {}
    void accept_paused(int) noexcept override {}
    void warning(std::string_view) noexcept override {}

    /// Waits until the relay listens.
    [[nodiscard]] std::uint16_t port() { return port_.get_future().get(); }
    /// Threads that have opened tunnels.
    [[nodiscard]] std::size_t threads_used() {
        const std::lock_guard lock{mutex_};
        return tunnels_.size();
    }

    std::optional<relay::Finish> finish;  ///< read once the relay's thread was joined
    std::atomic<std::size_t> sessions_established{0};
    std::atomic<std::size_t> sessions_lost{0};
    std::atomic<std::size_t> sessions_ended{0};
    std::atomic<std::size_t> tunnels_refused{0};

  private:
    std::promise<std::uint16_t> port_;
    std::mutex mutex_;
    std::map<std::thread::id, std::size_t> tunnels_;
};

/// The relay on a thread of its own; begins and ends as in forwarder.cpp.
class RelayThread final : relay::SessionFactory {
  public:
    /// `refuses_threads`: no shard but the first can start.
    RelayThread(io::Backend backend,
                const io::Address& bastion,
                Witness& witness,
                bool refuses_threads = false)
        : backend_(backend), witness_(witness), refuses_threads_(refuses_threads) {
        destination_.addresses = {bastion};
        destination_.factory = this;
        destination_.budget = &budget_;
        forwards_.push_back(
            {.binds = {*io::Address::ip("127.0.0.1", 0)}, .target = {.host = "echo", .port = 7}});
        settings_.host = settings_.host_name = "bastion.example";
        settings_.user = "me";
        settings_.strict_host_key_checking = client::StrictHostKeyChecking::accept_new;
        settings_.user_known_hosts_files = {folder_.path("known_hosts")};
        settings_.global_known_hosts_files = {"none"};
        settings_.identity_files = {folder_.path("id")};
        client::make_key_pair(folder_.path("id"));
        auto credentials =
            client::Credentials::start({.settings = settings_,
                                        .account = {"me", folder_.path(""), 1000},
                                        .agent_path = {},
                                        .patience = {},
                                        .askpass = {.program = "/bin/false", .require = "force"}},
                                       log_.log());
        io::expects(credentials.has_value());
        credentials_ = *std::move(credentials);
        std::promise<relay::Relay*> made;
        std::future<relay::Relay*> relay = made.get_future();
        thread_ = std::thread{[this, &made] { run(made); }};
        relay_ = relay.get();
    }

    /// A case that failed leaves the relay running.
    ~RelayThread() override {
        if (thread_.joinable()) {
            abort();
            thread_.join();
        }
    }

    void drain() { relay_->request_drain(); }
    void abort() {
        if (!std::exchange(abort_asked_, true)) {
            relay_->request_abort();
        }
    }
    /// Once it was asked to end.
    void join() { thread_.join(); }
    [[nodiscard]] client::LogLines& log_lines() noexcept { return log_; }

  private:
    void run(std::promise<relay::Relay*>& made) {
        auto chosen = io::choose_loop(backend_);
        io::expects(chosen.has_value());
        io::Loop& loop = *chosen->loop;
        client::ShardThreads threads{
            {.backend = backend_, .pinned_to = std::nullopt, .log = log_.log()}, *credentials_};
        if (refuses_threads_) {
            io::expects(refuse_from_now_on({{SYS_clone3, EAGAIN}, {SYS_clone, EAGAIN}}));
        }
        {
            relay::Relay relay{loop,
                               static_cast<relay::Observer&>(witness_),
                               {.destination = destination_,
                                .forwards = forwards_,
                                .pool = {.sessions_max = sessions_max,
                                         .channels_mark = 1,
                                         .shards_max = shards_max,
                                         .shard_busy_permille = 0},
                                .starter = &threads}};
            made.set_value(&relay);
            relay.run();
            threads.join();
        }
        credentials_->drain(loop);
    }

    ssh::Result<std::unique_ptr<ssh::Session>> make_session() override {
        ssh::SessionConfig config;
        config.user = "me";
        config.random = client::os_random_source();
        config.initial_window_bytes = relay::initial_window_bytes;
        return ssh::make_native_session(std::move(config));
    }

    std::unique_ptr<relay::SessionPolicy> make_policy(io::Loop& loop) override {
        return credentials_->make_policy(loop);
    }

    const io::Backend backend_;
    Witness& witness_;
    const bool refuses_threads_;
    const client::TemporaryFolder folder_;
    client::LogLines log_;
    client::Settings settings_;
    std::unique_ptr<client::Credentials> credentials_;
    relay::MemoryBudget budget_{std::uint64_t{64} << 20};
    relay::Destination destination_;
    std::vector<relay::Forward> forwards_;
    relay::Relay* relay_ = nullptr;  ///< until it has finished
    bool abort_asked_ = false;
    std::thread thread_;
};

class Shards : public testing::TestWithParam<io::Backend> {
  protected:
    /// Enough tunnels at once that the pool grows as far as it may.
    void grow_pool() {
        clients.connect(port, 2 * sessions_max, 10'000, 5'000);
        ASSERT_TRUE(clients.turn_until([this] {
            return clients.all_pause() && witness.sessions_established == sessions_max;
        }));
    }

    /// Further ones, until each has got some of its bytes and wants more.
    void connect_and_pause(std::size_t count, std::size_t bytes) {
        clients.connect(port, count, bytes, bytes / 2);
        ASSERT_TRUE(clients.turn_until([this] { return clients.all_pause(); }));
    }

    EchoBastion bastion;
    Witness witness;
    RelayThread thread{GetParam(), bastion.address(), witness};
    const std::uint16_t port = witness.port();
    EchoClients clients;
};

TEST_P(Shards, CarryHundredsOfTunnelsWithoutLosingAByte) {
    grow_pool();
    clients.connect(port, 300, 100'000);
    clients.resume();
    ASSERT_TRUE(clients.turn_to_the_end());
    const std::size_t threads_used = witness.threads_used();
    thread.drain();
    thread.join();

    EXPECT_EQ(clients.count(Fate::completed), clients.all().size()) << clients.incomplete();
    EXPECT_EQ(threads_used, shards_max);
    EXPECT_EQ(bastion.connections(), sessions_max);
    for (std::size_t i = 0; i < sessions_max; ++i) {
        EXPECT_GT(bastion.clients_of(i).size(), 10U) << "connection " << i;
    }
    EXPECT_EQ(witness.tunnels_refused, 0U);
    EXPECT_EQ(witness.sessions_lost, 0U);
    EXPECT_EQ(witness.finish, relay::Finish::stopped);
}

TEST_P(Shards, TheDeathOfASessionElsewhereTakesOnlyItsOwnTunnels) {
    grow_pool();
    connect_and_pause(60, 20'000);
    // The first connection is the first shard's, the second one another thread's.
    const std::set<std::uint16_t> doomed = bastion.clients_of(1);
    ASSERT_GT(doomed.size(), 0U);

    // Tunnels are on their way to the session while it dies.
    bastion.cut(1);
    clients.connect(port, 100, 20'000);
    ASSERT_TRUE(clients.turn_until([this] { return witness.sessions_lost == 1; }));
    clients.connect(port, 50, 20'000);
    clients.resume();
    ASSERT_TRUE(clients.turn_to_the_end());
    thread.drain();
    thread.join();

    const std::set<std::uint16_t> ever_there = bastion.clients_of(1);
    for (const std::unique_ptr<EchoClients::Client>& client : clients.all()) {
        const bool was_doomed = doomed.contains(client->port());
        if (was_doomed) {
            EXPECT_EQ(client->fate(), Fate::cut) << client->port();
        } else if (!ever_there.contains(client->port())) {
            EXPECT_EQ(client->fate(), Fate::completed) << client->port();
        }
    }
    EXPECT_EQ(clients.count(Fate::damaged), 0U);
    EXPECT_EQ(witness.sessions_ended, 0U);
    EXPECT_EQ(witness.finish, relay::Finish::stopped);
}

TEST_P(Shards, DrainWhileBytesFlowAndLoseNone) {
    grow_pool();
    connect_and_pause(100, 200'000);

    clients.resume();
    thread.drain();
    EXPECT_TRUE(clients.turn_to_the_end());
    thread.join();

    EXPECT_EQ(clients.count(Fate::completed), clients.all().size()) << clients.incomplete();
    EXPECT_EQ(witness.threads_used(), shards_max);
    EXPECT_EQ(witness.finish, relay::Finish::stopped);
}

TEST_P(Shards, AbortCutsWhatIsOpenOnEveryThread) {
    grow_pool();
    connect_and_pause(100, 200'000);

    thread.abort();
    EXPECT_TRUE(clients.turn_to_the_end());
    thread.join();

    EXPECT_EQ(clients.count(Fate::cut), clients.all().size());
    EXPECT_EQ(witness.threads_used(), shards_max);
    EXPECT_EQ(witness.finish, relay::Finish::stopped);
}

TEST_P(Shards, AnAbortOvertakesTheBeginningOfShards) {
    // The pool wants its shards now; some may be starting, others dialling, when the end comes.
    clients.connect(port, 20, 100'000);
    ASSERT_TRUE(clients.turn_until([this] { return bastion.connections() > 1; }));
    thread.abort();
    EXPECT_TRUE(clients.turn_to_the_end());
    thread.join();

    EXPECT_EQ(clients.count(Fate::damaged), 0U);
    EXPECT_EQ(witness.finish, relay::Finish::stopped);
}

class ShardsWithoutThreads : public testing::TestWithParam<io::Backend> {};

TEST_P(ShardsWithoutThreads, GoOnWithTheFirstAndSayWhy) {
    EchoBastion bastion;
    Witness witness;
    RelayThread thread{GetParam(), bastion.address(), witness, true};
    const std::uint16_t port = witness.port();
    EchoClients clients;

    clients.connect(port, 40, 100'000);
    EXPECT_TRUE(clients.turn_to_the_end());
    thread.drain();
    thread.join();

    EXPECT_EQ(clients.count(Fate::completed), clients.all().size()) << clients.incomplete();
    EXPECT_EQ(witness.threads_used(), 1U);
    EXPECT_EQ(witness.finish, relay::Finish::stopped);
    EXPECT_TRUE(thread.log_lines().contain("does not start and the others go on"));
}

const auto kernel_backends = testing::Values(io::Backend::epoll, io::Backend::io_uring);

const auto name_of_backend = [](const testing::TestParamInfo<io::Backend>& backend) {
    return std::string{backend.param == io::Backend::epoll ? "epoll" : "io_uring"};
};

INSTANTIATE_TEST_SUITE_P(Threads, ShardsWithoutThreads, kernel_backends, name_of_backend);
INSTANTIATE_TEST_SUITE_P(Threads, Shards, kernel_backends, name_of_backend);

}  // namespace
}  // namespace caponier::looptest
