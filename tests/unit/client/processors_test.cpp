// Counting and pinning, on whatever machine this runs.

#include "engine/client/processors.h"

#include <thread>

#include <gtest/gtest.h>

namespace caponier::client {
namespace {

std::size_t count_of_this_thread() {
    ::cpu_set_t set;
    CPU_ZERO(&set);
    EXPECT_EQ(::sched_getaffinity(0, sizeof set, &set), 0);
    return static_cast<std::size_t>(CPU_COUNT(&set));
}

TEST(Processors, AreThoseThatTheThreadMayUse) {
    EXPECT_EQ(Processors::allowed().count(), count_of_this_thread());
}

TEST(Processors, PinAThreadToOneOfThem) {
    const Processors processors = Processors::allowed();
    for (const std::size_t which : {std::size_t{0}, processors.count() - 1, processors.count()}) {
        std::thread{[&] {
            processors.pin_thread(which);
            EXPECT_EQ(count_of_this_thread(), 1U);
        }}.join();
    }
    EXPECT_EQ(count_of_this_thread(), processors.count());
}

}  // namespace
}  // namespace caponier::client
