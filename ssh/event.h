#pragma once
// What a Session tells its application. Events are taken with Session::next_event() after every
// input and command. Views in an event (names, keys, texts) are valid until the next call of a
// non-const method of the session; only ChannelData says otherwise. Texts that came from the peer
// are raw: whoever shows them filters control characters first (RFC 4251 9.2).

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "ssh/error.h"

namespace caponier::ssh {

/// Our number of a channel ("recipient channel" in what the peer sends). Dense from 0, below 2^31,
/// reused only after both sides sent SSH_MSG_CHANNEL_CLOSE.
enum class LocalChannelId : std::uint32_t {};

/// Our number of a remote forward, free for reuse when the forward is over: of a client what
/// request_forward() returned, of a server what ForwardRequested told.
enum class ForwardId : std::uint32_t {};

/// What a channel of a forward is for: RFC 4254 7.2, and with the path of a unix socket OpenSSH
/// PROTOCOL 2.4. The direct ones are opened by clients, the forwarded ones by servers.
enum class ChannelKind : std::uint8_t {
    direct_tcpip,
    direct_streamlocal,
    forwarded_tcpip,
    forwarded_streamlocal,
};

/// Where a remote forward listens: RFC 4254 7.1 tcpip-forward, or a unix socket by OpenSSH's
/// streamlocal-forward@openssh.com.
struct ForwardAddress {
    enum class Kind : std::uint8_t { tcpip, streamlocal };
    Kind kind = Kind::tcpip;
    /// The "address to bind" as it goes over the wire, "" for all interfaces (the "*" of a command
    /// line is not a word of the protocol); of a unix socket the path.
    std::string_view host;
    std::uint16_t port = 0;  ///< 0: the server chooses; always 0 for a path
};

/// RFC 4254 5.1. Values above 4 may arrive and are kept as they are.
enum class OpenFailure : std::uint32_t {
    administratively_prohibited = 1,
    connect_failed = 2,
    unknown_channel_type = 3,
    resource_shortage = 4,
};

/// An algorithm name and a public key in the format of RFC 4253 6.6 ("string type, ..." fields).
struct PublicKeyView {
    std::string_view algorithm;
    std::span<const std::byte> blob;
};

/// What binds a session to its server: the host key, and its signature over the exchange hash of
/// the first key exchange, which is the session id (OpenSSH PROTOCOL.agent 1).
struct SessionBinding {
    std::span<const std::byte> host_key;
    std::span<const std::byte> session_id;
    std::span<const std::byte> signature;
};

// ---- before the session is established -------------------------------------------------------

/// The peer's identification arrived. `line` is without CR LF; what the negotiation settled on
/// arrives with KeysChanged.
struct PeerIdentified {
    std::string_view line;
};

/// Client: the server proved that it holds this key. Answer with accept_host_key() or
/// reject_host_key(); until then nothing secret can leave.
struct HostKeyReceived {
    PublicKeyView key;
};

/// Client: the user has to be authenticated (RFC 4252 5.1). Comes first with what the `none` probe
/// told, then after every failed or partly successful request. Answer with try_public_key(),
/// try_password(), try_keyboard_interactive() or give_up_authentication().
struct AuthenticationWanted {
    std::string_view methods;      ///< "methods that can continue", comma-separated
    bool partial_success = false;  ///< the request before this event succeeded, but more is wanted
    /// RFC 4252 8: the password is right, but the server takes it only with a new one; its words
    /// for the user came as a Banner. Passwords are not changed here.
    bool password_expired = false;
};

/// Client: sign exactly these bytes with the private half of `key`, using key.algorithm
/// (for RSA: rsa-sha2-256, rsa-sha2-512 or ssh-rsa). Server: the same for its host key, whose blob
/// is the certificate where that was asked for. Answer with
/// provide_signature() or decline_signature().
struct SignatureWanted {
    PublicKeyView key;
    std::span<const std::byte> data;
};

struct Prompt {
    std::string_view text;
    bool echo = false;
};

/// Client: RFC 4256 3.2. Answer with answer(), as many as there are prompts (zero prompts want zero
/// answers), or turn to another method with a try_...() command, or give_up_authentication().
struct PromptsWanted {
    std::string_view name;
    std::string_view instruction;
    std::span<const Prompt> prompts;
};

/// Client: RFC 4252 5.4, may come several times.
struct Banner {
    std::string_view text;
};

/// Server: a client asks to authenticate. Answer with accept_authentication(),
/// accept_authentication_partly() or refuse_authentication(), and where the method is
/// keyboard-interactive also with ask_prompts(). With `signed_by_client` the signature has
/// verified; without, it is the query "would this key do?", and accepting it has no effect but
/// SSH_MSG_USERAUTH_PK_OK.
struct AuthenticationRequested {
    std::string_view user;
    std::string_view method;  ///< "none", "publickey", "password" or "keyboard-interactive"
    PublicKeyView key;        ///< of publickey
    bool signed_by_client = false;
    std::span<const std::byte> password;  ///< of password; wiped with the answer
    /// A request by the same user was accepted partly before. RFC 4252 5: when the user name
    /// changes, what was achieved for another is forgotten.
    bool after_partial_success = false;
};

/// Server: what the client says to ask_prompts(), as many answers as there were prompts. Answer in
/// the same ways as AuthenticationRequested; the views are wiped with it.
struct PromptsAnswered {
    std::span<const std::span<const std::byte>> answers;
};

/// The user is authenticated and channels can be opened.
struct Established {};

/// Keys were taken into use, first and after each rekey. Names of what was negotiated.
struct KeysChanged {
    std::string_view kex;
    std::string_view host_key;
    std::string_view cipher_out;
    std::string_view cipher_in;
    std::string_view mac_out;  ///< empty where the cipher brings its own authentication
    std::string_view mac_in;
    bool strict = false;  ///< the peer takes part in strict key exchange
};

// ---- channels --------------------------------------------------------------------------------

/// An open() was confirmed: send() and grant() work from now on.
struct ChannelOpened {
    LocalChannelId id;
};

/// An open() was refused; the id is free again.
struct ChannelRefused {
    LocalChannelId id;
    OpenFailure reason;
    std::string_view text;
};

/// Payload of a channel, to be delivered in order. `bytes` points into the buffer that was given
/// to receive() and lives as long as the caller keeps that buffer. Give the window back with
/// grant() once the local socket has taken the bytes.
struct ChannelData {
    LocalChannelId id;
    std::span<std::byte> bytes;
};

/// The peer will send no more on this channel.
struct ChannelEof {
    LocalChannelId id;
};

/// The peer closed the channel. The id stays ours until close() was called, too. `cut`: the channel
/// ended before it was finished (no EOF came from the peer before its CLOSE), so that what was
/// delivered may be a truncation.
struct ChannelClosed {
    LocalChannelId id;
    bool cut = false;
};

/// The channel's window was used up (ChannelState::send_window was 0) and is open again.
struct WindowOpened {
    LocalChannelId id;
};

/// send() took less than it was offered because of the session (outbox full, key exchange running);
/// every channel may go on.
struct SendReady {};

/// The peer asks to open a channel: a client for a target, a server for a connection that came to
/// a forward. Answer with accept_channel() or refuse_channel().
struct ChannelRequested {
    LocalChannelId id;
    ChannelKind kind{};
    std::string_view host;  ///< target or connected address, or the path of the socket
    std::uint16_t port = 0;
    std::string_view originator_host;  ///< empty for a socket's path
    std::uint16_t originator_port = 0;
    /// Client: the forward that the channel belongs to. One for a forward that was not asked for,
    /// or was cancelled, is refused without a word to the application. It may come before the
    /// ForwardReply where the port was not left to the server.
    ForwardId forward{};
};

// ---- global requests -------------------------------------------------------------------------

/// Client: the answer to request_forward() or cancel_forward(), in the order in which they were
/// asked. The forward is over after a refusal, and after the answer to cancel_forward() whatever it
/// is; a refusal answers a cancel_forward() that came meanwhile, too.
struct ForwardReply {
    ForwardId id;
    bool cancel = false;  ///< to cancel_forward()
    bool accepted = false;
    std::uint16_t port = 0;  ///< where the server listens: chosen by it if port 0 was asked for
};

/// Server: a client asks to listen, or to stop listening on what was granted before. Answer with
/// reply_forward(); the next one is told after that.
struct ForwardRequested {
    ForwardId id;
    bool cancel = false;
    ForwardAddress address;  ///< with the port that was bound, if it is a cancel
};

/// The answer to a probe() arrived: the peer lives.
struct ProbeAnswered {};

// ---- the end ---------------------------------------------------------------------------------

/// The session is over; no event follows and every channel is gone. `text` holds the peer's words
/// where it sent SSH_MSG_DISCONNECT, or what the engine adds. What is in the outbox may still be
/// sent (it is the SSH_MSG_DISCONNECT, if any).
struct SessionEnded {
    Error error;
    std::string_view text;
};

/// Something worth a warning that changes nothing ("no strict key exchange with chacha20").
struct Warning {
    std::string_view text;
};

using Event = std::variant<PeerIdentified,
                           HostKeyReceived,
                           AuthenticationWanted,
                           SignatureWanted,
                           PromptsWanted,
                           Banner,
                           AuthenticationRequested,
                           PromptsAnswered,
                           Established,
                           KeysChanged,
                           ChannelOpened,
                           ChannelRefused,
                           ChannelData,
                           ChannelEof,
                           ChannelClosed,
                           WindowOpened,
                           SendReady,
                           ChannelRequested,
                           ForwardReply,
                           ForwardRequested,
                           ProbeAnswered,
                           SessionEnded,
                           Warning>;

}  // namespace caponier::ssh
