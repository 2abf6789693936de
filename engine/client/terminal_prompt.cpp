// termios(3) around one line of /dev/tty.

#include "engine/client/terminal_prompt.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include "engine/io/socket.h"

namespace caponier::client {

namespace {

/// As OpenSSH.
constexpr std::size_t answer_bytes_max = 1024;

io::Socket open_terminal() noexcept {
    return io::Socket{::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)};
}

/// The signals that end a process where nobody handles them, and that can be caught. Those that the
/// program waits for are blocked in all its threads, so that they do not get here; in a process
/// that has our forwarder in it, they might.
constexpr std::array deadly{SIGABRT,
                            SIGSEGV,
                            SIGBUS,
                            SIGFPE,
                            SIGILL,
                            SIGSYS,
                            SIGTRAP,
                            SIGQUIT,
                            SIGALRM,
                            SIGUSR1,
                            SIGUSR2,
                            SIGXCPU,
                            SIGXFSZ,
                            SIGHUP,
                            SIGINT,
                            SIGTERM};

/// What a signal handler restores. It is static because a handler is given nothing but a number;
/// one question at a time has it.
struct LastRites {
    std::atomic<int> terminal{-1};  ///< -1: there is nothing to restore
    termios before{};
};
constinit LastRites last_rites;
static_assert(std::atomic<int>::is_always_lock_free);

/// Only calls of signal-safety(7). SIGTTOU is blocked meanwhile, so that tcsetattr() does not stop
/// a process in the background. The signal that is raised here comes when this returns, to what
/// SA_RESETHAND has put in the place of this.
void restore_and_die(int signal) {
    const int terminal = last_rites.terminal.load();
    if (terminal >= 0) {
        ::tcsetattr(terminal, TCSANOW, &last_rites.before);
        [[maybe_unused]] const ssize_t written = ::write(terminal, "\n", 1);
    }
    ::raise(signal);
}

/// As long as it lives, a process that dies by a signal leaves the terminal as it was. What is
/// ignored stays ignored, and what somebody else handles is that one's.
class Rescue {
  public:
    Rescue(int terminal, const termios& before) noexcept {
        last_rites.before = before;
        last_rites.terminal.store(terminal);
        struct sigaction ours {};
        ours.sa_handler = &restore_and_die;
        ours.sa_flags = static_cast<int>(SA_RESETHAND);
        sigfillset(&ours.sa_mask);
        for (std::size_t i = 0; i < deadly.size(); ++i) {
            struct sigaction usual {};
            is_ours_[i] = ::sigaction(deadly[i], nullptr, &usual) == 0 &&
                          (usual.sa_flags & SA_SIGINFO) == 0 && usual.sa_handler == SIG_DFL &&
                          ::sigaction(deadly[i], &ours, nullptr) == 0;
        }
    }
    Rescue(const Rescue&) = delete;
    Rescue& operator=(const Rescue&) = delete;
    ~Rescue() {
        for (std::size_t i = 0; i < deadly.size(); ++i) {
            if (is_ours_[i]) {
                std::signal(deadly[i], SIG_DFL);
            }
        }
        last_rites.terminal.store(-1);
    }

  private:
    std::array<bool, deadly.size()> is_ours_{};
};

/// The terminal for the time of a question. Ctrl-C stays what it is: the main thread hears of it
/// and interrupts us. Ctrl-Z and Ctrl-\ would leave the terminal without its echo, so that they
/// wait.
class Quiet {
  public:
    Quiet(int terminal, bool echo) noexcept : terminal_(terminal) {
        if (::tcgetattr(terminal, &before_) != 0) {
            return;
        }
        rescue_.emplace(terminal, before_);
        termios during = before_;
        if (!echo) {
            during.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHONL);
        }
        during.c_cc[VSUSP] = _POSIX_VDISABLE;
        during.c_cc[VQUIT] = _POSIX_VDISABLE;
        is_set_ = set(during);
    }
    Quiet(const Quiet&) = delete;
    Quiet& operator=(const Quiet&) = delete;
    ~Quiet() {
        if (is_set_) {
            set(before_);
        }
    }
    [[nodiscard]] bool is_set() const noexcept { return is_set_; }

  private:
    bool set(const termios& settings) const noexcept {
        int done = 0;
        do {
            done = ::tcsetattr(terminal_, TCSAFLUSH, &settings);
        } while (done != 0 && errno == EINTR);
        return done == 0;
    }

    int terminal_;
    termios before_{};
    bool is_set_ = false;
    std::optional<Rescue> rescue_;
};

void write_all(int terminal, std::string_view text) noexcept {
    while (!text.empty()) {
        const ssize_t written = ::write(terminal, text.data(), text.size());
        if (written < 0 && errno != EINTR) {
            return;
        }
        text.remove_prefix(written > 0 ? static_cast<std::size_t>(written) : 0);
    }
}

/// A person answers one question at a time, and the terminal has one state to go back to.
constinit std::mutex one_question;

/// Without a lock where `interrupt` became readable first.
std::unique_lock<std::mutex> wait_for_turn(int interrupt) {
    constexpr int look_again_ms = 50;
    std::unique_lock turn{one_question, std::try_to_lock};
    pollfd watched{interrupt, POLLIN, 0};
    while (!turn && ::poll(&watched, 1, look_again_ms) <= 0) {
        static_cast<void>(turn.try_lock());
    }
    return turn;
}

tl::unexpected<std::string> failure(std::string_view why) {
    return tl::unexpected{std::string{why}};
}

/// The terminal hands out whole lines. What does not fit is read and dropped.
tl::expected<ssh::SecretBytes, std::string> read_line(int terminal, int interrupt) {
    ssh::SecretBytes line{answer_bytes_max};
    std::array<std::byte, 256> room{};
    std::size_t used = 0;
    for (bool ended = false; !ended;) {
        std::array<pollfd, 2> watched{{{terminal, POLLIN, 0}, {interrupt, POLLIN, 0}}};
        if (::poll(watched.data(), watched.size(), -1) < 0) {
            if (errno == EINTR) {
                continue;
            }
            return failure(std::generic_category().message(errno));
        }
        if (watched[1].revents != 0) {
            return failure("interrupted");
        }
        const ssize_t got = ::read(terminal, room.data(), room.size());
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return failure("no answer was typed");
        }
        for (const std::byte byte : std::span{room}.first(static_cast<std::size_t>(got))) {
            ended = ended || byte == std::byte{'\n'} || byte == std::byte{'\r'};
            if (!ended && used < line.size()) {
                line.bytes()[used++] = byte;
            }
        }
        ssh::wipe(room);
    }
    line.shrink(used);
    return line;
}

}  // namespace

bool has_terminal() noexcept {
    return static_cast<bool>(open_terminal());
}

tl::expected<ssh::SecretBytes, std::string> ask_on_terminal(const std::string& prompt,
                                                            bool echo,
                                                            int interrupt) {
    const io::Socket terminal = open_terminal();
    if (!terminal) {
        return failure("there is no terminal");
    }
    const std::unique_lock<std::mutex> turn = wait_for_turn(interrupt);
    if (!turn) {
        return failure("interrupted");
    }
    const Quiet quiet{terminal.fd(), echo};
    if (!quiet.is_set()) {
        return failure("the terminal cannot be set up");
    }
    write_all(terminal.fd(), prompt);
    tl::expected<ssh::SecretBytes, std::string> line = read_line(terminal.fd(), interrupt);
    // Nobody saw the end of the line that was typed.
    if (!echo || !line) {
        write_all(terminal.fd(), "\n");
    }
    return line;
}

}  // namespace caponier::client
