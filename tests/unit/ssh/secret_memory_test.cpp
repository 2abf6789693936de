// The arena of secrets: locked, kept out of dumps and children, fenced, wiped, shared by threads.

#include "ssh/crypto/secret_memory.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace caponier::ssh {
namespace {

using Memory = std::span<std::byte>;

constexpr std::size_t page_bytes = 4096;

/// Frees at the end of the test.
class SecretMemory : public testing::Test {
  protected:
    ~SecretMemory() override {
        for (const Memory memory : taken_) {
            free_secret_memory(memory);
        }
    }
    Memory take(std::size_t bytes) {
        taken_.push_back(allocate_secret_memory(bytes));
        return taken_.back();
    }

  private:
    std::vector<Memory> taken_;
};

/// What /proc/self/smaps says of the mapping that holds an address.
struct MappingReport {
    std::string permissions;
    std::string flags;  ///< " rd wr ..."

    [[nodiscard]] bool has(const std::string& flag) const {
        return flags.find(" " + flag + " ") != std::string::npos;
    }
};

MappingReport report_on(const void* address) {
    const auto wanted = reinterpret_cast<std::uintptr_t>(address);
    std::ifstream smaps{"/proc/self/smaps"};
    MappingReport report;
    bool inside = false;
    for (std::string line; std::getline(smaps, line);) {
        std::uintptr_t begin = 0;
        std::uintptr_t end = 0;
        char dash = 0;
        std::istringstream words{line};
        if (words >> std::hex >> begin >> dash >> end && dash == '-') {
            inside = wanted >= begin && wanted < end;
            if (inside) {
                words >> report.permissions;
            }
        } else if (inside && line.starts_with("VmFlags:")) {
            report.flags = line.substr(8) + " ";
        }
    }
    return report;
}

TEST_F(SecretMemory, IsZerosOfTheSizeThatWasAskedFor) {
    for (const std::size_t bytes : {1U, 63U, 64U, 65U, 4096U, 4097U, 100'000U}) {
        const Memory memory = take(bytes);

        ASSERT_EQ(memory.size(), bytes);
        EXPECT_TRUE(std::all_of(
            memory.begin(), memory.end(), [](std::byte b) { return b == std::byte{}; }));
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory.data()) % 64, 0U);
        std::fill(memory.begin(), memory.end(), std::byte{0xff});
    }
    EXPECT_TRUE(allocate_secret_memory(0).empty());
    free_secret_memory({});
}

TEST_F(SecretMemory, IsLockedAndNeitherDumpedNorInherited) {
    for (const std::size_t bytes : {32U, 4096U, 20'000U}) {
        const MappingReport report = report_on(take(bytes).data());

        EXPECT_EQ(report.permissions, "rw-p");
        EXPECT_TRUE(report.has("dd")) << report.flags;
        EXPECT_TRUE(report.has("wf")) << report.flags;
        EXPECT_EQ(report.has("lo"), secret_memory_is_locked()) << report.flags;
    }
}

// known_hosts files are read like key files, and are not worth what may be locked.
TEST_F(SecretMemory, OfWholeFilesIsNotLockedButNotDumpedEither) {
    const bool was_locked = secret_memory_is_locked();

    const MappingReport report = report_on(take(locked_bytes_max + 1).data());

    EXPECT_FALSE(report.has("lo")) << report.flags;
    EXPECT_TRUE(report.has("dd")) << report.flags;
    EXPECT_EQ(secret_memory_is_locked(), was_locked);
}

TEST_F(SecretMemory, IsFenced) {
    const Memory memory = take(3 * page_bytes);

    EXPECT_EQ(report_on(memory.data() - 1).permissions, "---p");
    EXPECT_EQ(report_on(memory.data() + 3 * page_bytes).permissions, "---p");
}

TEST_F(SecretMemory, IsEmptyInAChild) {
    const Memory small = take(32);
    const Memory large = take(20'000);
    std::fill(small.begin(), small.end(), std::byte{0x5a});
    std::fill(large.begin(), large.end(), std::byte{0x5a});

    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        const auto is_zero = [](std::byte b) { return b == std::byte{}; };
        const bool empty = std::all_of(small.begin(), small.end(), is_zero) &&
                           std::all_of(large.begin(), large.end(), is_zero);
        ::_exit(empty ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);

    EXPECT_EQ(status, 0);
    EXPECT_EQ(small[0], std::byte{0x5a});
}

TEST_F(SecretMemory, IsWipedWhenItIsGivenBack) {
    const Memory kept = take(256);  // so that the region stays, whoever else uses it
    const Memory memory = allocate_secret_memory(256);
    std::fill(memory.begin(), memory.end(), std::byte{0x5a});

    free_secret_memory(memory);

    EXPECT_TRUE(
        std::all_of(memory.begin(), memory.end(), [](std::byte b) { return b == std::byte{}; }));
    EXPECT_NE(kept.data(), memory.data());
    EXPECT_EQ(take(256).data(), memory.data()) << "a block that is free is taken again";
}

// Three hundred sessions with two key schedules, a shared secret and some keys each.
TEST_F(SecretMemory, IsThereForEveryKeyOfManySessions) {
    std::vector<Memory> all;
    for (int session = 0; session < 300; ++session) {
        for (const std::size_t bytes : {2000U, 2000U, 37U, 64U, 64U, 300U}) {
            all.push_back(take(bytes));
        }
    }
    std::sort(all.begin(), all.end(), [](Memory a, Memory b) { return a.data() < b.data(); });
    for (std::size_t i = 1; i < all.size(); ++i) {
        ASSERT_LE(all[i - 1].data() + all[i - 1].size(), all[i].data()) << "they overlap";
    }
}

TEST_F(SecretMemory, MayBeUsedByThreads) {
    constexpr int rounds = 500;
    const auto work = [](std::byte mark) {
        for (int round = 0; round < rounds; ++round) {
            std::vector<Memory> mine;
            for (const std::size_t bytes : {16U, 100U, 2000U, 5000U}) {
                mine.push_back(allocate_secret_memory(bytes));
                std::fill(mine.back().begin(), mine.back().end(), mark);
            }
            for (const Memory memory : mine) {
                if (std::any_of(
                        memory.begin(), memory.end(), [mark](std::byte b) { return b != mark; })) {
                    std::abort();
                }
                free_secret_memory(memory);
            }
        }
    };
    std::vector<std::thread> threads;
    for (int i = 1; i <= 4; ++i) {
        threads.emplace_back(work, static_cast<std::byte>(i));
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
}

/// Ends with 0 if everything went on, and it was said.
[[noreturn]] void keep_secrets_where_nothing_may_be_locked() {
    const rlimit nothing{0, 0};
    if (::setrlimit(RLIMIT_MEMLOCK, &nothing) != 0 || (::getuid() == 0 && ::setuid(65'534) != 0)) {
        ::_exit(2);
    }
    for (const std::size_t bytes : {50U, 20'000U}) {
        const Memory memory = allocate_secret_memory(bytes);
        std::fill(memory.begin(), memory.end(), std::byte{1});
    }
    ::_exit(secret_memory_is_locked() ? 1 : 0);
}

TEST_F(SecretMemory, GoesOnUnlockedWhereNothingMayBeLockedAndSaysSo) {
    EXPECT_EXIT(keep_secrets_where_nothing_may_be_locked(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace caponier::ssh
