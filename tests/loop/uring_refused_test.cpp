// What the choice of the backend does where io_uring is refused: a forked child puts a seccomp
// filter on itself, as a container's runtime does, and reports the loop that it got.

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "engine/io/choose_loop.h"

namespace caponier::io {
namespace {

/// A system call that fails with `error` from now on.
struct Refusal {
    std::uint32_t system_call;
    std::uint32_t error;
};

bool install_filter(const Refusal& refusal) {
    std::array<sock_filter, 4> program{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),  // the number of the system call
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, refusal.system_call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | refusal.error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    const sock_fprog filter{.len = program.size(), .filter = program.data()};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

class Operation {
  public:
    Operation() noexcept { completion.bind<&Operation::on_done>(*this); }

    Completion completion;
    bool is_done = false;
    Outcome last;

  private:
    void on_done(Outcome& outcome) noexcept {
        is_done = true;
        last = std::move(outcome);
    }
};

void run_until_done(Loop& loop, const Operation& operation) {
    while (!operation.is_done) {
        loop.run_once();
    }
}

/// Carries a few bytes over a connection of the loop to itself.
bool carries_bytes(Loop& loop) {
    IoResult<Socket> listener = loop.listen(*Address::ip("127.0.0.1", 0));
    Operation connecting;
    Operation sending;
    Operation closing;
    if (!listener) {
        return false;
    }
    loop.connect(loop.local_address(*listener), connecting.completion);
    run_until_done(loop, connecting);
    const std::array<std::byte, 3> bytes{};
    const std::array pieces{piece_of(bytes)};
    loop.send(connecting.last.socket, pieces, sending.completion);
    run_until_done(loop, sending);
    loop.close(std::move(connecting.last.socket), closing.completion);
    run_until_done(loop, closing);
    return connecting.last.error == 0 && sending.last.bytes == bytes.size();
}

std::string report_of(Backend backend) {
    tl::expected<ChosenLoop, std::string> chosen = choose_loop(backend);
    if (!chosen) {
        return "error: " + chosen.error();
    }
    return carries_bytes(*chosen->loop) ? chosen->reason : "the loop does not work";
}

/// What a process under the filter says.
std::string report_under(const Refusal& refusal, Backend backend) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe(ends.data()), 0);
    const Socket reads{ends[0]};
    Socket writes{ends[1]};
    const pid_t child = ::fork();
    if (child == 0) {
        const std::string report =
            install_filter(refusal) ? report_of(backend) : "the filter is not accepted";
        const bool is_written = ::write(writes.fd(), report.data(), report.size()) ==
                                static_cast<ssize_t>(report.size());
        ::_exit(is_written ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    writes = Socket{};
    std::string report;
    std::array<char, 256> buffer{};
    for (ssize_t count = 1; count > 0;) {
        count = ::read(reads.fd(), buffer.data(), buffer.size());
        report.append(buffer.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    return report;
}

TEST(UringRefused, BySeccompGivesEpollAndTheReason) {
    const std::string report =
        report_under({.system_call = SYS_io_uring_setup, .error = EPERM}, Backend::automatic);

    EXPECT_EQ(report.find("epoll: io_uring_setup is not permitted ("), 0U) << report;
    EXPECT_TRUE(report.find("seccomp") != std::string::npos ||
                report.find("kernel.io_uring_disabled") != std::string::npos)
        << report;
}

TEST(UringRefused, ByAnOldKernelGivesEpollAndTheReason) {
    const std::string report =
        report_under({.system_call = SYS_io_uring_setup, .error = ENOSYS}, Backend::automatic);

    EXPECT_EQ(report, "epoll: io_uring_setup is not implemented in this kernel; Linux 6.1 has it");
}

TEST(UringRefused, ForLackOfMemoryGivesEpollAndTheReason) {
    const std::string report =
        report_under({.system_call = SYS_io_uring_setup, .error = ENOMEM}, Backend::automatic);

    EXPECT_EQ(report.find("epoll: io_uring_setup found no memory"), 0U) << report;
}

TEST(UringRefused, HalfwayGivesEpollAndNamesTheCall) {
    // Some filters know only a part of io_uring.
    const std::string at_register =
        report_under({.system_call = SYS_io_uring_register, .error = EPERM}, Backend::automatic);
    const std::string at_enter =
        report_under({.system_call = SYS_io_uring_enter, .error = EPERM}, Backend::automatic);

    EXPECT_EQ(at_register.find("epoll: io_uring_register is not permitted"), 0U) << at_register;
    EXPECT_EQ(at_enter.find("epoll: io_uring_enter is not permitted"), 0U) << at_enter;
}

TEST(UringRefused, IsAnErrorOfOneLineWhereItWasForced) {
    const std::string report =
        report_under({.system_call = SYS_io_uring_setup, .error = EPERM}, Backend::io_uring);

    EXPECT_EQ(report.find("error: io_uring was asked for, but io_uring_setup is not permitted ("),
              0U)
        << report;
    EXPECT_EQ(report.find('\n'), std::string::npos);
}

TEST(UringRefused, LeavesEpollAloneWhereThatWasAskedFor) {
    const std::string report =
        report_under({.system_call = SYS_io_uring_setup, .error = EPERM}, Backend::epoll);

    EXPECT_EQ(report, "epoll, as asked for");
}

TEST(UringAllowed, IsChosenAndNamesItsFlags) {
    const tl::expected<ChosenLoop, std::string> chosen = choose_loop(Backend::automatic);

    ASSERT_TRUE(chosen);
    EXPECT_EQ(chosen->loop->name(), "io_uring");
    EXPECT_EQ(chosen->reason.find("io_uring (DEFER_TASKRUN|SINGLE_ISSUER|"), 0U) << chosen->reason;
}

}  // namespace
}  // namespace caponier::io
