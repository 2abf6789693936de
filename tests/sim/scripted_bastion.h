#pragma once
// The host that the relay's sessions lead to: listens, and lets a server of its own play the far
// end of each connection, up to as many as it wants to have; further ones are reset.

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "engine/io/loop.h"
#include "tests/sim/journey.h"
#include "tests/sim/scripted_server.h"

namespace caponier::sim {

class ScriptedBastion {
  public:
    struct Script {
        std::size_t sessions_max = 1;  ///< over all
        std::uint64_t seed = 0;
        std::function<ServerScript()> next_server;
    };

    ScriptedBastion(io::Loop& loop, io::BufferPool& pool, Ledger& ledger, const Script& script);
    ScriptedBastion(const ScriptedBastion&) = delete;
    ScriptedBastion& operator=(const ScriptedBastion&) = delete;
    ~ScriptedBastion();

    void start(const io::Address& address);
    /// Closes whatever is open.
    void stop() noexcept;
    [[nodiscard]] std::size_t sessions() const noexcept { return servers_.size(); }
    /// The session ended before the relay said goodbye, whoever is to blame.
    [[nodiscard]] bool was_disturbed(std::size_t session) const noexcept {
        return servers_[session]->was_disturbed();
    }
    /// Sessions that the relay said goodbye to.
    [[nodiscard]] std::size_t goodbyes() const noexcept;
    /// Nothing of any channel is still to be taken.
    [[nodiscard]] bool is_quiet() const noexcept;
    /// A server left as its script said.
    [[nodiscard]] bool has_any_left() const noexcept;

  private:
    struct Farewell {
        io::Completion done;
        void on_done(io::Outcome&) noexcept {}
    };

    void on_accepted(io::Outcome& outcome) noexcept;
    void on_closed(io::Outcome& outcome) noexcept;

    io::Loop& loop_;
    io::BufferPool& pool_;
    Ledger& ledger_;
    Script script_;
    io::Socket listener_;
    std::vector<std::unique_ptr<ScriptedServer>> servers_;
    std::vector<std::unique_ptr<Farewell>> farewells_;
    io::Completion accept_;
    io::Completion close_;
};

}  // namespace caponier::sim
