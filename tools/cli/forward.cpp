// The first signal drains, the second ends at once; Forwarder knows what both mean.

#include "tools/cli/forward.h"

#include <utility>

namespace caponier::cli {

client::ExitCode run_forwards(const client::Settings& settings,
                              StopSignals& signals,
                              Console& console) {
    RunningForwarder running{settings, console.reports()};
    return running.wait(signals);
}

RunningForwarder::RunningForwarder(client::Settings settings, client::Reports reports)
    : forwarder_(std::move(settings), std::move(reports)) {
    forwarder_.start();
    waiter_ = std::thread{[this] {
        exit_code_ = forwarder_.wait();
        ended_.raise();
    }};
}

RunningForwarder::~RunningForwarder() {
    if (waiter_.joinable()) {
        forwarder_.stop();
        forwarder_.stop();
        waiter_.join();
    }
}

client::ExitCode RunningForwarder::stop(StopSignals& signals) {
    forwarder_.stop();
    return wait(signals);
}

client::ExitCode RunningForwarder::wait(StopSignals& signals) {
    for (;;) {
        const auto woken_by = wait_readable({ended_.fd(), signals.fd()});
        if (woken_by == 0U) {
            break;
        }
        if (woken_by == 1U) {
            signals.take();
            forwarder_.stop();
        }
    }
    waiter_.join();
    return exit_code_;
}

}  // namespace caponier::cli
