// One sentence a cause, by how far the session had come. Behind '\n' a line of its own begins.

#include "engine/client/end_message.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <string_view>

#include <fmt/format.h>

#include "engine/client/text_filter.h"
#include "engine/io/loop.h"
#include "engine/relay/limits.h"
#include "ssh/letter_case.h"

namespace caponier::client {

namespace {

using Phase = relay::SessionEnd::Phase;
using ssh::ErrorCode;

/// More than any message has.
constexpr std::size_t lines_max = 10;

std::string_view os_words(const relay::SessionEnd& end) {
    return io::describe(io::IoError{end.os_error});
}

/// The engine's own patience ran out, before any of the user's.
std::string timed_out_early(const relay::SessionEnd& end, const std::string& where) {
    switch (end.phase) {
    case Phase::connecting:
    case Phase::identifying:
    case Phase::negotiating:
        return fmt::format("{} stopped answering during the key exchange; try again", where);
    case Phase::authenticating:
        return fmt::format("{} did not decide on the login; its log may say why", where);
    case Phase::established:
        break;
    }
    return fmt::format("{} does not answer any more; the connection is given up", where);
}

std::string timed_out(const relay::SessionEnd& end,
                      const std::string& where,
                      const Settings& settings) {
    const auto seconds = settings.connect_timeout.count();
    switch (end.phase) {
    case Phase::connecting:
        return fmt::format(
            "cannot connect to {}: no answer within {} s; check the address and the firewall, or "
            "raise -o ConnectTimeout",
            where,
            seconds);
    case Phase::identifying:
        return fmt::format(
            "{} accepted the connection, but there was no answer within {} s (no SSH "
            "identification); "
            "check the port",
            where,
            seconds);
    case Phase::negotiating:
        return fmt::format(
            "{} stopped answering during the key exchange ({} s); try again, or raise -o "
            "ConnectTimeout",
            where,
            seconds);
    case Phase::authenticating:
        return fmt::format(
            "{} did not decide on the login within {} s; its log may say why",
            where,
            std::chrono::duration_cast<std::chrono::seconds>(relay::login_patience).count());
    case Phase::established:
        break;
    }
    return fmt::format(
        "{} does not answer any more ({} keepalives of {} s); the connection is given up",
        where,
        settings.server_alive_count_max,
        settings.server_alive_interval.count());
}

/// What sshd says to who may not even begin: of PerSourcePenalties and of MaxStartups.
std::string turned_away(const relay::SessionEnd& end, const std::string& where) {
    if (end.text.empty()) {
        return fmt::format(
            "{} closed the connection before it identified itself; it may have too many "
            "connections, or not be an SSH server",
            where);
    }
    std::string_view remedy = "; it may not be an SSH server";
    if (end.text.starts_with("Not allowed at this time")) {
        remedy =
            "; after failed logins or connections that were dropped sshd bars an address for a "
            "while (PerSourcePenalties): wait a few minutes";
    } else if (end.text.starts_with("Exceeded MaxStartups")) {
        remedy = "; too many connections are logging in at once: try again";
    }
    return fmt::format("{} turned the connection away before it identified itself: {}{}",
                       where,
                       quoted(end.text),
                       remedy);
}

/// OpenSSH says "Too many authentication failures" with the reason code of a protocol error, others
/// something like it, and RFC 4253 11.1 has a reason code for it.
bool had_enough_of_failures(const relay::SessionEnd& end) {
    constexpr std::uint32_t no_more_auth_methods_available = 14;
    return end.phase == Phase::authenticating &&
           (ssh::in_lower_case(end.text).find("too many auth") != std::string::npos ||
            end.error.detail == no_more_auth_methods_available);
}

std::string disconnected(const relay::SessionEnd& end, const std::string& where) {
    const std::string_view remedy =
        had_enough_of_failures(end)
            ? "\nEvery key that is offered counts as an attempt (-v lists them): offer only the "
              "right one, by -i FILE -o IdentitiesOnly=yes."
            : "";
    return fmt::format("{} ended the connection {}{}",
                       where,
                       end.text.empty() ? "and gave no reason" : "and says: " + quoted(end.text),
                       remedy);
}

std::string lost(const relay::SessionEnd& end, const std::string& where) {
    switch (end.phase) {
    case Phase::connecting:
        return fmt::format("cannot connect to {}: {}; {}",
                           where,
                           os_words(end),
                           end.os_error == ENETUNREACH || end.os_error == EHOSTUNREACH
                               ? "check the network and the address"
                               : "check the host and the port, and that sshd runs there");
    case Phase::identifying:
        return turned_away(end, where);
    case Phase::negotiating:
        return fmt::format(
            "{} closed the connection during the key exchange; its log says why (it may bar this "
            "address, or have too many connections)",
            where);
    case Phase::authenticating:
        return fmt::format(
            "{} closed the connection during authentication; its log says why\n"
            "Some servers do so when more keys are offered than they allow: -v lists them, and "
            "-i FILE -o IdentitiesOnly=yes offers one.",
            where);
    case Phase::established:
        break;
    }
    return end.os_error == 0 ? fmt::format("connection to {} lost: the server closed it", where)
                             : fmt::format("connection to {} lost: {}", where, os_words(end));
}

/// The option that the user has set of what was negotiated without success; empty if none.
std::string_view option_that_narrows(ErrorCode code, const Settings& settings) {
    const AlgorithmOptions& set = settings.algorithm_options;
    switch (code) {
    case ErrorCode::no_common_kex:
        return set.kex.empty() ? "" : "KexAlgorithms";
    case ErrorCode::no_common_host_key:
        return set.host_key.empty() ? "" : "HostKeyAlgorithms";
    case ErrorCode::no_common_cipher:
        return set.ciphers.empty() ? "" : "Ciphers";
    case ErrorCode::no_common_mac:
        return set.macs.empty() ? "" : "MACs";
    default:
        return "";
    }
}

/// OpenSSH's words for it, which people look for.
std::string_view what_does_not_match(ErrorCode code) {
    switch (code) {
    case ErrorCode::no_common_kex:
        return "no matching key exchange method found";
    case ErrorCode::no_common_host_key:
        return "no matching host key type found";
    case ErrorCode::no_common_cipher:
        return "no matching cipher found";
    case ErrorCode::no_common_mac:
        return "no matching MAC found";
    default:
        return "no matching compression method found";
    }
}

std::string nothing_in_common(const relay::SessionEnd& end,
                              const std::string& where,
                              const Settings& settings) {
    const std::string offered =
        end.text.empty() ? "" : fmt::format(". Their offer: {}", printable(end.text));
    const std::string_view narrowed = option_that_narrows(end.error.code, settings);
    std::string remedy;
    if (!narrowed.empty()) {
        remedy = fmt::format("; -o {} allows none of that", narrowed);
    } else if (settings.engine == SshEngine::native) {
        remedy = "; if it cannot be updated, --ssh=libssh2 speaks some retired algorithms";
    }
    return fmt::format("Unable to negotiate with {}: {}{}{}",
                       where,
                       what_does_not_match(end.error.code),
                       offered,
                       remedy);
}

std::string words_of(const relay::SessionEnd& end, const Settings& settings) {
    const std::string where =
        fmt::format("{} port {}", printable(settings.host_name), settings.port);
    if (end.refused_by_policy) {
        return end.text;
    }
    if (end.deadline) {
        return timed_out(end, where, settings);
    }
    switch (end.error.code) {
    case ErrorCode::connection_lost:
        return lost(end, where);
    case ErrorCode::timed_out:
        return timed_out_early(end, where);
    case ErrorCode::not_ssh:
        return fmt::format("what answers at {} is not an SSH server; check the port", where);
    case ErrorCode::disconnected_by_peer:
        return disconnected(end, where);
    case ErrorCode::no_common_kex:
    case ErrorCode::no_common_host_key:
    case ErrorCode::no_common_cipher:
    case ErrorCode::no_common_mac:
    case ErrorCode::no_common_compression:
        return nothing_in_common(end, where, settings);
    default:
        break;
    }
    const std::string more = end.text.empty() ? "" : fmt::format(" ({})", printable(end.text));
    return fmt::format("connection to {} ended: {}{}", where, ssh::describe(end.error.code), more);
}

}  // namespace

std::vector<std::string> end_message(const relay::SessionEnd& end, const Settings& settings) {
    const std::string words = words_of(end, settings);
    std::vector<std::string> lines;
    for (std::string_view rest = words;
         lines.empty() || (!rest.empty() && lines.size() < lines_max);) {
        const std::size_t end_of_line = std::min(rest.find('\n'), rest.size());
        lines.push_back(printable(rest.substr(0, end_of_line), 2 * printable_bytes_max));
        rest.remove_prefix(std::min(end_of_line + 1, rest.size()));
    }
    return lines;
}

}  // namespace caponier::client
