// One thread writes whole lines with write(2), in the order in which they were said. It may be
// stuck in that call for as long as nobody reads; at the end a signal calls it back, because
// O_NONBLOCK would also be set for every other program that has the same terminal or pipe.

#include "tools/cli/console.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <optional>
#include <utility>

#include <poll.h>
#include <pthread.h>

#include <fmt/format.h>

#include "engine/client/start_thread.h"

namespace caponier::cli {
namespace {

using Clock = std::chrono::steady_clock;

/// To the start of the line, and everything behind it erased.
constexpr std::string_view erase_line = "\r\033[K";

/// What may wait for a reader: a few thousand lines.
constexpr std::size_t waiting_bytes_max = 256 * 1024;

/// At the end a reader that takes a line now and then is waited for so many patiences.
constexpr int patiences_max = 3;

/// Calls the writer back out of write(2). Nothing of ours uses it otherwise, and who does not
/// handle it does not notice it.
constexpr int wake_signal = SIGURG;
constexpr std::chrono::milliseconds wake_interval{10};

/// A signal with a handler interrupts a call; an ignored one does not.
void handle_wake_signal() noexcept {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    sigaction(wake_signal, &action, nullptr);
}

void unblock_wake_signal() noexcept {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, wake_signal);
    pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

/// Where somebody else has made the reader's end non-blocking.
void wait_until_writable(int descriptor) noexcept {
    constexpr int a_moment_ms = 100;
    pollfd waited{.fd = descriptor, .events = POLLOUT, .revents = 0};
    poll(&waited, 1, a_moment_ms);
}

/// Until everything is written, or nothing can be, or `has_given_up` says so.
template <typename Predicate>
void write_all(int descriptor, std::string_view text, const Predicate& has_given_up) noexcept {
    while (!text.empty() && !has_given_up()) {
        const ssize_t written = ::write(descriptor, text.data(), text.size());
        if (written >= 0) {
            text.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno == EAGAIN) {
            wait_until_writable(descriptor);
        } else if (errno != EINTR) {
            return;
        }
    }
}

}  // namespace

Console::Console(const Options& options)
    : options_(options), has_status_line_(isatty(options.out) == 1), queue_(waiting_bytes_max) {
    if (!options.has_thread) {
        return;
    }
    // Without it, whoever says something writes it.
    if (auto writer = client::start_thread([this] { run(); })) {
        writer_ = std::move(*writer);
    }
}

Console::~Console() {
    Lock lock{mutex_};
    is_ending_ = true;
    status_.clear();
    put_due_summaries(RepeatLimit::TimePoint::max());
    pass_on(lock);
    if (writer_.joinable()) {
        wait_for_writer(lock);
        lock.unlock();
        writer_.join();
    }
}

// ---- what is said ------------------------------------------------------------------------------

void Console::say(std::string_view line) {
    Lock lock{mutex_};
    queue_.put(LineQueue::Stream::out, fmt::format("{}\n", line), LineQueue::Weight::needed);
    pass_on(lock);
}

void Console::log(client::LogLevel level, std::string_view line) {
    if (level > options_.level) {
        return;
    }
    Lock lock{mutex_};
    put_message(level, line);
    pass_on(lock);
}

void Console::log_repeatable(client::Repeatable kind,
                             client::LogLevel level,
                             std::string_view line) {
    if (level > options_.level) {
        return;
    }
    const bool is_limited = options_.level < client::LogLevel::debug;
    Lock lock{mutex_};
    const auto now = Clock::now();
    put_due_summaries(now);
    if (!is_limited || repeats_.admits(kind, {.level = level, .line = line}, now)) {
        put_message(level, line);
    }
    pass_on(lock);
}

void Console::show_status(std::string_view line) {
    if (!has_status_line_) {
        return;
    }
    Lock lock{mutex_};
    status_ = line;
    pass_on(lock);
}

client::Reports Console::reports() {
    return {
        .ready = [this](std::string_view line) { say(line); },
        .log = [this](client::LogLevel level, std::string_view line) { log(level, line); },
        .log_repeatable = [this](client::Repeatable kind,
                                 client::LogLevel level,
                                 std::string_view line) { log_repeatable(kind, level, line); },
    };
}

/// "2026-11-26T12:34:56.789Z caponier: line". UTC, because messages of several machines are often
/// read together, and because no hour of it comes twice.
std::string Console::message(std::string_view line) const {
    if (!options_.has_timestamps) {
        return fmt::format("caponier: {}\n", line);
    }
    constexpr long nanoseconds_of_a_millisecond = 1'000'000;
    timespec now{};
    tm calendar{};
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &calendar);
    std::array<char, sizeof "2026-11-26T12:34:56"> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &calendar);
    return fmt::format(
        "{}.{:03}Z caponier: {}\n", text.data(), now.tv_nsec / nanoseconds_of_a_millisecond, line);
}

void Console::put_message(client::LogLevel level, std::string_view line) {
    const bool is_last_word = level <= client::LogLevel::fatal;
    queue_.put(LineQueue::Stream::messages,
               message(line),
               is_last_word ? LineQueue::Weight::needed : LineQueue::Weight::ordinary);
}

void Console::put_due_summaries(RepeatLimit::TimePoint now) {
    while (const auto summary = repeats_.take_due(now)) {
        put_message(summary->level, summary->line);
    }
}

/// To the writer, or, where there is none, to the reader.
void Console::pass_on(Lock& lock) {
    if (writer_.joinable()) {
        changed_.notify_one();
        return;
    }
    while (write_next(lock, Others::wait)) {
    }
}

// ---- what is written ---------------------------------------------------------------------------

void Console::run() noexcept {
    unblock_wake_signal();
    Lock lock{mutex_};
    while (!has_given_up_) {
        put_due_summaries(Clock::now());
        if (write_next(lock, Others::go_on)) {
            continue;
        }
        if (is_ending_) {
            break;
        }
        const auto due = repeats_.next_due();
        if (due == RepeatLimit::TimePoint::max()) {
            changed_.wait(lock);
        } else {
            changed_.wait_until(lock, due);
        }
    }
    has_ended_ = true;
    progressed_.notify_one();
}

/// One line, or the status line; false where there is nothing to write.
bool Console::write_next(Lock& lock, Others others) {
    const std::optional<LineQueue::Line> line = queue_.take();
    const std::string status = status_;
    if (!line && status == shown_status_) {
        return false;
    }
    if (others == Others::go_on) {
        lock.unlock();
    }
    if (!shown_status_.empty()) {
        write(options_.out, erase_line);
    }
    if (line) {
        write_line(*line);
    }
    write(options_.out, status);
    shown_status_ = status;
    if (others == Others::go_on) {
        lock.lock();
    }
    ++written_;
    progressed_.notify_one();
    return true;
}

void Console::write_line(const LineQueue::Line& line) {
    if (line.lost > 0) {
        write(options_.messages,
              message(line.lost == 1 ? "a message was lost because nobody read it"
                                     : fmt::format("{} messages were lost because nobody read them",
                                                   line.lost)));
        return;
    }
    write(line.stream == LineQueue::Stream::out ? options_.out : options_.messages, line.text);
}

void Console::write(int descriptor, std::string_view text) const noexcept {
    write_all(descriptor, text, [this] { return has_given_up_.load(); });
}

/// Whatever the reader does, this ends.
void Console::wait_for_writer(Lock& lock) {
    const auto end = Clock::now() + options_.patience * patiences_max;
    std::uint64_t seen = written_;
    const auto has_progressed = [&] { return has_ended_ || written_ != seen; };
    while (!has_ended_ && Clock::now() < end &&
           progressed_.wait_for(lock, options_.patience, has_progressed)) {
        seen = written_;
    }
    if (has_ended_) {
        return;
    }
    has_given_up_ = true;
    handle_wake_signal();
    // It may have been about to make the call, so that one signal would not do.
    while (!progressed_.wait_for(lock, wake_interval, [this] { return has_ended_; })) {
        pthread_kill(writer_.native_handle(), wake_signal);
    }
}

}  // namespace caponier::cli
