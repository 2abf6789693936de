// Builds a world from its seed, runs it to its end, and judges it. See relay_world.h.

#include "tests/sim/relay_world.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "engine/relay/limits.h"
#include "engine/relay/relay.h"
#include "tests/sim/local_client.h"
#include "tests/sim/scripted_bastion.h"
#include "tests/sim/scripted_policy.h"
#include "tests/sim/scripted_session.h"
#include "tests/sim/sim_loop.h"
#include "tests/sim/sim_network.h"

namespace caponier::sim {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// A run that takes more turns goes round in circles.
constexpr std::uint64_t turns_max = 3'000'000;
constexpr std::uint64_t clients_max = 16;
/// How long after its clients a connection may still carry bytes to its target.
constexpr seconds notice_patience{600};

// ---- what a seed decides ------------------------------------------------------------------------

std::size_t draw_size(Random& random, std::uint64_t low, std::uint64_t high) {
    return static_cast<std::size_t>(random.between(low, high));
}

NetworkShape draw_network(Random& random) {
    return {
        .send_queue_bytes = draw_size(random, 1'000, 64'000),
        .receive_queue_bytes = draw_size(random, 1'000, 64'000),
        .latency_max = random.chance(7'000) ? random.duration(milliseconds{5}) : milliseconds{0}};
}

/// Each fault is off in some runs: what only shows when another does not must be found, too.
Faults draw_faults(Random& random, bool connections_may_fail) {
    const auto often = [&random] {
        return static_cast<std::uint32_t>(random.chance(5'000) ? random.below(6'000) : 0);
    };
    const auto rarely = [&random, connections_may_fail] {
        const bool on = connections_may_fail && random.chance(3'000);
        return static_cast<std::uint32_t>(on ? random.between(1, 30) : 0);
    };
    Faults faults;
    faults.partial_receive = often();
    faults.partial_send = often();
    faults.full_at_once = often();
    faults.late_completion = often();
    faults.finished_despite_cancel = often();
    faults.pool_shortage = often() / 2;
    faults.failed_receive = rarely();
    faults.failed_send = rarely();
    faults.reset_by_peer = rarely();
    faults.refused_connect = connections_may_fail && random.chance(1'000) ? 5'000 : 0;
    faults.failed_accept = connections_may_fail ? often() / 2 : 0;
    faults.late_max = random.duration(milliseconds{5});
    return faults;
}

ServerScript draw_server(Random& random) {
    constexpr std::array<ServerScript::Leave, 4> leaves{ServerScript::Leave::by_fin,
                                                        ServerScript::Leave::by_reset,
                                                        ServerScript::Leave::by_disconnect,
                                                        ServerScript::Leave::by_silence};
    ServerScript script;
    script.leave = leaves[random.below(leaves.size())];
    script.leaves_after_frames =
        static_cast<std::uint32_t>(random.chance(2'500) ? random.between(1, 300) : 0);
    script.is_short = random.chance(2'500) ? 2'000U : 0U;
    script.refuses_first_identity = random.chance(3'000);
    script.rekeys_after_frames =
        static_cast<std::uint32_t>(random.chance(3'000) ? random.between(5, 100) : 0);
    script.window_bytes = static_cast<std::uint32_t>(random.between(100, 60'000));
    script.packet_bytes = static_cast<std::uint32_t>(random.between(500, 32'768));
    script.chunk_bytes_max = static_cast<std::uint32_t>(random.between(200, 32'768));
    script.pause_max = random.chance(5'000) ? random.duration(microseconds{500}) : microseconds{0};
    return script;
}

SessionScript draw_session(Random& random, std::uint32_t window_bytes) {
    SessionScript script;
    script.window_bytes = window_bytes;
    script.adjust_bytes = static_cast<std::uint32_t>(random.between(1, script.window_bytes / 2));
    script.outbox_bytes = draw_size(random, 2'000, 400'000);
    script.channels = draw_size(random, 2, 20);
    script.opens_in_flight = draw_size(random, 1, 4);
    script.fails_after_frames =
        static_cast<std::uint32_t>(random.chance(500) ? random.between(1, 300) : 0);
    return script;
}

/// Half of the worlds have one session on one shard. In the others the pool grows early and
/// spreads, so that a few clients reach what in earnest takes hundreds.
relay::PoolShape draw_pool(Random& random) {
    if (random.chance(5'000)) {
        return {.sessions_max = 1};
    }
    relay::PoolShape shape;
    shape.sessions_max = draw_size(random, 2, 5);
    shape.channels_mark = draw_size(random, 1, 4);
    shape.channels_max = random.chance(3'000) ? shape.channels_mark : 500;
    shape.shards_max = draw_size(random, 1, 3);
    shape.shard_busy_permille = 0;
    if (random.chance(5'000)) {
        shape.idle_patience = milliseconds{1} + random.duration(milliseconds{100});
    }
    return shape;
}

AnswerDesk::Script draw_answers(Random& random) {
    return {.thinking_max = random.chance(5'000) ? seconds{20} : seconds{0},
            .refuses = random.chance(500) ? 3'000U : 0U,
            .declines_signature = random.chance(2'000) ? 3'000U : 0U,
            .offers_unusable_key = random.chance(2'000) ? 3'000U : 0U};
}

// ---- the world ----------------------------------------------------------------------------------

/// A further shard: in earnest a thread, here a loop that runs while another one waits.
class SimShard {
  public:
    SimShard(SimNetwork& network, const Faults& faults, const relay::Shard::Place& place)
        : loop(network, faults), shard_(loop, place) {
        loop.set_after_turn([this] {
            if (!shard_.is_finished()) {
                shard_.after_turn();
            }
        });
        shard_.start();
    }
    SimLoop loop;

  private:
    relay::Shard shard_;
};

class RelayWorld final : relay::Observer, relay::SessionFactory, relay::ShardStarter {
  public:
    RelayWorld(std::uint64_t seed, bool narrates);

    [[nodiscard]] RunReport run();

  private:
    void start_clients();
    void keep_looking();
    void on_look(io::Outcome&) noexcept {}
    void ask_to_stop();
    void clean_up();
    [[nodiscard]] bool clients_are_over() const;
    [[nodiscard]] bool nobody_is_left();

    void judge(const Journey& journey);
    void judge_completion(const Journey& journey);
    void judge_session();
    void judge_loop(const SimLoop& loop);
    void judge_leftovers();
    void violate(const Journey& journey, const char* what);
    [[nodiscard]] bool was_disturbed(const Journey& journey) const;

    void listening(const relay::Forward& forward, const io::Address& address) noexcept override;
    void listen_failed(const relay::Forward& forward,
                       const io::Address& address,
                       io::IoError error) noexcept override;
    void draining(std::uint64_t) noexcept override {}
    void finished(relay::Finish why) noexcept override;
    void session_ended(const relay::SessionEnd& end) noexcept override;
    void session_established(relay::SessionSlot) noexcept override {}
    void session_lost(relay::SessionSlot,
                      const relay::SessionEnd&,
                      bool was_established) noexcept override {
        sessions_lost_ += was_established ? 1U : 0U;
    }
    void peer_identified(relay::SessionSlot, std::string_view) noexcept override {}
    void keys_changed(relay::SessionSlot, std::string_view) noexcept override {}
    bool follows_tunnels() const noexcept override { return false; }
    void tunnel_opened(const io::Address&, const relay::Target&) noexcept override {}
    void tunnel_refused(const io::Address& client,
                        const relay::Target& target,
                        std::string_view reason) noexcept override;
    void tunnel_ended(const io::Address&, const relay::Target&, bool) noexcept override {}
    void accept_paused(int) noexcept override {}
    void warning(std::string_view) noexcept override {}

    ssh::Result<std::unique_ptr<ssh::Session>> make_session() override;
    std::unique_ptr<relay::SessionPolicy> make_policy(io::Loop& loop) override;
    void start_shard(const relay::Shard::Place& place) noexcept override;
    [[nodiscard]] AnswerDesk& desk_of(io::Loop& loop);

    std::uint64_t seed_;
    Random random_;
    bool connections_may_fail_;
    bool sessions_may_fail_ = false;
    Faults relay_faults_;
    SimNetwork network_;
    SimLoop relay_loop_;
    SimLoop peer_loop_;
    std::unique_ptr<io::BufferPool> peer_pool_;
    Ledger ledger_;
    std::uint32_t window_bytes_;
    AnswerDesk::Script answers_;
    std::map<const io::Loop*, std::unique_ptr<AnswerDesk>> desks_;
    ScriptedBastion bastion_;
    std::vector<std::unique_ptr<LocalClient>> clients_;
    relay::Destination destination_;
    std::vector<relay::Forward> forwards_;
    relay::PoolShape pool_;
    std::optional<relay::Relay> relay_;
    std::vector<std::unique_ptr<SimShard>> shards_;
    io::Completion look_;
    std::vector<std::uint16_t> refused_;  ///< ports of clients whose channel the relay refused

    std::uint64_t stops_after_turns_ = 0;  ///< 0: not before all clients are done
    io::TimePoint over_since_ = io::TimePoint::max();
    bool stops_at_once_ = false;
    bool stop_asked_ = false;
    bool stopped_early_ = false;
    bool listening_ = false;
    bool finished_ = false;
    bool session_died_ = false;  ///< the last one, and the relay with it
    std::uint64_t sessions_lost_ = 0;
    std::uint64_t sessions_retired_ = 0;
    std::string session_end_;
};

RelayWorld::RelayWorld(std::uint64_t seed, bool narrates)
    // Braces, because they draw from left to right with every compiler.
    : seed_{seed},
      random_{Random::mix(seed)},
      connections_may_fail_{random_.chance(5'000)},
      relay_faults_{draw_faults(random_, connections_may_fail_)},
      network_{random_.next(), draw_network(random_)},
      relay_loop_{network_, relay_faults_},
      peer_loop_{network_, draw_faults(random_, false)},
      peer_pool_{std::move(*peer_loop_.make_pool({.buffers = 128, .buffer_bytes = 64 * 1024}))},
      ledger_{random_.next()},
      window_bytes_{static_cast<std::uint32_t>(random_.between(1'000, 60'000))},
      answers_{draw_answers(random_)},
      bastion_{peer_loop_,
               *peer_pool_,
               ledger_,
               {.sessions_max = draw_size(random_, 1, 8),
                .seed = random_.next(),
                .next_server = [this] { return draw_server(random_); }}},
      pool_{draw_pool(random_)} {
    if (narrates) {
        network_.trace().print();
    }
    if (random_.chance(1'500)) {
        stops_after_turns_ = random_.between(1, 3'000);
        stops_at_once_ = random_.chance(5'000);
    }
    look_.bind<&RelayWorld::on_look>(*this);
    const io::Address server = *io::Address::ip("192.0.2.1", 22);
    bastion_.start(server);
    if (random_.chance(2'000)) {
        destination_.addresses.push_back(*io::Address::ip("2001:db8::1", 22));  // nobody there
    }
    destination_.addresses.push_back(server);
    destination_.factory = this;
    destination_.windows = {.initial_bytes = window_bytes_,
                            .least_bytes = window_bytes_ / 4 + 1,
                            .most_bytes = 4 * window_bytes_};
    const std::uint64_t forwards = random_.between(1, 3);
    for (std::uint16_t i = 0; i < forwards; ++i) {
        forwards_.push_back(
            {.binds = {*io::Address::ip("127.0.0.1", 0)},
             .target = {.host = "db.internal", .port = static_cast<std::uint16_t>(5000 + i)}});
    }
    relay::Observer& observer = *this;
    relay::ShardStarter& starter = *this;
    const relay::Relay::Plan plan{.destination = destination_,
                                  .forwards = forwards_,
                                  .pool = pool_,
                                  .seed = random_.next(),
                                  .starter = &starter};
    relay_.emplace(relay_loop_, observer, plan);
}

// ---- what the relay asks and tells --------------------------------------------------------------

ssh::Result<std::unique_ptr<ssh::Session>> RelayWorld::make_session() {
    const SessionScript script = draw_session(random_, window_bytes_);
    sessions_may_fail_ = sessions_may_fail_ || script.fails_after_frames != 0;
    return std::make_unique<ScriptedSession>(
        script, ledger_, [this](std::uint16_t port) -> std::optional<ScriptedSession::Flow> {
            const std::optional<SimNetwork::Flow> flow = network_.flow_of(port);
            if (!flow) {
                return std::nullopt;
            }
            return ScriptedSession::Flow{flow->taken_bytes, flow->read_bytes};
        });
}

std::unique_ptr<relay::SessionPolicy> RelayWorld::make_policy(io::Loop& loop) {
    return desk_of(loop).make_policy();
}

AnswerDesk& RelayWorld::desk_of(io::Loop& loop) {
    std::unique_ptr<AnswerDesk>& desk = desks_[&loop];
    if (desk == nullptr) {
        desk = std::make_unique<AnswerDesk>(loop, answers_, random_.next());
    }
    return *desk;
}

void RelayWorld::start_shard(const relay::Shard::Place& place) noexcept {
    shards_.push_back(std::make_unique<SimShard>(network_, relay_faults_, place));
}

void RelayWorld::listening(const relay::Forward& forward, const io::Address& address) noexcept {
    listening_ = true;
    const std::uint64_t clients = random_.between(1, clients_max / forwards_.size());
    for (std::uint64_t i = 0; i < clients; ++i) {
        clients_.push_back(
            std::make_unique<LocalClient>(peer_loop_, *peer_pool_, ledger_, random_.next()));
        clients_.back()->start(address, forward.target.port, random_.duration(milliseconds{200}));
    }
}

void RelayWorld::listen_failed(const relay::Forward&, const io::Address&, io::IoError) noexcept {
    ledger_.add_violation("a listener could not be made");
}

void RelayWorld::finished(relay::Finish) noexcept {
    finished_ = true;
}

void RelayWorld::session_ended(const relay::SessionEnd& end) noexcept {
    session_died_ = true;
    session_end_ =
        std::string{ssh::describe(end.error.code)} + ", errno " + std::to_string(end.os_error);
}

void RelayWorld::tunnel_refused(const io::Address& client,
                                const relay::Target&,
                                std::string_view) noexcept {
    refused_.push_back(client.port());
}

// ---- the run -----------------------------------------------------------------------------------

RunReport RelayWorld::run() {
    relay_->start();
    keep_looking();
    std::uint64_t turns = 0;
    while (!relay_->is_finished() && turns < turns_max && !relay_loop_.is_stalled()) {
        relay_->turn();
        ++turns;
        const bool early = stops_after_turns_ != 0 && turns >= stops_after_turns_;
        // One who stops at once cuts what the server has not passed on yet.
        const bool idle =
            listening_ && nobody_is_left() && (!stops_at_once_ || bastion_.is_quiet());
        if (!stop_asked_ && !session_died_ && (early || idle)) {
            stopped_early_ = !idle;
            ask_to_stop();
        }
    }
    if (!relay_->is_finished()) {
        // Nothing can be taken down in an orderly way any more: the process ends with the reason.
        std::fprintf(stderr,
                     "seed %llu: the relay does not come to its end; in flight:\n%s",
                     static_cast<unsigned long long>(seed_),
                     relay_loop_.describe_in_flight().c_str());
        std::abort();
    }
    clean_up();

    RunReport report;
    for (const auto& [port, journey] : ledger_.journeys()) {
        judge(journey);
        const bool completed = journey.client_saw_fin && journey.target_saw_eof;
        ++report.journeys;
        report.journeys_completed += completed ? 1U : 0U;
        report.journeys_moved += journey.openings > 1 ? 1U : 0U;
        report.journeys_reset += journey.client_error != 0 ? 1U : 0U;
        report.bytes_delivered += journey.received + journey.uploaded;
    }
    judge_session();
    judge_leftovers();
    report.violations = ledger_.violations();
    report.trace_hash = network_.trace().hash();
    report.trace_entries = network_.trace().entries();
    report.session_died = session_died_;
    report.sessions = bastion_.sessions();
    report.sessions_lost = sessions_lost_;
    report.sessions_retired = sessions_retired_;
    report.shards = shards_.size() + 1;
    return report;
}

/// The first loop may have nothing to do while others have; this world is judged on its turns.
void RelayWorld::keep_looking() {
    network_.schedule(seconds{1}, [this] {
        if (!relay_->is_finished()) {
            if (!look_.in_flight()) {
                relay_loop_.post(look_);
            }
            keep_looking();
        }
    });
}

void RelayWorld::ask_to_stop() {
    sessions_retired_ = bastion_.goodbyes();
    stop_asked_ = true;
    if (stops_at_once_) {
        relay_->request_abort();
    } else {
        relay_->request_drain();
    }
}

bool RelayWorld::clients_are_over() const {
    return std::all_of(
        clients_.begin(), clients_.end(), [](const auto& client) { return client->is_over(); });
}

/// All clients are over, and the relay has noticed.
bool RelayWorld::nobody_is_left() {
    if (!clients_are_over()) {
        return false;
    }
    over_since_ = std::min(over_since_, network_.now());
    if (network_.now() > over_since_ + notice_patience) {
        ledger_.add_violation("a connection outlives both of its ends");
        return true;
    }
    return relay_->totals().connections_open == 0;
}

/// The relay is gone; what its peers have not noticed yet, they notice now.
void RelayWorld::clean_up() {
    const auto run_until_nothing_happens = [this] {
        while (peer_loop_.run_once() > 0) {
            relay_loop_.run_once(false);
        }
    };
    run_until_nothing_happens();
    bastion_.stop();
    run_until_nothing_happens();
}

// ---- the judgement -----------------------------------------------------------------------------

void RelayWorld::violate(const Journey& journey, const char* what) {
    ledger_.add_violation(std::string{what} + "\n    " + describe(journey));
}

/// Of the sessions that fail, only the one that carries it may take a journey with it.
bool RelayWorld::was_disturbed(const Journey& journey) const {
    return stopped_early_ || (journey.openings == 0 && session_died_) ||
           (journey.openings > 0 && bastion_.was_disturbed(journey.session));
}

void RelayWorld::judge(const Journey& journey) {
    if (journey.received > journey.target_sent) {
        violate(journey, "more came down than was sent");
    }
    if (journey.uploaded > journey.sent) {
        violate(journey, "more went up than was sent");
    }
    if (journey.client_saw_fin && !journey.target_sent_eof) {
        violate(journey, "the client saw an end that the target never sent");
    }
    if (journey.client_saw_fin && journey.received != journey.target_sent) {
        violate(journey, "the client saw a clean end of a truncated stream");
    }
    if (journey.target_saw_eof && !journey.client_sent_fin) {
        violate(journey, "the target saw an end that the client never sent");
    }
    if (journey.target_saw_eof && journey.uploaded != journey.sent) {
        violate(journey, "the target saw a clean end of a truncated stream");
    }
    const bool was_opened = journey.opened_target_port != 0 && journey.expected_target_port != 0;
    if (was_opened && journey.opened_target_port != journey.expected_target_port) {
        violate(journey, "a connection was led to the wrong target");
    }
    if (journey.client_gave_up) {
        violate(journey, "the client was never told the end");
    }
    judge_completion(journey);
}

/// A journey that nothing and nobody disturbed has to reach its end.
void RelayWorld::judge_completion(const Journey& journey) {
    const bool was_refused =
        std::find(refused_.begin(), refused_.end(), journey.port) != refused_.end();
    const bool client_stayed = journey.client_habit == ClientHabit::ends_first ||
                               journey.client_habit == ClientHabit::ends_last;
    if (was_disturbed(journey) || was_refused || !client_stayed ||
        network_.was_failed(journey.port)) {
        return;
    }
    switch (journey.target_habit) {
    case TargetHabit::sends_then_listens:
    case TargetHabit::answers_after_eof:
    case TargetHabit::echoes:
        if (!journey.client_saw_fin || !journey.target_saw_eof) {
            violate(journey, "an undisturbed connection did not complete");
        }
        return;
    case TargetHabit::closes_after_eof:
    case TargetHabit::cuts:
        if (journey.received != journey.target_sent) {
            violate(journey, "what came before the channel's end was not delivered");
        }
        return;
    case TargetHabit::refuses:
    case TargetHabit::times_out:
        return;
    }
}

void RelayWorld::judge_session() {
    const bool was_refused = std::any_of(desks_.begin(), desks_.end(), [](const auto& entry) {
        return entry.second->has_refused();
    });
    const bool has_reason = bastion_.has_any_left() || connections_may_fail_ || was_refused ||
                            sessions_may_fail_ || stop_asked_;
    if (session_died_ && !has_reason) {
        ledger_.add_violation("the session ended without a reason: " + session_end_);
    }
}

void RelayWorld::judge_leftovers() {
    relay_.reset();
    clients_.clear();
    judge_loop(relay_loop_);
    for (const std::unique_ptr<SimShard>& shard : shards_) {
        judge_loop(shard->loop);
    }
    if (network_.sockets_open() != 0) {
        ledger_.add_violation(std::to_string(network_.sockets_open()) + " sockets are left open");
    }
}

void RelayWorld::judge_loop(const SimLoop& loop) {
    if (loop.in_flight() != 0) {
        ledger_.add_violation("operations are left: " + loop.describe_in_flight());
    }
    if (loop.leases_out() != 0) {
        ledger_.add_violation("leases are left");
    }
}

}  // namespace

RunReport run_relay_world(std::uint64_t seed, bool narrates) {
    return RelayWorld{seed, narrates}.run();
}

}  // namespace caponier::sim
