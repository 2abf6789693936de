// What a stream did not take, and how many buffers that may keep.

#include "engine/relay/held_input.h"

#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/relay/fakes.h"
#include "tests/unit/relay/ground.h"

namespace caponier::relay {
namespace {

struct NoPoolObserver final : sim::PoolObserver {
    void pool_changed(sim::SimPool&) noexcept override {}
    void pool_gone(sim::SimPool&) noexcept override {}
};

class HeldInputTest : public testing::Test {
  protected:
    /// As after a receive of `text` of which the stream took the first `taken` bytes.
    void hold(HeldInput& input, std::string_view text, std::size_t taken = 0) {
        io::Lease lease = pool.lease(bytes_of(text));
        const std::span<const std::byte> bytes = lease.bytes();
        input.hold(std::move(lease), bytes.subspan(taken));
    }

    NoPoolObserver pool_observer;
    sim::SimPool pool{{.buffers = 8, .buffer_bytes = 64, .headroom_bytes = 0}, pool_observer};
};

TEST_F(HeldInputTest, GivesTheBufferBackWithTheLastByte) {
    HeldInput input;
    EXPECT_TRUE(input.empty());
    hold(input, "abcdef", 2);
    EXPECT_EQ(text_of(input.bytes()), "cdef");
    EXPECT_EQ(pool.leases_out(), 1U);

    input.consume(3);
    EXPECT_EQ(text_of(input.bytes()), "f");
    input.consume(1);

    EXPECT_TRUE(input.empty());
    EXPECT_EQ(pool.leases_out(), 0U);
}

TEST_F(HeldInputTest, ManyOfThemLeaveHalfOfThePoolToOthers) {
    std::array<HeldInput, 50> inputs;

    for (std::size_t index = 0; index < inputs.size(); ++index) {
        hold(inputs[index], pattern(64, static_cast<unsigned>(index)), index % 64);
        EXPECT_GE(pool.available(), 4U);
    }

    for (std::size_t index = 0; index < inputs.size(); ++index) {
        EXPECT_EQ(text_of(inputs[index].bytes()),
                  pattern(64, static_cast<unsigned>(index)).substr(index % 64));
    }
}

TEST_F(HeldInputTest, LeaveHalfOfThePoolAlsoWhereTheKernelHasFilledAllOfIt) {
    std::vector<io::Lease> filled;
    for (int count = 0; count < 8; ++count) {
        filled.push_back(pool.lease(bytes_of("abc")));
    }
    std::array<HeldInput, 8> inputs;

    for (std::size_t index = 0; index < inputs.size(); ++index) {
        const std::span<const std::byte> bytes = filled[index].bytes();
        inputs[index].hold(std::move(filled[index]), bytes);
    }

    EXPECT_GE(pool.available(), 4U);
    for (const HeldInput& input : inputs) {
        EXPECT_EQ(text_of(input.bytes()), "abc");
    }
}

TEST_F(HeldInputTest, CanBeDroppedAndUsedAgain) {
    std::array<HeldInput, 6> inputs;
    for (HeldInput& input : inputs) {
        hold(input, "first");
    }

    for (HeldInput& input : inputs) {
        input.clear();
        EXPECT_TRUE(input.empty());
        hold(input, "second");
        EXPECT_EQ(text_of(input.bytes()), "second");
        input.clear();
    }

    EXPECT_EQ(pool.leases_out(), 0U);
}

}  // namespace
}  // namespace caponier::relay
