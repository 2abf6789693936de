// The first signal drains, the second ends at once; Forwarder knows what both mean.

#include "tools/cli/forward.h"

#include <csignal>
#include <utility>

namespace caponier::cli {

client::ExitCode run_forwards(const client::Settings& settings,
                              StopSignals& signals,
                              Console& console) {
    auto ended = Flag::make();
    if (!ended) {
        console.log(client::LogLevel::fatal, ended.error());
        return client::ExitCode::failed;
    }
    RunningForwarder running{settings, console.reports(), std::move(*ended)};
    return running.wait(signals);
}

RunningForwarder::RunningForwarder(client::Settings settings, client::Reports reports, Flag ended)
    : ended_(std::move(ended)), forwarder_(std::move(settings), with_end(std::move(reports))) {
    forwarder_.start();
}

client::Reports RunningForwarder::with_end(client::Reports reports) {
    reports.ended = [this] { ended_.raise(); };
    return reports;
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
            const bool is_interrupt = signals.take() == SIGINT;
            interrupted_ = interrupted_ || (is_interrupt && forwarder_.asks_person_to_log_in());
            forwarder_.stop();
        }
    }
    const client::ExitCode code = forwarder_.wait();
    return interrupted_ ? client::ExitCode::interrupted : code;
}

}  // namespace caponier::cli
