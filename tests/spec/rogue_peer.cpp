// The scripted peer: moving bytes, and behaving where nobody says otherwise.

#include "tests/spec/rogue_peer.h"

#include <algorithm>
#include <array>
#include <utility>
#include <variant>

#include "ssh/auth/public_key_method.h"
#include "ssh/crypto/signature.h"
#include "ssh/expects.h"
#include "ssh/keys/certificate.h"
#include "ssh/native_session.h"
#include "tests/sim/pair.h"
#include "tests/sim/transcript.h"

namespace caponier::spec {

using ssh::MessageNumber;

namespace {

MessageNumber number_of(std::span<const std::byte> payload) {
    return static_cast<MessageNumber>(payload[0]);
}

ssh::SessionConfig filled_in(ssh::SessionConfig config, ssh::Role role, sim::Random& random) {
    config.role = role;
    config.random = sim::random_source(random);
    config.user = config.user.empty() ? "user" : config.user;
    if (role == ssh::Role::server && config.host_keys.empty()) {
        config.host_keys.push_back(copy(sim::Pair::host_key().public_key()));
    }
    return config;
}

Bytes signature_over(const ssh::SigningKey& key,
                     std::string_view algorithm,
                     std::span<const std::byte> data) {
    ssh::Result<Bytes> signature = ssh::sign(key, algorithm, data);
    ssh::expects(signature.has_value());
    return std::move(*signature);
}

}  // namespace

RoguePeer::RoguePeer(Options options)
    : host_key{&sim::Pair::host_key()},
      options_{std::move(options)},
      sealer_{outbox_, sim::random_source(random_)} {
    const ssh::Role other = is_server() ? ssh::Role::client : ssh::Role::server;
    session_ = ssh::make_native_session(filled_in(options_.session, other, session_random_));
    set_algorithms(options_.algorithms);
    frame_.role = options_.role;
    frame_.own_identification = options_.identification;
    frame_.random = sim::random_source(random_);
}

void RoguePeer::set_algorithms(const ssh::AlgorithmLists& algorithms) {
    ssh::SessionConfig config;
    config.algorithms = algorithms;
    lists_ = ssh::with_defaults(config);
}

// ---- bytes -------------------------------------------------------------------------------------

Bytes RoguePeer::seal(std::span<const std::byte> payload) {
    sealer_.seal(payload);
    std::array<std::span<const std::byte>, 4> pieces;
    Bytes sealed;
    for (std::size_t i = 0, count = outbox_.pieces(pieces); i < count; ++i) {
        sealed.insert(sealed.end(), pieces[i].begin(), pieces[i].end());
    }
    outbox_.consume(sealed.size());
    return sealed;
}

void RoguePeer::send(std::span<const std::byte> payload) {
    send_raw(seal(payload));
}

void RoguePeer::send_raw(std::span<const std::byte> bytes) {
    to_session_.insert(to_session_.end(), bytes.begin(), bytes.end());
    if (!holds_) {
        pump();
    }
}

void RoguePeer::send_raw(std::string_view text) {
    send_raw(ssh::bytes_of(text));
}

void RoguePeer::release() {
    holds_ = false;
    pump();
}

void RoguePeer::pump() {
    bool moved = true;
    for (int rounds = 0; moved && rounds < 1'000; ++rounds) {
        take_events();
        moved = !holds_ && deliver();
        moved = (reads && read()) || moved;
    }
}

bool RoguePeer::deliver() {
    const bool answered = std::exchange(asks_to_answer_, false);
    if (to_session_.empty() && !(answered && !tail_.empty())) {
        return answered;
    }
    Bytes bytes = std::exchange(tail_, {});
    bytes.insert(bytes.end(), to_session_.begin(), to_session_.end());
    to_session_.clear();
    const std::size_t consumed = session_->receive(bytes, now_);
    take_events();
    tail_.assign(bytes.begin() + static_cast<std::ptrdiff_t>(consumed), bytes.end());
    return true;
}

bool RoguePeer::read() {
    std::array<std::span<const std::byte>, 64> pieces;
    std::size_t sent = 0;
    for (std::size_t i = 0, count = session_->outbox(pieces); i < count; ++i) {
        from_session_.insert(from_session_.end(), pieces[i].begin(), pieces[i].end());
        sent += pieces[i].size();
    }
    if (sent == 0) {
        return false;
    }
    session_->sent(sent);
    take_events();
    std::span<std::byte> unread{from_session_};
    if (!identified_) {
        const auto end = std::ranges::find(unread, std::byte{'\n'});
        if (end == unread.end()) {
            return true;
        }
        const auto line = static_cast<std::size_t>(end - unread.begin());
        frame_.peer_identification = std::string{ssh::text_of(unread.first(line - 1))};
        unread = unread.subspan(line + 1);
        identified_ = true;
    }
    while (!unread.empty()) {
        const auto packet = opener_.open(unread);
        ssh::expects(packet.has_value());  // What the session sends must be right.
        if (!*packet) {
            break;
        }
        take_message((*packet)->payload);
        unread = unread.subspan((*packet)->packet_bytes);
    }
    from_session_.erase(from_session_.begin(),
                        from_session_.end() - static_cast<std::ptrdiff_t>(unread.size()));
    return true;
}

// ---- key exchange ------------------------------------------------------------------------------

void RoguePeer::send_identification() {
    send_raw(frame_.own_identification + "\r\n");
}

Bytes RoguePeer::make_kexinit(bool first_kex_packet_follows) {
    const std::vector<std::string> first = markers();
    Bytes payload = ssh::make_kexinit(
        lists_, exchanges_ == 0 ? first : std::vector<std::string>{}, frame_.random);
    payload[payload.size() - 5] = static_cast<std::byte>(first_kex_packet_follows);
    return payload;
}

void RoguePeer::send_kexinit() {
    send_kexinit(make_kexinit());
}

void RoguePeer::send_kexinit(std::span<const std::byte> payload) {
    kex_ = std::make_unique<ssh::KeyExchange>(frame_, copy(payload));
    keys_.reset();
    newkeys_sent_ = newkeys_came_ = false;
    const Bytes sealed = seal(payload);
    if (const Bytes waiting = std::exchange(early_kexinit_, {}); !waiting.empty()) {
        take_kexinit(waiting);
    }
    send_raw(sealed);
}

void RoguePeer::take_kexinit(std::span<const std::byte> payload) {
    if (!kex_->take_peer_kexinit(payload)) {
        return;
    }
    const ssh::Role other = is_server() ? ssh::Role::client : ssh::Role::server;
    if (exchanges_ == 0) {
        strict_ = std::ranges::any_of(markers(),
                                      [](const std::string& name) {
                                          return name.starts_with("kex-strict-") &&
                                                 name.ends_with("-v00@openssh.com");
                                      }) &&
                  ssh::offers_strict_kex(kex_->peer_kexinit(), other);
    }
}

std::vector<std::string> RoguePeer::markers() const {
    const auto usual = ssh::first_kexinit_markers(options_.role);
    return options_.markers.value_or(std::vector<std::string>(usual.begin(), usual.end()));
}

Bytes RoguePeer::make_kex_reply() {
    return kex_->make_reply(signature_over(
        *host_key, ssh::plain_algorithm(kex_->negotiated().host_key), kex_->exchange_hash()));
}

void RoguePeer::send_kex_value() {
    if (is_server()) {
        send(make_kex_reply());
        return;
    }
    const ssh::Result<Bytes> first = kex_->make_first_message();
    ssh::expects(first.has_value());
    send(*first);
}

void RoguePeer::make_keys() {
    if (keys_) {
        return;
    }
    if (session_id_.empty()) {
        session_id_ = copy(kex_->exchange_hash());
    }
    keys_ = kex_->make_keys(session_id_);
}

void RoguePeer::send_newkeys() {
    make_keys();
    constexpr std::array payload{static_cast<std::byte>(MessageNumber::newkeys)};
    const Bytes sealed = seal(payload);
    sealer_.use_key(std::move(keys_->out.aead), keys_->out.shape);
    if (strict_) {
        sealer_.reset_sequence();
    }
    newkeys_sent_ = true;
    exchanges_ += newkeys_came_ ? 1 : 0;
    send_raw(sealed);
}

/// RFC 4253 7.1: between its SSH_MSG_KEXINIT and its SSH_MSG_NEWKEYS a side sends nothing but key
/// exchange messages; newer OpenSSH ends the session of who does. Checked in every test: of what is
/// allowed besides, the session has a reason to send only the answer to a number that nobody knows.
void RoguePeer::check_key_exchange(MessageNumber number) {
    const auto value = static_cast<int>(number);
    if (number == MessageNumber::kexinit) {
        ssh::expects(!session_is_in_kex_);
        session_is_in_kex_ = true;
    } else if (number == MessageNumber::newkeys) {
        ssh::expects(session_is_in_kex_);
        session_is_in_kex_ = false;
    } else if (session_is_in_kex_) {
        ssh::expects((value >= 30 && value <= 49) || number == MessageNumber::disconnect ||
                     number == MessageNumber::unimplemented);
    }
}

void RoguePeer::take_message(std::span<const std::byte> payload) {
    check_key_exchange(number_of(payload));
    if (options_.records) {
        inbox_.push_back(copy(payload));
    }
    if (cooperates && kex_ && kex_->awaits_group() && number_of(payload) == kex_->awaited()) {
        const ssh::Result<Bytes> answer = kex_->take_group_message(payload);
        ssh::expects(answer.has_value());
        const bool held = std::exchange(holds_, true);
        send(*answer);
        holds_ = held;
        return;
    }
    switch (number_of(payload)) {
    case MessageNumber::kexinit: {
        if (kex_ && !newkeys_sent_) {
            take_kexinit(payload);
            break;
        }
        early_kexinit_ = copy(payload);
        if (!cooperates) {
            return;
        }
        // Nothing is delivered from in here; pump() goes on.
        const bool held = std::exchange(holds_, true);
        send_kexinit();
        holds_ = held;
        break;
    }
    case MessageNumber::kex_ecdh_init:
    case MessageNumber::kex_dh_gex_init:
        if (kex_->awaits_group() ||
            !kex_->take_init(
                payload, host_certificate.empty() ? host_key->public_key() : host_certificate)) {
            return;
        }
        break;
    case MessageNumber::kex_ecdh_reply:
    case MessageNumber::kex_dh_gex_reply:
        if (kex_->awaits_group() || !kex_->take_reply(payload)) {
            return;
        }
        break;
    case MessageNumber::newkeys:
        make_keys();
        opener_.use_key(std::move(keys_->in.aead), keys_->in.shape);
        if (strict_) {
            opener_.reset_sequence();
        }
        newkeys_came_ = true;
        exchanges_ += newkeys_sent_ ? 1 : 0;
        break;
    default:
        break;
    }
    if (cooperates) {
        const bool held = std::exchange(holds_, true);
        take_while_cooperating(payload);
        holds_ = held;
    }
}

void RoguePeer::take_while_cooperating(std::span<const std::byte> payload) {
    switch (number_of(payload)) {
    case MessageNumber::kexinit:
        if (!is_server()) {
            send_kex_value();
        }
        break;
    case MessageNumber::kex_ecdh_init:
    case MessageNumber::kex_dh_gex_init:
        send_kex_value();
        send_newkeys();
        break;
    case MessageNumber::kex_ecdh_reply:
    case MessageNumber::kex_dh_gex_reply:
        send_newkeys();
        break;
    default:
        break;
    }
}

bool RoguePeer::exchange_keys() {
    hold();
    send_identification();
    send_kexinit();
    release();
    return exchanges_ == 1 && !ended_;
}

bool RoguePeer::rekey() {
    const std::size_t before = exchanges_;
    send_kexinit();
    pump();
    return exchanges_ == before + 1 && !ended_;
}

bool RoguePeer::establish() {
    if (!exchange_keys()) {
        return false;
    }
    if (is_server()) {
        send(Message{MessageNumber::service_accept}.text("ssh-userauth"));
        send(Message{MessageNumber::userauth_success});
    } else {
        log_in();
    }
    const bool established = session_->is_established() && !ended_;
    forget();
    return established;
}

void RoguePeer::log_in() {
    send(Message{MessageNumber::service_request}.text("ssh-userauth"));
    ssh::PublicKeyRequest request{.user = "user",
                                  .key = {"ssh-ed25519", sim::Pair::user_key().public_key()},
                                  .server_host_key = {},
                                  .has_signature = true,
                                  .signature = {}};
    const Bytes signature = signature_over(
        sim::Pair::user_key(), "ssh-ed25519", ssh::signed_bytes(session_id_, request));
    request.signature = signature;
    send(ssh::make_public_key_request(request));
}

// ---- channels ----------------------------------------------------------------------------------

std::optional<RoguePeer::Channel> RoguePeer::open_channel(const ChannelOffer& offer) {
    if (is_server()) {
        const auto id = session_->open({.kind = ssh::OpenTarget::Kind::direct_tcpip,
                                        .host = "db.internal",
                                        .port = 5432,
                                        .originator_host = "127.0.0.1",
                                        .originator_port = 50'000});
        pump();
        const std::optional<Bytes> open = take(MessageNumber::channel_open);
        if (!id || !open) {
            return std::nullopt;
        }
        const auto number = static_cast<std::uint32_t>(*id);
        send(Message{MessageNumber::channel_open_confirmation}
                 .uint32(number)
                 .uint32(offer.peer_number)
                 .uint32(offer.window_bytes)
                 .uint32(offer.packet_bytes));
        return Channel{*id, number, offer.peer_number};
    }
    send(Message{MessageNumber::channel_open}
             .text("direct-tcpip")
             .uint32(offer.peer_number)
             .uint32(offer.window_bytes)
             .uint32(offer.packet_bytes)
             .text("db.internal")
             .uint32(5432)
             .text("127.0.0.1")
             .uint32(50'000));
    const std::optional<Bytes> confirmation = take(MessageNumber::channel_open_confirmation);
    if (!confirmation) {
        return std::nullopt;
    }
    ssh::WireReader in{*confirmation};
    in.byte();
    in.uint32();
    const std::uint32_t number = in.uint32();
    return Channel{ssh::LocalChannelId{number}, number, offer.peer_number};
}

// ---- events ------------------------------------------------------------------------------------

void RoguePeer::take_events() {
    while (const std::optional<ssh::Event> event = session_->next_event()) {
        if (options_.records) {
            events_.push_back(sim::describe_event(*event));
        }
        answer(*event);
    }
}

void RoguePeer::answer(const ssh::Event& event) {
    if (options_.application && options_.application(*session_, event)) {
        asks_to_answer_ = true;
        return;
    }
    if (const auto* ended = std::get_if<ssh::SessionEnded>(&event)) {
        ended_ = ended->error;
        end_text_ = ended->text;
    } else if (std::holds_alternative<ssh::HostKeyReceived>(event)) {
        if (options_.accepts_host_key) {
            session_->accept_host_key();
            asks_to_answer_ = true;
        }
    } else if (const auto* wanted = std::get_if<ssh::SignatureWanted>(&event)) {
        if (options_.answers_signatures) {
            const ssh::SigningKey& key =
                is_server() ? sim::Pair::user_key() : sim::Pair::host_key();
            session_->provide_signature(
                signature_over(key, wanted->key.algorithm, copy(wanted->data)));
            asks_to_answer_ = true;
        }
    } else if (const auto* asked = std::get_if<ssh::AuthenticationRequested>(&event)) {
        asked->method == "none" ? session_->refuse_authentication("publickey")
                                : session_->accept_authentication();
        asks_to_answer_ = true;
    } else if (const auto* channel = std::get_if<ssh::ChannelRequested>(&event)) {
        if (options_.accepts_channels) {
            session_->accept_channel(channel->id);
        }
    }
}

bool RoguePeer::saw(std::string_view begin_of_event) const {
    return std::ranges::any_of(
        events_, [&](const std::string& event) { return event.starts_with(begin_of_event); });
}

std::optional<Bytes> RoguePeer::take(MessageNumber number) {
    const auto found = std::ranges::find_if(
        inbox_, [&](const Bytes& message) { return number_of(message) == number; });
    if (found == inbox_.end()) {
        return std::nullopt;
    }
    Bytes message = std::move(*found);
    inbox_.erase(found);
    return message;
}

std::size_t RoguePeer::count(MessageNumber number) const {
    return static_cast<std::size_t>(std::ranges::count_if(
        inbox_, [&](const Bytes& message) { return number_of(message) == number; }));
}

std::vector<MessageNumber> RoguePeer::numbers() const {
    std::vector<MessageNumber> numbers;
    for (const Bytes& message : inbox_) {
        numbers.push_back(number_of(message));
    }
    return numbers;
}

std::optional<std::uint32_t> RoguePeer::disconnect_reason() const {
    for (const Bytes& message : inbox_) {
        if (number_of(message) == MessageNumber::disconnect) {
            ssh::WireReader in{message};
            in.byte();
            return in.uint32();
        }
    }
    return std::nullopt;
}

void RoguePeer::pass(std::chrono::nanoseconds time) {
    now_ += std::chrono::duration_cast<ssh::TimePoint::duration>(time);
    const std::optional<ssh::TimePoint> due = session_->next_deadline();
    if (due && now_ >= *due) {
        session_->expire(now_);
    }
    pump();
}

}  // namespace caponier::spec
