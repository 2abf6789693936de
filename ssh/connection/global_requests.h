#pragma once
// Global requests (RFC 4254 4) in both directions: what the peer asks and is answered, what we ask
// and who gets the answer. Like the channels, what is to be sent is kept as sums and flags until
// flush() finds room and no key exchange in the way.

#include <cstddef>
#include <cstdint>
#include <span>

#include "ssh/config.h"
#include "ssh/event_queue.h"
#include "ssh/transport/transport.h"

namespace caponier::ssh {

class GlobalRequests {
  public:
    /// All outlive it.
    GlobalRequests(const SessionConfig& config, Transport& transport, EventQueue& events) noexcept
        : config_{config}, transport_{transport}, events_{events} {}

    [[nodiscard]] Result<void> take_request(std::span<const std::byte> payload);
    /// SSH_MSG_REQUEST_SUCCESS or SSH_MSG_REQUEST_FAILURE.
    [[nodiscard]] Result<void> take_reply(std::span<const std::byte> payload);

    void probe();
    /// Tells an OpenSSH server that no session channel will come (OpenSSH PROTOCOL 2.2).
    void renounce_sessions();

    /// Sends what is pending, as far as the transport and the outbox allow.
    void flush();

  private:
    [[nodiscard]] Result<void> take_host_keys(std::span<const std::byte> fields);

    const SessionConfig& config_;
    Transport& transport_;
    EventQueue& events_;
    std::uint32_t request_failures_ = 0;  ///< SSH_MSG_REQUEST_FAILUREs to send
    std::uint32_t probes_to_send_ = 0;
    std::uint32_t probes_unanswered_ = 0;
    bool renounce_sessions_ = false;
};

}  // namespace caponier::ssh
