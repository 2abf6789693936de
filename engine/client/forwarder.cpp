// One thread for the relay and its first shard, one for each further shard, one for the
// credentials, and the order in which they start and stop: resolve, credentials, loop, relay,
// further shards on demand; then relay, further shards, answers on their way, loop, credentials.

#include "engine/client/forwarder.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include <unistd.h>

#include <fmt/format.h>

#include "engine/client/algorithm_options.h"
#include "engine/client/bind_addresses.h"
#include "engine/client/credentials.h"
#include "engine/client/end_message.h"
#include "engine/client/host_alias.h"
#include "engine/client/listen_message.h"
#include "engine/client/processors.h"
#include "engine/client/random_source.h"
#include "engine/client/resolve.h"
#include "engine/client/shard_threads.h"
#include "engine/client/start_thread.h"
#include "engine/client/text_filter.h"
#include "engine/io/refusal.h"
#include "engine/relay/relay.h"
#include "ssh/libssh2_session.h"
#include "ssh/native_session.h"

namespace caponier::client {

namespace {

/// Of the promised bytes (relay/memory_budget.h) where the user says nothing.
std::uint64_t default_memory_budget() noexcept {
    constexpr std::uint64_t most = std::uint64_t{1} << 30;
    const long pages = ::sysconf(_SC_PHYS_PAGES);
    const long page_bytes = ::sysconf(_SC_PAGESIZE);
    if (pages <= 0 || page_bytes <= 0) {
        return most;
    }
    return std::min(most,
                    static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page_bytes) / 4);
}

/// More of them gain little: the server's end of each session needs a core as well.
constexpr std::size_t shards_by_default = 16;

}  // namespace

struct Forwarder::Parts final : relay::Observer, relay::SessionFactory {
    Parts(Settings given, Reports to)
        : settings(std::move(given)),
          reports{.ready = in_turn(std::move(to.ready)),
                  .log = in_turn(std::move(to.log)),
                  .log_repeatable = in_turn(std::move(to.log_repeatable)),
                  .ended = std::move(to.ended)} {}

    /// Several threads report; whoever listens hears one at a time.
    template <typename... Arguments>
    std::function<void(Arguments...)> in_turn(std::function<void(Arguments...)> report) {
        return [this, report = std::move(report)](Arguments... arguments) {
            const std::lock_guard lock{reporting};
            report(arguments...);
        };
    }

    // ---- the thread ---------------------------------------------------------------------------

    void run() { end(serve()); }

    void end(ExitCode code) {
        {
            const std::lock_guard lock{mutex};
            exit_code = code;
            ended.notify_all();
        }
        if (reports.ended) {
            reports.ended();
        }
    }

    ExitCode serve() {
        Account account = local_account();
        if (tl::expected<void, std::string> completed = complete(settings); !completed) {
            return fail(ExitCode::usage, completed.error());
        }
        const bool has_forwards = make_forwards();
        if (stopping.stop_requested()) {
            return ExitCode::ok;  // nothing is open that could be drained
        }
        if (!has_forwards) {
            return ExitCode::cannot_listen;
        }
        Resolved addresses = resolve(
            {settings.host_name, settings.port}, settings.connect_timeout, stopping.get_token());
        if (stopping.stop_requested()) {
            return ExitCode::ok;
        }
        if (!addresses) {
            say(LogLevel::fatal, addresses.error().message);
            if (const std::string hint = alias_hint(settings.host_name, account); !hint.empty()) {
                say(LogLevel::fatal, hint);
            }
            return ExitCode::failed;
        }
        destination.addresses = std::move(*addresses);
        destination.factory = this;
        destination.connect_timeout = settings.connect_timeout;
        destination.alive = {.interval = settings.server_alive_interval,
                             .probes_max = settings.server_alive_count_max};
        budget.emplace(settings.memory_budget_bytes.value_or(default_memory_budget()));
        destination.budget = &*budget;
        destination.close_without_eof = settings.close_without_eof;

        const TokenValues values{
            account, settings.host, settings.host_name, settings.user, settings.port};
        auto agent = agent_path(settings.authentication.agent, values);
        if (!agent) {
            return fail(ExitCode::usage, agent.error());
        }
        auto started = Credentials::start({.settings = settings,
                                           .account = std::move(account),
                                           .agent_path = *std::move(agent),
                                           .patience = {},
                                           .askpass = AskpassEnvironment::of_process()},
                                          reports.log);
        if (!started) {
            return fail(ExitCode::failed, started.error());
        }
        {
            const std::lock_guard lock{mutex};
            credentials = std::move(*started);
        }
        recorded_host_key_types = credentials->recorded_key_types();
        auto chosen = io::choose_loop(settings.backend);
        if (!chosen) {
            return fail(ExitCode::failed, chosen.error());
        }
        say(LogLevel::verbose, chosen->reason);
        return serve_relay(*chosen->loop);
    }

    ExitCode serve_relay(io::Loop& loop) {
        const Processors processors = Processors::allowed();
        ShardThreads threads{{.backend = settings.backend,
                              .pinned_to = settings.pin ? std::optional{processors} : std::nullopt,
                              .log = reports.log},
                             *credentials};
        if (settings.pin) {
            processors.pin_thread(0);
        }
        {
            const std::lock_guard lock{mutex};
            if (stops > 0) {
                return ExitCode::ok;
            }
            relay.emplace(
                loop,
                static_cast<relay::Observer&>(*this),
                relay::Relay::Plan{.destination = destination,
                                   .forwards = forwards,
                                   .exit_on_forward_failure = settings.exit_on_forward_failure,
                                   .pool = pool_shape(processors),
                                   .drain_timeout = settings.drain_timeout,
                                   .seed = random_number(),
                                   .starter = &threads});
            relay_runs = true;
        }
        relay->run();
        {
            // A stop() that came too late may still be on its way to the loop.
            const std::lock_guard lock{mutex};
            relay_runs = false;
        }
        threads.join();
        loop.run_once(false);
        credentials->drain(loop);
        keep_traffic();
        const std::lock_guard lock{mutex};
        relay.reset();
        return exit_of(finish);
    }

    [[nodiscard]] relay::PoolShape pool_shape(const Processors& processors) const noexcept {
        const std::size_t wanted = settings.shards == 0 ? shards_by_default : settings.shards;
        return {.sessions_max = settings.pool_sessions,
                .channels_mark = settings.channels_per_session,
                .shards_max = std::min(wanted, processors.count())};
    }

    static std::uint64_t random_number() noexcept {
        std::array<std::byte, sizeof(std::uint64_t)> bytes{};
        os_random_source()(bytes);
        return std::bit_cast<std::uint64_t>(bytes);
    }

    bool make_forwards() {
        for (const LocalForward& forward : settings.local_forwards) {
            auto binds = bind_addresses(forward, settings.gateway_ports, stopping.get_token());
            if (!binds) {
                if (stopping.stop_requested()) {
                    return false;
                }
                say(LogLevel::fatal, binds.error());
                if (settings.exit_on_forward_failure || settings.local_forwards.size() == 1) {
                    return false;
                }
                continue;
            }
            forwards.push_back({std::move(*binds), {forward.host, forward.host_port}});
        }
        return !forwards.empty();
    }

    static ExitCode exit_of(relay::Finish finish) {
        switch (finish) {
        case relay::Finish::stopped:
            return ExitCode::ok;
        case relay::Finish::cannot_listen:
            return ExitCode::cannot_listen;
        case relay::Finish::session_ended:
        case relay::Finish::no_memory:
            break;
        }
        return ExitCode::failed;
    }

    void stop() {
        stopping.request_stop();
        const std::lock_guard lock{mutex};
        ++stops;
        if (!relay_runs) {
            return;
        }
        if (stops == 1) {
            relay->request_drain();
        } else if (stops == 2) {
            relay->request_abort();
        }
    }

    // ---- relay::SessionFactory ----------------------------------------------------------------

    ssh::Result<std::unique_ptr<ssh::Session>> make_session() override {
        ssh::SessionConfig config;
        config.user = settings.user;
        config.random = os_random_source();
        config.recorded_host_key_types = recorded_host_key_types;
        config.algorithms = algorithms_for(settings, recorded_host_key_types);
        config.rekey_limit = settings.rekey_limit;
        config.initial_window_bytes = relay::initial_window_bytes;
        config.login_timeout = relay::login_patience;
        if (settings.engine == SshEngine::libssh2) {
            return ssh::make_libssh2_session(std::move(config));
        }
        return ssh::make_native_session(std::move(config));
    }

    std::unique_ptr<relay::SessionPolicy> make_policy(io::Loop& loop) override {
        return credentials->make_policy(loop);
    }

    // ---- relay::Observer ----------------------------------------------------------------------

    void listening(const relay::Forward& forward, const io::Address& address) noexcept override {
        if (port.load() == 0) {
            port.store(address.port());
        }
        reports.ready(fmt::format("Forwarding from {} -> {} via {}",
                                  address.to_string(),
                                  name_of(forward.target),
                                  printable(settings.host)));
    }

    void listen_failed(const relay::Forward& forward,
                       const io::Address& address,
                       io::IoError error) noexcept override {
        say(LogLevel::fatal,
            fmt::format("cannot listen on {} (for {}): {}",
                        address.to_string(),
                        name_of(forward.target),
                        listen_message(address, error)));
    }

    void draining(std::uint64_t connections) noexcept override {
        say(LogLevel::info,
            fmt::format(
                "ending: waits up to {} s for {}, as long as bytes move; a second Ctrl-C "
                "ends at once",
                settings.drain_timeout.count(),
                connections == 1 ? "a connection" : fmt::format("{} connections", connections)));
    }

    void finished(relay::Finish why) noexcept override {
        finish = why;
        if (why == relay::Finish::no_memory) {
            say(LogLevel::fatal,
                "no memory for the receive buffers (raise the memory limit of the process, "
                "ulimit -v, or of its cgroup)");
        }
    }

    void peer_identified(relay::SessionSlot slot, std::string_view line) noexcept override {
        say(LogLevel::verbose, fmt::format("{}server is {}", name_of(slot), printable(line)));
    }

    void keys_changed(relay::SessionSlot slot, std::string_view description) noexcept override {
        say_repeatable(Repeatable::keys_changed,
                       LogLevel::verbose,
                       fmt::format("{}keys are on: {}", name_of(slot), description));
    }

    void session_established(relay::SessionSlot slot) noexcept override {
        was_logged_in.store(true);
        say(LogLevel::verbose,
            fmt::format("{}authenticated to {} as {}",
                        name_of(slot),
                        printable(settings.host),
                        settings.user));
    }

    void session_lost(relay::SessionSlot slot,
                      const relay::SessionEnd& end,
                      bool was_established) noexcept override {
        // Tunnels ended with the one; without the other everything goes on as it was.
        say_repeatable(
            Repeatable::session_lost,
            was_established ? LogLevel::info : LogLevel::verbose,
            fmt::format(
                "{}{}; other sessions go on", name_of(slot), end_message(end, settings).front()));
    }

    void session_ended(const relay::SessionEnd& end) noexcept override {
        for (const std::string& line : end_message(end, settings)) {
            say(LogLevel::fatal, line);
        }
    }

    bool follows_tunnels() const noexcept override { return settings.log_level >= LogLevel::debug; }

    void tunnel_opened(const io::Address& client, const relay::Target& target) noexcept override {
        say(LogLevel::debug,
            fmt::format("tunnel from {} to {} is open", client.to_string(), name_of(target)));
    }

    void tunnel_refused(const io::Address& client,
                        const relay::Target& target,
                        std::string_view reason) noexcept override {
        say_repeatable(Repeatable::connection_refused,
                       LogLevel::info,
                       fmt::format("connection from {} to {} was refused: {}",
                                   client.to_string(),
                                   name_of(target),
                                   printable(reason)));
    }

    void tunnel_ended(const io::Address& client,
                      const relay::Target& target,
                      bool cut) noexcept override {
        say(LogLevel::debug,
            fmt::format("tunnel from {} to {} {}",
                        client.to_string(),
                        name_of(target),
                        cut ? "was cut" : "ended"));
    }

    void accept_paused(int os_error) noexcept override {
        const io::IoError error{os_error};
        say(LogLevel::info,
            fmt::format(
                "new connections wait: {} ({})", io::describe(error), io::remedy_for(error)));
    }

    void warning(std::string_view text) noexcept override {
        say_repeatable(Repeatable::warning, LogLevel::info, printable(text));
    }

    // ---- small things -------------------------------------------------------------------------

    /// The first one is "the session" to most people.
    static std::string name_of(relay::SessionSlot slot) {
        const std::size_t index = relay::index_of(slot);
        return index == 0 ? std::string{} : fmt::format("session {}: ", index + 1);
    }

    static std::string name_of(const relay::Target& target) {
        const bool is_ipv6 = target.host.find(':') != std::string::npos;
        return is_ipv6 ? fmt::format("[{}]:{}", target.host, target.port)
                       : fmt::format("{}:{}", printable(target.host), target.port);
    }

    void say(LogLevel level, std::string_view line) const { reports.log(level, line); }

    void say_repeatable(Repeatable kind, LogLevel level, std::string_view line) const {
        reports.log_repeatable(kind, level, line);
    }

    ExitCode fail(ExitCode code, std::string_view line) const {
        say(code == ExitCode::usage ? LogLevel::quiet : LogLevel::fatal, line);
        return code;
    }

    [[nodiscard]] static Traffic traffic_of(const relay::Relay& relay) noexcept {
        const relay::Relay::Totals totals = relay.totals();
        return {.connections_open = totals.connections_open,
                .connections_total = totals.connections_total,
                .bytes_up = totals.bytes_up,
                .bytes_down = totals.bytes_down};
    }

    void keep_traffic() noexcept { last_traffic = traffic_of(*relay); }

    Settings settings;
    std::mutex reporting;
    Reports reports;
    std::vector<relay::Forward> forwards;
    std::optional<relay::MemoryBudget> budget;
    relay::Destination destination;
    std::unique_ptr<Credentials> credentials;  ///< made under mutex
    std::atomic<bool> was_logged_in{false};
    std::vector<std::string> recorded_host_key_types;
    relay::Finish finish = relay::Finish::stopped;
    std::atomic<std::uint16_t> port{0};

    std::thread thread;
    std::stop_source stopping;  ///< of what happens before the relay runs
    mutable std::mutex mutex;
    std::condition_variable ended;
    std::optional<ExitCode> exit_code;  ///< under mutex
    std::optional<relay::Relay> relay;  ///< made and destroyed under mutex
    bool relay_runs = false;            ///< under mutex
    int stops = 0;                      ///< under mutex
    Traffic last_traffic;               ///< of a relay that is gone
};

Forwarder::Forwarder(Settings settings, Reports reports)
    : parts_(std::make_unique<Parts>(std::move(settings), std::move(reports))) {}

Forwarder::~Forwarder() {
    if (parts_->thread.joinable()) {
        stop();
        stop();
        parts_->thread.join();
    }
}

void Forwarder::start() {
    auto thread = start_thread([parts = parts_.get()] { parts->run(); });
    if (thread) {
        parts_->thread = std::move(*thread);
    } else {
        parts_->end(parts_->fail(ExitCode::failed, thread.error()));
    }
}

ExitCode Forwarder::wait() {
    std::unique_lock lock{parts_->mutex};
    parts_->ended.wait(lock, [this] { return parts_->exit_code.has_value(); });
    return *parts_->exit_code;
}

bool Forwarder::wait_for(std::chrono::milliseconds limit) {
    std::unique_lock lock{parts_->mutex};
    return parts_->ended.wait_for(lock, limit, [this] { return parts_->exit_code.has_value(); });
}

void Forwarder::stop() {
    parts_->stop();
}

bool Forwarder::asks_person_to_log_in() const noexcept {
    const std::lock_guard lock{parts_->mutex};
    return parts_->credentials != nullptr && parts_->credentials->asks_person() &&
           !parts_->was_logged_in.load();
}

Traffic Forwarder::traffic() const noexcept {
    const std::lock_guard lock{parts_->mutex};
    return parts_->relay ? Parts::traffic_of(*parts_->relay) : parts_->last_traffic;
}

std::uint16_t Forwarder::first_port() const noexcept {
    return parts_->port.load();
}

}  // namespace caponier::client
