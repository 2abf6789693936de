#pragma once
// The contract of an SSH session: bytes in, bytes and events out, nothing else. Whoever owns the
// socket, the clock, the keys and the policy calls it; engine/relay/session_worker.cpp is that
// caller in production, tests/sim in tests. Implementations: native_session.h (the default) and
// libssh2_session.h (servers that speak only retired algorithms).

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "ssh/config.h"
#include "ssh/error.h"
#include "ssh/event.h"

namespace caponier::ssh {

/// Time is an argument. Only the type comes from std::chrono; nobody in ssh/ calls now().
using TimePoint = std::chrono::steady_clock::time_point;

/// What open() asks for. For a unix socket, `host` is its path and the rest is not sent.
struct OpenTarget {
    using Kind = ChannelKind;
    Kind kind = Kind::direct_tcpip;
    std::string_view host;
    std::uint16_t port = 0;
    std::string_view originator_host;  ///< numeric address of the local client
    std::uint16_t originator_port = 0;
    /// What the peer may send before anything is granted; empty: SessionConfig's.
    std::optional<std::uint32_t> window_bytes{};
};

/// What channel() answers.
struct ChannelState {
    bool open = false;      ///< confirmed, and neither side sent CLOSE
    bool eof_sent = false;  ///< or asked for by eof() and on its way
    bool eof_received = false;
    std::uint32_t send_window = 0;     ///< bytes that the peer still lets us send
    std::uint32_t receive_window = 0;  ///< bytes that the peer may still send
    std::uint32_t receive_owed = 0;    ///< received and not granted back yet
};

/// One end of one SSH connection. It does no I/O and reads no clock. Four kinds of method:
///   questions   is_established(), channel(id), next_deadline()            const, free of effects
///   inputs      receive(bytes, now), expire(now)                          what the world did
///   commands    open(target), send(), grant(), eof(), close(), rekey(),
///               accept_host_key(), provide_signature(), answer(), ...     what the application
///               wants
///   outputs     next_event(), outbox()                                    what to do about it
/// After every input or command: take all events, flush the outbox.
///
/// A command that makes a message larger than a packet (a password, a signature, a user's name)
/// ends the session with message_too_large, and nothing of that message is sent.
///
/// Calling a command that does not fit the state (answering what was not asked, sending on a
/// channel that never opened) is a programmer error. Commands for a channel that the peer closed
/// meanwhile, and any command after SessionEnded, are legal and do nothing.
class Session {
  public:
    Session() = default;
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    virtual ~Session() = default;

    // ---- questions ----------------------------------------------------------------------------

    [[nodiscard]] virtual bool is_established() const noexcept = 0;
    [[nodiscard]] virtual bool is_ended() const noexcept = 0;
    /// Empty for an id that is not in use.
    [[nodiscard]] virtual std::optional<ChannelState> channel(LocalChannelId id) const noexcept = 0;
    /// Channels whose numbers are taken: opening, open, or closed by one side only. A server may
    /// still have bytes of ours for a target until it is 0.
    [[nodiscard]] virtual std::size_t channels_in_use() const noexcept = 0;
    /// When expire() must be called at the latest; empty if nothing is awaited.
    [[nodiscard]] virtual std::optional<TimePoint> next_deadline() const noexcept = 0;
    /// Sealed bytes that wait for the socket.
    [[nodiscard]] virtual std::size_t outbox_bytes() const noexcept = 0;
    /// Grows with each packet of the peer that was whole and verified, and only with those: bytes
    /// that begin a packet may come from anybody on the way, and keep coming for hours.
    [[nodiscard]] virtual std::uint64_t signs_of_life() const noexcept = 0;

    /// Client: for an agent that wants to know which server it signs for. Empty before the host key
    /// was accepted, and where the engine cannot tell. Valid as long as the session.
    [[nodiscard]] virtual SessionBinding binding() const noexcept = 0;

    /// How many bytes, from the first one on that receive() left, are needed before it can get any
    /// further: whoever gathers so many first is spared a call and a copy for each piece of a
    /// packet that arrives byte by byte. 1 where the engine cannot tell, and while a decision is
    /// open. At most receive_tail_bytes_max + 1, and more than what the last receive() left without
    /// an open decision.
    [[nodiscard]] virtual std::size_t bytes_wanted() const noexcept = 0;

    // ---- inputs -------------------------------------------------------------------------------

    /// Opens the packets in `bytes` in place, however the stream was cut, and returns how many
    /// bytes were consumed: whole packets only, and fewer than there are where what follows depends
    /// on an open decision (HostKeyReceived; for a server SignatureWanted and
    /// AuthenticationRequested). The rest is offered again in front of what arrives next, or behind
    /// the decision; without one it is at most receive_tail_bytes_max. ChannelData events point
    /// into `bytes`.
    [[nodiscard]] virtual std::size_t receive(std::span<std::byte> bytes,
                                              TimePoint now) noexcept = 0;
    /// The transport ended (the peer's FIN or an error). Ends the session.
    virtual void end_of_input() noexcept = 0;
    /// Time passed: call at or after next_deadline().
    virtual void expire(TimePoint now) noexcept = 0;

    // ---- commands: authentication -------------------------------------------------------------

    virtual void accept_host_key() noexcept = 0;
    virtual void reject_host_key() noexcept = 0;

    /// RFC 4252 7. Asks with a SignatureWanted event. `key` is copied. False: this engine cannot
    /// use such a key, or it is larger than public_key_blob_bytes_max (nothing was sent; try
    /// another).
    [[nodiscard]] virtual bool try_public_key(const PublicKeyView& key) noexcept = 0;
    /// RFC 4252 8. `password` is copied, and the copy is wiped once it is sealed.
    virtual void try_password(std::span<const std::byte> password) noexcept = 0;
    /// RFC 4256. Asks with PromptsWanted events.
    virtual void try_keyboard_interactive() noexcept = 0;
    virtual void give_up_authentication() noexcept = 0;
    /// A signature in the format of RFC 4253 6.6 ("string algorithm, string signature").
    virtual void provide_signature(std::span<const std::byte> signature) noexcept = 0;
    virtual void decline_signature() noexcept = 0;
    /// What PromptsWanted asked for, in its order.
    virtual void answer(std::span<const std::span<const std::byte>> answers) noexcept = 0;

    virtual void accept_authentication() noexcept = 0;
    /// RFC 4252 5.1, "partial success": the request was right, and more is wanted.
    virtual void accept_authentication_partly(
        std::string_view methods_that_can_continue) noexcept = 0;
    virtual void refuse_authentication(std::string_view methods_that_can_continue) noexcept = 0;
    virtual void ask_prompts(std::string_view name,
                             std::string_view instruction,
                             std::span<const Prompt> prompts) noexcept = 0;

    // ---- commands: channels -------------------------------------------------------------------

    /// Asks the peer for a channel; ChannelOpened or ChannelRefused follows. Fails with
    /// too_many_channels at SessionConfig::channels, and with message_too_large for an address
    /// above address_bytes_max. A client opens the direct kinds; a server the
    /// forwarded ones, with the address of a forward as the client spelled it.
    [[nodiscard]] virtual Result<LocalChannelId> open(const OpenTarget& target) noexcept = 0;
    virtual void accept_channel(LocalChannelId id) noexcept = 0;
    virtual void refuse_channel(LocalChannelId id,
                                OpenFailure reason,
                                std::string_view text) noexcept = 0;
    /// Seals as much of `bytes` as the channel's window, the peer's maximum packet and the outbox
    /// allow, and returns how much. Less than asked means: stop reading that local socket until
    /// WindowOpened for this channel or SendReady.
    [[nodiscard]] virtual std::size_t send(LocalChannelId id,
                                           std::span<const std::byte> bytes) noexcept = 0;
    /// Gives window back for bytes that the local socket has taken (RFC 4254 5.2). The session
    /// decides when to send the adjust.
    virtual void grant(LocalChannelId id, std::uint32_t bytes) noexcept = 0;
    /// The local socket has taken `bytes`, but the peer does not get them back: its window shrinks.
    virtual void withhold(LocalChannelId id, std::uint32_t bytes) noexcept = 0;
    /// Lets the peer's window grow by `bytes` beyond what was granted at the start.
    virtual void widen(LocalChannelId id, std::uint32_t bytes) noexcept = 0;
    /// No more will be sent (RFC 4254 5.3). Sent even when the window is 0.
    virtual void eof(LocalChannelId id) noexcept = 0;
    /// Closes our side. The id is free for reuse when the peer's CLOSE has arrived as well.
    virtual void close(LocalChannelId id) noexcept = 0;

    // ---- commands: the session ----------------------------------------------------------------

    /// Client: asks the server to listen (RFC 4254 7.1 tcpip-forward, or OpenSSH's form for unix
    /// sockets); ForwardReply follows, and ChannelRequested for each connection. Fails with
    /// too_many_forwards at forwards_max, with message_too_large for an address above
    /// address_bytes_max, and with not_supported where the engine cannot.
    [[nodiscard]] virtual Result<ForwardId> request_forward(
        const ForwardAddress& address) noexcept = 0;
    /// Client: takes it back, answered or not; ForwardReply follows. From here on the forward's
    /// channels are refused; those that are open go on. Does nothing for one that is over.
    virtual void cancel_forward(ForwardId id) noexcept = 0;
    /// Server: answers the ForwardRequested that is open. `port` is the one that was bound where
    /// the client left it to us.
    virtual void reply_forward(bool accepted, std::uint16_t port) noexcept = 0;
    /// Asks the peer for a sign of life (keepalive@openssh.com, RFC 4254 4); ProbeAnswered follows.
    virtual void probe() noexcept = 0;
    virtual void rekey() noexcept = 0;
    /// SSH_MSG_DISCONNECT with reason 11, "by application", then SessionEnded.
    virtual void disconnect() noexcept = 0;

    // ---- outputs ------------------------------------------------------------------------------

    /// The next event, in order; empty when there is none.
    [[nodiscard]] virtual std::optional<Event> next_event() noexcept = 0;
    /// Fills `pieces` with spans of sealed bytes, in order, and returns how many were filled. They
    /// stay where they are until sent() released them.
    [[nodiscard]] virtual std::size_t outbox(
        std::span<std::span<const std::byte>> pieces) const noexcept = 0;
    /// The first `bytes` of the outbox were taken by the socket.
    virtual void sent(std::size_t bytes) noexcept = 0;
};

}  // namespace caponier::ssh
