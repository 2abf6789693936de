#pragma once
// Global requests (RFC 4254 4) in both directions: what the peer asks and is answered, what we ask
// and who gets the answer. Replies carry no name, so that everything hangs on their order. What is
// to be sent is kept until flush() finds room and no key exchange in the way.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "ssh/config.h"
#include "ssh/connection/forwards.h"
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

    // Commands; the contract is session.h's.
    [[nodiscard]] Result<ForwardId> request_forward(const ForwardAddress& address);
    void cancel_forward(ForwardId id);
    void reply_forward(bool accepted, std::uint16_t port);
    void probe();
    /// Tells an OpenSSH server that no session channel will come (OpenSSH PROTOCOL 2.2).
    void renounce_sessions();

    /// Client: the forward that a channel with this address belongs to; empty if none.
    [[nodiscard]] std::optional<ForwardId> forward_at(ForwardAddress::Kind kind,
                                                      std::string_view host,
                                                      std::uint16_t port) const noexcept {
        return forwards_.find(kind, host, port);
    }

    /// Sends what is pending, as far as the transport and the outbox allow.
    void flush();

  private:
    enum class What : std::uint8_t { other, listen, cancel };

    /// A request of the peer from its arrival until its reply has left; they are worked on one
    /// after the other.
    struct Asked {
        What what = What::other;
        bool want_reply = false;
        ForwardAddress::Kind kind{};
        std::string host;
        std::uint16_t port = 0;
        enum class State : std::uint8_t { arrived, told, answered } state = State::arrived;
        bool accepted = false;
        std::uint16_t chosen_port = 0;  ///< told with the reply, if not 0
        ForwardId forward{};
    };

    /// A request of ours that was sent; `other` is a probe.
    struct Sent {
        What what = What::other;
        ForwardId forward{};
    };

    [[nodiscard]] static Result<void> read_forward_request(std::string_view name,
                                                           std::span<const std::byte> fields,
                                                           Asked& asked);
    [[nodiscard]] std::size_t& count_of(What what) noexcept;
    [[nodiscard]] bool may_wait(What what) const noexcept;
    void work_on_asked();
    void begin(Asked& asked);
    void send_reply(const Asked& asked);

    [[nodiscard]] Result<void> take_listen_reply(ForwardId id,
                                                 bool accepted,
                                                 std::span<const std::byte> fields);
    void send_forward_request(ForwardId id);
    void send_probe();
    [[nodiscard]] bool may_send() const noexcept;

    const SessionConfig& config_;
    Transport& transport_;
    EventQueue& events_;
    Forwards forwards_;
    std::deque<Asked> asked_;
    std::size_t listens_arrived_ = 0;  ///< in asked_; from then on they are in forwards_
    std::size_t cancels_asked_ = 0;    ///< in asked_
    std::size_t others_asked_ = 0;     ///< in asked_
    std::deque<ForwardId> to_send_;    ///< waiting or cancelling, each once
    std::deque<Sent> unanswered_;
    std::size_t probes_to_send_ = 0;
    std::size_t probes_unanswered_ = 0;
    bool renounce_sessions_ = false;
};

}  // namespace caponier::ssh
