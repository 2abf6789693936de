#pragma once
// What carries streams to targets. A forwarded connection knows this and nothing of SSH; the
// session worker is the first upstream. Everything here happens on one shard's thread.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "engine/relay/memory_budget.h"

namespace caponier::relay {

class ReceiveRound;

/// A stream of one upstream, as that upstream numbers it.
enum class StreamId : std::uint32_t {};

/// host:port as the upstream's far end resolves it.
struct Target {
    std::string host;
    std::uint16_t port = 0;
};

/// Who asks: the local client's numeric address, told to the far end.
struct Originator {
    std::string host;
    std::uint16_t port = 0;
};

/// Of what something has run out.
enum class Shortage : std::uint8_t {
    none,
    channels,  ///< or whatever else the server needs for one; another session may have it
    memory,    ///< the budget (memory_budget.h): other tunnels have to end first
};

/// Why there is no stream.
struct Refusal {
    std::string_view reason;
    Shortage shortage = Shortage::none;
};

/// What a stream tells its user; the forwarded connection. After refused() or closed() nothing
/// follows.
class StreamUser {
  public:
    StreamUser() = default;
    StreamUser(const StreamUser&) = delete;
    StreamUser& operator=(const StreamUser&) = delete;

    virtual void opened() noexcept = 0;
    virtual void refused(const Refusal& refusal) noexcept = 0;
    /// `bytes` live as long as `round` is retained; without a round, until this call returns.
    virtual void data(std::span<std::byte> bytes, ReceiveRound* round) noexcept = 0;
    /// All data() of one round were told: the time to send them on.
    virtual void deliver() noexcept = 0;
    virtual void eof() noexcept = 0;
    /// `cut`: the stream ended before it was finished, and what was delivered may be a truncation.
    /// `share` is what was promised for it, to be kept for as long as its bytes are.
    virtual void closed(bool cut, MemoryShare share) noexcept = 0;
    /// send() may take more again, after it took less than it was offered or allowance() was 0.
    virtual void writable() noexcept = 0;

  protected:
    ~StreamUser() = default;
};

class Upstream {
  public:
    Upstream() = default;
    Upstream(const Upstream&) = delete;
    Upstream& operator=(const Upstream&) = delete;

    struct Opened {
        bool ok = false;
        StreamId id{};
        Refusal refusal{};  ///< of static text, if not ok
    };

    /// opened() or refused() follows, never from inside this call. `user` stays until it was told
    /// refused() or closed(), or called close().
    [[nodiscard]] virtual Opened open(const Target& target,
                                      const Originator& originator,
                                      StreamUser& user) noexcept = 0;
    /// How many bytes may be read for this stream now, of `wanted_bytes` that would be. 0: wait for
    /// writable(). What is allowed is kept free for it until send() was offered what came of it.
    [[nodiscard]] virtual std::uint32_t allowance(StreamId id,
                                                  std::uint32_t wanted_bytes) noexcept = 0;
    /// Takes some of `bytes`, in order, and returns how many.
    [[nodiscard]] virtual std::size_t send(StreamId id,
                                           std::span<const std::byte> bytes) noexcept = 0;
    /// The local socket took so much: the far end may send as much more.
    virtual void grant(StreamId id, std::size_t bytes) noexcept = 0;
    virtual void eof(StreamId id) noexcept = 0;
    /// Gives the stream up; its user hears nothing more.
    virtual void close(StreamId id) noexcept = 0;

  protected:
    ~Upstream() = default;
};

}  // namespace caponier::relay
