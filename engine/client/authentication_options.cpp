// What the options take, in ssh's spelling.

#include "engine/client/authentication_options.h"

#include <charconv>
#include <cstdlib>

#include "ssh/letter_case.h"
#include "ssh/wire/name_list.h"

namespace caponier::client {

namespace {

/// OpenSSH's SSH_MAX_CERTIFICATE_FILES.
constexpr std::size_t certificate_files_max = 100;

std::string value_of(const std::string& variable) {
    const char* const value = std::getenv(variable.c_str());
    return value == nullptr ? "" : value;
}

}  // namespace

bool set_password_prompts(AuthenticationOptions& options, std::string_view text) {
    int count = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, count);
    if (text.empty() || error != std::errc{} || stop != end || count < 0) {
        return false;
    }
    options.password_prompts = count;
    return true;
}

bool set_preferred(AuthenticationOptions& options, std::string_view text) {
    const ssh::NameList names{text};
    if (names.empty() || !names.is_valid()) {
        return false;
    }
    options.preferred.clear();
    for (const std::string_view name : names) {
        options.preferred.emplace_back(name);
    }
    return true;
}

bool set_public_key(AuthenticationOptions& options, std::string_view text) {
    for (const std::string_view yes : {"yes", "true", "unbound", "host-bound"}) {
        if (ssh::equal_ignoring_case(text, yes)) {
            options.public_key = true;
            return true;
        }
    }
    for (const std::string_view no : {"no", "false"}) {
        if (ssh::equal_ignoring_case(text, no)) {
            options.public_key = false;
            return true;
        }
    }
    return false;
}

bool add_certificate_file(AuthenticationOptions& options, std::string_view text) {
    if (options.certificate_files.size() >= certificate_files_max) {
        return false;
    }
    options.certificate_files.emplace_back(text);
    return true;
}

tl::expected<std::string, std::string> agent_path(const std::string& identity_agent,
                                                  const TokenValues& values) {
    if (identity_agent.empty() || identity_agent == "SSH_AUTH_SOCK") {
        return value_of("SSH_AUTH_SOCK");
    }
    if (is_none(identity_agent)) {
        return std::string{};
    }
    if (identity_agent.front() == '$' && !identity_agent.starts_with("${")) {
        return value_of(identity_agent.substr(1));
    }
    tl::expected<std::string, std::string> path = expand_path(identity_agent, values);
    if (!path) {
        return tl::unexpected{"IdentityAgent " + path.error()};
    }
    return path;
}

}  // namespace caponier::client
