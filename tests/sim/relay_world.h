#pragma once
// One simulated run of the relay: a seed decides the network, the faults, the server, the clients
// and when the relay is asked to stop; afterwards the world is searched for everything that must
// never be. The relay in it is the production code, down to the Loop.

#include <cstdint>
#include <string>
#include <vector>

namespace caponier::sim {

/// What became of a run.
struct RunReport {
    std::vector<std::string> violations;
    std::uint64_t trace_hash = 0;
    std::uint64_t trace_entries = 0;
    // What the run reached, so that a test can see that the simulation simulates something.
    std::uint64_t journeys = 0;
    std::uint64_t journeys_completed = 0;  ///< both ends clean, every byte there
    std::uint64_t journeys_reset = 0;
    std::uint64_t bytes_delivered = 0;
    std::uint64_t journeys_moved = 0;    ///< to another session, before their first byte
    std::uint64_t sessions = 0;          ///< that the bastion served
    std::uint64_t sessions_lost = 0;     ///< while others went on
    std::uint64_t sessions_retired = 0;  ///< ended by the relay, which went on
    std::uint64_t shards = 0;
    bool session_died = false;  ///< the last one
};

/// `narrates`: every completion of the run is a line on stderr.
[[nodiscard]] RunReport run_relay_world(std::uint64_t seed, bool narrates = false);

}  // namespace caponier::sim
