// open(2), setrlimit(2), sigprocmask(2) and signalfd(2) behind process.h.

#include "tools/cli/process.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <string_view>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "engine/io/refusal.h"

namespace caponier::cli {
namespace {

bool is_ignored(int signal) noexcept {
    struct sigaction action {};
    return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

tl::expected<void, std::string> open_standard_streams() {
    for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; ++stream) {
        // The lowest number that is free is this one, because those below are open by now.
        if (fcntl(stream, F_GETFD) < 0 && open("/dev/null", O_RDWR) != stream) {
            return tl::unexpected{io::explain_refusal(
                "opening /dev/null for a closed standard stream", io::IoError{errno})};
        }
    }
    return {};
}

void prepare_process() noexcept {
    rlimit descriptors{};
    if (getrlimit(RLIMIT_NOFILE, &descriptors) == 0) {
        descriptors.rlim_cur = descriptors.rlim_max;
        setrlimit(RLIMIT_NOFILE, &descriptors);
    }
    const rlimit no_core{.rlim_cur = 0, .rlim_max = 0};
    setrlimit(RLIMIT_CORE, &no_core);
    std::signal(SIGPIPE, SIG_IGN);
}

void end_without_memory() noexcept {
    constexpr std::string_view words =
        "caponier: out of memory (raise the memory limit of the process, ulimit -v, or of its "
        "cgroup)\n";
    constexpr int failed = 255;
    [[maybe_unused]] const auto written = write(STDERR_FILENO, words.data(), words.size());
    _exit(failed);
}

void die_of_interrupt() noexcept {
    std::fflush(nullptr);
    std::signal(SIGINT, SIG_DFL);
    sigset_t interrupt;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    sigprocmask(SIG_UNBLOCK, &interrupt, nullptr);
    std::raise(SIGINT);
}

tl::expected<StopSignals, std::string> StopSignals::make() {
    sigset_t stopping;
    sigemptyset(&stopping);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        // One that is blocked would arrive although it is ignored.
        if (!is_ignored(signal)) {
            sigaddset(&stopping, signal);
        }
    }
    sigprocmask(SIG_BLOCK, &stopping, nullptr);
    io::Socket signals{signalfd(-1, &stopping, SFD_CLOEXEC | SFD_NONBLOCK)};
    if (!signals) {
        return tl::unexpected{io::explain_refusal("signalfd", io::IoError{errno})};
    }
    return StopSignals{std::move(signals)};
}

int StopSignals::take() noexcept {
    signalfd_siginfo signal{};
    return read(signals_.fd(), &signal, sizeof signal) == sizeof signal
               ? static_cast<int>(signal.ssi_signo)
               : 0;
}

}  // namespace caponier::cli
