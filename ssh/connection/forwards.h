#pragma once
// The remote forwards of a session: at a client what it asked its server for, at a server what it
// granted its client. A channel of a forward opens only if it is found here.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ssh/event.h"
#include "ssh/limits.h"

namespace caponier::ssh {

enum class ForwardPhase : std::uint8_t {
    free,
    waiting,    ///< client: the request waits to be sent
    requested,  ///< sent, or told to the server's application, and not answered
    granted,    ///< the server listens
    cancelling  ///< client: the cancel waits to be sent, or for its answer
};

struct Forward {
    ForwardPhase phase = ForwardPhase::free;
    ForwardAddress::Kind kind{};
    std::string host;
    std::uint16_t asked_port = 0;
    std::uint16_t port = 0;  ///< where the server listens; 0 while nobody knows
    bool cancelled = false;  ///< client: by the application, whatever the phase
};

class Forwards {
  public:
    /// A new one in phase waiting; empty at forwards_max.
    [[nodiscard]] std::optional<ForwardId> claim(const ForwardAddress& address);
    void release(ForwardId id) noexcept;

    /// Null for a number that is not in use.
    [[nodiscard]] Forward* find(ForwardId id) noexcept;
    /// The one that listens, or is to listen, at exactly this address: servers tell an address as
    /// they were asked for it, and RFC 4254 7.1 wants the same of a cancel.
    [[nodiscard]] std::optional<ForwardId> find(ForwardAddress::Kind kind,
                                                std::string_view host,
                                                std::uint16_t port) const noexcept;
    [[nodiscard]] std::size_t in_use() const noexcept { return in_use_; }

  private:
    std::vector<Forward> forwards_;
    std::vector<std::uint32_t> free_;
    std::size_t in_use_ = 0;
};

}  // namespace caponier::ssh
