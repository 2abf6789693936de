#pragma once
// Which method of RFC 4252 is tried next, and how often: ssh's rules (sshconnect2.c), without
// asking anybody anything. One object a session.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/client/authentication_options.h"
#include "engine/client/reason.h"

namespace caponier::client {

enum class Method : std::uint8_t { public_key, keyboard_interactive, password };

/// "publickey", "keyboard-interactive", "password".
[[nodiscard]] std::string_view name_of(Method method) noexcept;

class AuthenticationMethods {
  public:
    /// `somebody_answers`: there is a way to ask a person.
    AuthenticationMethods(const AuthenticationOptions& options, bool somebody_answers);

    /// The first of the preferred methods that the server can continue with and that has attempts
    /// left. Empty: none is.
    [[nodiscard]] std::optional<Method> next(std::string_view server_methods) const;

    /// It is being tried: passwords and rounds of questions are counted.
    void try_now(Method method) noexcept;
    /// It was not tried after all: nobody answered.
    void take_back(Method method) noexcept;
    /// Nothing is left to try with it.
    void exhaust(Method method) noexcept { state_of(method).is_exhausted = true; }
    /// The server began to ask, so that keyboard-interactive is more than a word in its list, and
    /// without anybody who answers it is not begun again. `has_prompts`: there is something to
    /// answer.
    void question_came(bool has_prompts) noexcept {
        question_came_ = true;
        prompts_came_ = prompts_came_ || has_prompts;
    }
    /// The last request was right, and more is wanted: it was no failed attempt.
    void last_was_accepted() noexcept;

    /// What is being tried.
    [[nodiscard]] std::optional<Method> last() const noexcept { return last_; }
    [[nodiscard]] int attempts(Method method) const noexcept;
    /// An attempt at this method was refused before.
    [[nodiscard]] bool is_again(Method method) const noexcept { return attempts(method) > 1; }

    /// What was tried and refused, but for the keys.
    [[nodiscard]] std::vector<Reason> refused() const;
    /// keyboard-interactive was refused before there was anything to answer. OpenSSH lists that
    /// method where it has no use for it, so that this is the least of several reasons.
    [[nodiscard]] std::optional<Reason> refused_unasked(bool is_only_reason) const;
    /// Why what the server would still take is not tried; empty where that is for the keys to say.
    [[nodiscard]] std::optional<Reason> not_tried(std::string_view server_methods) const;

  private:
    struct State {
        bool is_allowed = true;  ///< by the options
        bool is_exhausted = false;
        int attempts = 0;
        int refused = 0;
    };
    [[nodiscard]] State& state_of(Method method) noexcept {
        return states_[static_cast<std::size_t>(method)];
    }
    [[nodiscard]] const State& state_of(Method method) const noexcept {
        return states_[static_cast<std::size_t>(method)];
    }
    [[nodiscard]] bool can_be_tried(Method method) const noexcept;

    std::vector<Method> order_;
    std::array<State, 3> states_{};
    int attempts_max_;
    bool batch_mode_;
    bool somebody_answers_;
    bool question_came_ = false;
    bool prompts_came_ = false;
    bool accepted_ = false;  ///< something was, and more is wanted
    std::optional<Method> last_;
};

}  // namespace caponier::client
