#pragma once
// What a person sees: results on stdout, messages on stderr, one line each, and a status line that
// stays at the bottom where stdout is a terminal. May be used from any thread, and never keeps one
// waiting: a thread of its own writes, because a reader may be slow, stopped, or never come.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include <unistd.h>

#include "engine/client/forwarder.h"
#include "engine/client/settings.h"
#include "tools/cli/line_queue.h"
#include "tools/cli/repeat_limit.h"

namespace caponier::cli {

class Console {
  public:
    struct Options {
        client::LogLevel level = client::LogLevel::info;  ///< messages above it are not shown
        bool has_timestamps = false;  ///< in front of each message, when it was said
        int out = STDOUT_FILENO;
        int messages = STDERR_FILENO;
        /// At the end, how long a reader that takes nothing is waited for.
        std::chrono::milliseconds patience{1'000};
        bool has_thread = true;  ///< false: as where no thread can be started
    };

    /// Where no thread can be started, whoever says something writes it, and waits.
    explicit Console(const Options& options);
    /// Writes what is left, and gives up on a reader that takes nothing.
    ~Console();
    Console(const Console&) = delete;
    Console& operator=(const Console&) = delete;

    /// A line on stdout.
    void say(std::string_view line);
    /// "caponier: line" on stderr. LogLevel::quiet is for what is shown also with -q.
    /// Where nobody reads, lines are dropped, and the next reader is told how many.
    void log(client::LogLevel level, std::string_view line);
    /// The same for what others can cause again and again: counted beyond the first few, unless
    /// everything is shown.
    void log_repeatable(client::Repeatable kind, client::LogLevel level, std::string_view line);
    /// Replaces the status line; nothing where stdout is no terminal.
    void show_status(std::string_view line);

    /// What a Forwarder calls. The console must outlive it.
    [[nodiscard]] client::Reports reports();

  private:
    using Lock = std::unique_lock<std::mutex>;

    [[nodiscard]] std::string message(std::string_view line) const;
    void put_message(client::LogLevel level, std::string_view line);
    void put_due_summaries(RepeatLimit::TimePoint now);
    void pass_on(Lock& lock);
    void run() noexcept;
    enum class Others : std::uint8_t { go_on, wait };
    bool write_next(Lock& lock, Others others);
    void write_line(const LineQueue::Line& line);
    void write(int descriptor, std::string_view text) const noexcept;
    void wait_for_writer(Lock& lock);

    const Options options_;
    const bool has_status_line_;

    std::mutex mutex_;
    std::condition_variable changed_;
    std::condition_variable progressed_;
    LineQueue queue_;
    RepeatLimit repeats_;
    std::string status_;         ///< as it is to be
    std::uint64_t written_ = 0;  ///< texts
    bool is_ending_ = false;
    bool has_ended_ = false;  ///< the thread writes nothing more

    std::string shown_status_;  ///< as it is; only who writes uses it
    std::atomic<bool> has_given_up_{false};
    std::thread writer_;
};

}  // namespace caponier::cli
