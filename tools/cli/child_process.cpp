// fork(2), PR_SET_PDEATHSIG and pidfd_open(2) behind child_process.h. Processes are ended by their
// number only.

#include "tools/cli/child_process.h"

#include <cerrno>
#include <csignal>
#include <fstream>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "tools/cli/waiting.h"

namespace caponier::cli {
namespace {

constexpr std::chrono::milliseconds patience{2000};

/// Between fork and exec only async-signal-safe calls are allowed: other threads may hold locks.
[[noreturn]] void become(char* const* command, pid_t parent) noexcept {
    constexpr int not_started = 127;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(not_started);  // the parent died before the line above
    }
    setsid();

    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    std::signal(SIGPIPE, SIG_DFL);

    const int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        dup2(nowhere, stream);
    }
    execvp(command[0], command);
    _exit(not_started);
}

/// What became of our children, without a wait: whether any is left.
bool reap_ended_children() noexcept {
    pid_t reaped = 0;
    do {
        reaped = waitpid(-1, nullptr, WNOHANG);
    } while (reaped > 0);
    return reaped == 0;
}

void kill_children() {
    std::ifstream children{fmt::format("/proc/self/task/{}/children", getpid())};
    for (pid_t child = 0; children >> child;) {
        kill(child, SIGKILL);
    }
}

}  // namespace

tl::expected<ChildProcess, std::string> ChildProcess::start(
    const std::vector<std::string>& command) {
    std::vector<std::string> words = command;
    std::vector<char*> pointers;
    for (std::string& word : words) {
        pointers.push_back(word.data());
    }
    pointers.push_back(nullptr);

    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid == 0) {
        become(pointers.data(), parent);
    }
    if (pid < 0) {
        return tl::unexpected{
            fmt::format("{}: {}", command.front(), std::generic_category().message(errno))};
    }
    // glibc 2.36 declares pidfd_open() in a way that C++ cannot link.
    ChildProcess child{pid, io::Socket{static_cast<int>(syscall(SYS_pidfd_open, pid, 0))}};
    if (!child.ended_) {
        return tl::unexpected{
            fmt::format("pidfd_open: {}", std::generic_category().message(errno))};
    }
    return child;
}

ChildProcess::ChildProcess(pid_t pid, io::Socket ended) noexcept
    : pid_(pid), ended_(std::move(ended)) {}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), ended_(std::move(other.ended_)) {}

ChildProcess::~ChildProcess() {
    end();
}

std::string ChildProcess::wait() {
    int status = 0;
    while (pid_ > 0 && waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    if (WIFSIGNALED(status)) {
        return fmt::format("signal {}", WTERMSIG(status));
    }
    return WEXITSTATUS(status) == 0 ? std::string{}
                                    : fmt::format("exit code {}", WEXITSTATUS(status));
}

void ChildProcess::end() noexcept {
    if (pid_ <= 0) {
        return;
    }
    kill(pid_, SIGTERM);
    if (!ended_ || !wait_readable({ended_.fd()}, patience)) {
        kill(pid_, SIGKILL);
    }
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
}

OrphanKeeper::OrphanKeeper() noexcept {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
}

OrphanKeeper::~OrphanKeeper() {
    constexpr std::chrono::milliseconds step{10};
    for (auto waited = step; reap_ended_children(); waited += step) {
        if (waited > patience) {
            kill_children();
        }
        [[maybe_unused]] const auto woken = wait_readable({}, step);
    }
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

}  // namespace caponier::cli
