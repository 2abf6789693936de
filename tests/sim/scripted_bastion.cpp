// Accepting; the rest is scripted_server.cpp's. See scripted_bastion.h.

#include "tests/sim/scripted_bastion.h"

#include <algorithm>
#include <utility>

#include "engine/io/expects.h"

namespace caponier::sim {

ScriptedBastion::ScriptedBastion(io::Loop& loop,
                                 io::BufferPool& pool,
                                 Ledger& ledger,
                                 const Script& script)
    : loop_(loop), pool_(pool), ledger_(ledger), script_(script) {
    accept_.bind<&ScriptedBastion::on_accepted>(*this);
    close_.bind<&ScriptedBastion::on_closed>(*this);
}

ScriptedBastion::~ScriptedBastion() {
    io::expects(!listener_ && !accept_.in_flight() && !close_.in_flight());
}

void ScriptedBastion::start(const io::Address& address) {
    io::IoResult<io::Socket> listener = loop_.listen(address);
    io::expects(listener.has_value());
    listener_ = std::move(*listener);
    loop_.accept(listener_, accept_);
}

void ScriptedBastion::on_accepted(io::Outcome& outcome) noexcept {
    if (outcome.error != 0) {
        return;
    }
    if (servers_.size() == script_.sessions_max) {
        farewells_.push_back(std::make_unique<Farewell>());
        Farewell& farewell = *farewells_.back();
        farewell.done.bind<&Farewell::on_done>(farewell);
        loop_.reset(std::move(outcome.socket), farewell.done);
        return;
    }
    servers_.push_back(std::make_unique<ScriptedServer>(
        loop_, pool_, ledger_, script_.next_server(), script_.seed + servers_.size()));
    servers_.back()->serve(std::move(outcome.socket), servers_.size() - 1);
}

void ScriptedBastion::stop() noexcept {
    for (const std::unique_ptr<ScriptedServer>& server : servers_) {
        server->stop();
    }
    if (listener_) {
        loop_.close(std::move(listener_), close_);
    }
}

void ScriptedBastion::on_closed(io::Outcome&) noexcept {}

std::size_t ScriptedBastion::goodbyes() const noexcept {
    return static_cast<std::size_t>(
        std::count_if(servers_.begin(), servers_.end(), [](const auto& server) {
            return server->has_goodbye();
        }));
}

bool ScriptedBastion::is_quiet() const noexcept {
    return std::all_of(
        servers_.begin(), servers_.end(), [](const auto& server) { return server->is_quiet(); });
}

bool ScriptedBastion::has_any_left() const noexcept {
    return std::any_of(
        servers_.begin(), servers_.end(), [](const auto& server) { return server->has_left(); });
}

}  // namespace caponier::sim
