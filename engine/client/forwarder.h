#pragma once
// The whole program below its command line: resolves the host, starts the shard, holds the session
// and the forwards, and says how it ended. tools/cli and later the library sit on this.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "engine/client/settings.h"

namespace caponier::client {

/// Messages that somebody else can cause as often as they like: a local client, or the server.
enum class Repeatable : std::uint8_t {
    connection_refused,
    keys_changed,
    session_lost,
    warning,
};
inline constexpr std::size_t repeatable_kinds = 4;

/// What to tell the user. Called on any of the forwarder's threads and in start(); ready and log
/// one call at a time. The texts are whole lines without a newline, and free of control characters.
/// Bytes do not flow while a call lasts: it must not wait for whoever reads the line.
struct Reports {
    /// stdout: "Forwarding from 127.0.0.1:8080 -> db.internal:5432 via bastion.example".
    std::function<void(std::string_view line)> ready;
    /// stderr, by level.
    std::function<void(LogLevel level, std::string_view line)> log;
    /// The same for messages whose number others decide: not each of them has to be shown.
    std::function<void(Repeatable kind, LogLevel level, std::string_view line)> log_repeatable;
    /// Once, as the last call: Forwarder::wait() no longer blocks. May be empty.
    std::function<void()> ended = {};
};

/// Exit codes of the program, sysexits(3) where ssh has none of its own.
enum class ExitCode : int {
    ok = 0,
    usage = 64,
    unavailable = 69,
    cannot_listen = 73,
    /// By Ctrl-C while somebody was asked to log in. The program dies of the signal itself, so that
    /// a shell stops its script; this is what the shell makes of that.
    interrupted = 130,
    failed = 255
};

/// Counters for a status line; relaxed reads of what the shards count.
struct Traffic {
    std::uint64_t connections_open = 0;
    std::uint64_t connections_total = 0;
    std::uint64_t bytes_up = 0;    ///< local client -> target
    std::uint64_t bytes_down = 0;  ///< target -> local client
};

class Forwarder {
  public:
    Forwarder(Settings settings, Reports reports);
    ~Forwarder();
    Forwarder(const Forwarder&) = delete;
    Forwarder& operator=(const Forwarder&) = delete;

    /// Starts the threads. Returns at once; what fails then or later ends wait().
    void start();
    /// Blocks until the forwarder has ended, and returns why.
    [[nodiscard]] ExitCode wait();
    /// wait() with a limit: false if it still runs.
    [[nodiscard]] bool wait_for(std::chrono::milliseconds limit);
    /// Stops listening, lets the open connections finish for Settings::drain_timeout at most and
    /// not while no byte moves, ends with ok. A second call ends at once. From any thread, not from
    /// a signal handler.
    void stop();
    /// A person is being asked for something, and nothing was logged in before. From any thread.
    [[nodiscard]] bool asks_person_to_log_in() const noexcept;
    [[nodiscard]] Traffic traffic() const noexcept;
    /// The port that the first forward listens on; 0 until it is ready.
    [[nodiscard]] std::uint16_t first_port() const noexcept;

  private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace caponier::client
