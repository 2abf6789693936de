#pragma once
// The other end of a session under test: a peer that is made of the session's own pieces (sealer,
// opener, key exchange) and of none of its rules. Under the right keys it can send any message at
// any moment, in either role, and it sees what comes back. Left alone it behaves: it answers a key
// exchange, lets a client in, and gets in as a client.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ssh/crypto/signing_key.h"
#include "ssh/session.h"
#include "ssh/transport/key_exchange.h"
#include "ssh/transport/outbox.h"
#include "ssh/transport/packet_opener.h"
#include "ssh/transport/packet_sealer.h"
#include "tests/sim/random.h"
#include "tests/spec/message.h"

namespace caponier::spec {

class RoguePeer {
  public:
    struct Options {
        ssh::Role role = ssh::Role::server;  ///< the peer's
        /// Role and random are filled in, and an empty user and host key.
        ssh::SessionConfig session;
        ssh::AlgorithmLists algorithms;  ///< the peer's
        /// What stands behind the kex methods of its first KEXINIT; empty: what is usual.
        std::optional<std::vector<std::string>> markers;
        std::string identification = "SSH-2.0-Rogue_1.0";
        bool accepts_host_key = true;    ///< what the application of the session says
        bool accepts_channels = true;    ///< the same
        bool answers_signatures = true;  ///< the same
        bool records = true;             ///< keeps messages and events; a flood turns it off
        /// The application of the session, where a test plays it: true if it answered the event.
        std::function<bool(ssh::Session&, const ssh::Event&)> application;
    };

    RoguePeer() : RoguePeer(Options{}) {}
    explicit RoguePeer(Options options);

    [[nodiscard]] ssh::Session& session() noexcept { return *session_; }

    // ---- the way to a session -----------------------------------------------------------------

    void send_identification();
    /// Identifications, key exchange, both NEWKEYS. False: the session ended.
    bool exchange_keys();
    /// exchange_keys(), then authentication. The messages on the way are forgotten.
    bool establish();
    /// What establish() does behind the keys, as a client.
    void log_in();
    /// A rekey that the peer asks for, to its end.
    bool rekey();

    /// A channel that is open at both ends.
    struct Channel {
        ssh::LocalChannelId id{};       ///< the session's
        std::uint32_t number = 0;       ///< what messages to the session carry
        std::uint32_t peer_number = 0;  ///< what messages of the session carry
    };
    struct ChannelOffer {
        std::uint32_t window_bytes = 1 << 20;
        std::uint32_t packet_bytes = 32'768;
        std::uint32_t peer_number = 77;
    };
    [[nodiscard]] std::optional<Channel> open_channel(const ChannelOffer& offer);
    [[nodiscard]] std::optional<Channel> open_channel() { return open_channel(ChannelOffer{}); }

    // ---- sending ------------------------------------------------------------------------------

    /// Seals the message and delivers it, unless held.
    void send(std::span<const std::byte> payload);
    /// Bytes as they are.
    void send_raw(std::span<const std::byte> bytes);
    void send_raw(std::string_view text);
    /// From here on what is sent is gathered; release() delivers it in one piece.
    void hold() noexcept { holds_ = true; }
    void release();
    /// What send() would deliver; it counts as sent, whatever becomes of it.
    [[nodiscard]] Bytes seal(std::span<const std::byte> payload);

    void send_kexinit();
    void send_kexinit(std::span<const std::byte> payload);
    [[nodiscard]] Bytes make_kexinit(bool first_kex_packet_follows = false);
    /// SSH_MSG_KEX_ECDH_INIT or _REPLY, whichever is the peer's.
    void send_kex_value();
    [[nodiscard]] Bytes make_kex_reply();
    void send_newkeys();

    /// What its next KEXINIT offers.
    void set_algorithms(const ssh::AlgorithmLists& algorithms);

    /// The peer acts by itself in key exchange and authentication.
    bool cooperates = true;
    /// It takes what the session sends.
    bool reads = true;
    /// The peer's host key, for a rekey with another one.
    const ssh::SigningKey* host_key = nullptr;
    /// Shown in the place of the host key where it is not empty; the host key signs.
    Bytes host_certificate;

    // ---- what came back -----------------------------------------------------------------------

    /// Moves bytes and answers questions until nothing moves.
    void pump();
    /// The first message with this number that was not taken yet.
    [[nodiscard]] std::optional<Bytes> take(ssh::MessageNumber number);
    [[nodiscard]] std::size_t count(ssh::MessageNumber number) const;
    [[nodiscard]] std::vector<ssh::MessageNumber> numbers() const;
    void forget() noexcept { inbox_.clear(), events_.clear(); }

    /// Every event as a line of text.
    [[nodiscard]] const std::vector<std::string>& events() const noexcept { return events_; }
    [[nodiscard]] bool saw(std::string_view begin_of_event) const;
    [[nodiscard]] std::optional<ssh::Error> ended() const noexcept { return ended_; }
    [[nodiscard]] const std::string& end_text() const noexcept { return end_text_; }
    /// The reason code of the session's SSH_MSG_DISCONNECT.
    [[nodiscard]] std::optional<std::uint32_t> disconnect_reason() const;

    [[nodiscard]] std::uint32_t next_sequence() const noexcept { return sealer_.sequence(); }
    [[nodiscard]] std::span<const std::byte> session_id() const noexcept { return session_id_; }
    [[nodiscard]] const std::string& session_identification() const noexcept {
        return frame_.peer_identification;
    }

    /// Time of the session; pass() calls expire() when it is due.
    void pass(std::chrono::nanoseconds time);
    [[nodiscard]] ssh::TimePoint now() const noexcept { return now_; }

  private:
    [[nodiscard]] bool deliver();
    [[nodiscard]] bool read();
    void take_events();
    void answer(const ssh::Event& event);
    void take_kexinit(std::span<const std::byte> payload);
    [[nodiscard]] std::vector<std::string> markers() const;
    void take_message(std::span<const std::byte> payload);
    void check_key_exchange(ssh::MessageNumber number);
    void take_while_cooperating(std::span<const std::byte> payload);
    void make_keys();
    [[nodiscard]] bool is_server() const noexcept { return options_.role == ssh::Role::server; }

    Options options_;
    sim::Random session_random_{1};
    sim::Random random_{2};
    std::unique_ptr<ssh::Session> session_;
    ssh::AlgorithmLists lists_;
    ssh::KeyExchange::Frame frame_;

    ssh::Outbox outbox_;
    ssh::PacketSealer sealer_;
    ssh::PacketOpener opener_;
    Bytes to_session_;
    Bytes tail_;  ///< delivered and not consumed
    Bytes from_session_;
    bool identified_ = false;

    Bytes early_kexinit_;  ///< the session's, which came before ours
    std::unique_ptr<ssh::KeyExchange> kex_;
    std::optional<ssh::KeyExchange::Keys> keys_;
    bool newkeys_sent_ = false;
    bool newkeys_came_ = false;
    bool strict_ = false;
    bool session_is_in_kex_ = false;  ///< between its KEXINIT and its NEWKEYS
    std::size_t exchanges_ = 0;
    Bytes session_id_;

    bool holds_ = false;
    bool asks_to_answer_ = false;  ///< something was answered since the last delivery
    std::vector<Bytes> inbox_;
    std::vector<std::string> events_;
    std::optional<ssh::Error> ended_;
    std::string end_text_;
    ssh::TimePoint now_{std::chrono::seconds{1'000}};
};

}  // namespace caponier::spec
