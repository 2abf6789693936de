// setrlimit(2), sigprocmask(2) and signalfd(2) behind process.h.

#include "tools/cli/process.h"

#include <cerrno>
#include <csignal>

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

tl::expected<StopSignals, std::string> StopSignals::make() {
    sigset_t stopping;
    sigemptyset(&stopping);
    sigaddset(&stopping, SIGINT);
    sigaddset(&stopping, SIGTERM);
    if (!is_ignored(SIGHUP)) {
        sigaddset(&stopping, SIGHUP);
    }
    sigprocmask(SIG_BLOCK, &stopping, nullptr);
    io::Socket signals{signalfd(-1, &stopping, SFD_CLOEXEC | SFD_NONBLOCK)};
    if (!signals) {
        return tl::unexpected{io::explain_refusal("signalfd", io::IoError{errno})};
    }
    return StopSignals{std::move(signals)};
}

void StopSignals::take() noexcept {
    signalfd_siginfo signal{};
    [[maybe_unused]] const auto taken = read(signals_.fd(), &signal, sizeof signal);
}

}  // namespace caponier::cli
