// The simulation itself under test: this executable is built from relay sources with one bug in
// them (planted/*/engine/relay/planted_fault.h, found first on its include path), and the seeds
// that pass over the sound relay have to find it.

#include "engine/relay/planted_fault.h"

#include <cstdint>
#include <cstdio>
#include <string>

#include <gtest/gtest.h>

#include "tests/sim/relay_world.h"

namespace caponier::sim {

namespace {

namespace planted = relay::planted_fault;

/// What the planted bug does to the world.
constexpr const char* symptom =
    planted::repeats_a_byte ? "download differs" : "saw an end that the target never sent";

constexpr std::uint64_t seeds_max = 200;

TEST(PlantedFault, IsFoundByTheSimulation) {
    static_assert(planted::repeats_a_byte != planted::hides_a_cut);

    std::uint64_t finder = 0;
    for (std::uint64_t seed = 1; seed <= seeds_max && finder == 0; ++seed) {
        for (const std::string& violation : run_relay_world(seed).violations) {
            finder = violation.find(symptom) == std::string::npos ? finder : seed;
        }
    }

    EXPECT_NE(finder, 0U) << "no run of " << seeds_max << " shows: " << symptom;
    std::printf("found by seed %llu\n", static_cast<unsigned long long>(finder));
}

}  // namespace

}  // namespace caponier::sim
