#pragma once
// Authentication as the server sees it (RFC 4252): every request becomes a question to the
// application, one at a time, and nothing but its answer makes a user.

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ssh/auth/keyboard_interactive_method.h"
#include "ssh/crypto/secret_bytes.h"
#include "ssh/event_queue.h"
#include "ssh/transport/answer_deadline.h"
#include "ssh/transport/transport.h"

namespace caponier::ssh {

class AuthServer {
  public:
    /// All outlive it.
    AuthServer(const SessionConfig& config, Transport& transport, EventQueue& events) noexcept
        : config_{config}, transport_{transport}, events_{events} {}

    /// Keys are on: the client's time to authenticate runs.
    void begin() noexcept { deadline_.start(config_.login_timeout); }
    [[nodiscard]] Result<void> take(const Transport::Message& message);
    [[nodiscard]] bool is_done() const noexcept { return phase_ == Phase::done; }
    /// RFC 4252 5.1: pipelined requests are processed one by one.
    [[nodiscard]] bool waits_for_answer() const noexcept { return phase_ == Phase::answer_awaited; }

    /// When the client has taken too long; an answer that the application owes is waited for.
    [[nodiscard]] std::optional<TimePoint> deadline() const noexcept {
        return waits_for_answer() ? std::nullopt : deadline_.due();
    }
    [[nodiscard]] bool is_overdue(TimePoint now) const noexcept {
        return !waits_for_answer() && deadline_.is_overdue(now);
    }
    void observe(TimePoint now) noexcept { deadline_.observe(now); }

    void accept();
    void accept_partly(std::string_view methods_that_can_continue);
    void ask_prompts(std::string_view name,
                     std::string_view instruction,
                     std::span<const Prompt> prompts);
    /// The error ends the session: the client has tried too often.
    [[nodiscard]] Result<void> refuse(std::string_view methods_that_can_continue);

  private:
    enum class Phase : std::uint8_t {
        service_awaited,
        request_awaited,
        answer_awaited,    ///< the application's
        response_awaited,  ///< the client's, to prompts; a new request abandons them
        done
    };

    [[nodiscard]] Result<void> take_service_request(std::span<const std::byte> payload);
    [[nodiscard]] Result<void> take_request(std::span<const std::byte> payload);
    [[nodiscard]] Result<void> take_method(std::span<const std::byte> fields);
    [[nodiscard]] Result<void> take_public_key(std::span<const std::byte> fields);
    [[nodiscard]] Result<void> take_password(std::span<const std::byte> fields);
    [[nodiscard]] Result<void> take_info_response(std::span<const std::byte> payload);
    [[nodiscard]] Result<void> refuse_without_question();
    void ask_application(bool signed_by_client);
    void send_failure(std::string_view methods_that_can_continue, bool partial_success);
    void forget_request() noexcept;

    const SessionConfig& config_;
    Transport& transport_;
    EventQueue& events_;
    AnswerDeadline deadline_;
    Phase phase_ = Phase::service_awaited;
    int failures_ = 0;
    int requests_ = 0;
    std::string user_;
    bool partly_accepted_ = false;  ///< some request of user_'s

    // The request that is being decided.
    std::string method_;
    std::string algorithm_;
    std::vector<std::byte> key_;
    bool signed_by_client_ = false;
    SecretBytes secret_;  ///< the password, or the client's answers to prompts
    AnswerViews answers_;
    std::size_t prompts_asked_ = 0;
};

}  // namespace caponier::ssh
