#pragma once
// An SSH session without SSH: it implements the contract of ssh/session.h over the frames of
// frames.h, and holds its user to the same contract. Each thing that a user may not do (send on a
// channel that never opened, grant more than came, leave events lying) is a violation in the
// ledger. The far end is scripted_server.h.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ssh/session.h"
#include "tests/sim/frames.h"
#include "tests/sim/journey.h"

namespace caponier::sim {

/// What this session is like; drawn from the seed.
struct SessionScript {
    std::uint32_t window_bytes = 64 * 1024;
    std::uint32_t adjust_bytes = 1;  ///< grants are added up until they reach this
    std::size_t outbox_bytes = 64 * 1024;
    std::size_t channels = 64;
    std::size_t opens_in_flight = 4;
    std::uint32_t fails_after_frames = 0;  ///< as a broken packet would; 0: never
};

class ScriptedSession final : public ssh::Session {
  public:
    /// Asked at each grant and each delivery: what the local socket of a journey took and gave.
    struct Flow {
        std::uint64_t taken_bytes = 0;
        std::uint64_t read_bytes = 0;
    };
    using FlowOf = std::function<std::optional<Flow>(std::uint16_t port)>;

    ScriptedSession(const SessionScript& script, Ledger& ledger, FlowOf flow_of);

    [[nodiscard]] bool is_established() const noexcept override { return established_; }
    [[nodiscard]] bool is_ended() const noexcept override { return ended_; }
    [[nodiscard]] std::optional<ssh::ChannelState> channel(
        ssh::LocalChannelId id) const noexcept override;
    [[nodiscard]] std::size_t channels_in_use() const noexcept override {
        return is_ended() ? 0 : channels_.size();
    }
    [[nodiscard]] std::optional<ssh::TimePoint> next_deadline() const noexcept override {
        return std::nullopt;
    }
    [[nodiscard]] std::size_t outbox_bytes() const noexcept override { return outbox_bytes_; }
    [[nodiscard]] std::uint64_t signs_of_life() const noexcept override { return frames_; }

    [[nodiscard]] std::size_t bytes_wanted() const noexcept override { return wanted_; }
    [[nodiscard]] std::size_t receive(std::span<std::byte> bytes,
                                      ssh::TimePoint now) noexcept override;
    void end_of_input() noexcept override;
    void expire(ssh::TimePoint now) noexcept override;

    void accept_host_key() noexcept override;
    void reject_host_key() noexcept override;
    [[nodiscard]] bool try_public_key(const ssh::PublicKeyView& key) noexcept override;
    void try_password(std::span<const std::byte> password) noexcept override;
    void try_keyboard_interactive() noexcept override;
    void give_up_authentication() noexcept override;
    void provide_signature(std::span<const std::byte> signature) noexcept override;
    void decline_signature() noexcept override;
    void answer(std::span<const std::span<const std::byte>> answers) noexcept override;
    void accept_authentication() noexcept override;
    void accept_authentication_partly(std::string_view methods) noexcept override;
    void refuse_authentication(std::string_view methods) noexcept override;
    void ask_prompts(std::string_view name,
                     std::string_view instruction,
                     std::span<const ssh::Prompt> prompts) noexcept override;
    [[nodiscard]] ssh::SessionBinding binding() const noexcept override { return {}; }

    [[nodiscard]] ssh::Result<ssh::LocalChannelId> open(
        const ssh::OpenTarget& target) noexcept override;
    void accept_channel(ssh::LocalChannelId id) noexcept override;
    void refuse_channel(ssh::LocalChannelId id,
                        ssh::OpenFailure reason,
                        std::string_view text) noexcept override;
    [[nodiscard]] std::size_t send(ssh::LocalChannelId id,
                                   std::span<const std::byte> bytes) noexcept override;
    void grant(ssh::LocalChannelId id, std::uint32_t bytes) noexcept override;
    void withhold(ssh::LocalChannelId id, std::uint32_t bytes) noexcept override;
    void widen(ssh::LocalChannelId id, std::uint32_t bytes) noexcept override;
    void eof(ssh::LocalChannelId id) noexcept override;
    void close(ssh::LocalChannelId id) noexcept override;

    ssh::Result<ssh::ForwardId> request_forward(
        const ssh::ForwardAddress& address) noexcept override;
    void cancel_forward(ssh::ForwardId id) noexcept override;
    void reply_forward(bool accepted, std::uint16_t port) noexcept override;
    void probe() noexcept override;
    void rekey() noexcept override;
    void disconnect() noexcept override;

    [[nodiscard]] std::optional<ssh::Event> next_event() noexcept override;
    [[nodiscard]] std::size_t outbox(
        std::span<std::span<const std::byte>> pieces) const noexcept override;
    void sent(std::size_t bytes) noexcept override;

  private:
    enum class Decision : std::uint8_t { none, host_key, identity, signature };

    struct Channel {
        std::uint16_t originator_port = 0;
        std::uint16_t target_port = 0;
        bool asked = false;  ///< the open has left
        bool opened = false;
        bool we_closed = false;
        bool peer_closed = false;
        bool eof_sent = false;
        bool eof_received = false;
        std::uint32_t window_bytes = 0;  ///< what the peer granted at the start
        std::uint32_t send_window = 0;
        std::uint32_t packet_bytes = 0;
        std::uint32_t receive_window = 0;
        std::uint32_t receive_size = 0;  ///< of it, given back or not
        std::uint32_t owed = 0;          ///< received, not granted
        std::uint32_t granted = 0;       ///< granted, not told to the peer yet
        std::uint64_t granted_total = 0;
        std::uint64_t sent_total = 0;
    };

    void take(const Frame& frame);
    void take_channel_frame(const Frame& frame);
    void take_opened(const Frame& frame, Channel& channel);
    void adjust_if_due(ssh::LocalChannelId id, Channel& channel);
    void take_data(const Frame& frame, Channel& channel);
    void take_close(const Frame& frame, Channel& channel);
    void send_next_opens();
    void put(FrameKind kind, std::uint32_t channel, std::span<const std::byte> payload = {});
    void put_numbers(FrameKind kind, std::uint32_t channel, std::vector<std::uint32_t> numbers);
    void end(ssh::ErrorCode code);
    void expect_decision(Decision decision, const char* command);
    /// The channel that a command is for; null if the command is legal and does nothing.
    [[nodiscard]] Channel* commanded(ssh::LocalChannelId id, const char* command);
    void forget_if_closed(std::uint32_t number);
    void wake_senders();
    void violate(const std::string& what);

    SessionScript script_;
    Ledger& ledger_;
    FlowOf flow_of_;
    FrameWriter writer_;
    FrameReader reader_;
    std::size_t wanted_ = 1;  ///< bytes, for the next frame
    std::deque<ssh::Event> events_;
    std::deque<std::vector<std::byte>> outbox_;
    std::size_t outbox_begin_ = 0;  ///< bytes of the first segment that were sent
    std::size_t outbox_bytes_ = 0;
    std::map<std::uint32_t, Channel> channels_;
    std::deque<std::uint32_t> waiting_opens_;
    std::size_t opens_unanswered_ = 0;
    std::uint32_t frames_ = 0;
    Decision decision_ = Decision::none;
    bool established_ = false;
    bool ended_ = false;
    bool in_key_exchange_ = false;
    bool senders_wait_ = false;  ///< a send() took less for want of room or because of a rekey
};

}  // namespace caponier::sim
