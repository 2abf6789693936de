// Starting and ending the sshd. It is the leader of a process group of its own, so that the process
// that it forks for the user is ended with it.

#include "tests/interop/session/sshd.h"

#include <array>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ssh/expects.h"
#include "ssh/keys/private_key.h"

namespace caponier::ssh::test {

namespace {

/// Runs a program to its end, without output.
void run(std::vector<std::string> words) {
    std::vector<char*> arguments;
    for (std::string& word : words) {
        arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t pid = -1;
    const int failure =
        ::posix_spawn(&pid, words[0].c_str(), &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    expects(failure == 0);
    int status = 0;
    ::waitpid(pid, &status, 0);
    expects(status == 0);
}

std::string text_of_file(const std::filesystem::path& path) {
    std::ifstream in{path};
    return {std::istreambuf_iterator<char>{in}, {}};
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    Descriptor old{std::exchange(other.number_, -1)};
    return *this;
}

Descriptor::~Descriptor() {
    if (number_ >= 0) {
        ::close(number_);
    }
}

Sshd::Sshd(const std::vector<std::string>& options) {
    std::string pattern = std::filesystem::temp_directory_path() / "caponier-sshd-XXXXXX";
    expects(::mkdtemp(pattern.data()) != nullptr);
    folder_ = pattern;
    if (::getuid() == 0) {
        ::mkdir("/run/sshd", 0755);  // sshd run as root insists on it
    }
    static_cast<void>(make_key("host", "ed25519"));
    static_cast<void>(make_key("user", "ed25519"));
    write("authorized_keys", text_of_file(folder_ / "user.pub"));
    std::string config = "HostKey " + (folder_ / "host").string() + "\nAuthorizedKeysFile " +
                         (folder_ / "authorized_keys").string() +
                         "\nStrictModes no\nUsePAM no\nPidFile none\nPasswordAuthentication no\n"
                         "KbdInteractiveAuthentication no\nAllowStreamLocalForwarding yes\n";
    for (const std::string& option : options) {
        config += option + "\n";
    }
    write("sshd_config", config);

    std::array<int, 2> ends{};
    expects(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
    client_end_ = Descriptor{ends[0]};
    const Descriptor server_end{ends[1]};
    ::fcntl(ends[0], F_SETFL, O_NONBLOCK);

    const std::string config_path = folder_ / "sshd_config";
    const std::string log_path = folder_ / "log";
    std::array<std::string, 6> words{"/usr/sbin/sshd", "-i", "-f", config_path, "-E", log_path};
    std::array<char*, 7> arguments{words[0].data(),
                                   words[1].data(),
                                   words[2].data(),
                                   words[3].data(),
                                   words[4].data(),
                                   words[5].data(),
                                   nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setpgroup(&attributes, 0);
    const int failure =
        ::posix_spawn(&pid_, "/usr/sbin/sshd", &actions, &attributes, arguments.data(), environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    expects(failure == 0);
}

Sshd::~Sshd() {
    kill();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

void Sshd::kill() {
    if (pid_ > 0) {
        // As root, the user's process is a child in the same group.
        ::kill(-pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }
}

void Sshd::write(std::string_view name, const std::string& text) const {
    std::ofstream{folder_ / name} << text;
}

SigningKey Sshd::make_key(const std::string& name, const std::string& type) const {
    run({"/usr/bin/ssh-keygen", "-q", "-t", type, "-N", "", "-f", (folder_ / name).string()});
    return key(name);
}

SigningKey Sshd::key(const std::string& name) const {
    Result<PrivateKey> parsed = parse_private_key(text_of_file(folder_ / name));
    expects(parsed.has_value());
    return std::move(parsed->key);
}

}  // namespace caponier::ssh::test
