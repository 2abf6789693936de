#pragma once
// The streams of an SSH session: which channel belongs to which forwarded connection, and who waits
// for room. Streams are channels under another name; the session does the protocol, the session
// worker feeds it.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "engine/relay/upstream.h"
#include "ssh/session.h"

namespace caponier::relay {

class ChannelStreams final : public Upstream {
  public:
    /// The session worker.
    class Owner {
      public:
        Owner() = default;
        Owner(const Owner&) = delete;
        Owner& operator=(const Owner&) = delete;
        /// The session was given a command: take its events and flush its outbox this turn.
        virtual void session_changed() noexcept = 0;

      protected:
        ~Owner() = default;
    };

    explicit ChannelStreams(Owner& owner) noexcept : owner_(owner) {}

    /// From now on the session carries streams; it outlives the last of them.
    void carry_over(ssh::Session& session) noexcept { session_ = &session; }
    /// The session ended: every stream is closed as cut.
    void session_ended() noexcept;
    [[nodiscard]] std::size_t open_count() const noexcept { return open_count_; }

    Opened open(const Target& target,
                const Originator& originator,
                StreamUser& user) noexcept override;
    std::uint32_t allowance(StreamId id) noexcept override;
    std::size_t send(StreamId id, std::span<const std::byte> bytes) noexcept override;
    void grant(StreamId id, std::size_t bytes) noexcept override;
    void eof(StreamId id) noexcept override;
    void close(StreamId id) noexcept override;

    // The session's events that concern channels. `round` is what ChannelData points into, if so.
    void take(const ssh::ChannelOpened& event) noexcept;
    void take(const ssh::ChannelRefused& event) noexcept;
    void take(const ssh::ChannelData& event, ReceiveRound* round) noexcept;
    void take(const ssh::ChannelEof& event) noexcept;
    void take(const ssh::ChannelClosed& event) noexcept;
    void take(const ssh::WindowOpened& event) noexcept;
    /// Something that held back every stream is over.
    void wake_blocked() noexcept;

  private:
    /// A stream whose window is used up waits for its own WindowOpened; one that the session holds
    /// back (outbox full, key exchange) is on the blocked list. Only the latter are woken together.
    struct Stream {
        StreamUser* user = nullptr;
        bool waits = false;   ///< for writable(), for either reason
        bool listed = false;  ///< its number is in blocked_
    };

    [[nodiscard]] StreamUser* user_of(ssh::LocalChannelId id) const noexcept;
    [[nodiscard]] StreamUser* release(ssh::LocalChannelId id) noexcept;
    void hold_back(StreamId id) noexcept;

    Owner& owner_;
    ssh::Session* session_ = nullptr;
    std::vector<Stream> streams_;    ///< by channel number
    std::vector<StreamId> blocked_;  ///< in the order in which they were held back
    std::vector<StreamId> waking_;   ///< the same list while it is served
    std::size_t open_count_ = 0;
};

}  // namespace caponier::relay
