// The steps, the peer's half of a key exchange, and what is checked.

#include "tests/fuzz/session_steps.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <variant>

#include "ssh/crypto/signature.h"
#include "ssh/expects.h"
#include "ssh/limits.h"
#include "ssh/transport/kexinit.h"
#include "ssh/wire/message_numbers.h"
#include "ssh/wire/wire_reader.h"

namespace caponier::fuzz {

using ssh::expects;
using ssh::LocalChannelId;
using ssh::MessageNumber;

namespace {

using Bytes = std::vector<std::byte>;

/// Small numbers, so that a short input reaches every bound.
constexpr std::size_t channels = 6;
constexpr std::uint32_t window_bytes = 300;
constexpr std::uint32_t packet_bytes = 200;
/// The only one whose frame the null cipher imitates, so that a rekey changes nothing in it.
constexpr const char* cipher = "aes128-gcm@openssh.com";

/// With what clients do for OpenSSH's servers alone.
constexpr const char* server_software = "OpenSSH_9.2";
constexpr const char* client_identification = "SSH-2.0-Caponier_0.1";
constexpr const char* server_identification = "SSH-2.0-OpenSSH_9.2";

ssh::SessionConfig small_config() {
    ssh::SessionConfig config;
    config.channels = channels;
    config.opens_in_flight = 2;
    config.initial_window_bytes = window_bytes;
    config.packet_bytes = packet_bytes;
    config.algorithms.cipher = {cipher};
    config.algorithms.kex = {"curve25519-sha256"};
    config.algorithms.host_key = {"ssh-ed25519"};
    config.methods = {"publickey", "password", "keyboard-interactive"};
    return config;
}

/// Cuts a direction off behind SSH_MSG_NEWKEYS, so that the first message under the keys is the
/// input's. Up to there packets are plaintext, and a piece ends where one does.
class EndBehindNewkeys {
  public:
    void cut(Bytes& piece) {
        std::size_t at = 0;
        if (!piece.empty() && piece[0] == std::byte{'S'}) {
            at = static_cast<std::size_t>(std::ranges::find(piece, std::byte{'\n'}) -
                                          piece.begin()) +
                 1;
        }
        while (!done_ && at < piece.size()) {
            const std::span<const std::byte> packet = std::span{piece}.subspan(at);
            done_ = packet[ssh::packet_length_bytes + 1] ==
                    static_cast<std::byte>(MessageNumber::newkeys);
            at += ssh::packet_length_bytes + ssh::WireReader{packet}.uint32();
        }
        piece.resize(at);
    }

  private:
    bool done_ = false;
};

std::unique_ptr<sim::Pair> make_pair(ssh::Role role, SessionSteps::From from) {
    sim::Pair::Options options = pair_under_fuzz();
    if (from == SessionSteps::From::keys) {
        options.tamper = [role, end = EndBehindNewkeys{}](bool to_server, Bytes& piece) mutable {
            if (to_server == (role == ssh::Role::server)) {
                end.cut(piece);
            }
        };
    }
    auto pair = std::make_unique<sim::Pair>(std::move(options));
    const sim::Pair::End& end = role == ssh::Role::client ? pair->client : pair->server;
    while (from == SessionSteps::From::keys          ? end.keys_changed == 0
           : from == SessionSteps::From::established ? !end.established
                                                     : false) {
        expects(pair->step());
    }
    return pair;
}

/// Of either direction.
void use_null_cipher(auto& end) {
    constexpr auto algorithm = ssh::CipherAlgorithm::aes128_gcm;
    const ssh::CipherShape& shape = ssh::shape_of(algorithm);
    end.use_key(ssh::make_aead(algorithm, {Bytes(shape.key_bytes), Bytes(shape.iv_bytes)}), shape);
}

Bytes copy_of(std::span<const std::byte> bytes) {
    return {bytes.begin(), bytes.end()};
}

}  // namespace

sim::Pair::Options pair_under_fuzz() {
    sim::Pair::Options options;
    options.client = small_config();
    options.server = small_config();
    options.server.software = server_software;
    return options;
}

SessionSteps::SessionSteps(ssh::Role role, From from)
    : role_{role},
      pair_{make_pair(role, from)},
      session_{role == ssh::Role::client ? pair_->client.session() : pair_->server.session()},
      now_{pair_->now()},
      sealer_{outbox_, sim::random_source(random_)} {
    if (from == From::start) {
        identified_ = false;
    } else {
        use_null_cipher(sealer_);
        use_null_cipher(opener_);
    }
    frame_.role = role == ssh::Role::client ? ssh::Role::server : ssh::Role::client;
    const bool is_server = frame_.role == ssh::Role::server;
    frame_.own_identification = is_server ? server_identification : client_identification;
    frame_.peer_identification = is_server ? client_identification : server_identification;
    frame_.random = sim::random_source(random_);
    take_events();
    read();
}

void SessionSteps::take(Input& input) {
    while (!input.is_empty() && !ended_) {
        take_step(static_cast<Step>(input.byte()), input);
        take_events();
        if (reads_) {
            read();
        }
        check();
    }
    gathers_ = false;
    deliver();
    read();
    check();
}

void SessionSteps::take_step(Step step, Input& input) {
    switch (step) {
    case Step::open:
    case Step::open_socket:
        open(step == Step::open_socket);
        break;
    case Step::send:
    case Step::grant:
    case Step::eof:
    case Step::close:
    case Step::widen:
        take_channel_step(step, input);
        break;
    case Step::rekey:
        session_.rekey();
        break;
    case Step::probe:
        session_.probe();
        break;
    case Step::pass_time: {
        now_ += std::chrono::seconds{input.byte()};
        const std::optional<ssh::TimePoint> due = session_.next_deadline();
        if (due && now_ >= *due) {
            session_.expire(now_);
        }
        break;
    }
    case Step::stop_reading:
        reads_ = false;
        break;
    case Step::start_reading:
        reads_ = true;
        break;
    case Step::answer_yes:
    case Step::answer_no:
    case Step::answer_password:
    case Step::answer_interactive:
    case Step::answer_partly:
    case Step::ask_prompts:
        answer(step, input);
        break;
    case Step::disconnect:
        session_.disconnect();
        break;
    case Step::request_forward:
    case Step::request_any_port:
    case Step::request_socket:
    case Step::cancel_forward:
        take_forward_step(step);
        break;
    default:
        take_peer_step(step, input);
        break;
    }
}

void SessionSteps::open(bool is_socket) {
    if (!session_.is_established()) {
        return;
    }
    using Kind = ssh::ChannelKind;
    const bool is_client = role_ == ssh::Role::client;
    static_cast<void>(session_.open(
        {.kind = is_socket ? (is_client ? Kind::direct_streamlocal : Kind::forwarded_streamlocal)
                           : (is_client ? Kind::direct_tcpip : Kind::forwarded_tcpip),
         .host = is_socket ? "/run/x" : "db",
         .port = is_socket ? std::uint16_t{0} : std::uint16_t{5432},
         .originator_host = "::1",
         .originator_port = 9}));
}

void SessionSteps::take_forward_step(Step step) {
    if (role_ != ssh::Role::client || !session_.is_established()) {
        return;
    }
    if (step == Step::cancel_forward) {
        if (!forwards_.empty()) {
            session_.cancel_forward(forwards_.front());
            forwards_.push_back(forwards_.front());
            forwards_.pop_front();
        }
        return;
    }
    using Kind = ssh::ForwardAddress::Kind;
    const bool is_socket = step == Step::request_socket;
    const std::uint16_t port = step == Step::request_forward ? 8080 : 0;
    const auto id = session_.request_forward({.kind = is_socket ? Kind::streamlocal : Kind::tcpip,
                                              .host = is_socket ? "/run/x" : "localhost",
                                              .port = port});
    if (id) {
        forwards_.push_back(*id);
    } else {
        expects(forwards_.size() >= ssh::forwards_max);
    }
}

void SessionSteps::take_channel_step(Step step, Input& input) {
    const LocalChannelId id{input.byte() % static_cast<std::uint32_t>(channels)};
    const std::uint16_t bytes =
        step == Step::send || step == Step::widen ? input.uint16() : std::uint16_t{0};
    const std::optional<ssh::ChannelState> state = session_.channel(id);
    // What nobody accepted is not the application's to use.
    if (!state || unanswered_.contains(id)) {
        return;
    }
    if (step == Step::send) {
        if (state->open && !state->eof_sent) {
            const Bytes data(bytes, std::byte{'d'});
            expects(session_.send(id, data) <= data.size());
        }
    } else if (step == Step::grant) {
        session_.grant(id, state->receive_owed);
    } else if (step == Step::eof) {
        if (state->open) {
            session_.eof(id);
        }
    } else if (step == Step::close) {
        session_.close(id);
    } else {
        session_.widen(id, bytes);
    }
}

// ---- the peer ----------------------------------------------------------------------------------

void SessionSteps::take_peer_step(Step step, Input& input) {
    switch (step) {
    case Step::message: {
        const auto payload = input.bytes(input.uint16());
        if (!payload.empty()) {
            last_message_ = copy_of(payload);
            send_message(payload);
        }
        break;
    }
    case Step::again:
        for (unsigned count = input.byte(); count > 0 && !last_message_.empty(); --count) {
            send_message(last_message_);
        }
        break;
    case Step::raw: {
        const auto bytes = input.bytes(input.uint16());
        to_session_.insert(to_session_.end(), bytes.begin(), bytes.end());
        deliver();
        break;
    }
    case Step::identification: {
        const auto line = ssh::bytes_of(frame_.own_identification);
        to_session_.insert(to_session_.end(), line.begin(), line.end());
        to_session_.push_back(std::byte{'\r'});
        to_session_.push_back(std::byte{'\n'});
        deliver();
        break;
    }
    case Step::kexinit:
        send_kexinit();
        break;
    case Step::kex_value:
        send_kex_value();
        break;
    case Step::newkeys: {
        constexpr std::array payload{static_cast<std::byte>(MessageNumber::newkeys)};
        send_message(payload);
        use_null_cipher(sealer_);
        break;
    }
    case Step::gather:
        gathers_ = true;
        break;
    case Step::deliver:
        gathers_ = false;
        deliver();
        break;
    default:
        break;
    }
}

void SessionSteps::send_message(std::span<const std::byte> payload) {
    sealer_.seal(payload);
    std::array<std::span<const std::byte>, 8> pieces;
    std::size_t bytes = 0;
    for (std::size_t i = 0, count = outbox_.pieces(pieces); i < count; ++i) {
        to_session_.insert(to_session_.end(), pieces[i].begin(), pieces[i].end());
        bytes += pieces[i].size();
    }
    outbox_.consume(bytes);
    deliver();
}

void SessionSteps::deliver() {
    if (gathers_ || to_session_.empty()) {
        return;
    }
    // A buffer of its own for each call: events point into it until they are taken.
    Bytes bytes = std::exchange(to_session_, {});
    const bool was_ended = session_.is_ended();
    const std::size_t consumed = session_.receive(bytes, now_);
    expects(consumed <= bytes.size());
    take_events();
    if (!was_ended && questions_.empty()) {
        expects(bytes.size() - consumed <= ssh::receive_tail_bytes_max);
        // What is wanted is more than what there is, and no more than a packet.
        expects(session_.is_ended() || bytes.size() - consumed < session_.bytes_wanted());
        expects(session_.bytes_wanted() <= ssh::receive_tail_bytes_max + 1);
    }
    to_session_.assign(bytes.begin() + static_cast<std::ptrdiff_t>(consumed), bytes.end());
}

void SessionSteps::read() {
    std::array<std::span<const std::byte>, 64> pieces;
    while (const std::size_t count = session_.outbox(pieces)) {
        std::size_t bytes = 0;
        for (std::size_t i = 0; i < count; ++i) {
            from_session_.insert(from_session_.end(), pieces[i].begin(), pieces[i].end());
            bytes += pieces[i].size();
        }
        session_.sent(bytes);
        take_events();
    }
    std::span<std::byte> unread{from_session_};
    if (!identified_ && !unread.empty()) {
        const auto end = std::ranges::find(unread, std::byte{'\n'});
        expects(end != unread.end());
        unread = unread.subspan(static_cast<std::size_t>(end - unread.begin()) + 1);
        identified_ = true;
    }
    while (!unread.empty()) {
        const auto packet = opener_.open(unread);
        expects(packet.has_value());
        expects(packet->has_value());
        take_message((*packet)->payload);
        unread = unread.subspan((*packet)->packet_bytes);
    }
    from_session_.clear();
}

/// What the session sends is held to the standard, too.
void SessionSteps::take_message(std::span<const std::byte> payload) {
    const auto number = static_cast<MessageNumber>(payload[0]);
    const auto value = std::to_integer<unsigned>(payload[0]);
    if (session_is_in_kex_) {
        // RFC 4253 7.1: after its SSH_MSG_KEXINIT a party sends nothing but transport messages
        // that are not the service's, and those of the key exchange.
        expects(value <= 4 || (value >= 20 && value <= 49));
        expects(number != MessageNumber::kexinit);
    }
    if (number == MessageNumber::kexinit) {
        session_is_in_kex_ = true;
        kexinit_of_session_ = copy_of(payload);
        if (kex_ && !kex_is_negotiated_) {
            kex_is_negotiated_ = kex_->take_peer_kexinit(kexinit_of_session_).has_value();
        }
    } else if (number == MessageNumber::newkeys) {
        use_null_cipher(opener_);
        session_is_in_kex_ = false;
        kexinit_of_session_.clear();
    } else if (number == MessageNumber::kex_ecdh_init && kex_is_negotiated_) {
        kex_value_came_ = kex_->take_init(payload, sim::Pair::host_key().public_key()).has_value();
    }
}

void SessionSteps::send_kexinit() {
    Bytes payload = ssh::make_kexinit(ssh::with_defaults(small_config()), {}, frame_.random);
    kex_ = std::make_unique<ssh::KeyExchange>(frame_, payload);
    kex_value_came_ = false;
    kex_is_negotiated_ =
        !kexinit_of_session_.empty() && kex_->take_peer_kexinit(kexinit_of_session_).has_value();
    send_message(payload);
}

void SessionSteps::send_kex_value() {
    if (!kex_is_negotiated_) {
        return;
    }
    if (role_ == ssh::Role::server) {
        if (const ssh::Result<Bytes> init = kex_->make_first_message()) {
            send_message(*init);
        }
    } else if (kex_value_came_) {
        const ssh::Result<Bytes> signature =
            ssh::sign(sim::Pair::host_key(), "ssh-ed25519", kex_->exchange_hash());
        expects(signature.has_value());
        send_message(kex_->make_reply(*signature));
    }
}

// ---- the application ---------------------------------------------------------------------------

void SessionSteps::take_events() {
    while (const std::optional<ssh::Event> event = session_.next_event()) {
        expects(!ended_);  // "The session is over; no event follows"
        take_event(*event);
    }
}

void SessionSteps::take_event(const ssh::Event& event) {
    if (std::holds_alternative<ssh::SessionEnded>(event)) {
        ended_ = true;
        questions_.clear();
    } else if (std::holds_alternative<ssh::HostKeyReceived>(event)) {
        ask(Question::Kind::host_key);
    } else if (const auto* signature = std::get_if<ssh::SignatureWanted>(&event)) {
        Question& question = ask(Question::Kind::signature);
        question.name = signature->key.algorithm;
        question.data = copy_of(signature->data);
    } else if (std::holds_alternative<ssh::AuthenticationWanted>(event)) {
        ask(Question::Kind::method);
    } else if (const auto* prompts = std::get_if<ssh::PromptsWanted>(&event)) {
        ask(Question::Kind::prompts).prompts = prompts->prompts.size();
        expects(prompts->prompts.size() <= ssh::prompts_max);
    } else if (const auto* user = std::get_if<ssh::AuthenticationRequested>(&event)) {
        method_ = user->method;
        Question& question = ask(Question::Kind::user);
        question.name = method_;
        question.is_query = user->method == "publickey" && !user->signed_by_client;
    } else if (const auto* answered = std::get_if<ssh::PromptsAnswered>(&event)) {
        expects(answered->answers.size() <= ssh::prompts_max);
        ask(Question::Kind::user).name = method_;
    } else if (const auto* channel = std::get_if<ssh::ChannelRequested>(&event)) {
        unanswered_.insert(channel->id);
        ask(Question::Kind::channel).channel = channel->id;
    } else if (const auto* forward = std::get_if<ssh::ForwardRequested>(&event)) {
        ask(Question::Kind::forward).wants_port =
            !forward->cancel && forward->address.kind == ssh::ForwardAddress::Kind::tcpip &&
            forward->address.port == 0;
    } else if (const auto* reply = std::get_if<ssh::ForwardReply>(&event)) {
        // "The forward is over after a refusal, and after the answer to cancel_forward()".
        expects(std::ranges::count(forwards_, reply->id) == 1);
        if (reply->cancel || !reply->accepted) {
            std::erase(forwards_, reply->id);
        }
    } else if (const auto* data = std::get_if<ssh::ChannelData>(&event)) {
        expects(!data->bytes.empty());
        expects(data->bytes.size() <= packet_bytes);
        // To touch them all shows a sanitizer that they are the caller's.
        for (std::byte& byte : data->bytes) {
            byte ^= std::byte{1};
        }
    }
}

SessionSteps::Question& SessionSteps::ask(Question::Kind kind) {
    Question& question = questions_.emplace_back();
    question.kind = kind;
    return question;
}

void SessionSteps::answer(Step step, Input& input) {
    const std::size_t prompts =
        step == Step::ask_prompts ? input.byte() % (ssh::prompts_max + 1) : 0;
    if (questions_.empty()) {
        return;
    }
    const Question question = std::move(questions_.front());
    questions_.pop_front();
    const bool yes = step == Step::answer_yes;
    switch (question.kind) {
    case Question::Kind::host_key:
        yes ? session_.accept_host_key() : session_.reject_host_key();
        break;
    case Question::Kind::signature: {
        const ssh::SigningKey& key =
            role_ == ssh::Role::server ? sim::Pair::host_key() : sim::Pair::user_key();
        const ssh::Result<Bytes> signature = ssh::sign(key, question.name, question.data);
        yes&& signature ? session_.provide_signature(*signature) : session_.decline_signature();
        break;
    }
    case Question::Kind::method:
    case Question::Kind::prompts:
        answer_server(question, step);
        break;
    case Question::Kind::user:
        answer_user(question, step, prompts);
        break;
    case Question::Kind::forward:
        session_.reply_forward(yes,
                               yes && question.wants_port ? std::uint16_t{4242} : std::uint16_t{0});
        break;
    case Question::Kind::channel:
        unanswered_.erase(question.channel);
        if (yes) {
            session_.accept_channel(question.channel);
        } else {
            session_.refuse_channel(question.channel, ssh::OpenFailure::connect_failed, "no");
        }
        break;
    }
    take_events();
    // Behind a decision what waited for it goes on.
    deliver();
}

/// A client's next method, or its answers.
void SessionSteps::answer_server(const Question& question, Step step) {
    if (step == Step::answer_password) {
        session_.try_password(ssh::bytes_of("secret"));
    } else if (step == Step::answer_interactive) {
        session_.try_keyboard_interactive();
    } else if (step == Step::answer_yes && question.kind == Question::Kind::prompts) {
        const std::vector<std::span<const std::byte>> answers(question.prompts,
                                                              ssh::bytes_of("answer"));
        session_.answer(answers);
    } else if (step != Step::answer_yes ||
               !session_.try_public_key({"ssh-ed25519", sim::Pair::user_key().public_key()})) {
        session_.give_up_authentication();
    }
}

void SessionSteps::answer_user(const Question& question, Step step, std::size_t prompts) {
    if (step == Step::answer_yes) {
        session_.accept_authentication();
    } else if (step == Step::answer_partly && !question.is_query) {
        session_.accept_authentication_partly("publickey,password");
    } else if (step == Step::ask_prompts && question.name == "keyboard-interactive") {
        const std::vector<ssh::Prompt> asked(prompts, ssh::Prompt{.text = "Code:", .echo = true});
        session_.ask_prompts("name", "instruction", asked);
    } else {
        session_.refuse_authentication("publickey,password,keyboard-interactive");
    }
}

void SessionSteps::check() const {
    expects(session_.channels_in_use() <= channels);
    // One reply, a disconnect for instance, may stand above the bound.
    expects(session_.outbox_bytes() <= ssh::outbox_control_bytes_max + 64U * 1024U);
    expects(session_.is_ended() == ended_);
    if (ended_) {
        expects(!session_.next_deadline().has_value());
    }
    for (std::uint32_t number = 0; number < channels; ++number) {
        if (const auto state = session_.channel(LocalChannelId{number})) {
            expects(std::uint64_t{state->receive_window} + state->receive_owed <= UINT32_MAX);
        }
    }
}

}  // namespace caponier::fuzz
