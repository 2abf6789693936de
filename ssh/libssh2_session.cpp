// The contract of session.h over libssh2 1.10: phases, decisions, deadlines and the end. Bytes and
// error codes are libssh2_transport.cpp's, RFC 4252 is libssh2_authentication.cpp's, and channels
// are libssh2_channels.cpp's.
//
// Where libssh2 cannot do what the contract says:
// * It wants a valid descriptor: the session owns one eventfd that nobody reads or writes.
// * It reads a clock (its limit of 60 seconds for a reply) and a random source of its own.
// * It signs in a callback: the first call keeps the data and reports that it would block, the call
//   is repeated when the signature is here.
// * It does not tell EOF from CLOSE: a channel that the peer closed before our EOF was sent counts
//   as cut. And it sends an EOF in front of every CLOSE of ours.
// * It grants window when it is read from: avoided, see libssh2_channels.cpp.
// * It opens one channel at a time, does not rekey by itself, does not show banners, the peer's
// words
//   for a refused open, or the answer to a keepalive (any packet after a probe counts as one, and
//   so does the beginning of one).

#include "ssh/libssh2_session.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include <libssh2.h>

#include "ssh/expects.h"
#include "ssh/libssh2_authentication.h"
#include "ssh/libssh2_channels.h"
#include "ssh/libssh2_transport.h"
#include "ssh/transport/identification.h"
#include "ssh/wire/bytes.h"
#include "ssh/wire/wire_reader.h"

namespace caponier::ssh {

namespace {

std::string_view text_or_nothing(const char* text) noexcept {
    return text == nullptr ? std::string_view{} : std::string_view{text};
}

class Libssh2Session final : public Session {
  public:
    Libssh2Session(SessionConfig config, std::unique_ptr<Libssh2Transport> transport)
        : config_{std::move(config)},
          transport_{std::move(transport)},
          authentication_{*transport_, config_.user},
          channels_{*transport_, config_, events_},
          patience_{config_.kex_timeout} {
        // Sends our identification; there is nothing to read yet.
        settle();
    }

    // ---- questions ----------------------------------------------------------------------------

    bool is_established() const noexcept override { return phase_ == Phase::established; }
    bool is_ended() const noexcept override { return phase_ == Phase::ended; }
    /// libssh2 takes what there is, and gathers it by itself.
    std::size_t bytes_wanted() const noexcept override { return 1; }
    std::optional<ChannelState> channel(LocalChannelId id) const noexcept override {
        return channels_.state(id);
    }
    std::size_t channels_in_use() const noexcept override { return channels_.in_use(); }
    std::optional<TimePoint> next_deadline() const noexcept override;
    std::size_t outbox_bytes() const noexcept override { return transport_->outbox().bytes(); }
    std::uint64_t signs_of_life() const noexcept override { return transport_->memory_steps(); }
    /// libssh2 tells nobody the exchange hash.
    SessionBinding binding() const noexcept override { return {}; }

    // ---- inputs -------------------------------------------------------------------------------

    std::size_t receive(std::span<std::byte> bytes, TimePoint now) noexcept override;
    void end_of_input() noexcept override;
    void expire(TimePoint now) noexcept override;

    // ---- commands: authentication -------------------------------------------------------------

    void accept_host_key() noexcept override;
    void reject_host_key() noexcept override;
    bool try_public_key(const PublicKeyView& key) noexcept override;
    void try_password(std::span<const std::byte> password) noexcept override;
    void try_keyboard_interactive() noexcept override;
    void give_up_authentication() noexcept override;
    void provide_signature(std::span<const std::byte> signature) noexcept override;
    void decline_signature() noexcept override;

    // ---- commands: channels and the session ---------------------------------------------------

    Result<LocalChannelId> open(const OpenTarget& target) noexcept override;
    std::size_t send(LocalChannelId id, std::span<const std::byte> bytes) noexcept override;
    void grant(LocalChannelId id, std::uint32_t bytes) noexcept override;
    void withhold(LocalChannelId id, std::uint32_t bytes) noexcept override;
    void widen(LocalChannelId id, std::uint32_t bytes) noexcept override;
    void eof(LocalChannelId id) noexcept override;
    void close(LocalChannelId id) noexcept override;
    void probe() noexcept override;
    /// libssh2 follows the peer's rekeys and cannot start one.
    void rekey() noexcept override {}
    void disconnect() noexcept override;

    // ---- what this engine does not do ---------------------------------------------------------

    void answer(std::span<const std::span<const std::byte>> /*answers*/) noexcept override {
        expects(is_ended());  // PromptsWanted never comes
    }
    void accept_authentication() noexcept override { expects(is_ended()); }
    void accept_authentication_partly(std::string_view /*methods*/) noexcept override {
        expects(is_ended());
    }
    void ask_prompts(std::string_view /*name*/,
                     std::string_view /*instruction*/,
                     std::span<const Prompt> /*prompts*/) noexcept override {
        expects(is_ended());
    }
    void refuse_authentication(std::string_view /*methods*/) noexcept override {
        expects(is_ended());
    }
    void accept_channel(LocalChannelId /*id*/) noexcept override { expects(is_ended()); }
    void refuse_channel(LocalChannelId /*id*/,
                        OpenFailure /*reason*/,
                        std::string_view /*text*/) noexcept override {
        expects(is_ended());
    }
    void reply_forward(bool /*accepted*/, std::uint16_t /*port*/) noexcept override {
        expects(is_ended());
    }
    Result<ForwardId> request_forward(const ForwardAddress& /*address*/) noexcept override {
        return tl::unexpected{Error{ErrorCode::not_supported}};
    }
    void cancel_forward(ForwardId /*id*/) noexcept override {}

    // ---- outputs ------------------------------------------------------------------------------

    std::optional<Event> next_event() noexcept override;
    std::size_t outbox(std::span<std::span<const std::byte>> pieces) const noexcept override {
        return transport_->outbox().pieces(pieces);
    }
    void sent(std::size_t bytes) noexcept override;

  private:
    enum class Phase : std::uint8_t { key_exchange, host_key, authentication, established, ended };

    [[nodiscard]] std::size_t read_identification(std::span<const std::byte> bytes);
    void settle();
    void exchange_keys();
    void authenticate();
    void establish();
    void take_input(std::span<std::byte> room);
    void check_host_key();
    [[nodiscard]] std::span<const std::byte> host_key_of_libssh2() const noexcept;
    void keep(const Result<void>& result);
    [[nodiscard]] bool waits_for_peer() const noexcept;
    void start_wait(TimePoint now) noexcept;
    void stop_wait() noexcept;
    void end(Error error, std::string text);

    SessionConfig config_;
    std::deque<Event> events_;
    std::unique_ptr<Libssh2Transport> transport_;
    IdentificationReader identification_{Role::client};
    Libssh2Authentication authentication_;
    Libssh2Channels channels_;
    Phase phase_ = Phase::key_exchange;
    std::vector<std::byte> host_key_;
    std::string end_text_;
    bool bytes_seen_ = false;
    bool probe_unanswered_ = false;
    TimePoint now_{};                    ///< of the last input
    std::chrono::nanoseconds patience_;  ///< what is left of kex_timeout
    std::optional<TimePoint> deadline_;  ///< of the wait that runs
};

// ---- waiting -----------------------------------------------------------------------------------

bool Libssh2Session::waits_for_peer() const noexcept {
    return phase_ == Phase::key_exchange ||
           (phase_ == Phase::authentication && authentication_.waits_for_peer());
}

void Libssh2Session::start_wait(TimePoint now) noexcept {
    now_ = now;
    if (waits_for_peer() && !deadline_) {
        deadline_ = now + patience_;
    }
}

/// A person's thinking is not counted, so the clock stands still until the peer is asked again.
void Libssh2Session::stop_wait() noexcept {
    if (deadline_ && !waits_for_peer()) {
        patience_ = *deadline_ - now_;
        deadline_.reset();
    }
}

std::optional<TimePoint> Libssh2Session::next_deadline() const noexcept {
    if (waits_for_peer()) {
        return deadline_.value_or(now_);
    }
    return is_established() ? channels_.next_deadline() : std::nullopt;
}

void Libssh2Session::expire(TimePoint now) noexcept {
    channels_.forget_payload();
    if (is_ended()) {
        return;
    }
    if (deadline_ && now >= *deadline_) {
        const auto waited =
            std::chrono::duration_cast<std::chrono::milliseconds>(config_.kex_timeout);
        end({ErrorCode::timed_out, static_cast<std::uint32_t>(waited.count())}, {});
        return;
    }
    start_wait(now);
    if (is_established()) {
        keep(channels_.expire(now));
        settle();
    }
}

// ---- inputs ------------------------------------------------------------------------------------

std::size_t Libssh2Session::receive(std::span<std::byte> bytes, TimePoint now) noexcept {
    channels_.forget_payload();
    if (is_ended() || bytes.empty()) {
        return bytes.size();
    }
    bytes_seen_ = true;
    start_wait(now);
    const std::uint64_t signs = signs_of_life();
    std::span<std::byte> rest = bytes;
    if (!identification_.is_done()) {
        rest = rest.subspan(read_identification(bytes));
    }
    if (!is_ended() && !rest.empty()) {
        transport_->offer(rest);
        take_input(rest);
        rest = rest.last(transport_->unread_bytes());
        transport_->withdraw();
    }
    if (probe_unanswered_ && signs_of_life() != signs && !is_ended()) {
        probe_unanswered_ = false;
        events_.push_back(ProbeAnswered{});
    }
    stop_wait();
    return is_ended() ? bytes.size() : bytes.size() - rest.size();
}

/// libssh2 would skip any number of lines before the identification, of any length.
std::size_t Libssh2Session::read_identification(std::span<const std::byte> bytes) {
    const Result<std::size_t> taken = identification_.take(bytes);
    if (!taken) {
        end(taken.error(), {});
        return bytes.size();
    }
    if (identification_.is_done()) {
        events_.push_back(PeerIdentified{identification_.line()});
        const std::string line = identification_.line() + "\r\n";
        transport_->offer(bytes_of(line));
        settle();
        transport_->withdraw();
    }
    return *taken;
}

void Libssh2Session::take_input(std::span<std::byte> room) {
    if (!is_established()) {
        settle();
    }
    if (is_established() && transport_->unread_bytes() > 0) {
        keep(channels_.take_input(room.last(transport_->unread_bytes()), now_));
        check_host_key();
        settle();
    }
}

void Libssh2Session::end_of_input() noexcept {
    channels_.forget_payload();
    if (is_ended()) {
        return;
    }
    const bool not_ssh = bytes_seen_ && !identification_.is_done();
    end({not_ssh ? ErrorCode::not_ssh : ErrorCode::connection_lost}, {});
}

/// Does whatever can be done without new input.
void Libssh2Session::settle() {
    if (phase_ == Phase::key_exchange) {
        exchange_keys();
    }
    if (phase_ == Phase::authentication) {
        authenticate();
    }
    if (phase_ == Phase::established) {
        keep(channels_.flush());
    }
}

// ---- key exchange ------------------------------------------------------------------------------

void Libssh2Session::exchange_keys() {
    const int code = libssh2_session_handshake(transport_->session(), transport_->descriptor());
    if (code == LIBSSH2_ERROR_EAGAIN) {
        return;
    }
    if (code != 0) {
        end(transport_->error_of(code), transport_->text_of_error());
        return;
    }
    const std::span<const std::byte> blob = host_key_of_libssh2();
    host_key_.assign(blob.begin(), blob.end());
    WireReader in{host_key_};
    const std::string_view type = in.text();
    if (!in.ok()) {
        end({ErrorCode::malformed_key}, {});
        return;
    }
    phase_ = Phase::host_key;
    events_.push_back(HostKeyReceived{{type, host_key_}});
}

std::span<const std::byte> Libssh2Session::host_key_of_libssh2() const noexcept {
    std::size_t length = 0;
    const char* blob = libssh2_session_hostkey(transport_->session(), &length, nullptr);
    return blob == nullptr ? std::span<const std::byte>{} : std::as_bytes(std::span{blob, length});
}

/// The peer may rekey at any time, and libssh2 takes whatever host key it then brings.
void Libssh2Session::check_host_key() {
    const std::span<const std::byte> blob = host_key_of_libssh2();
    if (is_ended() || blob.empty()) {
        return;  // empty while keys are being exchanged
    }
    if (!std::equal(blob.begin(), blob.end(), host_key_.begin(), host_key_.end())) {
        end({ErrorCode::host_key_changed}, {});
    }
}

void Libssh2Session::accept_host_key() noexcept {
    if (is_ended()) {
        return;
    }
    expects(phase_ == Phase::host_key);
    const auto method = [this](int kind) {
        return text_or_nothing(libssh2_session_methods(transport_->session(), kind));
    };
    events_.push_back(KeysChanged{.kex = method(LIBSSH2_METHOD_KEX),
                                  .host_key = method(LIBSSH2_METHOD_HOSTKEY),
                                  .cipher_out = method(LIBSSH2_METHOD_CRYPT_CS),
                                  .cipher_in = method(LIBSSH2_METHOD_CRYPT_SC),
                                  .mac_out = method(LIBSSH2_METHOD_MAC_CS),
                                  .mac_in = method(LIBSSH2_METHOD_MAC_SC),
                                  .strict = false});
    phase_ = Phase::authentication;
    authentication_.probe();
    settle();
}

void Libssh2Session::reject_host_key() noexcept {
    if (is_ended()) {
        return;
    }
    expects(phase_ == Phase::host_key);
    transport_->disconnect(disconnect_reason(ErrorCode::host_key_rejected));
    end({ErrorCode::host_key_rejected}, {});
}

// ---- authentication ----------------------------------------------------------------------------

void Libssh2Session::authenticate() {
    const Result<Libssh2Authentication::Progress> progress = authentication_.proceed();
    if (!progress) {
        end(progress.error(), transport_->text_of_error());
        return;
    }
    switch (*progress) {
    case Libssh2Authentication::Progress::waiting:
        break;
    case Libssh2Authentication::Progress::method_wanted:
        events_.push_back(AuthenticationWanted{authentication_.methods()});
        break;
    case Libssh2Authentication::Progress::signature_wanted:
        events_.push_back(SignatureWanted{authentication_.key(), authentication_.data()});
        break;
    case Libssh2Authentication::Progress::authenticated:
        establish();
        break;
    }
}

void Libssh2Session::establish() {
    phase_ = Phase::established;
    // Replies wanted. libssh2 takes no interval below two seconds: a second probe within them is
    // not sent.
    libssh2_keepalive_config(transport_->session(), 1, 2);
    events_.push_back(Established{});
}

bool Libssh2Session::try_public_key(const PublicKeyView& key) noexcept {
    if (is_ended()) {
        return false;
    }
    expects(phase_ == Phase::authentication);
    if (!authentication_.try_public_key(key, identification_.line())) {
        return false;
    }
    settle();
    return true;
}

void Libssh2Session::try_password(std::span<const std::byte> password) noexcept {
    if (is_ended()) {
        return;
    }
    expects(phase_ == Phase::authentication);
    authentication_.try_password(password);
    settle();
}

void Libssh2Session::try_keyboard_interactive() noexcept {
    if (is_ended()) {
        return;
    }
    expects(phase_ == Phase::authentication);
    // libssh2 wants the answers from inside its callback, where nobody can be waited for.
    events_.push_back(
        Warning{"libssh2 cannot pass questions on: keyboard-interactive needs --ssh=native"});
    events_.push_back(AuthenticationWanted{.methods = authentication_.methods()});
}

void Libssh2Session::give_up_authentication() noexcept {
    if (is_ended()) {
        return;
    }
    transport_->disconnect(disconnect_reason(ErrorCode::authentication_failed));
    end({ErrorCode::authentication_failed}, {});
}

void Libssh2Session::provide_signature(std::span<const std::byte> signature) noexcept {
    if (is_ended()) {
        return;
    }
    expects(phase_ == Phase::authentication);
    authentication_.provide_signature(signature);
    settle();
}

void Libssh2Session::decline_signature() noexcept {
    if (is_ended()) {
        return;
    }
    expects(phase_ == Phase::authentication);
    authentication_.decline_signature();
    settle();
}

// ---- channels ----------------------------------------------------------------------------------

Result<LocalChannelId> Libssh2Session::open(const OpenTarget& target) noexcept {
    if (is_ended()) {
        return tl::unexpected{Error{ErrorCode::connection_lost}};
    }
    expects(is_established());
    Result<LocalChannelId> id = channels_.open(target);
    settle();
    return id;
}

std::size_t Libssh2Session::send(LocalChannelId id, std::span<const std::byte> bytes) noexcept {
    if (is_ended()) {
        return 0;
    }
    const Result<std::size_t> taken = channels_.send(id, bytes);
    if (!taken) {
        end(taken.error(), transport_->text_of_error());
        return 0;
    }
    return *taken;
}

void Libssh2Session::grant(LocalChannelId id, std::uint32_t bytes) noexcept {
    channels_.grant(id, bytes);
    settle();
}

void Libssh2Session::withhold(LocalChannelId id, std::uint32_t bytes) noexcept {
    channels_.withhold(id, bytes);
    settle();
}

void Libssh2Session::widen(LocalChannelId id, std::uint32_t bytes) noexcept {
    channels_.widen(id, bytes);
    settle();
}

void Libssh2Session::eof(LocalChannelId id) noexcept {
    channels_.eof(id);
    settle();
}

void Libssh2Session::close(LocalChannelId id) noexcept {
    channels_.close(id);
    settle();
}

// ---- the session -------------------------------------------------------------------------------

/// libssh2 reads the reply and keeps it to itself.
void Libssh2Session::probe() noexcept {
    if (!is_established()) {
        return;
    }
    int seconds_to_next = 0;
    const int code = libssh2_keepalive_send(transport_->session(), &seconds_to_next);
    if (code != 0) {
        end(transport_->error_of(code), transport_->text_of_error());
        return;
    }
    probe_unanswered_ = true;
}

void Libssh2Session::disconnect() noexcept {
    if (is_ended()) {
        return;
    }
    transport_->disconnect(disconnect_reason(ErrorCode::closed_by_application));
    end({ErrorCode::closed_by_application}, {});
}

void Libssh2Session::keep(const Result<void>& result) {
    if (!result && !is_ended()) {
        end(result.error(), transport_->text_of_error());
    }
}

void Libssh2Session::end(Error error, std::string text) {
    phase_ = Phase::ended;
    end_text_ = std::move(text);
    channels_.forget_all();
    transport_->cut();
    events_.push_back(SessionEnded{error, end_text_});
}

// ---- outputs -----------------------------------------------------------------------------------

std::optional<Event> Libssh2Session::next_event() noexcept {
    if (events_.empty()) {
        return std::nullopt;
    }
    const Event event = events_.front();
    events_.pop_front();
    channels_.taken(event);
    return event;
}

void Libssh2Session::sent(std::size_t bytes) noexcept {
    transport_->outbox().consume(bytes);
    if (is_established()) {
        channels_.outbox_drained();
    }
}

}  // namespace

Result<std::unique_ptr<Session>> make_libssh2_session(SessionConfig config) {
    expects(config.role == Role::client);
    Result<std::unique_ptr<Libssh2Transport>> transport = Libssh2Transport::make(config);
    if (!transport) {
        return tl::unexpected{transport.error()};
    }
    return std::make_unique<Libssh2Session>(std::move(config), std::move(*transport));
}

}  // namespace caponier::ssh
