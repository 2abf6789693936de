// See refused_calls.h. A filter cannot be taken off again, so that it is put on a child or on a
// thread that ends.

#include "tests/loop/refused_calls.h"

#include <array>
#include <cstdlib>
#include <vector>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "engine/io/socket.h"

namespace caponier::looptest {

bool refuse_from_now_on(std::initializer_list<Refusal> refusals) {
    // The number of the system call, and a pair of instructions for each that is refused.
    std::vector<sock_filter> program{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0)};
    for (const Refusal& refusal : refusals) {
        program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, refusal.system_call, 0, 1));
        program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | refusal.error));
    }
    program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    const sock_fprog filter{.len = static_cast<unsigned short>(program.size()),
                            .filter = program.data()};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

std::string report_under(std::initializer_list<Refusal> refusals,
                         const std::function<std::string()>& report) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe(ends.data()), 0);
    const io::Socket reads{ends[0]};
    io::Socket writes{ends[1]};
    const pid_t child = ::fork();
    if (child == 0) {
        const std::string text =
            refuse_from_now_on(refusals) ? report() : "the filter is not accepted";
        const bool is_written =
            ::write(writes.fd(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
        ::_exit(is_written ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    writes = io::Socket{};
    std::string text;
    std::array<char, 256> buffer{};
    for (ssize_t count = 1; count > 0;) {
        count = ::read(reads.fd(), buffer.data(), buffer.size());
        text.append(buffer.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    return text;
}

}  // namespace caponier::looptest
