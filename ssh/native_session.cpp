// The hub: bytes to the transport, its messages to authentication or to the connection layer,
// errors to the one place where a session ends. Each layer's rules are in its own folder.

#include "ssh/native_session.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "ssh/auth/auth_client.h"
#include "ssh/auth/auth_server.h"
#include "ssh/connection/connection_layer.h"
#include "ssh/event_queue.h"
#include "ssh/expects.h"
#include "ssh/transport/transport.h"

namespace caponier::ssh {

namespace {

class NativeSession final : public Session {
  public:
    explicit NativeSession(SessionConfig config)
        : config_{std::move(config)},
          transport_{config_, events_},
          auth_client_{config_, transport_, events_},
          auth_server_{config_, transport_, events_},
          connection_{config_, transport_, events_} {}

    // ---- questions ----------------------------------------------------------------------------

    bool is_established() const noexcept override {
        return transport_.state() == ProtocolState::open;
    }
    bool is_ended() const noexcept override { return transport_.state() == ProtocolState::ended; }
    std::optional<ChannelState> channel(LocalChannelId id) const noexcept override {
        return is_ended() ? std::nullopt : connection_.channel(id);
    }
    std::size_t channels_in_use() const noexcept override {
        return is_ended() ? 0 : connection_.channels_in_use();
    }
    std::optional<TimePoint> next_deadline() const noexcept override;
    std::size_t outbox_bytes() const noexcept override { return transport_.outbox().bytes(); }
    std::uint64_t signs_of_life() const noexcept override { return transport_.packets_opened(); }
    SessionBinding binding() const noexcept override;
    std::size_t bytes_wanted() const noexcept override {
        return is_ended() || waits_for_decision() ? 1 : transport_.bytes_wanted();
    }

    // ---- inputs -------------------------------------------------------------------------------

    std::size_t receive(std::span<std::byte> bytes, TimePoint now) noexcept override;
    void end_of_input() noexcept override {
        end({ErrorCode::connection_lost}, transport_.words_before_identification());
    }
    void expire(TimePoint now) noexcept override;

    // ---- commands -----------------------------------------------------------------------------

    void accept_host_key() noexcept override;
    void reject_host_key() noexcept override { end({ErrorCode::host_key_rejected}, {}); }
    bool try_public_key(const PublicKeyView& key) noexcept override;
    void try_password(std::span<const std::byte> password) noexcept override;
    void try_keyboard_interactive() noexcept override;
    void give_up_authentication() noexcept override { end({ErrorCode::authentication_failed}, {}); }
    void provide_signature(std::span<const std::byte> signature) noexcept override;
    void decline_signature() noexcept override;
    void answer(std::span<const std::span<const std::byte>> answers) noexcept override;
    void accept_authentication() noexcept override;
    void accept_authentication_partly(std::string_view methods_that_can_continue) noexcept override;
    void refuse_authentication(std::string_view methods_that_can_continue) noexcept override;
    void ask_prompts(std::string_view name,
                     std::string_view instruction,
                     std::span<const Prompt> prompts) noexcept override;

    Result<LocalChannelId> open(const OpenTarget& target) noexcept override;
    void accept_channel(LocalChannelId id) noexcept override;
    void refuse_channel(LocalChannelId id,
                        OpenFailure reason,
                        std::string_view text) noexcept override;
    std::size_t send(LocalChannelId id, std::span<const std::byte> bytes) noexcept override;
    void grant(LocalChannelId id, std::uint32_t bytes) noexcept override;
    void withhold(LocalChannelId id, std::uint32_t bytes) noexcept override;
    void widen(LocalChannelId id, std::uint32_t bytes) noexcept override;
    void eof(LocalChannelId id) noexcept override;
    void close(LocalChannelId id) noexcept override;

    Result<ForwardId> request_forward(const ForwardAddress& address) noexcept override;
    void cancel_forward(ForwardId id) noexcept override;
    void reply_forward(bool accepted, std::uint16_t port) noexcept override;
    void probe() noexcept override;
    void rekey() noexcept override;
    void disconnect() noexcept override { end({ErrorCode::closed_by_application}, {}); }

    // ---- outputs ------------------------------------------------------------------------------

    std::optional<Event> next_event() noexcept override;
    std::size_t outbox(std::span<std::span<const std::byte>> pieces) const noexcept override {
        return transport_.outbox().pieces(pieces);
    }
    void sent(std::size_t bytes) noexcept override;

  private:
    [[nodiscard]] bool waits_for_decision() const noexcept;
    [[nodiscard]] Result<void> dispatch(const Transport::Message& message);
    void go_on_after_transport(ProtocolState before);
    void flush();
    void observe(TimePoint now) noexcept;
    void end(const Error& error, std::string_view text);

    SessionConfig config_;
    EventQueue events_;
    Transport transport_;
    AuthClient auth_client_;
    AuthServer auth_server_;
    ConnectionLayer connection_;
    TimePoint now_{};
    std::string end_text_;
};

// ---- inputs ------------------------------------------------------------------------------------

bool NativeSession::waits_for_decision() const noexcept {
    return transport_.waits_for_host_key() || transport_.waits_for_signature() ||
           auth_server_.waits_for_answer();
}

std::size_t NativeSession::receive(std::span<std::byte> bytes, TimePoint now) noexcept {
    now_ = now;
    transport_.rekey_if_due(now);
    std::size_t consumed = 0;
    while (!is_ended() && !waits_for_decision()) {
        const ProtocolState before = transport_.state();
        const Result<Transport::Step> step = transport_.take(bytes.subspan(consumed), now);
        if (!step) {
            end(step.error(), transport_.error_text());
            break;
        }
        consumed += step->consumed;
        if (step->message) {
            if (const Result<void> taken = dispatch(*step->message); !taken) {
                end(taken.error(), {});
                break;
            }
        }
        go_on_after_transport(before);
        if (step->consumed == 0) {
            break;
        }
    }
    if (is_ended()) {
        return bytes.size();
    }
    flush();
    observe(now);
    return consumed;
}

Result<void> NativeSession::dispatch(const Transport::Message& message) {
    if (transport_.state() == ProtocolState::open) {
        return connection_.take(message);
    }
    return config_.role == Role::client ? auth_client_.take(message) : auth_server_.take(message);
}

/// The first keys came on, or the user became known.
void NativeSession::go_on_after_transport(ProtocolState before) {
    const ProtocolState state = transport_.state();
    if (state == before) {
        return;
    }
    if (state == ProtocolState::service && config_.role == Role::server) {
        auth_server_.begin();
    } else if (state == ProtocolState::service) {
        auth_client_.begin();
    } else if (state == ProtocolState::open && config_.role == Role::client) {
        const bool is_openssh =
            transport_.peer_identification().find("OpenSSH") != std::string::npos;
        if (is_openssh) {
            connection_.requests().renounce_sessions();
        }
    }
}

std::optional<TimePoint> NativeSession::next_deadline() const noexcept {
    if (is_ended()) {
        return std::nullopt;
    }
    // At most one of them runs: authentication is between the first keys and the first rekey.
    for (const std::optional<TimePoint> deadline :
         {auth_client_.deadline(), auth_server_.deadline()}) {
        if (deadline) {
            return deadline;
        }
    }
    return transport_.deadline();
}

SessionBinding NativeSession::binding() const noexcept {
    if (transport_.session_id().empty() || config_.role == Role::server) {
        return {};
    }
    return {.host_key = transport_.host_key(),
            .session_id = transport_.session_id(),
            .signature = transport_.host_key_signature()};
}

void NativeSession::observe(TimePoint now) noexcept {
    transport_.observe(now);
    auth_client_.observe(now);
    auth_server_.observe(now);
}

void NativeSession::expire(TimePoint now) noexcept {
    now_ = now;
    if (is_ended()) {
        return;
    }
    transport_.rekey_if_due(now);
    if (transport_.is_overdue(now) || auth_client_.is_overdue(now) ||
        auth_server_.is_overdue(now)) {
        end({ErrorCode::timed_out}, {});
        return;
    }
    flush();
    observe(now);
}

void NativeSession::flush() {
    transport_.flush_replies();
    connection_.flush();
}

void NativeSession::end(const Error& error, std::string_view text) {
    if (is_ended()) {
        return;
    }
    end_text_ = text;
    transport_.end(error);
    events_.push(SessionEnded{error, end_text_});
}

// ---- commands: authentication ------------------------------------------------------------------

void NativeSession::accept_host_key() noexcept {
    if (!is_ended()) {
        transport_.accept_host_key();
    }
}

bool NativeSession::try_public_key(const PublicKeyView& key) noexcept {
    return is_ended() || auth_client_.try_public_key(key);
}

void NativeSession::try_password(std::span<const std::byte> password) noexcept {
    if (!is_ended()) {
        auth_client_.try_password(password);
    }
}

void NativeSession::try_keyboard_interactive() noexcept {
    if (!is_ended()) {
        auth_client_.try_keyboard_interactive();
    }
}

void NativeSession::answer(std::span<const std::span<const std::byte>> answers) noexcept {
    if (!is_ended()) {
        auth_client_.answer(answers);
    }
}

void NativeSession::provide_signature(std::span<const std::byte> signature) noexcept {
    if (is_ended()) {
        return;
    }
    if (config_.role == Role::server) {
        transport_.provide_signature(signature);
        flush();
    } else {
        auth_client_.provide_signature(signature);
    }
}

void NativeSession::decline_signature() noexcept {
    if (is_ended()) {
        return;
    }
    if (config_.role == Role::server) {
        end({ErrorCode::crypto_failure}, "no signature by the host key");
    } else {
        auth_client_.decline_signature();
    }
}

void NativeSession::accept_authentication() noexcept {
    if (!is_ended()) {
        auth_server_.accept();
    }
}

void NativeSession::accept_authentication_partly(
    std::string_view methods_that_can_continue) noexcept {
    if (!is_ended()) {
        auth_server_.accept_partly(methods_that_can_continue);
    }
}

void NativeSession::ask_prompts(std::string_view name,
                                std::string_view instruction,
                                std::span<const Prompt> prompts) noexcept {
    if (!is_ended()) {
        auth_server_.ask_prompts(name, instruction, prompts);
    }
}

void NativeSession::refuse_authentication(std::string_view methods_that_can_continue) noexcept {
    if (is_ended()) {
        return;
    }
    if (const Result<void> refused = auth_server_.refuse(methods_that_can_continue); !refused) {
        end(refused.error(), {});
    }
}

// ---- commands: channels ------------------------------------------------------------------------

Result<LocalChannelId> NativeSession::open(const OpenTarget& target) noexcept {
    if (is_ended()) {
        return tl::unexpected{Error{ErrorCode::closed_by_application}};
    }
    expects(is_established());
    return connection_.open(target);
}

void NativeSession::accept_channel(LocalChannelId id) noexcept {
    if (!is_ended()) {
        connection_.accept_channel(id);
    }
}

void NativeSession::refuse_channel(LocalChannelId id,
                                   OpenFailure reason,
                                   std::string_view text) noexcept {
    if (!is_ended()) {
        connection_.refuse_channel(id, reason, text);
    }
}

std::size_t NativeSession::send(LocalChannelId id, std::span<const std::byte> bytes) noexcept {
    return is_ended() ? bytes.size() : connection_.send(id, bytes, now_);
}

void NativeSession::grant(LocalChannelId id, std::uint32_t bytes) noexcept {
    if (!is_ended()) {
        connection_.grant(id, bytes);
    }
}

void NativeSession::withhold(LocalChannelId id, std::uint32_t bytes) noexcept {
    if (!is_ended()) {
        connection_.withhold(id, bytes);
    }
}

void NativeSession::widen(LocalChannelId id, std::uint32_t bytes) noexcept {
    if (!is_ended()) {
        connection_.widen(id, bytes);
    }
}

void NativeSession::eof(LocalChannelId id) noexcept {
    if (!is_ended()) {
        connection_.eof(id);
    }
}

void NativeSession::close(LocalChannelId id) noexcept {
    if (!is_ended()) {
        connection_.close(id);
    }
}

// ---- commands: the session ---------------------------------------------------------------------

Result<ForwardId> NativeSession::request_forward(const ForwardAddress& address) noexcept {
    if (is_ended()) {
        return tl::unexpected{Error{ErrorCode::closed_by_application}};
    }
    expects(is_established());
    return connection_.requests().request_forward(address);
}

void NativeSession::cancel_forward(ForwardId id) noexcept {
    if (!is_ended()) {
        connection_.requests().cancel_forward(id);
    }
}

void NativeSession::reply_forward(bool accepted, std::uint16_t port) noexcept {
    if (!is_ended()) {
        connection_.requests().reply_forward(accepted, port);
    }
}

void NativeSession::probe() noexcept {
    if (is_established()) {
        connection_.requests().probe();
    }
}

void NativeSession::rekey() noexcept {
    if (is_established()) {
        transport_.ask_for_rekey();
        transport_.rekey_if_due(now_);
    }
}

/// Every input and command is followed by this one, so that none of them has to ask by itself.
std::optional<Event> NativeSession::next_event() noexcept {
    if (transport_.has_refused_message()) {
        end({ErrorCode::message_too_large}, {});
    }
    return events_.take();
}

void NativeSession::sent(std::size_t bytes) noexcept {
    transport_.outbox().consume(bytes);
    if (!is_ended()) {
        flush();
    }
}

}  // namespace

std::unique_ptr<Session> make_native_session(SessionConfig config) {
    expects(config.random.fill != nullptr);
    expects(config.packet_bytes <= maximum_packet_bytes);
    return std::make_unique<NativeSession>(std::move(config));
}

}  // namespace caponier::ssh
