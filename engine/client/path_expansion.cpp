// Expands file names as OpenSSH's tilde_expand() and vdollar_percent_expand() do.

#include "engine/client/path_expansion.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <vector>

#include <pwd.h>
#include <unistd.h>

#include <fmt/format.h>

#include "engine/client/text_filter.h"
#include "ssh/letter_case.h"

namespace caponier::client {

namespace {

/// PATH_MAX.
constexpr std::size_t path_bytes_max = 4096;
/// One entry of the password database; NSS modules rarely need a tenth of it.
constexpr std::size_t account_bytes_max = 64 * 1024;

Account account_in(const passwd& entry) {
    return {entry.pw_name, entry.pw_dir, entry.pw_uid};
}

std::optional<Account> account_named(const std::string& user) {
    std::vector<char> room(account_bytes_max);
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwnam_r(user.c_str(), &entry, room.data(), room.size(), &found) != 0 ||
        found == nullptr) {
        return std::nullopt;
    }
    return account_in(entry);
}

tl::unexpected<std::string> home_is_unknown(std::string_view path, const Account& account) {
    return tl::unexpected{
        fmt::format("{}: {}, so that its home directory is what HOME says: set it",
                    printable(path),
                    has_no_account(account))};
}

std::optional<std::string> token_value(char token, const TokenValues& values) {
    switch (token) {
    case '%':
        return "%";
    case 'd':
        return values.account.home;
    case 'u':
        return values.account.user;
    case 'i':
        return fmt::format("{}", values.account.uid);
    case 'n':
        return values.host;
    case 'k':
        return values.host_key_alias.empty() ? values.host : values.host_key_alias;
    case 'h':
        return values.host_name;
    case 'r':
        return values.remote_user;
    case 'p':
        return fmt::format("{}", values.port);
    default:
        return std::nullopt;
    }
}

}  // namespace

Account local_account() {
    const char* const home = std::getenv("HOME");
    return account_of(::getuid(), home == nullptr ? "" : home);
}

Account account_of(std::uint32_t uid, std::string_view home) {
    std::vector<char> room(account_bytes_max);
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwuid_r(uid, &entry, room.data(), room.size(), &found) != 0 || found == nullptr) {
        const bool is_absolute = home.starts_with('/');
        return {.user = {}, .home = std::string{is_absolute ? home : ""}, .uid = uid};
    }
    return account_in(entry);
}

std::string has_no_account(const Account& account) {
    return fmt::format("uid {} has no account here", account.uid);
}

bool is_none(std::string_view name) noexcept {
    return ssh::equal_ignoring_case(name, "none");
}

tl::expected<std::string, std::string> expand_tilde(std::string_view path, const Account& account) {
    if (path.empty() || path.front() != '~') {
        return std::string{path};
    }
    const std::size_t user_end = std::min(path.find('/'), path.size());
    const std::string user{path.substr(1, user_end - 1)};
    const std::optional<Account> owner = user.empty() ? account : account_named(user);
    if (user.empty() && account.home.empty()) {
        return home_is_unknown(path, account);
    }
    if (!owner || owner->home.empty()) {
        return tl::unexpected{fmt::format(
            "{}: the home directory of '{}' is unknown", printable(path), printable(user))};
    }
    std::string_view rest = path.substr(user_end);
    rest.remove_prefix(std::min(rest.find_first_not_of('/'), rest.size()));
    return owner->home + (owner->home.back() == '/' ? "" : "/") + std::string{rest};
}

tl::expected<std::string, std::string> expand_path(std::string_view path,
                                                   const TokenValues& values) {
    const auto refuse = [&](std::string_view why) {
        return tl::unexpected{fmt::format("{}: {}", printable(path), why)};
    };
    const tl::expected<std::string, std::string> text = expand_tilde(path, values.account);
    if (!text) {
        return text;
    }
    std::string expanded;
    for (std::size_t at = 0; at < text->size(); ++at) {
        const std::string_view rest = std::string_view{*text}.substr(at);
        if (rest.starts_with("${")) {
            const std::size_t end = rest.find('}');
            const std::string name{rest.substr(2, std::min(end, rest.size()) - 2)};
            const char* const value =
                end == std::string_view::npos ? nullptr : std::getenv(name.c_str());
            if (value == nullptr) {
                return refuse(fmt::format("environment variable '{}' is not set", printable(name)));
            }
            expanded += value;
            at += end;
        } else if (rest.front() == '%') {
            const char token = rest.size() > 1 ? rest[1] : '\0';
            if (token == 'd' && values.account.home.empty()) {
                return home_is_unknown(path, values.account);
            }
            if (token == 'u' && values.account.user.empty()) {
                return refuse(fmt::format("{}, so that there is no login name for %u",
                                          has_no_account(values.account)));
            }
            const std::optional<std::string> value = token_value(token, values);
            if (!value) {
                return refuse(fmt::format("unknown token '{}'", printable(rest.substr(0, 2))));
            }
            expanded += *value;
            ++at;
        } else {
            expanded += rest.front();
        }
    }
    if (expanded.size() >= path_bytes_max || expanded.find('\0') != std::string::npos) {
        return refuse("the name is too long or contains a NUL");
    }
    return expanded;
}

}  // namespace caponier::client
