// ssh's choice between askpass and the terminal.

#include "engine/client/prompter.h"

#include <cstdlib>

#include "engine/client/askpass.h"
#include "engine/client/terminal_prompt.h"
#include "ssh/letter_case.h"

namespace caponier::client {

namespace {

/// OpenSSH's _PATH_SSH_ASKPASS_DEFAULT, which Debian makes a link to what is installed.
constexpr const char* default_program = "/usr/bin/ssh-askpass";

std::string value_of(const char* variable) {
    const char* const value = std::getenv(variable);
    return value == nullptr ? "" : value;
}

}  // namespace

AskpassEnvironment AskpassEnvironment::of_process() {
    return {.program = value_of("SSH_ASKPASS"),
            .require = value_of("SSH_ASKPASS_REQUIRE"),
            .has_display = !value_of("DISPLAY").empty() || !value_of("WAYLAND_DISPLAY").empty()};
}

AskBy way_to_ask(const AskpassEnvironment& environment, bool has_terminal) noexcept {
    if (ssh::equal_ignoring_case(environment.require, "force")) {
        return AskBy::askpass;
    }
    const bool is_allowed =
        environment.has_display && !ssh::equal_ignoring_case(environment.require, "never");
    if (is_allowed && (ssh::equal_ignoring_case(environment.require, "prefer") || !has_terminal)) {
        return AskBy::askpass;
    }
    return has_terminal ? AskBy::terminal : AskBy::nobody;
}

bool Prompter::can_ask() const noexcept {
    return way_to_ask(environment_, has_terminal()) != AskBy::nobody;
}

tl::expected<ssh::SecretBytes, std::string> Prompter::ask(const std::string& prompt, bool echo) {
    ++questions_;
    tl::expected<ssh::SecretBytes, std::string> answer = ask_by_rules(prompt, echo);
    --questions_;
    return answer;
}

tl::expected<ssh::SecretBytes, std::string> Prompter::ask_by_rules(const std::string& prompt,
                                                                   bool echo) const {
    switch (way_to_ask(environment_, has_terminal())) {
    case AskBy::askpass:
        return run_askpass(environment_.program.empty() ? default_program : environment_.program,
                           prompt,
                           interrupt_);
    case AskBy::terminal:
        return ask_on_terminal(prompt, echo, interrupt_);
    case AskBy::nobody:
        break;
    }
    return tl::unexpected{std::string{
        "nobody can be asked: there is neither a terminal nor SSH_ASKPASS with a display "
        "(SSH_ASKPASS_REQUIRE=force does without one)"}};
}

}  // namespace caponier::client
