#pragma once
// What the relay tells whoever started it. Called on the threads of its shards, several at a time;
// must not block. Texts may hold a peer's words, unfiltered.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/loop.h"
#include "engine/relay/session_slot.h"
#include "engine/relay/upstream.h"
#include "ssh/error.h"

namespace caponier::relay {

/// Why a session ended, or never began.
struct SessionEnd {
    enum class Phase : std::uint8_t {
        connecting,   ///< no TCP connection: `os_error` says why
        identifying,  ///< connected, but no SSH identification from the peer yet
        negotiating,  ///< up to the end of the first key exchange
        authenticating,
        established,
    };
    Phase phase = Phase::connecting;
    ssh::Error error{};
    int os_error = 0;       ///< a positive errno where the network is the reason
    bool deadline = false;  ///< ConnectTimeout, the login's patience or the keepalives ran out
    std::string text{};  ///< the policy's message (Refuse), else the peer's or the engine's words
    bool refused_by_policy = false;
};

/// A rule "listen here, deliver there" (-L). Outlives the relay.
struct Forward {
    std::vector<io::Address> binds;  ///< one listener each
    Target target;
};

/// Why a relay has finished.
enum class Finish : std::uint8_t {
    stopped,        ///< it was asked to
    session_ended,  ///< session_ended() said why
    cannot_listen,  ///< listen_failed() said where
    no_memory,      ///< the receive buffers could not be made
};

class Observer {
  public:
    Observer() = default;
    Observer(const Observer&) = delete;
    Observer& operator=(const Observer&) = delete;

    virtual void listening(const Forward& forward, const io::Address& address) noexcept = 0;
    virtual void listen_failed(const Forward& forward,
                               const io::Address& address,
                               io::IoError error) noexcept = 0;
    /// The relay was asked to stop and lets so many connections finish: at least one.
    virtual void draining(std::uint64_t connections) noexcept = 0;
    /// The last call: nothing of the relay is left in the loop, and no shard runs.
    virtual void finished(Finish why) noexcept = 0;

    virtual void peer_identified(SessionSlot slot, std::string_view line) noexcept = 0;
    virtual void keys_changed(SessionSlot slot, std::string_view description) noexcept = 0;
    virtual void session_established(SessionSlot slot) noexcept = 0;
    /// A session of the pool ended, or never began, and others go on.
    virtual void session_lost(SessionSlot slot,
                              const SessionEnd& end,
                              bool was_established) noexcept = 0;
    /// The last session ended, or the first never began.
    virtual void session_ended(const SessionEnd& end) noexcept = 0;
    /// Whether it is told when tunnels open and end; always the same.
    [[nodiscard]] virtual bool follows_tunnels() const noexcept = 0;
    virtual void tunnel_opened(const io::Address& client, const Target& target) noexcept = 0;
    /// The far end, or the upstream itself, refused this one connection.
    virtual void tunnel_refused(const io::Address& client,
                                const Target& target,
                                std::string_view reason) noexcept = 0;
    /// `cut`: it ended by a reset, on either side.
    virtual void tunnel_ended(const io::Address& client,
                              const Target& target,
                              bool cut) noexcept = 0;
    virtual void accept_paused(int os_error) noexcept = 0;
    virtual void warning(std::string_view text) noexcept = 0;

  protected:
    ~Observer() = default;
};

}  // namespace caponier::relay
