// The -o options: one table row each, and the value formats that they share. The words come from
// option_words.cpp, -L is local_forward.cpp, paths are expanded later by path_expansion.cpp.

#include "engine/client/settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "engine/client/algorithm_options.h"
#include "engine/client/option_words.h"
#include "engine/client/path_expansion.h"
#include "engine/client/resolve.h"
#include "engine/client/text_filter.h"
#include "engine/relay/limits.h"
#include "ssh/letter_case.h"

namespace caponier::client {

namespace {

/// OpenSSH's SSH_MAX_IDENTITY_FILES and SSH_MAX_HOSTS_FILES.
constexpr std::size_t identity_files_max = 100;
constexpr std::size_t known_hosts_files_max = 32;

using Arguments = std::vector<std::string>;
using ssh::equal_ignoring_case;
using ssh::in_lower_case;

std::optional<int> parse_int(std::string_view text) noexcept {
    int value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    return !text.empty() && error == std::errc{} && stop == end && value >= 0 ? std::optional{value}
                                                                              : std::nullopt;
}

std::optional<bool> parse_flag(std::string_view text) noexcept {
    if (equal_ignoring_case(text, "yes") || equal_ignoring_case(text, "true")) {
        return true;
    }
    if (equal_ignoring_case(text, "no") || equal_ignoring_case(text, "false")) {
        return false;
    }
    return std::nullopt;
}

/// sshd_config(5) "TIME FORMATS": 90, 90s, 1m30s, 2h, 1d, 1w; "none" is 0. Within an int.
std::optional<std::chrono::seconds> parse_time(std::string_view text) noexcept {
    if (text == "none") {
        return std::chrono::seconds{0};
    }
    std::int64_t total = 0;
    bool seconds_given = false;
    if (text.empty()) {
        return std::nullopt;
    }
    while (!text.empty()) {
        std::int32_t value = 0;
        const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc{} || value < 0) {
            return std::nullopt;
        }
        text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
        const char unit = text.empty() ? 's' : in_lower_case(text.front());
        constexpr std::string_view units = "smhdw";
        constexpr std::array<std::int64_t, 5> lengths{1, 60, 3600, 86'400, 604'800};
        const std::size_t which = units.find(unit);
        if (which == std::string_view::npos || (unit == 's' && seconds_given)) {
            return std::nullopt;
        }
        seconds_given = seconds_given || unit == 's';
        total += value * lengths[which];
        if (total > std::numeric_limits<int>::max()) {
            return std::nullopt;
        }
        text.remove_prefix(text.empty() ? 0 : 1);
    }
    return std::chrono::seconds{total};
}

bool set_flag(bool& flag, const Arguments& arguments) {
    const std::optional<bool> value = parse_flag(arguments.front());
    flag = value.value_or(flag);
    return value.has_value();
}

bool set_time(std::chrono::seconds& time, const Arguments& arguments) {
    const std::optional<std::chrono::seconds> value = parse_time(arguments.front());
    time = value.value_or(time);
    return value.has_value();
}

/// OpenBSD's scan_scaled() without fractions: 64, 512K, 1G, in bytes.
std::optional<std::uint64_t> parse_bytes(std::string_view text) noexcept {
    constexpr std::string_view units = "bkmgtpe";
    constexpr unsigned bits_of_a_unit = 10;
    std::uint64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || end - stop > 1) {
        return std::nullopt;
    }
    const std::size_t unit = stop == end ? 0 : units.find(in_lower_case(*stop));
    if (unit == std::string_view::npos) {
        return std::nullopt;
    }
    const auto shift = static_cast<unsigned>(unit) * bits_of_a_unit;
    constexpr auto largest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    return value <= largest >> shift ? std::optional{value << shift} : std::nullopt;
}

/// ssh_config(5) RekeyLimit: "default" or a number of bytes, then optionally "none" or a time.
bool set_rekey_limit(Settings& settings, const Arguments& arguments) {
    constexpr std::uint64_t bytes_min = 16;
    const bool is_default = arguments.front() == "default";
    const std::optional<std::uint64_t> bytes =
        is_default ? std::uint64_t{0} : parse_bytes(arguments.front());
    const std::optional<std::chrono::seconds> interval =
        arguments.size() > 1 ? parse_time(arguments[1]) : std::chrono::seconds{0};
    if (!bytes || !interval || (*bytes != 0 && *bytes < bytes_min) || arguments.size() > 2) {
        return false;
    }
    settings.rekey_limit = {.bytes = *bytes, .interval = *interval};
    return true;
}

bool set_strict(Settings& settings, const Arguments& arguments) {
    struct Name {
        std::string_view text;
        StrictHostKeyChecking value;
    };
    using enum StrictHostKeyChecking;
    constexpr std::array<Name, 7> names{{{"yes", yes},
                                         {"true", yes},
                                         {"ask", ask},
                                         {"accept-new", accept_new},
                                         {"no", no},
                                         {"false", no},
                                         {"off", no}}};
    const auto* const found = std::find_if(names.begin(), names.end(), [&](const Name& name) {
        return equal_ignoring_case(name.text, arguments.front());
    });
    if (found == names.end()) {
        return false;
    }
    settings.strict_host_key_checking = found->value;
    return true;
}

bool set_files(std::vector<std::string>& files, const Arguments& arguments) {
    const bool has_none = std::any_of(arguments.begin(), arguments.end(), &is_none);
    if ((has_none && arguments.size() > 1) || arguments.size() > known_hosts_files_max) {
        return false;
    }
    files = arguments;
    return true;
}

bool add_identity_file(Settings& settings, const Arguments& arguments) {
    if (settings.identity_files.size() >= identity_files_max) {
        return false;
    }
    settings.identity_files.push_back(arguments.front());
    return true;
}

bool set_port(Settings& settings, const Arguments& arguments) {
    const tl::expected<std::uint16_t, std::string> port = parse_port(arguments.front());
    settings.port = port && *port != 0 ? *port : settings.port;
    return port && *port != 0;
}

bool set_alive_count(Settings& settings, const Arguments& arguments) {
    const std::optional<int> count = parse_int(arguments.front());
    settings.server_alive_count_max = count.value_or(settings.server_alive_count_max);
    return count.has_value();
}

bool set_close_without_eof(Settings& settings, const Arguments& arguments) {
    using enum relay::CloseWithoutEof;
    for (const auto& [name, value] :
         {std::pair{"auto", by_server}, std::pair{"reset", reset}, std::pair{"fin", fin}}) {
        if (equal_ignoring_case(name, arguments.front())) {
            settings.close_without_eof = value;
            return true;
        }
    }
    return false;
}

/// Of what is not done here: the value that says so.
bool is_switched_off(Settings&, const Arguments& arguments) {
    return parse_flag(arguments.front()) == false;
}

/// A number from 1 to `max`.
bool set_count(std::uint32_t& count, std::uint32_t max, const Arguments& arguments) {
    const std::optional<int> value = parse_int(arguments.front());
    if (!value || *value < 1 || static_cast<std::uint32_t>(*value) > max) {
        return false;
    }
    count = static_cast<std::uint32_t>(*value);
    return true;
}

bool set_keyboard_interactive(Settings& settings, const Arguments& arguments) {
    return set_flag(settings.authentication.keyboard_interactive, arguments);
}

struct Option {
    std::string_view name;
    std::string_view takes;  ///< for the error
    bool (*apply)(Settings&, const Arguments&);
    bool several_arguments = false;
    bool accumulates = false;
};

/// Less would not hold one window and what opens beside it.
constexpr std::uint64_t memory_budget_least = 1024 * 1024;

constexpr std::string_view takes_no = "no, the only value so far";
constexpr std::string_view takes_flag = "yes or no";
constexpr std::string_view takes_time = "a time such as 10 or 1m30s";
constexpr std::string_view takes_algorithms =
    "names separated by commas, and +, - or ^ in front to add to the default, take from it, or "
    "prefer";
constexpr std::string_view takes_files = "up to 32 file names, or none";

/// Which names there are depends on the engine, which may be named later: complete() looks.
template <std::string AlgorithmOptions::*list>
bool set_algorithms(Settings& settings, const Arguments& arguments) {
    settings.algorithm_options.*list = arguments.front();
    return is_algorithm_list(arguments.front());
}

constexpr std::array<Option, 43> options{{
    {"HostName",
     "a host name or address",
     [](Settings& s, const Arguments& a) { return s.host_name = a.front(), true; }},
    {"User",
     "a user name",
     [](Settings& s, const Arguments& a) {
         return s.user = a.front(), is_valid_user_name(s.user);
     }},
    {"Port", "a port from 1 to 65535", &set_port},
    {"IdentityFile", "a file name, or none, at most 100 times", &add_identity_file, false, true},
    {"IdentitiesOnly",
     takes_flag,
     [](Settings& s, const Arguments& a) { return set_flag(s.identities_only, a); }},
    {"CertificateFile",
     "a file name, or none, at most 100 times",
     [](Settings& s, const Arguments& a) {
         return add_certificate_file(s.authentication, a.front());
     },
     false,
     true},
    {"IdentityAgent",
     "none, SSH_AUTH_SOCK, $NAME or the path of a socket",
     [](Settings& s, const Arguments& a) { return s.authentication.agent = a.front(), true; }},
    {"PubkeyAuthentication",
     takes_flag,
     [](Settings& s, const Arguments& a) { return set_public_key(s.authentication, a.front()); }},
    {"PasswordAuthentication",
     takes_flag,
     [](Settings& s, const Arguments& a) { return set_flag(s.authentication.password, a); }},
    {"KbdInteractiveAuthentication", takes_flag, &set_keyboard_interactive},
    {"NumberOfPasswordPrompts",
     "a number",
     [](Settings& s, const Arguments& a) {
         return set_password_prompts(s.authentication, a.front());
     }},
    {"PreferredAuthentications",
     "names of methods, separated by commas",
     [](Settings& s, const Arguments& a) { return set_preferred(s.authentication, a.front()); }},
    {"BatchMode",
     takes_flag,
     [](Settings& s, const Arguments& a) { return set_flag(s.authentication.batch_mode, a); }},
    {"UserKnownHostsFile",
     takes_files,
     [](Settings& s, const Arguments& a) { return set_files(s.user_known_hosts_files, a); },
     true},
    {"GlobalKnownHostsFile",
     takes_files,
     [](Settings& s, const Arguments& a) { return set_files(s.global_known_hosts_files, a); },
     true},
    {"RevokedHostKeys",
     takes_files,
     [](Settings& s, const Arguments& a) { return set_files(s.revoked_host_keys_files, a); },
     true},
    {"StrictHostKeyChecking", "yes, ask, accept-new or no", &set_strict},
    {"HostKeyAlias",
     "a name",
     [](Settings& s, const Arguments& a) { return s.host_key_alias = a.front(), true; }},
    {"HashKnownHosts",
     takes_flag,
     [](Settings& s, const Arguments& a) { return set_flag(s.hash_known_hosts, a); }},
    {"NoHostAuthenticationForLocalhost",
     takes_flag,
     [](Settings& s, const Arguments& a) {
         return set_flag(s.no_host_authentication_for_localhost, a);
     }},
    {"CheckHostIP", takes_no, &is_switched_off},
    {"UpdateHostKeys", takes_no, &is_switched_off},
    {"VerifyHostKeyDNS", takes_no, &is_switched_off},
    {"VisualHostKey", takes_no, &is_switched_off},
    {"ExitOnForwardFailure",
     takes_flag,
     [](Settings& s, const Arguments& a) { return set_flag(s.exit_on_forward_failure, a); }},
    {"ConnectTimeout",
     takes_time,
     [](Settings& s, const Arguments& a) { return set_time(s.connect_timeout, a); }},
    {"DrainTimeout",
     takes_time,
     [](Settings& s, const Arguments& a) { return set_time(s.drain_timeout, a); }},
    {"ServerAliveInterval",
     takes_time,
     [](Settings& s, const Arguments& a) { return set_time(s.server_alive_interval, a); }},
    {"ServerAliveCountMax", "a number", &set_alive_count},
    {"GatewayPorts",
     takes_flag,
     [](Settings& s, const Arguments& a) { return set_flag(s.gateway_ports, a); }},
    {"Ciphers", takes_algorithms, &set_algorithms<&AlgorithmOptions::ciphers>},
    {"MACs", takes_algorithms, &set_algorithms<&AlgorithmOptions::macs>},
    {"KexAlgorithms", takes_algorithms, &set_algorithms<&AlgorithmOptions::kex>},
    {"HostKeyAlgorithms", takes_algorithms, &set_algorithms<&AlgorithmOptions::host_key>},
    {"PubkeyAcceptedAlgorithms", takes_algorithms, &set_algorithms<&AlgorithmOptions::public_key>},
    {"CASignatureAlgorithms", takes_algorithms, &set_algorithms<&AlgorithmOptions::ca_signature>},
    {"RekeyLimit",
     "default or a size from 16 such as 512K or 1G, and then none or a time such as 1h",
     &set_rekey_limit,
     true},
    {"PoolSessions",
     "a number from 1 to 256",
     [](Settings& s, const Arguments& a) {
         return set_count(s.pool_sessions, relay::sessions_max, a);
     }},
    {"ChannelsPerSession",
     "a number from 1 to 16000",
     [](Settings& s, const Arguments& a) {
         return set_count(s.channels_per_session, ssh::channels_max, a);
     }},
    {"MemoryBudget",
     "a size from 1M such as 512M or 2G",
     [](Settings& s, const Arguments& a) {
         const std::optional<std::uint64_t> bytes = parse_bytes(a.front());
         s.memory_budget_bytes = bytes;
         return bytes && *bytes >= memory_budget_least;
     }},
    {"CloseWithoutEof", "auto, reset or fin", &set_close_without_eof},
    {"LogTimestamps",
     takes_flag,
     [](Settings& s, const Arguments& a) { return set_flag(s.log_timestamps, a); }},
    {"Reconnect", takes_no, &is_switched_off},
}};

/// ssh_config(5) keeps an option's old name working.
std::string_view current_name(std::string_view key) noexcept {
    struct Renamed {
        std::string_view before;
        std::string_view now;
    };
    constexpr std::array<Renamed, 4> renamed{{
        {"PubkeyAcceptedKeyTypes", "PubkeyAcceptedAlgorithms"},
        {"ChallengeResponseAuthentication", "KbdInteractiveAuthentication"},
        {"SkeyAuthentication", "KbdInteractiveAuthentication"},
        {"TISAuthentication", "KbdInteractiveAuthentication"},
    }};
    const auto* const found =
        std::find_if(renamed.begin(), renamed.end(), [key](const Renamed& row) {
            return equal_ignoring_case(row.before, key);
        });
    return found == renamed.end() ? key : found->now;
}

/// HostName may name the host that the user typed: ssh_config(5) allows %h and %% in it.
tl::expected<std::string, std::string> expand_host_name(std::string_view text,
                                                        std::string_view host) {
    std::string expanded;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] != '%') {
            expanded += text[at];
            continue;
        }
        const char token = ++at < text.size() ? text[at] : '\0';
        if (token != 'h' && token != '%') {
            return tl::unexpected{
                fmt::format("HostName {}: only %h and %% can be expanded", printable(text))};
        }
        expanded += token == 'h' ? host : "%";
    }
    return expanded;
}

bool is_control(char c) noexcept {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

bool is_blank(char c) noexcept {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/// `text` is what was written, for the error.
tl::expected<void, std::string> apply_words(Settings& settings,
                                            std::vector<std::string>& seen,
                                            const OptionWords& words,
                                            std::string_view text) {
    const std::string_view name = current_name(words.key);
    const auto* const option = std::find_if(options.begin(), options.end(), [&](const Option& row) {
        return equal_ignoring_case(row.name, name);
    });
    if (option == options.end()) {
        return tl::unexpected{fmt::format("option '{}' is not supported", printable(words.key))};
    }
    const Arguments& arguments = words.arguments;
    const bool fitting = !arguments.empty() &&
                         (arguments.size() == 1 || option->several_arguments) &&
                         std::none_of(arguments.begin(), arguments.end(), [](const auto& argument) {
                             return argument.empty();
                         });
    // A wrong value is an error also where an earlier one wins.
    Settings changed = settings;
    if (!fitting || !option->apply(changed, arguments)) {
        return tl::unexpected{
            fmt::format("option {} takes {}: '{}'", option->name, option->takes, printable(text))};
    }
    const std::string key = in_lower_case(option->name);
    const bool first = std::find(seen.begin(), seen.end(), key) == seen.end();
    if (first) {
        seen.push_back(key);
    }
    if (first || option->accumulates) {
        settings = std::move(changed);
    }
    return {};
}

}  // namespace

tl::expected<void, std::string> apply_option(Settings& settings,
                                             std::vector<std::string>& seen,
                                             std::string_view text) {
    const tl::expected<OptionWords, std::string> words = split_option(text);
    if (!words) {
        return tl::unexpected{words.error()};
    }
    return apply_words(settings, seen, *words, text);
}

tl::expected<void, std::string> set_option(Settings& settings,
                                           std::vector<std::string>& seen,
                                           std::string_view key,
                                           std::string_view value) {
    return apply_words(
        settings, seen, {.key = std::string{key}, .arguments = {std::string{value}}}, value);
}

std::vector<std::string_view> option_names() {
    std::vector<std::string_view> names;
    for (const Option& option : options) {
        names.push_back(option.name);
    }
    return names;
}

tl::expected<void, std::string> complete(Settings& settings) {
    if (settings.host.empty()) {
        return tl::unexpected{std::string{"no host to connect to"}};
    }
    if (settings.host_name.empty()) {
        settings.host_name = settings.host;
    } else {
        tl::expected<std::string, std::string> expanded =
            expand_host_name(settings.host_name, settings.host);
        if (!expanded) {
            return tl::unexpected{expanded.error()};
        }
        settings.host_name = std::move(*expanded);
    }
    settings.host_name = canonical_address(settings.host_name);
    for (const std::string& name : {settings.host, settings.host_name}) {
        if (!is_valid_host_name(name)) {
            return tl::unexpected{
                fmt::format("host name '{}' contains invalid characters", printable(name))};
        }
    }
    if (settings.user.empty()) {
        const Account account = local_account();
        if (account.user.empty()) {
            return tl::unexpected{fmt::format(
                "{}, so that there is no login name: name the server's user by -l user or user@{}",
                has_no_account(account),
                printable(settings.host))};
        }
        settings.user = account.user;
    }
    if (!is_valid_user_name(settings.user)) {
        return tl::unexpected{
            fmt::format("user name '{}' contains invalid characters", printable(settings.user))};
    }
    return choose_algorithms(settings);
}

bool is_valid_host_name(std::string_view name) noexcept {
    constexpr std::string_view refused = "'`\"$\\;&<>|(){},";
    return !name.empty() && name.front() != '-' &&
           std::none_of(name.begin(), name.end(), [&](char c) {
               return refused.find(c) != std::string_view::npos || is_blank(c) || is_control(c);
           });
}

bool is_valid_user_name(std::string_view name) noexcept {
    constexpr std::string_view refused = "'`\";&<>|(){}";
    if (name.empty() || name.front() == '-' || name.back() == '\\') {
        return false;
    }
    for (std::size_t at = 0; at < name.size(); ++at) {
        const bool dash_follows = at + 1 < name.size() && name[at + 1] == '-';
        if (is_control(name[at]) || refused.find(name[at]) != std::string_view::npos ||
            (is_blank(name[at]) && dash_follows)) {
            return false;
        }
    }
    return true;
}

}  // namespace caponier::client
