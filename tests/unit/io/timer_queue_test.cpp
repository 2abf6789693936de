// The heap of timers, against plain sorting. No loop and no clock: times are made up.

#include "engine/io/timer_queue.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace caponier::io {

namespace {

TimerQueue::Due at(int tick) {
    return TimerQueue::Due{std::chrono::nanoseconds{tick}};
}

TEST(TimerQueue, IsEmptyAtFirst) {
    TimerQueue queue;

    EXPECT_TRUE(queue.empty());
    EXPECT_FALSE(queue.next_due().has_value());
    EXPECT_EQ(queue.pop_due(at(1'000)), nullptr);
}

TEST(TimerQueue, GivesTheEarliestFirst) {
    TimerQueue queue;
    Completion late;
    Completion early;
    Completion middle;

    queue.insert(at(30), late);
    queue.insert(at(10), early);
    queue.insert(at(20), middle);

    EXPECT_EQ(queue.next_due(), at(10));
    EXPECT_EQ(queue.pop_due(at(100)), &early);
    EXPECT_EQ(queue.pop_due(at(100)), &middle);
    EXPECT_EQ(queue.pop_due(at(100)), &late);
    EXPECT_TRUE(queue.empty());
}

TEST(TimerQueue, KeepsWhatIsNotYetDue) {
    TimerQueue queue;
    Completion timer;
    queue.insert(at(10), timer);

    EXPECT_EQ(queue.pop_due(at(9)), nullptr);
    EXPECT_EQ(queue.pop_due(at(10)), &timer);
}

TEST(TimerQueue, GivesTimersOfTheSameTimeInTheOrderOfTheirInsertion) {
    TimerQueue queue;
    std::deque<Completion> timers(50);
    for (Completion& timer : timers) {
        queue.insert(at(7), timer);
    }

    for (Completion& timer : timers) {
        EXPECT_EQ(queue.pop_due(at(7)), &timer);
    }
}

TEST(TimerQueue, ForgetsWhatIsRemovedAndTakesItAgain) {
    TimerQueue queue;
    Completion removed;
    Completion kept;
    queue.insert(at(10), removed);
    queue.insert(at(20), kept);

    queue.remove(removed);
    EXPECT_EQ(queue.next_due(), at(20));
    queue.insert(at(30), removed);

    EXPECT_EQ(queue.pop_due(at(100)), &kept);
    EXPECT_EQ(queue.pop_due(at(100)), &removed);
}

TEST(TimerQueue, AgreesWithSortingWhateverIsInsertedAndRemoved) {
    const char* const given = std::getenv("CAPONIER_SEED");
    const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : 1;
    SCOPED_TRACE("CAPONIER_SEED=" + std::to_string(seed));
    std::mt19937_64 random{seed};
    TimerQueue queue;
    std::deque<Completion> timers(500);
    std::vector<Completion*> expected;
    for (Completion& timer : timers) {
        queue.insert(at(static_cast<int>(random() % 100)), timer);
        expected.push_back(&timer);
        if (random() % 3 == 0) {
            const std::size_t victim = random() % expected.size();
            queue.remove(*expected[victim]);
            expected.erase(expected.begin() + static_cast<std::ptrdiff_t>(victim));
        }
    }

    std::ranges::stable_sort(expected, [](const Completion* left, const Completion* right) {
        return left->scratch_.due < right->scratch_.due;
    });
    ASSERT_EQ(queue.size(), expected.size());
    for (Completion* const timer : expected) {
        EXPECT_EQ(queue.pop_due(at(100)), timer);
    }
}

}  // namespace

}  // namespace caponier::io
