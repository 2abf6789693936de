// posix_spawn(3) with a pipe for the answer.

#include "engine/client/askpass.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "engine/client/text_filter.h"
#include "engine/io/socket.h"

namespace caponier::client {

namespace {

/// OpenSSH reads as much; nobody types more.
constexpr std::size_t answer_bytes_max = 1024;
/// How long a program that was asked to end may take.
constexpr int farewell_ms = 1000;

std::string words_of(int number) {
    return std::generic_category().message(number);
}

/// A child process. It is gone when this is.
class Child {
  public:
    explicit Child(pid_t id) noexcept : id_(id), exit_{open(id)} {}
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    ~Child() {
        if (reaped_) {
            return;
        }
        ::kill(id_, SIGTERM);
        pollfd watched{exit_.fd(), POLLIN, 0};
        // Without a descriptor to wait with there is no waiting.
        if (!exit_ || ::poll(&watched, 1, farewell_ms) <= 0) {
            ::kill(id_, SIGKILL);
        }
        static_cast<void>(reap());
    }

    /// Readable once it has ended.
    [[nodiscard]] int fd() const noexcept { return exit_.fd(); }

    /// Waits for the end; whether it was exit(0).
    [[nodiscard]] bool reap() noexcept {
        int status = 0;
        pid_t reaped = -1;
        do {
            reaped = ::waitpid(id_, &status, 0);
        } while (reaped < 0 && errno == EINTR);
        reaped_ = true;
        return reaped == id_ && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }

  private:
    /// glibc 2.36 declares pidfd_open() for C only.
    static int open(pid_t id) noexcept {
        return static_cast<int>(::syscall(SYS_pidfd_open, id, 0));
    }

    pid_t id_;
    io::Socket exit_;
    bool reaped_ = false;
};

/// This process's environment without a hint that is not ours: SSH_ASKPASS_PROMPT would make the
/// program ask for a confirmation where a text is wanted.
std::vector<char*> environment() {
    std::vector<char*> variables;
    for (char** variable = environ; *variable != nullptr; ++variable) {
        if (!std::string_view{*variable}.starts_with("SSH_ASKPASS_PROMPT=")) {
            variables.push_back(*variable);
        }
    }
    variables.push_back(nullptr);
    return variables;
}

/// Starts it with standard output at `output`, and with signals as a program expects them: ours are
/// blocked, and some are ignored. Returns an error number.
int spawn(const std::string& program, const std::string& prompt, int output, pid_t& id) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigset_t usual;
    sigemptyset(&none);
    sigemptyset(&usual);
    for (const int signal : {SIGPIPE, SIGINT, SIGTERM, SIGCHLD}) {
        sigaddset(&usual, signal);
    }
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &usual);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    std::string name = program;
    std::string words = prompt;
    std::array<char*, 3> arguments{name.data(), words.data(), nullptr};
    const std::vector<char*> variables = environment();
    const int error = ::posix_spawnp(
        &id, program.c_str(), &files, &attributes, arguments.data(), variables.data());
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return error;
}

tl::expected<void, std::string> wait_for(int descriptor, int interrupt) {
    for (;;) {
        std::array<pollfd, 2> watched{{{descriptor, POLLIN, 0}, {interrupt, POLLIN, 0}}};
        const int ready = ::poll(watched.data(), watched.size(), -1);
        if (ready < 0 && errno != EINTR) {
            return tl::unexpected{words_of(errno)};
        }
        if (ready > 0) {
            return watched[1].revents != 0
                       ? tl::expected<void, std::string>{tl::unexpected{std::string{"interrupted"}}}
                       : tl::expected<void, std::string>{};
        }
    }
}

/// What comes until the end of the stream; the length is kept within the buffer.
tl::expected<std::size_t, std::string> read_all(int descriptor,
                                                std::span<std::byte> room,
                                                int interrupt) {
    std::size_t used = 0;
    while (used < room.size()) {
        const tl::expected<void, std::string> ready = wait_for(descriptor, interrupt);
        if (!ready) {
            return tl::unexpected{ready.error()};
        }
        const ssize_t got = ::read(descriptor, &room[used], room.size() - used);
        if (got == 0) {
            break;
        }
        if (got < 0 && errno != EINTR) {
            return tl::unexpected{words_of(errno)};
        }
        used += got > 0 ? static_cast<std::size_t>(got) : 0;
    }
    return used;
}

std::size_t length_of_line(std::span<const std::byte> bytes) noexcept {
    std::size_t length = 0;
    while (length < bytes.size() && bytes[length] != std::byte{'\n'} &&
           bytes[length] != std::byte{'\r'}) {
        ++length;
    }
    return length;
}

}  // namespace

tl::expected<ssh::SecretBytes, std::string> run_askpass(const std::string& program,
                                                        const std::string& prompt,
                                                        int interrupt) {
    const auto failure = [&](std::string_view why) {
        return tl::unexpected{fmt::format("SSH_ASKPASS {}: {}", printable(program), why)};
    };
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return failure(words_of(errno));
    }
    io::Socket answer{ends[0]};
    io::Socket output{ends[1]};
    pid_t id = 0;
    if (const int error = spawn(program, prompt, output.fd(), id); error != 0) {
        return failure(words_of(error));
    }
    Child child{id};
    output = io::Socket{};
    ssh::SecretBytes text{answer_bytes_max};
    const tl::expected<std::size_t, std::string> size =
        read_all(answer.fd(), text.bytes(), interrupt);
    if (!size) {
        return failure(size.error());
    }
    // One that still talks hears that nobody listens.
    answer = io::Socket{};
    if (child.fd() >= 0) {
        if (const auto ended = wait_for(child.fd(), interrupt); !ended) {
            return failure(ended.error());
        }
    }
    if (!child.reap()) {
        return failure("it gave no answer");
    }
    text.shrink(length_of_line(text.bytes().first(*size)));
    return text;
}

}  // namespace caponier::client
