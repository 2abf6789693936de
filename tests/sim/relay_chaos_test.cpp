// The relay under chaos: a thousand worlds, each made of one seed. CAPONIER_SEED and CAPONIER_SEEDS
// choose the first seed and how many; CAPONIER_NARRATE=1 prints every completion.

#include <cstdint>
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "tests/sim/relay_world.h"

namespace caponier::sim {

namespace {

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

/// What to type to see one seed again.
std::string replay_command(std::uint64_t seed) {
    return "CAPONIER_SEED=" + std::to_string(seed) +
           " CAPONIER_SEEDS=1 CAPONIER_NARRATE=1 build/tests/sim/relay_chaos "
           "--gtest_filter=RelayChaos.*EverySeed";
}

std::string lines_of(const RunReport& report) {
    std::string lines;
    for (const std::string& violation : report.violations) {
        lines += "  " + violation + "\n";
    }
    return lines;
}

TEST(RelayChaos, KeepsEveryPromiseUnderEverySeed) {
    const std::uint64_t first = number_from_environment("CAPONIER_SEED", 1);
    const std::uint64_t count = number_from_environment("CAPONIER_SEEDS", 1'000);
    const bool narrates = number_from_environment("CAPONIER_NARRATE", 0) != 0;
    constexpr std::uint64_t failures_max = 10;
    std::uint64_t failures = 0;

    for (std::uint64_t seed = first; seed < first + count && failures < failures_max; ++seed) {
        const RunReport report = run_relay_world(seed, narrates);
        if (!report.violations.empty()) {
            ++failures;
            ADD_FAILURE() << "seed " << seed << ":\n"
                          << lines_of(report) << "replay: " << replay_command(seed);
        }
    }
}

TEST(RelayChaos, RunsASeedTheSameWayTwice) {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        const RunReport once = run_relay_world(seed);
        const RunReport again = run_relay_world(seed);

        EXPECT_EQ(once.trace_hash, again.trace_hash) << "seed " << seed;
        EXPECT_EQ(once.trace_entries, again.trace_entries) << "seed " << seed;
    }
}

TEST(RelayChaos, ReachesCleanEndsResetsAndDeadSessions) {
    RunReport sum;
    std::uint64_t dead_sessions = 0;
    std::uint64_t pools = 0;

    for (std::uint64_t seed = 1; seed <= 250; ++seed) {
        const RunReport report = run_relay_world(seed);
        sum.journeys += report.journeys;
        sum.journeys_completed += report.journeys_completed;
        sum.journeys_reset += report.journeys_reset;
        sum.bytes_delivered += report.bytes_delivered;
        sum.journeys_moved += report.journeys_moved;
        sum.sessions_lost += report.sessions_lost;
        sum.sessions_retired += report.sessions_retired;
        sum.shards += report.shards - 1;
        pools += report.sessions > 1 ? 1U : 0U;
        dead_sessions += report.session_died ? 1U : 0U;
    }

    EXPECT_GT(sum.journeys, 400U);
    EXPECT_GT(sum.journeys_completed, sum.journeys / 5);
    EXPECT_GT(sum.journeys_reset, sum.journeys / 10);
    EXPECT_GT(sum.bytes_delivered, 5'000'000U);
    EXPECT_GT(dead_sessions, 5U);
    EXPECT_LT(dead_sessions, 100U);
    EXPECT_GT(pools, 40U);
    EXPECT_GT(sum.shards, 40U);
    EXPECT_GT(sum.sessions_lost, 0U);
    EXPECT_GT(sum.sessions_retired, 0U);
    EXPECT_GT(sum.journeys_moved, 0U);
}

}  // namespace

}  // namespace caponier::sim
