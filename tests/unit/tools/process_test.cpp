// What the program does to its own process, in a child that may be spoilt.

#include "tools/cli/process.h"

#include <array>
#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace caponier::cli {
namespace {

bool is_null_device(int fd) {
    struct stat ours {};
    struct stat null_device {};
    return fstat(fd, &ours) == 0 && stat("/dev/null", &null_device) == 0 &&
           ours.st_rdev == null_device.st_rdev;
}

template <typename Body>
void expect_true_in_child(const Body& body) {
    const pid_t child = fork();
    if (child == 0) {
        _exit(body() ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

TEST(Process, OpensClosedStandardStreamsOnTheNullDevice) {
    expect_true_in_child([] {
        for (const int fd : {0, 1, 2}) {
            close(fd);
        }
        const bool opened = open_standard_streams().has_value();
        return opened && is_null_device(0) && is_null_device(1) && is_null_device(2);
    });
}

TEST(Process, LeavesOpenStandardStreamsAsTheyAre) {
    expect_true_in_child([] {
        std::array<int, 2> ends{};
        if (pipe(ends.data()) != 0 || dup2(ends[0], 0) != 0 || dup2(ends[1], 2) != 2) {
            return false;
        }
        close(1);
        const bool opened = open_standard_streams().has_value();
        return opened && !is_null_device(0) && is_null_device(1) && !is_null_device(2);
    });
}

TEST(Process, SaysWhyAStandardStreamCannotBeOpened) {
    expect_true_in_child([] {
        close(0);
        const rlimit none{.rlim_cur = 0, .rlim_max = 0};
        setrlimit(RLIMIT_NOFILE, &none);
        const auto opened = open_standard_streams();
        return !opened &&
               opened.error() ==
                   "opening /dev/null for a closed standard stream failed: Too many open "
                   "files (raise the limit of descriptors: ulimit -n)";
    });
}

TEST(Process, ARefusedSignalDescriptorIsAnErrorOfOneLine) {
    expect_true_in_child([] {
        const rlimit none{.rlim_cur = 0, .rlim_max = 0};
        setrlimit(RLIMIT_NOFILE, &none);
        const auto signals = StopSignals::make();
        return !signals &&
               signals.error() ==
                   "signalfd failed: Too many open files (raise the limit of descriptors: "
                   "ulimit -n)";
    });
}

}  // namespace
}  // namespace caponier::cli
