// The decision of OpenSSH's check_host_key(), for one name. It is stricter in six places. A key
// that differs from the recorded one is refused with StrictHostKeyChecking=no as well: ssh goes on
// there without any port forwarding, which here would be going on without a purpose. And so is a
// key of another type than the recorded one with accept-new, one that is revoked for the name
// without the port, and one that only the name without the port knows where the port has another,
// which ssh accepts if it comes in a certificate. And so is every key while a known_hosts file is
// there and cannot be read: to ssh it is an empty one, so that accept-new believes what a line in
// it may revoke. Of keys that no file knows, one is believed for as long as the process runs.

#include "engine/client/host_key_check.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>

#include <sys/stat.h>

#include <fmt/format.h>

#include "engine/client/file_contents.h"
#include "engine/client/random_source.h"
#include "engine/client/text_filter.h"
#include "ssh/keys/host_patterns.h"
#include "ssh/keys/public_key.h"
#include "ssh/keys/revoked_keys.h"
#include "ssh/letter_case.h"
#include "ssh/spoken_algorithms.h"
#include "ssh/wire/bytes.h"

namespace caponier::client {

namespace {

constexpr std::array<std::string_view, 2> user_files{"~/.ssh/known_hosts", "~/.ssh/known_hosts2"};
constexpr std::array<std::string_view, 2> global_files{"/etc/ssh/ssh_known_hosts",
                                                       "/etc/ssh/ssh_known_hosts2"};

using Expanded = tl::expected<void, std::string>;

std::vector<std::string> or_defaults(const std::vector<std::string>& given,
                                     std::span<const std::string_view> defaults) {
    if (given.empty()) {
        return {defaults.begin(), defaults.end()};
    }
    return is_none(given.front()) ? std::vector<std::string>{} : given;
}

/// Of a host with many keys, as behind one name of many servers with certificates. Those above are
/// not remembered, and then not believed either where no file knows them.
constexpr std::size_t believed_max = 64;

/// Whoever types nonsense as often as this is no person.
constexpr int questions_max = 100;

std::string type_for_people(std::span<const std::byte> key) {
    const ssh::Result<ssh::PublicKey> parsed = ssh::parse_public_key(key);
    return parsed ? std::string{ssh::key_type_label(parsed->type)}
                  : printable(ssh::blob_type_name(key));
}

std::string refusal_of_unusable(std::string_view option,
                                std::string_view path,
                                std::string_view why) {
    return fmt::format(
        "no host is believed, because {} {} cannot be read: {}", option, printable(path), why);
}

/// sshconnect.c: "Don't ever try to write an invalid name to a known hosts file."
bool can_be_recorded(std::string_view host) noexcept {
    return host.find_first_of("@?*#[]|'\"\\, \t") == std::string_view::npos;
}

}  // namespace

tl::expected<HostKeyCheck, std::string> HostKeyCheck::make(const Settings& settings,
                                                           const Account& account) {
    HostKeyCheck check;
    check.host_name_ = settings.host_name;
    // ssh.c: "force lowercase for hostkey matching".
    check.alias_ = ssh::in_lower_case(settings.host_key_alias);
    check.port_ = settings.port;
    check.strict_ = settings.strict_host_key_checking;
    check.hash_names_ = settings.hash_known_hosts;
    // sshconnect.c: a name that was asked for is checked even where it is this machine.
    check.trusts_localhost_ =
        settings.no_host_authentication_for_localhost && settings.host_key_alias.empty();
    check.ca_signature_algorithms_ = settings.algorithms.ca_signature.empty()
                                         ? ssh::spoken_algorithms().ca_signature
                                         : settings.algorithms.ca_signature;
    check.host_key_algorithms_ = settings.algorithms.host_key;
    check.ssh_folder_ = account.home + "/.ssh";
    const TokenValues values{account,
                             settings.host,
                             settings.host_name,
                             settings.user,
                             settings.port,
                             settings.host_key_alias};
    const auto expand = [](std::string_view option,
                           const std::vector<std::string>& names,
                           const auto& expand_name,
                           std::vector<std::string>& paths) -> Expanded {
        for (const std::string& name : names) {
            tl::expected<std::string, std::string> path = expand_name(name);
            if (!path) {
                return tl::unexpected{fmt::format("{} {}", option, path.error())};
            }
            paths.push_back(std::move(*path));
        }
        return {};
    };
    const auto whole = [&values](const std::string& name) { return expand_path(name, values); };
    const auto tilde = [&account](const std::string& name) { return expand_tilde(name, account); };
    Expanded expanded = expand("UserKnownHostsFile",
                               or_defaults(settings.user_known_hosts_files, user_files),
                               whole,
                               check.files_);
    if (expanded && !check.files_.empty()) {
        check.file_to_record_in_ = check.files_.front();
        check.user_files_ = check.files_.size();
    }
    if (expanded) {
        expanded = expand("GlobalKnownHostsFile",
                          or_defaults(settings.global_known_hosts_files, global_files),
                          tilde,
                          check.files_);
    }
    if (expanded) {
        expanded = expand("RevokedHostKeys",
                          or_defaults(settings.revoked_host_keys_files, {}),
                          whole,
                          check.revoked_keys_files_);
    }
    if (!expanded) {
        return tl::unexpected{expanded.error()};
    }
    return check;
}

/// A HostKeyAlias stands for the port as well, as in get_hostfile_hostname_ipaddr().
ssh::HostName HostKeyCheck::host() const noexcept {
    if (!alias_.empty()) {
        return {.host = alias_, .port = ssh::ssh_port};
    }
    return {.host = host_name_, .port = port_};
}

std::string HostKeyCheck::name() const {
    const ssh::HostName known_as = host();
    return known_as.port == ssh::ssh_port ? std::string{known_as.host}
                                          : fmt::format("[{}]:{}", known_as.host, known_as.port);
}

std::string HostKeyCheck::place(const ssh::RecordedKey& recorded) const {
    return fmt::format("{}:{}", printable(files_[recorded.file]), recorded.line);
}

tl::expected<ssh::KnownHosts, std::string> HostKeyCheck::load() const {
    ssh::KnownHosts known{host()};
    for (std::size_t i = 0; i < files_.size(); ++i) {
        const std::string_view option =
            i < user_files_ ? "UserKnownHostsFile" : "GlobalKnownHostsFile";
        const tl::expected<void, FileError> read =
            read_lines(files_[i], [&known](std::string_view line) { known.add_line(line); });
        known.end_file();
        if (!read && read.error().cause != FileError::Cause::missing) {
            return tl::unexpected{refusal_of_unusable(option, files_[i], describe(read.error()))};
        }
        if (known.is_incomplete()) {
            return tl::unexpected{refusal_of_unusable(
                option,
                files_[i],
                fmt::format("more than {} lines name the host", ssh::known_hosts_entries_max))};
        }
    }
    return known;
}

void HostKeyCheck::tell_skipped(const ssh::KnownHosts& known, const Log& log) const {
    for (const ssh::SkippedLine& skipped : known.skipped()) {
        log(LogLevel::info,
            fmt::format("warning: {}:{} is skipped: {}",
                        printable(files_[skipped.file]),
                        skipped.line,
                        ssh::describe(skipped.reason)));
    }
    if (known.skipped_count() > known.skipped().size()) {
        log(LogLevel::info,
            fmt::format("warning: {} more lines of known_hosts files are skipped",
                        known.skipped_count() - known.skipped().size()));
    }
}

std::vector<std::string> HostKeyCheck::recorded_key_types() const {
    const tl::expected<ssh::KnownHosts, std::string> known = load();
    if (!known) {
        return {};
    }
    const std::vector<std::string_view> types = known->key_types();
    return {types.begin(), types.end()};
}

// ---- the decision ------------------------------------------------------------------------------

tl::expected<void, std::string> HostKeyCheck::decide(const ShownHostKey& shown,
                                                     const AskPerson& ask,
                                                     const Log& log) {
    std::optional<ssh::Certificate> certificate;
    if (ssh::is_certificate_algorithm(ssh::blob_type_name(shown.blob))) {
        ssh::Result<ssh::Certificate> parsed = ssh::parse_certificate(shown.blob);
        if (!parsed) {
            return tl::unexpected{fmt::format("the host certificate of {} cannot be used: {}",
                                              printable(name()),
                                              ssh::describe(parsed.error().code))};
        }
        certificate = std::move(*parsed);
    }
    const std::span<const std::byte> key =
        certificate ? std::span<const std::byte>{certificate->public_key} : shown.blob;
    Refusal refusal = refusal_by_lists(key, certificate ? certificate->ca_key : key);
    if (refusal) {
        return tl::unexpected{*std::move(refusal)};
    }
    if (trusts_localhost_ && shown.peer_is_loopback) {
        log(LogLevel::debug, "the host key of localhost is accepted unseen");
        return {};
    }
    const tl::expected<ssh::KnownHosts, std::string> known = load();
    if (!known) {
        return tl::unexpected{known.error()};
    }
    tell_skipped(*known, log);
    const Ears ears{.ask = ask, .log = log};
    refusal = certificate ? refusal_of(*known, *certificate, shown.now_s, ears)
                          : refusal_of(*known, key, ears);
    if (refusal) {
        return tl::unexpected{*std::move(refusal)};
    }
    return {};
}

/// sshd_config(5) of RevokedKeys, and verify_host_key() alike: "if this file is not readable, then
/// [...] authentication will be refused". What is on the list cannot be known then.
HostKeyCheck::Refusal HostKeyCheck::refusal_by_lists(std::span<const std::byte> key,
                                                     std::span<const std::byte> authority) const {
    for (const std::string& path : revoked_keys_files_) {
        // What was found first, and where.
        ssh::Result<bool> found = false;
        std::size_t line = 0;
        const auto look = [&](std::string_view text) {
            if (found && !*found) {
                found = ssh::revokes(text, {key, authority});
                ++line;
            }
        };
        const tl::expected<void, FileError> read = read_lines(path, look);
        const auto unusable = [&path](std::string_view why) {
            return refusal_of_unusable("RevokedHostKeys", path, why);
        };
        if (!found && found.error().code == ssh::ErrorCode::unsupported_key) {
            return unusable(
                "it is a key revocation list (KRL), and only plain lists of public "
                "keys are supported");
        }
        if (!found) {
            return unusable(fmt::format("line {} is no public key", line));
        }
        if (*found) {
            return refusal_of_revoked(fmt::format("{}:{}", printable(path), line));
        }
        if (!read) {
            return unusable(describe(read.error()));
        }
    }
    return std::nullopt;
}

HostKeyCheck::Refusal HostKeyCheck::refusal_of(const ssh::KnownHosts& known,
                                               std::span<const std::byte> key,
                                               const Ears& ears) {
    using enum ssh::HostKeyVerdict::Status;
    const ssh::HostKeyVerdict verdict = known.check(key);
    switch (verdict.status) {
    case matched:
        ears.log(
            LogLevel::debug,
            fmt::format("host key of {} found in {}", printable(name()), place(*verdict.recorded)));
        remember(key, false);
        return std::nullopt;
    case unknown:
        return refusal_of_new(key, ears);
    case changed:
        return refusal_of_changed(key, *verdict.recorded);
    case revoked:
        return refusal_of_revoked(place(*verdict.recorded));
    }
    // No status means no acceptance.
    return "the host key could not be checked";
}

/// About a key of a host that no file knows. What cannot be recorded, or is recorded in /dev/null,
/// is unknown for every session of the process. ssh has one session, so that its acceptance holds
/// as long as the program runs. Ours does so because it is remembered: the pool's second session
/// is not to believe another key than the first. A host that a file knew before, or an authority
/// vouched for, is not new because the file was emptied or the certificate is missing.
HostKeyCheck::Refusal HostKeyCheck::refusal_of_new(std::span<const std::byte> key,
                                                   const Ears& ears) {
    if (strict_ == StrictHostKeyChecking::yes) {
        return refusal_of_unknown(key);
    }
    const auto same = std::ranges::find_if(believed_, [key](const Believed& believed) {
        return std::ranges::equal(believed.key, key);
    });
    if (same == believed_.end() && !believed_.empty()) {
        return refusal_of_other(key);
    }
    if (same != believed_.end() && same->on_faith) {
        ears.log(
            LogLevel::debug,
            fmt::format("host key of {} is the one that was accepted before", printable(name())));
        return std::nullopt;
    }
    if (strict_ == StrictHostKeyChecking::ask) {
        if (!ears.ask) {
            return refusal_of_unknown(key);
        }
        if (Refusal refusal = refusal_by_person(key, ears.ask)) {
            return refusal;
        }
    }
    record(key, ears.log);
    remember(key, true);
    return std::nullopt;
}

void HostKeyCheck::remember(std::span<const std::byte> key, bool on_faith) {
    const auto same = std::ranges::find_if(believed_, [key](const Believed& believed) {
        return std::ranges::equal(believed.key, key);
    });
    if (same != believed_.end()) {
        same->on_faith = same->on_faith || on_faith;
    } else if (believed_.size() < believed_max) {
        believed_.push_back({.key = {key.begin(), key.end()}, .on_faith = on_faith});
    }
}

/// A certificate that does not convince is no reason to refuse: check_host_key() goes on with "No
/// matching CA found. Retry with plain key".
HostKeyCheck::Refusal HostKeyCheck::refusal_of(const ssh::KnownHosts& known,
                                               const ssh::Certificate& certificate,
                                               std::uint64_t now_s,
                                               const Ears& ears) {
    using Status = ssh::HostKeyVerdict::Status;
    const ssh::HostKeyVerdict authority = known.check_authority(certificate);
    if (authority.status == Status::revoked) {
        return refusal_of_revoked(place(*authority.recorded));
    }
    std::string doubt;
    if (authority.status == Status::matched) {
        const ssh::CertificateVerdict verdict =
            ssh::check_host_certificate(certificate,
                                        {.host = principal(),
                                         .now_s = now_s,
                                         .ca_signature_algorithms = ca_signature_algorithms_});
        if (verdict == ssh::CertificateVerdict::valid) {
            ears.log(LogLevel::debug,
                     fmt::format("host certificate {} of {} is signed by the authority in {}",
                                 quoted(certificate.key_id),
                                 printable(name()),
                                 place(*authority.recorded)));
            remember(certificate.public_key, false);
            return std::nullopt;
        }
        doubt = fmt::format(
            "its host certificate {} {}", quoted(certificate.key_id, 100), ssh::describe(verdict));
    } else {
        doubt = fmt::format(
            "its host certificate is signed by {}, which no @cert-authority line "
            "trusts for this host",
            ssh::fingerprint(certificate.ca_key));
    }
    Refusal refusal = allows_plain(certificate.public_key)
                          ? refusal_of(known, certificate.public_key, ears)
                          : fmt::format("HostKeyAlgorithms allows {} no plain {} host key",
                                        printable(name()),
                                        type_for_people(certificate.public_key));
    if (refusal) {
        return *refusal + "; " + doubt;
    }
    const bool is_news = authority.status == Status::matched;
    ears.log(is_news ? LogLevel::info : LogLevel::debug,
             fmt::format("{}{} is believed for its plain host key: {}",
                         is_news ? "warning: " : "",
                         printable(name()),
                         doubt));
    return std::nullopt;
}

/// OpenSSH's hostkey_accepted_by_hostkeyalgs(), which 9.2 lacks: who asks for certificates alone
/// does not want the key in one that anybody may have made.
bool HostKeyCheck::allows_plain(std::span<const std::byte> key) const noexcept {
    return host_key_algorithms_.empty() ||
           std::ranges::any_of(host_key_algorithms_, [key](const std::string& algorithm) {
               return ssh::blob_type_of_algorithm(algorithm) == ssh::blob_type_name(key);
           });
}

/// Names in certificates have no port, and are compared with the host's in lower case.
std::string HostKeyCheck::principal() const {
    return alias_.empty() ? ssh::in_lower_case(host_name_) : alias_;
}

/// sshconnect.c, confirm(): yes, no, or the fingerprint itself, until one of them comes.
HostKeyCheck::Refusal HostKeyCheck::refusal_by_person(std::span<const std::byte> key,
                                                      const AskPerson& ask) const {
    const std::string print = ssh::fingerprint(key);
    std::string question = fmt::format(
        "The authenticity of host '{}' can't be established.\n{} key fingerprint is {}.\nAre you "
        "sure you want to continue connecting (yes/no/[fingerprint])? ",
        printable(name()),
        type_for_people(key),
        print);
    for (int attempt = 0; attempt < questions_max; ++attempt) {
        const std::optional<std::string> answer = ask(question);
        if (!answer || answer->empty() || ssh::equal_ignoring_case(*answer, "no")) {
            break;
        }
        if (ssh::equal_ignoring_case(*answer, "yes") || *answer == print) {
            return std::nullopt;
        }
        question = "Please type 'yes', 'no' or the fingerprint: ";
    }
    return fmt::format("the {} host key {} of {} was not accepted",
                       type_for_people(key),
                       print,
                       printable(name()));
}

std::string HostKeyCheck::refusal_of_unknown(std::span<const std::byte> key) const {
    const std::string port = port_ == ssh::ssh_port ? "" : fmt::format("-p {} ", port_);
    const std::string alias =
        alias_.empty() ? "" : fmt::format("-o HostKeyAlias='{}' ", printable(alias_));
    return fmt::format(
        "no host key is known for {}: the server shows {} {}; compare it with the one that the "
        "server's operator gave you, then record it once with 'ssh {}{}{}' or with "
        "-o StrictHostKeyChecking=accept-new",
        printable(name()),
        type_for_people(key),
        ssh::fingerprint(key),
        alias,
        port,
        host_name_);
}

/// The command has the name as it is recorded: ssh-keygen finds a hashed one by the very letters.
std::string HostKeyCheck::refusal_of_changed(std::span<const std::byte> key,
                                             const ssh::RecordedKey& recorded) const {
    const std::string& path = files_[recorded.file];
    return fmt::format(
        "the host key of {} is not the recorded one: the server shows {} {}, {} says {} {}; "
        "somebody may be listening in. If the server's operator confirms the new key, remove the "
        "old one with: ssh-keygen -f '{}' -R '{}'",
        printable(name()),
        type_for_people(key),
        ssh::fingerprint(key),
        place(recorded),
        type_for_people(recorded.blob),
        ssh::fingerprint(recorded.blob),
        printable(path),
        printable(ssh::in_lower_case(name())));
}

std::string HostKeyCheck::refusal_of_revoked(std::string_view where) const {
    return fmt::format(
        "the host key of {} is revoked in {}: a stolen key may be in use, do not connect",
        printable(name()),
        where);
}

std::string HostKeyCheck::refusal_of_other(std::span<const std::byte> key) const {
    return fmt::format(
        "the host key of {} is not the one that this program has believed since it started: the "
        "server shows {} {}, before it was {} {}; somebody may be listening in. If the server's "
        "operator confirms the new key, record it and start the program again",
        printable(name()),
        type_for_people(key),
        ssh::fingerprint(key),
        type_for_people(believed_.front().key),
        ssh::fingerprint(believed_.front().key));
}

void HostKeyCheck::record(std::span<const std::byte> key, const Log& log) const {
    const std::string what = fmt::format(
        "{} host key {} of {}", type_for_people(key), ssh::fingerprint(key), printable(name()));
    const std::string line = line_to_record(key);
    if (file_to_record_in_.empty() || line.empty()) {
        log(LogLevel::info, fmt::format("warning: accepted the {}, unrecorded", what));
        return;
    }
    // Only ~/.ssh is made, as in hostfile_create_user_ssh_dir(), and private from its first moment.
    if (file_to_record_in_.starts_with(ssh_folder_ + "/") &&
        ::mkdir(ssh_folder_.c_str(), 0700) != 0 && errno != EEXIST) {
        const int number = errno;
        log(LogLevel::info,
            fmt::format("warning: cannot create {}: {}",
                        printable(ssh_folder_),
                        std::generic_category().message(number)));
    }
    const tl::expected<void, FileError> appended = append_line(file_to_record_in_, line);
    log(LogLevel::info,
        appended
            ? fmt::format(
                  "warning: permanently added the {} to {}", what, printable(file_to_record_in_))
            : fmt::format("warning: accepted the {}, but cannot record it in {}: {}",
                          what,
                          printable(file_to_record_in_),
                          describe(appended.error())));
}

/// Empty if the name cannot stand in a file.
std::string HostKeyCheck::line_to_record(std::span<const std::byte> key) const {
    if (!can_be_recorded(host_name_)) {
        return {};
    }
    std::array<std::byte, ssh::host_salt_bytes> salt{};
    os_random_source()(salt);
    return ssh::known_hosts_line(
        host(), key, hash_names_ ? std::span<const std::byte>{salt} : std::span<const std::byte>{});
}

}  // namespace caponier::client
