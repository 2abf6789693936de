// The decision of OpenSSH's check_host_key(), for one name and no certificate. It is stricter in
// two places. A key that differs from the recorded one is refused with StrictHostKeyChecking=no as
// well: ssh goes on there without any port forwarding, which here would be going on without a
// purpose. And so is a key of another type than the recorded one with accept-new.

#include "engine/client/host_key_check.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>

#include <sys/stat.h>

#include <fmt/format.h>

#include "engine/client/file_contents.h"
#include "engine/client/text_filter.h"
#include "ssh/keys/public_key.h"
#include "ssh/wire/bytes.h"

namespace caponier::client {

namespace {

constexpr std::array<std::string_view, 2> user_files{"~/.ssh/known_hosts", "~/.ssh/known_hosts2"};
constexpr std::array<std::string_view, 2> global_files{"/etc/ssh/ssh_known_hosts",
                                                       "/etc/ssh/ssh_known_hosts2"};

std::vector<std::string> or_defaults(const std::vector<std::string>& given,
                                     std::span<const std::string_view> defaults) {
    if (given.empty()) {
        return {defaults.begin(), defaults.end()};
    }
    return is_none(given.front()) ? std::vector<std::string>{} : given;
}

std::string type_for_people(std::span<const std::byte> key) {
    const ssh::Result<ssh::PublicKey> parsed = ssh::parse_public_key(key);
    return parsed ? std::string{ssh::key_type_label(parsed->type)}
                  : printable(ssh::blob_type_name(key));
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
    check.port_ = settings.port;
    check.strict_ = settings.strict_host_key_checking;
    check.ssh_folder_ = account.home + "/.ssh";
    const TokenValues values{
        account, settings.host, settings.host_name, settings.user, settings.port};
    for (const std::string& name : or_defaults(settings.user_known_hosts_files, user_files)) {
        tl::expected<std::string, std::string> path = expand_path(name, values);
        if (!path) {
            return tl::unexpected{"UserKnownHostsFile " + path.error()};
        }
        check.files_.push_back(std::move(*path));
    }
    if (!check.files_.empty()) {
        check.file_to_record_in_ = check.files_.front();
    }
    for (const std::string& name : or_defaults(settings.global_known_hosts_files, global_files)) {
        tl::expected<std::string, std::string> path = expand_tilde(name, account);
        if (!path) {
            return tl::unexpected{"GlobalKnownHostsFile " + path.error()};
        }
        check.files_.push_back(std::move(*path));
    }
    return check;
}

std::string HostKeyCheck::name() const {
    return port_ == ssh::ssh_port ? host_name_ : fmt::format("[{}]:{}", host_name_, port_);
}

ssh::KnownHosts HostKeyCheck::load(const Log& log) const {
    ssh::KnownHosts known{host()};
    for (const std::string& path : files_) {
        const tl::expected<FileContents, FileError> file =
            read_file(path, known_hosts_file_bytes_max);
        // A file that could not be read counts as an empty one, so that numbers stay those of
        // files_.
        known.add_file(file ? ssh::text_of(file->bytes.bytes()) : std::string_view{});
        if (!file && file.error().cause != FileError::Cause::missing) {
            log(LogLevel::info,
                fmt::format("warning: {} is ignored: {}", printable(path), describe(file.error())));
        }
    }
    return known;
}

std::vector<std::string> HostKeyCheck::recorded_key_types() const {
    const ssh::KnownHosts known = load([](LogLevel, std::string_view) {});
    const std::vector<std::string_view> types = known.key_types();
    return {types.begin(), types.end()};
}

tl::expected<void, std::string> HostKeyCheck::decide(std::span<const std::byte> key,
                                                     const Log& log) const {
    using enum ssh::HostKeyVerdict::Status;
    const ssh::KnownHosts known = load(log);
    const ssh::HostKeyVerdict verdict = known.check(key);
    switch (verdict.status) {
    case matched:
        log(LogLevel::debug,
            fmt::format("host key of {} found in {}:{}",
                        name(),
                        printable(files_[verdict.recorded->file]),
                        verdict.recorded->line));
        return {};
    case unknown:
        if (strict_ == StrictHostKeyChecking::yes) {
            return tl::unexpected{refusal_of_unknown(key)};
        }
        record(key, log);
        return {};
    case changed:
        return tl::unexpected{refusal_of_changed(key, *verdict.recorded)};
    case revoked:
        return tl::unexpected{
            fmt::format("the {} host key of {} is revoked in {}:{}: a stolen key may be in use, do "
                        "not connect",
                        type_for_people(key),
                        name(),
                        printable(files_[verdict.recorded->file]),
                        verdict.recorded->line)};
    }
    // No status means no acceptance.
    return tl::unexpected{std::string{"the host key could not be checked"}};
}

std::string HostKeyCheck::refusal_of_unknown(std::span<const std::byte> key) const {
    const std::string port = port_ == ssh::ssh_port ? "" : fmt::format("-p {} ", port_);
    return fmt::format(
        "no host key is known for {}: the server shows {} {}; compare it with the one that the "
        "server's operator gave you, then record it once with 'ssh {}{}' or with "
        "-o StrictHostKeyChecking=accept-new",
        name(),
        type_for_people(key),
        ssh::fingerprint(key),
        port,
        host_name_);
}

std::string HostKeyCheck::refusal_of_changed(std::span<const std::byte> key,
                                             const ssh::RecordedKey& recorded) const {
    const std::string& path = files_[recorded.file];
    return fmt::format(
        "the host key of {} is not the recorded one: the server shows {} {}, {}:{} says {} {}; "
        "somebody may be listening in. If the server's operator confirms the new key, remove the "
        "old one with: ssh-keygen -f '{}' -R '{}'",
        name(),
        type_for_people(key),
        ssh::fingerprint(key),
        printable(path),
        recorded.line,
        type_for_people(recorded.blob),
        ssh::fingerprint(recorded.blob),
        printable(path),
        name());
}

void HostKeyCheck::record(std::span<const std::byte> key, const Log& log) const {
    const std::string what =
        fmt::format("{} host key {} of {}", type_for_people(key), ssh::fingerprint(key), name());
    if (file_to_record_in_.empty() || !can_be_recorded(host_name_)) {
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
    const tl::expected<void, FileError> appended =
        append_line(file_to_record_in_, ssh::known_hosts_line(host(), key));
    log(LogLevel::info,
        appended
            ? fmt::format(
                  "warning: permanently added the {} to {}", what, printable(file_to_record_in_))
            : fmt::format("warning: accepted the {}, but cannot record it in {}: {}",
                          what,
                          printable(file_to_record_in_),
                          describe(appended.error())));
}

}  // namespace caponier::client
