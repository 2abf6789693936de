// The scenario of the demo. Its actors are in demo_bastion, demo_service and demo_fetch; what it
// shows is forward.h, which the real command line uses as well.

#include "tools/cli/demo.h"

#include <array>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "tools/cli/demo_bastion.h"
#include "tools/cli/demo_fetch.h"
#include "tools/cli/demo_service.h"
#include "tools/cli/forward.h"
#include "tools/cli/temporary_directory.h"
#include "tools/cli/waiting.h"

namespace caponier::cli {
namespace {

using client::ExitCode;
using client::LogLevel;

constexpr std::chrono::milliseconds status_interval{250};

constexpr std::string_view page =
    "This page came through an SSH tunnel:\n"
    "\n"
    "  your client -> caponier -> SSH -> the bastion (sshd) -> this service\n"
    "\n"
    "It is served on loopback by `caponier demo`, and so is everything else here.\n";

/// "3 B", "1.5 KiB", "20.0 MiB".
std::string readable_bytes(std::uint64_t bytes) {
    constexpr std::array units{"KiB", "MiB", "GiB", "TiB"};
    if (bytes < 1024) {
        return fmt::format("{} B", bytes);
    }
    double amount = static_cast<double>(bytes) / 1024;
    std::size_t unit = 0;
    while (amount >= 1024 && unit + 1 < units.size()) {
        amount /= 1024;
        ++unit;
    }
    return fmt::format("{:.1f} {}", amount, units[unit]);
}

std::string status_line(const client::Traffic& traffic) {
    return fmt::format("Connections: {} ({} open), {} up, {} down. Ctrl-C ends.",
                       traffic.connections_total,
                       traffic.connections_open,
                       readable_bytes(traffic.bytes_up),
                       readable_bytes(traffic.bytes_down));
}

client::Settings settings_for(const DemoBastion& bastion,
                              std::uint16_t service_port,
                              const DemoCommand& command) {
    client::Settings settings;
    settings.host = demo_bastion_name;
    settings.host_name = "127.0.0.1";
    settings.user = bastion.user();
    settings.port = bastion.port();
    settings.local_forwards = {{.bind_host = "127.0.0.1",
                                .bind_given = true,
                                .port = 0,
                                .host = "127.0.0.1",
                                .host_port = service_port}};
    settings.identity_files = {bastion.identity_file()};
    settings.identities_only = true;
    settings.user_known_hosts_files = {bastion.known_hosts_file()};
    settings.global_known_hosts_files = {"/dev/null"};
    settings.strict_host_key_checking = client::StrictHostKeyChecking::yes;
    settings.exit_on_forward_failure = true;
    settings.backend = command.backend;
    settings.log_level = command.log_level;
    return settings;
}

/// The forward through the bastion, from its start to its end.
class Scene {
  public:
    struct Flags {
        Flag ready;
        Flag ended;
    };

    Scene(DemoBastion& bastion,
          std::uint16_t service_port,
          const DemoCommand& command,
          StopSignals& signals,
          Console& console,
          Flags flags)
        : bastion_(bastion),
          once_(command.once),
          signals_(signals),
          console_(console),
          ready_(std::move(flags.ready)),
          running_(
              settings_for(bastion, service_port, command), reports(), std::move(flags.ended)) {}

    ExitCode play() {
        if (const auto ended = wait_until_ready()) {
            return *ended;
        }
        if (const auto ended = show_a_transfer()) {
            return *ended;
        }
        return once_ ? running_.stop(signals_) : show_status();
    }

  private:
    client::Reports reports() {
        client::Reports reports = console_.reports();
        reports.ready = [this](std::string_view line) {
            console_.say(line);
            ready_.raise();
        };
        return reports;
    }

    /// Waits for something to happen. An exit code where that ends the demo; nothing where
    /// `awaited_fd` became readable or the limit has passed.
    std::optional<ExitCode> wait_for(int awaited_fd, std::chrono::milliseconds limit) {
        // The bastion first: when it dies, the forwarder ends too, and only because of that.
        const auto woken_by = wait_readable(
            {bastion_.ended_fd(), running_.ended_fd(), signals_.fd(), awaited_fd}, limit);
        if (woken_by == 0U) {
            return bastion_died();
        }
        if (woken_by == 1U) {
            return running_.wait(signals_);
        }
        if (woken_by == 2U) {
            signals_.take();
            return running_.stop(signals_);
        }
        return std::nullopt;
    }

    std::optional<ExitCode> wait_until_ready() { return wait_for(ready_.fd(), without_limit); }

    std::optional<ExitCode> show_a_transfer() {
        const std::uint16_t port = running_.forwarder().first_port();
        console_.say(fmt::format("Open http://127.0.0.1:{}/ to see the service", port));
        const auto fetched = fetch(port, signals_.fd());
        if (fetched) {
            console_.say(fmt::format("Fetched {} bytes through the tunnel in {:.1f} ms: {}",
                                     fetched->bytes,
                                     static_cast<double>(fetched->took.count()) / 1000,
                                     fetched->head.substr(0, fetched->head.find('\r'))));
            return std::nullopt;
        }
        // The reason may be one that has its own words.
        constexpr std::chrono::milliseconds a_moment{200};
        if (const auto ended = wait_for(-1, a_moment)) {
            return ended;
        }
        console_.log(LogLevel::fatal, "fetching through the tunnel failed: " + fetched.error());
        return ExitCode::failed;
    }

    ExitCode show_status() {
        for (;;) {
            console_.show_status(status_line(running_.forwarder().traffic()));
            if (const auto ended = wait_for(-1, status_interval)) {
                return *ended;
            }
        }
    }

    ExitCode bastion_died() {
        console_.log(
            LogLevel::fatal,
            fmt::format("the demo's OpenSSH server ended ({}), so nothing can be forwarded",
                        bastion_.how_it_ended()));
        return ExitCode::failed;
    }

    DemoBastion& bastion_;
    const bool once_;
    StopSignals& signals_;
    Console& console_;
    Flag ready_;
    RunningForwarder running_;
};

ExitCode fail(Console& console, std::string_view reason) {
    console.log(LogLevel::fatal, fmt::format("demo: {}", reason));
    return ExitCode::unavailable;
}

}  // namespace

ExitCode run_demo(const DemoCommand& command, StopSignals& signals, Console& console) {
    // Destroyed from the last to the first: forward, bastion, what the bastion left, service,
    // files.
    const auto directory = TemporaryDirectory::make();
    if (!directory) {
        return fail(console, directory.error());
    }
    auto listener = DemoService::listen_on_loopback();
    if (!listener) {
        return fail(console, listener.error());
    }
    const std::uint16_t service_port = port_of(*listener);
    const auto service = DemoService::start(std::move(*listener), std::string{page});
    if (!service) {
        return fail(console, service.error());
    }
    auto ready = Flag::make();
    auto ended = Flag::make();
    if (!ready || !ended) {
        return fail(console, ready ? ended.error() : ready.error());
    }

    const OrphanKeeper orphans;
    auto bastion = DemoBastion::start(*directory, service_port, signals.fd());
    if (!bastion) {
        return bastion.error().empty() ? ExitCode::ok : fail(console, bastion.error());
    }
    console.say(fmt::format("Bastion: a private OpenSSH server on 127.0.0.1:{}", bastion->port()));
    console.say(fmt::format("Service: http://127.0.0.1:{}/, for the bastion only", service_port));

    Scene scene{*bastion,
                service_port,
                command,
                signals,
                console,
                {.ready = std::move(*ready), .ended = std::move(*ended)}};
    return scene.play();
}

}  // namespace caponier::cli
