// Chaos over two native sessions, one run a seed. CAPONIER_SEEDS says how many, CAPONIER_SEED the
// first; alone, it runs that one again.

#include "tests/sim/pair_chaos.h"

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace caponier::sim {
namespace {

constexpr std::uint64_t seeds_by_default = 10'000;

std::optional<std::uint64_t> number_from_environment(const char* name) {
    const char* text = std::getenv(name);
    return text == nullptr ? std::nullopt
                           : std::optional<std::uint64_t>{std::strtoull(text, nullptr, 10)};
}

// Items 26, 59, 60, 135, 142, 143, 151, 160-162. Items 153 and 154: windows and packets down to a
// byte.
TEST(PairChaos, LosesNoByteAndLeavesNothingBehind) {
    const std::optional<std::uint64_t> one = number_from_environment("CAPONIER_SEED");
    const std::uint64_t first = one.value_or(1);
    const std::uint64_t count =
        number_from_environment("CAPONIER_SEEDS").value_or(one ? 1 : seeds_by_default);
    PairChaos::Counts sum;
    for (std::uint64_t seed = first; seed < first + count; ++seed) {
        PairChaos chaos{seed};

        const std::string failure = chaos.run();

        ASSERT_EQ(failure, "") << "again: CAPONIER_SEED=" << seed
                               << " sim-pair --gtest_filter='PairChaos.*'";
        sum.tunnels += chaos.counts().tunnels;
        sum.bytes += chaos.counts().bytes;
        sum.rekeys += chaos.counts().rekeys;
        sum.cut += chaos.counts().cut;
        sum.forwards += chaos.counts().forwards;
        sum.forwarded += chaos.counts().forwarded;
        sum.strays += chaos.counts().strays;
    }
    std::cout << "seeds " << first << " to " << first + count - 1 << ": " << sum.tunnels
              << " tunnels, " << sum.bytes << " bytes, " << sum.rekeys << " key exchanges, "
              << sum.cut << " closed early, " << sum.forwards << " remote forwards, "
              << sum.forwarded << " connections to them, " << sum.strays << " to none\n";
    EXPECT_TRUE(sum.cut > 0 || count < 100);
    EXPECT_TRUE((sum.forwards > 0 && sum.forwarded > 0 && sum.strays > 0) || count < 100);
}

}  // namespace
}  // namespace caponier::sim
