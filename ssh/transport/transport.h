#pragma once
// RFC 4253 as a state machine without I/O, for either role: identification, packets, key exchange
// and rekey. Messages of the layers above pass through; nothing of theirs leaves while a key
// exchange forbids it.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ssh/config.h"
#include "ssh/error.h"
#include "ssh/event_queue.h"
#include "ssh/session.h"
#include "ssh/transport/answer_deadline.h"
#include "ssh/transport/identification.h"
#include "ssh/transport/key_exchange.h"
#include "ssh/transport/message_table.h"
#include "ssh/transport/outbox.h"
#include "ssh/transport/packet_opener.h"
#include "ssh/transport/packet_sealer.h"
#include "ssh/transport/rekey_policy.h"
#include "ssh/wire/message_numbers.h"

namespace caponier::ssh {

class Transport {
  public:
    /// `events` outlives the transport.
    Transport(const SessionConfig& config, EventQueue& events);

    // ---- input --------------------------------------------------------------------------------

    /// A message for the layers above; the payload starts with its number and lies in the input.
    struct Message {
        MessageNumber number{};
        std::span<std::byte> payload;
    };
    /// `consumed` 0: more bytes, or the application's decision, are needed first.
    struct Step {
        std::size_t consumed = 0;
        std::optional<Message> message;
    };
    /// Takes the next unit of the stream. The error ends the session.
    [[nodiscard]] Result<Step> take(std::span<std::byte> stream, TimePoint now);
    /// How long the stream has to be for take() to get further.
    [[nodiscard]] std::size_t bytes_wanted() const noexcept {
        return state_ == ProtocolState::identification ? 1 : opener_.bytes_wanted();
    }

    /// Where the layers above stand: they move the state on from service to authentication to open.
    void authentication_begins() noexcept { state_ = ProtocolState::authentication; }
    void authentication_ended() noexcept { state_ = ProtocolState::open; }
    /// The session is over: nothing is sent or processed any more, but for one SSH_MSG_DISCONNECT
    /// with our own words. The peer's are never sent back, because they may be of any length.
    void end(const Error& error);

    // ---- decisions ----------------------------------------------------------------------------

    /// Client: the application accepted the server's host key. Only then do keys come on, and with
    /// them the first message that could carry a secret.
    void accept_host_key();
    /// Server: the signature of the exchange hash.
    void provide_signature(std::span<const std::byte> signature);
    [[nodiscard]] bool waits_for_host_key() const noexcept {
        return phase_ == KexPhase::decision_awaited && config_.role == Role::client;
    }
    [[nodiscard]] bool waits_for_signature() const noexcept {
        return phase_ == KexPhase::decision_awaited && config_.role == Role::server;
    }

    // ---- output -------------------------------------------------------------------------------

    /// Messages above the transport may leave: keys are on and we are not between our own KEXINIT
    /// and NEWKEYS.
    [[nodiscard]] bool is_open_for_messages() const noexcept;
    /// Seals one message. Only while is_open_for_messages().
    void send(std::span<const std::byte> payload) { sealer_.seal(payload); }
    void send(std::span<const std::byte> head, std::span<const std::byte> data) {
        sealer_.seal(head, data);
    }
    /// Tells the deadlines the time.
    void observe(TimePoint now) noexcept { kex_deadline_.observe(now); }
    /// Starts a rekey if one is due, or asked for.
    void rekey_if_due(TimePoint now);
    void ask_for_rekey() noexcept { rekey_wanted_ = true; }
    /// Replies that waited for the end of a key exchange leave.
    void flush_replies();

    /// A message of whatever layer was too large to be sent: the session has to end.
    [[nodiscard]] bool has_refused_message() const noexcept { return sealer_.has_refused(); }

    [[nodiscard]] Outbox& outbox() noexcept { return outbox_; }
    [[nodiscard]] const Outbox& outbox() const noexcept { return outbox_; }

    // ---- questions ----------------------------------------------------------------------------

    [[nodiscard]] ProtocolState state() const noexcept { return state_; }
    [[nodiscard]] std::span<const std::byte> session_id() const noexcept { return session_id_; }
    [[nodiscard]] std::span<const std::byte> host_key() const noexcept { return host_key_; }
    /// Client: the server's, over the session id.
    [[nodiscard]] std::span<const std::byte> host_key_signature() const noexcept {
        return host_key_signature_;
    }
    [[nodiscard]] const AlgorithmLists& algorithms() const noexcept { return lists_; }
    /// Without CR LF; empty before it came.
    [[nodiscard]] const std::string& peer_identification() const noexcept {
        return frame_.peer_identification;
    }
    /// What the server said instead of an identification; empty once that came.
    [[nodiscard]] std::string_view words_before_identification() const noexcept {
        return identification_.is_done() ? std::string_view{} : identification_.line_before();
    }
    /// When expire() is to be called: the peer owes a step of a key exchange, or a rekey is due.
    [[nodiscard]] std::optional<TimePoint> deadline() const noexcept;
    [[nodiscard]] bool is_overdue(TimePoint now) const noexcept {
        return state_ != ProtocolState::ended && kex_deadline_.is_overdue(now);
    }
    /// Of the peer, in all.
    [[nodiscard]] std::uint64_t packets_opened() const noexcept { return opener_.opened(); }
    /// The peer's list, or whatever else explains the error that take() returned.
    [[nodiscard]] const std::string& error_text() const noexcept { return error_text_; }

  private:
    /// Of the key exchange. Only move_to() changes it.
    enum class KexPhase : std::uint8_t {
        idle,
        kexinit_awaited,   ///< ours is sent
        value_awaited,     ///< both sent; the peer's public value comes next
        decision_awaited,  ///< client: is this host key right? server: a signature
        newkeys_awaited,   ///< ours is sent
    };

    void move_to(KexPhase next) noexcept { phase_ = next; }
    [[nodiscard]] Result<Step> take_identification(std::span<const std::byte> stream);
    [[nodiscard]] Result<Step> take_packet(std::span<std::byte> stream, TimePoint now);
    [[nodiscard]] Result<void> take_own(MessageNumber number,
                                        const OpenedPacket& packet,
                                        TimePoint now);
    [[nodiscard]] Result<void> take_kexinit(const OpenedPacket& packet);
    [[nodiscard]] Result<void> take_kex_value(MessageNumber number,
                                              std::span<const std::byte> payload);
    [[nodiscard]] Result<void> take_reply(std::span<const std::byte> payload);
    [[nodiscard]] Result<void> take_init(std::span<const std::byte> payload);
    [[nodiscard]] Result<void> take_newkeys(std::span<const std::byte> payload, TimePoint now);
    [[nodiscard]] Result<void> take_disconnect(std::span<const std::byte> payload);
    [[nodiscard]] Result<void> take_ping(std::span<const std::byte> payload);
    [[nodiscard]] Result<void> refuse_unknown(std::uint32_t sequence);
    void start_kex();
    void wait_for_decision() noexcept;
    void send_newkeys();
    [[nodiscard]] std::vector<std::byte> make_ext_info() const;
    [[nodiscard]] ProtocolState table_state() const noexcept;
    [[nodiscard]] std::span<const std::byte> own_host_key(
        std::string_view algorithm) const noexcept;

    const SessionConfig& config_;
    AlgorithmLists lists_;
    EventQueue& events_;
    Outbox outbox_;
    PacketSealer sealer_;
    PacketOpener opener_;
    IdentificationReader identification_;
    KeyExchange::Frame frame_;

    ProtocolState state_ = ProtocolState::identification;
    KexPhase phase_ = KexPhase::idle;
    std::unique_ptr<KeyExchange> kex_;
    KeyExchange::Key next_in_;  ///< taken into use by the peer's NEWKEYS
    bool own_keys_are_on_ = false;
    bool peer_kexinit_came_ = false;  ///< in the exchange that runs
    bool skip_guess_ = false;
    bool strict_ = false;
    bool peer_wants_ext_info_ = false;
    bool rekey_wanted_ = false;
    RekeyPolicy rekey_policy_;
    std::uint64_t rekey_bytes_ = 0;
    AnswerDeadline kex_deadline_;

    std::vector<std::byte> session_id_;
    std::vector<std::byte> host_key_;  ///< of the server, as verified in the first exchange
    std::vector<std::byte> host_key_signature_;  ///< client: from the first exchange
    std::string error_text_;

    /// Replies that a key exchange holds back. Bounded: a peer that makes more is cut off.
    std::vector<std::uint32_t> unimplemented_;
    std::vector<std::vector<std::byte>> pongs_;
};

}  // namespace caponier::ssh
