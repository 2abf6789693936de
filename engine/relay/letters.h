#pragma once
// What the relay and its shards write to each other. Each letter owns what it carries; what it
// points to outlives the relay.

#include <string>
#include <variant>

#include "engine/io/socket.h"
#include "engine/relay/counters.h"
#include "engine/relay/mailbox.h"
#include "engine/relay/observer.h"
#include "engine/relay/session_slot.h"
#include "engine/relay/upstream.h"

namespace caponier::relay {

/// A connection that a listener accepted, as long as no session has it: nothing was read from it.
struct Tunnel {
    io::Socket socket;
    const Target* target = nullptr;
    bool was_moved = false;  ///< it was refused for lack of resources once
};

// ---- to a shard ------------------------------------------------------------------------------

struct DialSession {
    SessionSlot slot{};
    SessionCounters* counters = nullptr;
};
/// Ends a session that is not established yet. One that is by now stays, and SessionEstablished
/// is on its way.
struct CallOffDial {
    SessionSlot slot{};
};
/// Ends a session that carries nothing. One that carries something stays, and SessionKept says so.
struct RetireSession {
    SessionSlot slot{};
};
struct ServeTunnel {
    Tunnel tunnel;
    SessionSlot slot{};
};
/// Let connections finish, then end; count meanwhile when bytes move (Counters::moved_at_ns). No
/// tunnel follows.
struct DrainShard {};
/// End everything: what has arrived is delivered, sessions say goodbye. No tunnel follows.
struct EndShard {};
/// The same, and connections are reset.
struct AbortShard {};
/// The answer to ShardEmpty, and the last letter.
struct LeaveLoop {};

using ShardLetter = std::variant<DialSession,
                                 CallOffDial,
                                 RetireSession,
                                 ServeTunnel,
                                 DrainShard,
                                 EndShard,
                                 AbortShard,
                                 LeaveLoop>;

// ---- to the relay ----------------------------------------------------------------------------

struct ShardReady {
    ShardId shard{};
    Mailbox<ShardLetter>* mailbox = nullptr;
};
/// It has no memory, no ring or no thread: the only letter of this shard.
struct ShardFailed {
    ShardId shard{};
};
struct SessionEstablished {
    SessionSlot slot{};
    bool repeatable = false;  ///< another one can be authenticated without a person
};
struct SessionLost {
    SessionSlot slot{};
    SessionEnd end;
    bool was_established = false;
};
/// It was to be retired, and carries something.
struct SessionKept {
    SessionSlot slot{};
};
/// It has been saturated for a while; told again while it stays so.
struct SessionSaturated {};
/// The session did not take it, and another one may.
struct TunnelReturned {
    Tunnel tunnel;
    SessionSlot slot{};
    std::string reason;
    Shortage shortage = Shortage::none;  ///< none: the session is gone
};
/// Nothing is left on the shard.
struct ShardEmpty {
    ShardId shard{};
};

using RelayLetter = std::variant<ShardReady,
                                 ShardFailed,
                                 SessionEstablished,
                                 SessionLost,
                                 SessionKept,
                                 SessionSaturated,
                                 TunnelReturned,
                                 ShardEmpty>;

}  // namespace caponier::relay
