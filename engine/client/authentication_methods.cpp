// The order of methods, and the words for its end.

#include "engine/client/authentication_methods.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/client/text_filter.h"
#include "ssh/wire/name_list.h"

namespace caponier::client {

namespace {

/// ssh_config(5) PreferredAuthentications: "The default is: gssapi-with-mic,hostbased,publickey,
/// keyboard-interactive,password", without the two that are not spoken.
constexpr std::array usual_order{
    Method::public_key, Method::keyboard_interactive, Method::password};

bool wants_person(Method method) noexcept {
    return method != Method::public_key;
}

}  // namespace

std::string_view name_of(Method method) noexcept {
    switch (method) {
    case Method::public_key:
        return "publickey";
    case Method::keyboard_interactive:
        return "keyboard-interactive";
    case Method::password:
        break;
    }
    return "password";
}

AuthenticationMethods::AuthenticationMethods(const AuthenticationOptions& options,
                                             bool somebody_answers)
    : order_(usual_order.begin(), usual_order.end()),
      attempts_max_(options.password_prompts),
      batch_mode_(options.batch_mode),
      somebody_answers_(somebody_answers) {
    if (!options.preferred.empty()) {
        order_.clear();
        for (const std::string& name : options.preferred) {
            for (const Method method : usual_order) {
                if (name == name_of(method)) {
                    order_.push_back(method);
                }
            }
        }
    }
    state_of(Method::public_key).is_allowed = options.public_key;
    state_of(Method::keyboard_interactive).is_allowed = options.keyboard_interactive;
    state_of(Method::password).is_allowed = options.password;
}

bool AuthenticationMethods::can_be_tried(Method method) const noexcept {
    const State& state = state_of(method);
    if (!state.is_allowed || state.is_exhausted) {
        return false;
    }
    if (!wants_person(method)) {
        return true;
    }
    if (batch_mode_ || state.attempts >= attempts_max_) {
        return false;
    }
    if (method == Method::password || question_came_) {
        return somebody_answers_;
    }
    // A server may decide by other means and ask nothing, so that the first attempt needs nobody.
    // sshconnect2.c, userauth_kbdint(): "disable if no SSH2_MSG_USERAUTH_INFO_REQUEST has been
    // seen".
    return state.attempts == 0;
}

std::optional<Method> AuthenticationMethods::next(std::string_view server_methods) const {
    const ssh::NameList offered{server_methods};
    const auto found = std::find_if(order_.begin(), order_.end(), [&](Method method) {
        return offered.contains(name_of(method)) && can_be_tried(method);
    });
    return found == order_.end() ? std::nullopt : std::optional{*found};
}

void AuthenticationMethods::try_now(Method method) noexcept {
    ++state_of(method).attempts;
    ++state_of(method).refused;  // until the server says otherwise
    last_ = method;
}

void AuthenticationMethods::take_back(Method method) noexcept {
    --state_of(method).attempts;
    --state_of(method).refused;
    last_.reset();
}

void AuthenticationMethods::last_was_accepted() noexcept {
    accepted_ = true;
    if (last_) {
        take_back(*last_);
    }
}

int AuthenticationMethods::attempts(Method method) const noexcept {
    return state_of(method).attempts;
}

std::vector<Reason> AuthenticationMethods::refused() const {
    std::vector<Reason> reasons;
    const auto times = [](int count) {
        return fmt::format("{} {}", count, count == 1 ? "attempt" : "attempts");
    };
    if (const int count = state_of(Method::keyboard_interactive).refused;
        count > 0 && prompts_came_) {
        reasons.push_back({fmt::format("The server refused the answers ({}).", times(count)),
                           "Check them and the user name."});
    }
    if (const int count = state_of(Method::password).refused; count > 0) {
        reasons.push_back({fmt::format("The server refused the password ({}).", times(count)),
                           "Check the password and the user name."});
    }
    return reasons;
}

std::optional<Reason> AuthenticationMethods::refused_unasked(bool is_only_reason) const {
    const bool was_refused = state_of(Method::keyboard_interactive).refused > 0 && !prompts_came_;
    if (!was_refused || !(question_came_ || is_only_reason)) {
        return std::nullopt;
    }
    return Reason{"The server refused keyboard-interactive without a question to answer.", {}};
}

std::optional<Reason> AuthenticationMethods::not_tried(std::string_view server_methods) const {
    const ssh::NameList offered{server_methods};
    std::vector<std::string_view> asking;
    bool any = false;
    for (const Method method : order_) {
        const State& state = state_of(method);
        if (!state.is_allowed || !offered.contains(name_of(method))) {
            continue;
        }
        any = true;
        if (wants_person(method) && state.refused == 0) {
            asking.push_back(name_of(method));
        }
    }
    if (!asking.empty() && batch_mode_) {
        return Reason{
            fmt::format("The server would take {}, but BatchMode=yes forbids to ask for it.",
                        fmt::join(asking, " or ")),
            {}};
    }
    if (!asking.empty() && !somebody_answers_) {
        return Reason{
            fmt::format("The server would take {}, but nobody can be asked: there is no terminal.",
                        fmt::join(asking, " or ")),
            "Run it on a terminal, or set SSH_ASKPASS and SSH_ASKPASS_REQUIRE=force."};
    }
    if (!any) {
        return Reason{
            fmt::format("The server {} '{}', and of these nothing is allowed or supported here.",
                        accepted_ ? "accepted what was tried, but also wants" : "asks for",
                        printable(server_methods, 200)),
            "Supported are publickey, keyboard-interactive and password."};
    }
    return std::nullopt;
}

}  // namespace caponier::client
