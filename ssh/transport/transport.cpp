// The transport's state machine: what comes in, the key exchange, what goes out.

#include "ssh/transport/transport.h"

#include <algorithm>
#include <array>
#include <utility>

#include "ssh/expects.h"
#include "ssh/keys/certificate.h"
#include "ssh/keys/public_key.h"
#include "ssh/limits.h"
#include "ssh/wire/wire_reader.h"
#include "ssh/wire/wire_writer.h"

namespace caponier::ssh {

namespace {

tl::unexpected<Error> failure(ErrorCode code, MessageNumber number) {
    return tl::unexpected{Error{code, static_cast<std::uint32_t>(number)}};
}

/// What a peer may send before the first keys, SSH_MSG_IGNORE and SSH_MSG_DEBUG included.
constexpr std::uint32_t packets_before_keys_max = 4096;

std::string_view name_of(const std::optional<MacAlgorithm>& mac) noexcept {
    return mac ? shape_of(*mac).name : std::string_view{};
}

}  // namespace

Transport::Transport(const SessionConfig& config, EventQueue& events)
    : config_{config},
      lists_{with_defaults(config)},
      events_{events},
      sealer_{outbox_, config.random},
      identification_{config.role},
      frame_{.role = config.role,
             .own_identification = {},
             .peer_identification = {},
             .random = config.random},
      rekey_policy_{config.rekey_limit} {
    const std::string line = identification_line(config.software);
    expects(line.size() <= identification_bytes_max);
    frame_.own_identification = line.substr(0, line.size() - 2);
    const std::span<std::byte> room = outbox_.reserve(line.size());
    std::ranges::copy(bytes_of(line), room.begin());
    outbox_.commit(line.size());
    kex_deadline_.start(config.kex_timeout);
}

// ---- input -------------------------------------------------------------------------------------

Result<Transport::Step> Transport::take(std::span<std::byte> stream, TimePoint now) {
    if (state_ == ProtocolState::identification) {
        return take_identification(stream);
    }
    if (phase_ == KexPhase::decision_awaited) {
        return Step{};
    }
    return take_packet(stream, now);
}

Result<Transport::Step> Transport::take_identification(std::span<const std::byte> stream) {
    const Result<std::size_t> taken = identification_.take(stream);
    if (!taken) {
        error_text_ = identification_.line();
        return tl::unexpected{taken.error()};
    }
    if (identification_.is_done()) {
        frame_.peer_identification = identification_.line();
        events_.push(PeerIdentified{frame_.peer_identification});
        state_ = ProtocolState::kex_initial;
        start_kex();
    }
    return Step{.consumed = *taken, .message = std::nullopt};
}

Result<Transport::Step> Transport::take_packet(std::span<std::byte> stream, TimePoint now) {
    Result<std::optional<OpenedPacket>> opened = opener_.open(stream);
    if (!opened) {
        return tl::unexpected{opened.error()};
    }
    if (!*opened) {
        return Step{};
    }
    const OpenedPacket& packet = **opened;
    const auto number = std::to_integer<std::uint8_t>(packet.payload[0]);
    // A first key exchange is a handful of packets. Without a bound the sequence number could be
    // brought to wrap before there are keys, which is how OpenSSH's strict mode has it as an error.
    if (session_id_.empty() && packet.sequence >= packets_before_keys_max) {
        return failure(ErrorCode::protocol_error, MessageNumber{number});
    }
    Step step{.consumed = packet.packet_bytes, .message = std::nullopt};
    switch (verdict(config_.role, table_state(), number)) {
    case Verdict::ignore:
        return step;
    case Verdict::disconnect:
        return failure(ErrorCode::unexpected_message, MessageNumber{number});
    case Verdict::unimplemented:
        if (const Result<void> refused = refuse_unknown(packet.sequence); !refused) {
            return tl::unexpected{refused.error()};
        }
        return step;
    case Verdict::process:
        break;
    }
    const bool is_ours = number < static_cast<std::uint8_t>(MessageNumber::service_request) ||
                         (number >= static_cast<std::uint8_t>(MessageNumber::kexinit) &&
                          number < static_cast<std::uint8_t>(MessageNumber::userauth_request)) ||
                         number >= static_cast<std::uint8_t>(MessageNumber::ping);
    if (!is_ours) {
        step.message = Message{MessageNumber{number}, packet.payload};
        return step;
    }
    if (const Result<void> taken = take_own(MessageNumber{number}, packet, now); !taken) {
        return tl::unexpected{taken.error()};
    }
    return step;
}

ProtocolState Transport::table_state() const noexcept {
    if (state_ == ProtocolState::open && peer_kexinit_came_) {
        return ProtocolState::rekey;
    }
    return state_;
}

Result<void> Transport::take_own(MessageNumber number, const OpenedPacket& packet, TimePoint now) {
    switch (number) {
    case MessageNumber::disconnect:
        return take_disconnect(packet.payload);
    case MessageNumber::kexinit:
        return take_kexinit(packet);
    case MessageNumber::newkeys:
        return take_newkeys(packet.payload, now);
    case MessageNumber::ping:
        return take_ping(packet.payload);
    case MessageNumber::ignore:
    case MessageNumber::debug:
    case MessageNumber::unimplemented:
    case MessageNumber::pong:
        return {};
    default:
        return take_kex_value(number, packet.payload);
    }
}

Result<void> Transport::take_disconnect(std::span<const std::byte> payload) {
    // RFC 4253 11.1
    WireReader in{payload};
    in.byte();
    const std::uint32_t reason = in.uint32();
    const std::string_view description = in.text();
    error_text_ = in.ok() ? description : std::string_view{};
    return tl::unexpected{Error{ErrorCode::disconnected_by_peer, reason}};
}

Result<void> Transport::take_ping(std::span<const std::byte> payload) {
    // OpenSSH PROTOCOL 1.9: "string data", copied into SSH2_MSG_PONG.
    WireReader in{payload};
    in.byte();
    const std::span<const std::byte> data = in.string();
    if (!in.complete()) {
        return failure(ErrorCode::malformed_message, MessageNumber::ping);
    }
    if (pongs_.size() == replies_held_back_max || data.size() > ping_bytes_max) {
        return failure(ErrorCode::protocol_error, MessageNumber::ping);
    }
    std::vector<std::byte> pong;
    WireWriter out{pong};
    out.message(MessageNumber::pong);
    out.string(data);
    pongs_.push_back(std::move(pong));
    flush_replies();
    return {};
}

/// RFC 4253 11.4: "MUST respond to all unrecognized messages with an SSH_MSG_UNIMPLEMENTED message
/// in the order in which the messages were received."
Result<void> Transport::refuse_unknown(std::uint32_t sequence) {
    if (unimplemented_.size() == replies_held_back_max) {
        return failure(ErrorCode::protocol_error, MessageNumber::unimplemented);
    }
    unimplemented_.push_back(sequence);
    flush_replies();
    return {};
}

void Transport::flush_replies() {
    const bool may_send = state_ == ProtocolState::kex_initial ||
                          (is_open_for_messages() && state_ != ProtocolState::ended);
    if (!may_send || outbox_.bytes() > outbox_control_bytes_max) {
        return;
    }
    for (const std::uint32_t sequence : unimplemented_) {
        std::array<std::byte, 8> payload{};
        WireWriter out{std::span<std::byte>{payload}};
        out.message(MessageNumber::unimplemented);
        out.uint32(sequence);
        sealer_.seal(out.written());
    }
    unimplemented_.clear();
    if (!is_open_for_messages()) {
        return;
    }
    for (const std::vector<std::byte>& pong : pongs_) {
        sealer_.seal(pong);
    }
    pongs_.clear();
}

// ---- key exchange ------------------------------------------------------------------------------

void Transport::start_kex() {
    expects(phase_ == KexPhase::idle);
    const bool first = session_id_.empty();
    std::vector<std::byte> payload =
        make_kexinit(lists_,
                     first ? first_kexinit_markers(config_.role) : std::span<const std::string>{},
                     config_.random);
    sealer_.seal(payload);
    kex_ = std::make_unique<KeyExchange>(frame_, std::move(payload));
    // One allowance for the whole of the first exchange, the identification included.
    if (!first) {
        kex_deadline_.start(config_.kex_timeout);
    }
    rekey_wanted_ = false;
    move_to(KexPhase::kexinit_awaited);
}

void Transport::rekey_if_due(TimePoint now) {
    const bool possible = state_ == ProtocolState::open && phase_ == KexPhase::idle;
    if (possible && (rekey_wanted_ || rekey_policy_.is_due(sealer_.use(), opener_.use(), now))) {
        start_kex();
    }
}

Result<void> Transport::take_kexinit(const OpenedPacket& packet) {
    const bool first = session_id_.empty();
    // RFC 4253 9 lets either side rekey; a second KEXINIT inside an exchange is an error.
    if (peer_kexinit_came_ || (!first && state_ != ProtocolState::open)) {
        return failure(ErrorCode::unexpected_message, MessageNumber::kexinit);
    }
    if (phase_ == KexPhase::idle) {
        start_kex();
    }
    expects(phase_ == KexPhase::kexinit_awaited);
    peer_kexinit_came_ = true;
    const Result<void> taken = kex_->take_peer_kexinit(packet.payload);
    if (!taken) {
        error_text_ = list_of(taken.error().code, kex_->peer_kexinit());
        return tl::unexpected{taken.error()};
    }
    if (first) {
        const Role peer = config_.role == Role::client ? Role::server : Role::client;
        strict_ = offers_strict_kex(kex_->peer_kexinit(), peer);
        peer_wants_ext_info_ = offers_ext_info(kex_->peer_kexinit(), peer);
        // OpenSSH PROTOCOL 1.10: in strict mode "the first packet ... must be SSH2_MSG_KEXINIT".
        if (strict_ && packet.sequence != 0) {
            return failure(ErrorCode::unexpected_message, MessageNumber::kexinit);
        }
        if (strict_) {
            state_ = ProtocolState::kex_initial_strict;
        }
    }
    // RFC 4253 7.1: a wrong guess is thrown away, a right one is the first message of the method.
    skip_guess_ =
        kex_->peer_kexinit().first_kex_packet_follows && !kex_->negotiated().same_first_choices;
    if (config_.role == Role::client) {
        const Result<std::vector<std::byte>> first_message = kex_->make_first_message();
        if (!first_message) {
            return tl::unexpected{first_message.error()};
        }
        sealer_.seal(*first_message);
    }
    move_to(KexPhase::value_awaited);
    return {};
}

Result<void> Transport::take_kex_value(MessageNumber number, std::span<const std::byte> payload) {
    if (phase_ != KexPhase::value_awaited) {
        return failure(ErrorCode::unexpected_message, number);
    }
    if (std::exchange(skip_guess_, false)) {
        return {};
    }
    if (number != kex_->awaited()) {
        return failure(ErrorCode::unexpected_message, number);
    }
    if (!kex_->awaits_group()) {
        return config_.role == Role::client ? take_reply(payload) : take_init(payload);
    }
    const Result<std::vector<std::byte>> answer = kex_->take_group_message(payload);
    if (!answer) {
        return tl::unexpected{answer.error()};
    }
    sealer_.seal(*answer);
    return {};
}

Result<void> Transport::take_reply(std::span<const std::byte> payload) {
    if (const Result<void> taken = kex_->take_reply(payload); !taken) {
        return tl::unexpected{taken.error()};
    }
    // The exchange hash has it as it was sent; everybody else has it as other programs write it.
    std::vector<std::byte> host_key = blob_under_own_name(kex_->host_key());
    if (session_id_.empty()) {
        host_key_ = std::move(host_key);
        const std::span<const std::byte> signature = kex_->host_key_signature();
        host_key_signature_.assign(signature.begin(), signature.end());
        wait_for_decision();
        events_.push(HostKeyReceived{{kex_->negotiated().host_key, host_key_}});
        return {};
    }
    // The key that was accepted is the only one that this session knows.
    if (!std::ranges::equal(host_key_, host_key)) {
        return tl::unexpected{Error{ErrorCode::host_key_changed}};
    }
    send_newkeys();
    return {};
}

Result<void> Transport::take_init(std::span<const std::byte> payload) {
    const std::string_view algorithm = kex_->negotiated().host_key;
    if (const Result<void> taken = kex_->take_init(payload, own_host_key(algorithm)); !taken) {
        return tl::unexpected{taken.error()};
    }
    if (session_id_.empty()) {
        host_key_.assign(kex_->host_key().begin(), kex_->host_key().end());
    }
    wait_for_decision();
    // Whoever signs has the key, not the certificate around it.
    events_.push(
        SignatureWanted{{plain_algorithm(algorithm), kex_->host_key()}, kex_->exchange_hash()});
    return {};
}

std::span<const std::byte> Transport::own_host_key(std::string_view algorithm) const noexcept {
    for (const std::vector<std::byte>& key : config_.host_keys) {
        if (blob_type_name(key) == blob_type_of_algorithm(algorithm)) {
            return key;
        }
    }
    return {};
}

/// The peer owes nothing while the application, or a person, decides.
void Transport::wait_for_decision() noexcept {
    move_to(KexPhase::decision_awaited);
    kex_deadline_.stop();
}

void Transport::accept_host_key() {
    expects(waits_for_host_key());
    kex_deadline_.start(config_.kex_timeout);
    send_newkeys();
}

void Transport::provide_signature(std::span<const std::byte> signature) {
    expects(waits_for_signature());
    kex_deadline_.start(config_.kex_timeout);
    sealer_.seal(kex_->make_reply(signature));
    send_newkeys();
}

/// RFC 4253 7.3: SSH_MSG_NEWKEYS "is sent with the old keys and algorithms. All messages sent after
/// this message MUST use the new keys and algorithms."
void Transport::send_newkeys() {
    if (session_id_.empty()) {
        session_id_.assign(kex_->exchange_hash().begin(), kex_->exchange_hash().end());
    }
    KeyExchange::Keys keys = kex_->make_keys(session_id_);
    constexpr std::array payload{static_cast<std::byte>(MessageNumber::newkeys)};
    sealer_.seal(payload);
    sealer_.use_key(std::move(keys.out.aead), keys.out.shape);
    if (strict_) {
        sealer_.reset_sequence();
    }
    rekey_bytes_ = std::min(keys.out.shape.rekey_bytes, keys.in.shape.rekey_bytes);
    next_in_ = std::move(keys.in);
    move_to(KexPhase::newkeys_awaited);
    const bool first = !std::exchange(own_keys_are_on_, true);
    if (first && config_.role == Role::server && peer_wants_ext_info_) {
        // RFC 8308 2.4: the server's first message after its first SSH_MSG_NEWKEYS.
        sealer_.seal(make_ext_info());
    }
}

Result<void> Transport::take_newkeys(std::span<const std::byte> payload, TimePoint now) {
    if (phase_ != KexPhase::newkeys_awaited || payload.size() != 1) {
        return failure(ErrorCode::unexpected_message, MessageNumber::newkeys);
    }
    opener_.use_key(std::move(next_in_.aead), next_in_.shape);
    if (strict_) {
        opener_.reset_sequence();
    }
    const Negotiated& negotiated = kex_->negotiated();
    const bool is_client = config_.role == Role::client;
    const CipherAlgorithm up = negotiated.cipher_client_to_server;
    const CipherAlgorithm down = negotiated.cipher_server_to_client;
    events_.push(KeysChanged{.kex = negotiated.kex->name,
                             .host_key = host_key_algorithm(negotiated.host_key),
                             .cipher_out = shape_of(is_client ? up : down).name,
                             .cipher_in = shape_of(is_client ? down : up).name,
                             .mac_out = name_of(is_client ? negotiated.mac_client_to_server
                                                          : negotiated.mac_server_to_client),
                             .mac_in = name_of(is_client ? negotiated.mac_server_to_client
                                                         : negotiated.mac_client_to_server),
                             .strict = strict_});
    const bool chacha =
        up == CipherAlgorithm::chacha20_poly1305 || down == CipherAlgorithm::chacha20_poly1305;
    const bool first = state_ != ProtocolState::open;
    if (first && chacha && !strict_) {
        events_.push(
            Warning{"the peer does not do strict key exchange: with chacha20-poly1305 an "
                    "attacker on the path can drop the first messages (CVE-2023-48795)"});
    }
    if (first) {
        state_ = ProtocolState::service;
    }
    rekey_policy_.keys_changed(now, rekey_bytes_);
    peer_kexinit_came_ = false;
    kex_deadline_.stop();
    kex_.reset();
    move_to(KexPhase::idle);
    flush_replies();
    return {};
}

// ---- output and end ----------------------------------------------------------------------------

bool Transport::is_open_for_messages() const noexcept {
    return own_keys_are_on_ && state_ != ProtocolState::ended &&
           (phase_ == KexPhase::idle || phase_ == KexPhase::newkeys_awaited);
}

std::optional<TimePoint> Transport::deadline() const noexcept {
    if (state_ == ProtocolState::ended) {
        return std::nullopt;
    }
    if (const std::optional<TimePoint> due = kex_deadline_.due()) {
        return due;
    }
    const TimePoint due = rekey_policy_.due_time();
    return state_ == ProtocolState::open && due != TimePoint::max() ? std::optional{due}
                                                                    : std::nullopt;
}

void Transport::end(const Error& error) {
    if (state_ == ProtocolState::ended) {
        return;
    }
    const bool peer_listens = state_ != ProtocolState::identification &&
                              error.code != ErrorCode::disconnected_by_peer &&
                              error.code != ErrorCode::connection_lost;
    state_ = ProtocolState::ended;
    if (!peer_listens) {
        return;
    }
    // RFC 4253 11.1
    std::vector<std::byte> payload;
    WireWriter out{payload};
    out.message(MessageNumber::disconnect);
    out.uint32(disconnect_reason(error.code));
    out.text(describe(error.code));
    out.text({});
    sealer_.seal_again();
    sealer_.seal(payload);
}

std::vector<std::byte> Transport::make_ext_info() const {
    // RFC 8308 2.3 and 3.1, OpenSSH PROTOCOL 1.9
    std::string algorithms;
    for (const std::string& name : lists_.public_key) {
        // As in OpenSSH's server: what signs, whether or not the key is in a certificate.
        if (!is_certificate_algorithm(name)) {
            algorithms.append(algorithms.empty() ? "" : ",").append(name);
        }
    }
    std::vector<std::byte> payload;
    WireWriter out{payload};
    out.message(MessageNumber::ext_info);
    out.uint32(2);
    out.text("server-sig-algs");
    out.text(algorithms);
    out.text("ping@openssh.com");
    out.text("0");
    return payload;
}

}  // namespace caponier::ssh
