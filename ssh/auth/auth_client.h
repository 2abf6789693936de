#pragma once
// Authentication as the client sees it (RFC 4252): asks for the service, probes with `none`, and
// then tries what the application offers until the server says success. Policy is the
// application's; the order of messages is kept here.

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ssh/event_queue.h"
#include "ssh/transport/answer_deadline.h"
#include "ssh/transport/transport.h"

namespace caponier::ssh {

class AuthClient {
  public:
    /// All outlive it.
    AuthClient(const SessionConfig& config, Transport& transport, EventQueue& events) noexcept
        : config_{config}, transport_{transport}, events_{events} {}

    /// Keys are on: asks for the service.
    void begin();
    [[nodiscard]] Result<void> take(const Transport::Message& message);
    [[nodiscard]] bool is_done() const noexcept { return phase_ == Phase::done; }

    [[nodiscard]] bool try_public_key(const PublicKeyView& key);
    void provide_signature(std::span<const std::byte> signature);
    void decline_signature();
    void try_password(std::span<const std::byte> password);
    void try_keyboard_interactive();
    void answer(std::span<const std::span<const std::byte>> answers);

    /// When the server's answer is overdue.
    [[nodiscard]] std::optional<TimePoint> deadline() const noexcept { return deadline_.due(); }
    [[nodiscard]] bool is_overdue(TimePoint now) const noexcept {
        return deadline_.is_overdue(now);
    }
    void observe(TimePoint now) noexcept { deadline_.observe(now); }

  private:
    /// Only move_to() changes it.
    enum class Phase : std::uint8_t {
        idle,
        service_asked,
        request_sent,      ///< SSH_MSG_USERAUTH_FAILURE or _SUCCESS is awaited
        query_sent,        ///< FAILURE or SSH_MSG_USERAUTH_PK_OK
        password_sent,     ///< FAILURE, SUCCESS or SSH_MSG_USERAUTH_PASSWD_CHANGEREQ
        interactive_sent,  ///< FAILURE, SUCCESS or SSH_MSG_USERAUTH_INFO_REQUEST
        method_awaited,    ///< the application chooses
        signature_awaited,
        answers_awaited,
        done,
    };

    void move_to(Phase next) noexcept;
    [[nodiscard]] bool server_owes_verdict() const noexcept;
    [[nodiscard]] bool may_try() const noexcept;
    [[nodiscard]] Result<void> take_service_accept(std::span<const std::byte> payload);
    [[nodiscard]] Result<void> take_ext_info(std::span<const std::byte> payload);
    [[nodiscard]] Result<void> take_failure(std::span<const std::byte> payload);
    [[nodiscard]] Result<void> take_success(std::span<const std::byte> payload);
    [[nodiscard]] Result<void> take_banner(std::span<const std::byte> payload);
    [[nodiscard]] Result<void> take_method_message(std::span<const std::byte> payload);
    [[nodiscard]] Result<void> take_pk_ok(std::span<const std::byte> payload);
    [[nodiscard]] Result<void> take_password_change_request(std::span<const std::byte> payload);
    [[nodiscard]] Result<void> take_info_request(std::span<const std::byte> payload);
    [[nodiscard]] PublicKeyView key() const noexcept { return {algorithm_, key_}; }

    const SessionConfig& config_;
    Transport& transport_;
    EventQueue& events_;
    Phase phase_ = Phase::idle;
    bool first_message_ = true;         ///< the next message is the first under the new keys
    bool success_must_follow_ = false;  ///< SSH_MSG_EXT_INFO came in the middle
    std::size_t messages_ = 0;          ///< that came
    std::size_t banners_bytes_ = 0;     ///< that came in them
    AnswerDeadline deadline_;

    std::string server_sig_algs_;
    bool host_bound_ = false;

    std::string methods_;  ///< of the last failure; an event points to it
    std::string algorithm_;
    std::vector<std::byte> key_;
    std::vector<std::byte> to_sign_;
    std::vector<Prompt> prompts_;  ///< of the last request; an event points to them
    int rounds_ = 0;               ///< of the keyboard-interactive attempt
};

}  // namespace caponier::ssh
