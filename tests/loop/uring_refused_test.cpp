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

#include <sys/syscall.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "engine/io/choose_loop.h"
#include "tests/loop/refused_calls.h"

namespace caponier::io {
namespace {

using looptest::Refusal;

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

std::string report_under(const Refusal& refusal, Backend backend) {
    return looptest::report_under({refusal}, [backend] { return report_of(backend); });
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

/// A process whose ring worked, until every enter fails.
void run_with_refused_enter(int error) {
    tl::expected<ChosenLoop, std::string> chosen = choose_loop(Backend::io_uring);
    if (!chosen ||
        !looptest::refuse_from_now_on({{SYS_io_uring_enter, static_cast<std::uint32_t>(error)}})) {
        ::_exit(EXIT_FAILURE);
    }
    for (int turn = 0; turn < 3; ++turn) {
        chosen->loop->run_once(false);
    }
    ::_exit(EXIT_SUCCESS);
}

// Whose operation it was is not known: that one would never end.
TEST(UringEnter, ALostCompletionEndsTheProcessWithASentence) {
    EXPECT_EXIT(run_with_refused_enter(EBADR),
                testing::ExitedWithCode(255),
                "caponier: .*lost a completion.*memory.*--io=epoll");
}

TEST(UringEnter, AShortageOfTheKernelIsWaitedFor) {
    for (const int error : {EAGAIN, EBUSY, ENOMEM}) {
        EXPECT_EXIT(run_with_refused_enter(error), testing::ExitedWithCode(EXIT_SUCCESS), "");
    }
}

TEST(EpollRefused, IsAnErrorOfOneLineWithWhatToDo) {
    const std::string filtered =
        report_under({.system_call = SYS_epoll_create1, .error = EPERM}, Backend::epoll);
    const std::string exhausted =
        report_under({.system_call = SYS_eventfd2, .error = EMFILE}, Backend::epoll);

    EXPECT_EQ(filtered,
              "error: epoll failed: Operation not permitted (a seccomp filter refuses it, as "
              "containers do)");
    EXPECT_EQ(exhausted,
              "error: epoll failed: Too many open files (raise the limit of descriptors: ulimit "
              "-n)");
}

TEST(UringAllowed, IsChosenAndNamesItsFlags) {
    const tl::expected<ChosenLoop, std::string> chosen = choose_loop(Backend::automatic);

    ASSERT_TRUE(chosen);
    EXPECT_EQ(chosen->loop->name(), "io_uring");
    EXPECT_EQ(chosen->reason.find("io_uring (DEFER_TASKRUN|SINGLE_ISSUER|"), 0U) << chosen->reason;
}

}  // namespace
}  // namespace caponier::io
