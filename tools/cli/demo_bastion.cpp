// Makes keys with ssh-keygen, writes an sshd_config, and runs sshd with it. The server needs
// neither root nor a shell for the user, and reads nothing outside its directory but the user
// database.

#include "tools/cli/demo_bastion.h"

#include <chrono>
#include <string_view>
#include <utility>

#include <pwd.h>
#include <shadow.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "tools/cli/demo_service.h"
#include "tools/cli/waiting.h"

namespace caponier::cli {
namespace {

using Clock = std::chrono::steady_clock;

/// sshd starts itself again for each connection and wants to be called by its whole path.
constexpr const char* server_path = "/usr/sbin/sshd";
/// Where a root sshd confines the part of it that talks to strangers. It belongs to the package,
/// which makes it when the system's own sshd starts; it is left behind because others may be using
/// it.
constexpr const char* privilege_separation_directory = "/run/sshd";
constexpr int attempts_max = 5;
constexpr std::chrono::seconds start_patience{10};
constexpr std::chrono::milliseconds look_interval{5};

struct User {
    std::string name;
    bool is_locked = false;
};

tl::expected<User, std::string> current_user() {
    const passwd* entry = getpwuid(geteuid());
    if (entry == nullptr) {
        return tl::unexpected{
            fmt::format("user {} has no name on this machine, and an SSH server lets in only users "
                        "that have one",
                        geteuid())};
    }
    User user{.name = entry->pw_name, .is_locked = false};
    if (const spwd* shadow = getspnam(user.name.c_str()); shadow != nullptr) {
        user.is_locked = std::string_view{shadow->sp_pwdp}.starts_with('!');
    }
    return user;
}

tl::expected<void, std::string> make_key(const std::string& path) {
    auto keygen = ChildProcess::start(
        {"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "caponier demo", "-f", path});
    if (!keygen) {
        return tl::unexpected{keygen.error()};
    }
    if (const std::string failure = keygen->wait(); !failure.empty()) {
        return tl::unexpected{
            fmt::format("ssh-keygen failed ({}); tools/setup --demo installs it", failure)};
    }
    return {};
}

std::string server_configuration(const TemporaryDirectory& directory,
                                 const User& user,
                                 std::uint16_t port,
                                 std::uint16_t permitted_port) {
    // An account without a password may be marked as locked (root often is). sshd lets such a user
    // in with a key only where PAM is asked.
    const std::string_view use_pam = user.is_locked ? "yes" : "no";
    return fmt::format(
        "ListenAddress 127.0.0.1\n"
        "Port {}\n"
        "HostKey {}\n"
        "AuthorizedKeysFile {}\n"
        "AllowUsers {}\n"
        "AuthenticationMethods publickey\n"
        "PermitRootLogin prohibit-password\n"
        "UsePAM {}\n"
        "StrictModes no\n"
        "PidFile none\n"
        "UseDNS no\n"
        "DisableForwarding no\n"
        "AllowTcpForwarding local\n"
        "PermitOpen 127.0.0.1:{}\n"
        "AllowAgentForwarding no\n"
        "X11Forwarding no\n"
        "MaxSessions 0\n",
        port,
        directory.file("host_key"),
        directory.file("authorized_keys"),
        user.name,
        use_pam,
        permitted_port);
}

/// A port that was free a moment ago.
std::uint16_t free_port() {
    const auto socket = DemoService::listen_on_loopback();
    return socket ? port_of(*socket) : std::uint16_t{0};
}

enum class StartResult { listening, ended, interrupted, late };

StartResult wait_until_it_listens(const ChildProcess& server,
                                  const std::string& log_file,
                                  int interrupt_fd) {
    const auto give_up_at = Clock::now() + start_patience;
    while (Clock::now() < give_up_at) {
        const auto woken_by = wait_readable({interrupt_fd, server.ended_fd()}, look_interval);
        if (woken_by == 0U) {
            return StartResult::interrupted;
        }
        if (woken_by == 1U) {
            return StartResult::ended;
        }
        if (read_file(log_file).find("Server listening on") != std::string::npos) {
            return StartResult::listening;
        }
    }
    return StartResult::late;
}

tl::expected<void, std::string> prepare_keys(const TemporaryDirectory& directory) {
    for (const char* name : {"host_key", "user_key"}) {
        if (auto made = make_key(directory.file(name)); !made) {
            return made;
        }
    }
    const std::string authorized =
        "restrict,port-forwarding " + read_file(directory.file("user_key.pub"));
    if (!write_file(directory.file("authorized_keys"), authorized)) {
        return tl::unexpected<std::string>{"the demo's directory cannot be written"};
    }
    return {};
}

}  // namespace

tl::expected<DemoBastion, std::string> DemoBastion::start(const TemporaryDirectory& directory,
                                                          std::uint16_t permitted_port,
                                                          int interrupt_fd) {
    if (access(server_path, X_OK) != 0) {
        return tl::unexpected{fmt::format(
            "there is no OpenSSH server ({}); tools/setup --demo installs it", server_path)};
    }
    auto user = current_user();
    if (!user) {
        return tl::unexpected{user.error()};
    }
    if (auto prepared = prepare_keys(directory); !prepared) {
        return tl::unexpected{prepared.error()};
    }
    if (geteuid() == 0) {
        mkdir(privilege_separation_directory, 0755);
    }

    // sshd takes no listening socket from us, so the port may be gone when it asks for it.
    const std::string log_file = directory.file("sshd.log");
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
        const std::uint16_t port = free_port();
        const std::string configuration_file = directory.file("sshd_config");
        if (!write_file(log_file, "") ||
            !write_file(configuration_file,
                        server_configuration(directory, *user, port, permitted_port))) {
            return tl::unexpected<std::string>{"the demo's directory cannot be written"};
        }
        auto server =
            ChildProcess::start({server_path, "-D", "-f", configuration_file, "-E", log_file});
        if (!server) {
            return tl::unexpected{server.error()};
        }
        const StartResult result = wait_until_it_listens(*server, log_file, interrupt_fd);
        if (result == StartResult::interrupted) {
            return tl::unexpected<std::string>{""};
        }
        if (result == StartResult::listening) {
            DemoBastion bastion{std::move(*server), port};
            bastion.user_ = user->name;
            bastion.identity_file_ = directory.file("user_key");
            bastion.known_hosts_file_ = directory.file("known_hosts");
            const std::string known = fmt::format("[{}]:{},[127.0.0.1]:{} {}",
                                                  demo_bastion_name,
                                                  port,
                                                  port,
                                                  read_file(directory.file("host_key.pub")));
            if (!write_file(bastion.known_hosts_file_, known)) {
                return tl::unexpected<std::string>{"the demo's directory cannot be written"};
            }
            return bastion;
        }
    }
    return tl::unexpected{fmt::format("the OpenSSH server did not start: {}", read_file(log_file))};
}

DemoBastion::DemoBastion(ChildProcess server, std::uint16_t port) noexcept
    : server_(std::move(server)), port_(port) {}

}  // namespace caponier::cli
