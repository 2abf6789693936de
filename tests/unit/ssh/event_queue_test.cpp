// Events wait in order, and a burst of them leaves nothing behind.

#include "ssh/event_queue.h"

#include <gtest/gtest.h>

#include "ssh/limits.h"

namespace caponier::ssh {
namespace {

void push(EventQueue& queue, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        queue.push(ChannelEof{LocalChannelId{static_cast<std::uint32_t>(i)}});
    }
}

/// How many were taken, in order.
std::size_t take_all(EventQueue& queue) {
    std::size_t count = 0;
    for (; const std::optional<Event> event = queue.take(); ++count) {
        EXPECT_EQ(std::get<ChannelEof>(*event).id,
                  LocalChannelId{static_cast<std::uint32_t>(count)});
    }
    return count;
}

TEST(EventQueue, GivesEventsInOrder) {
    EventQueue queue;
    push(queue, 3);
    EXPECT_FALSE(queue.empty());

    EXPECT_EQ(take_all(queue), 3U);
    EXPECT_TRUE(queue.empty());
}

TEST(EventQueue, KeepsTheRoomThatItNeedsAgain) {
    EventQueue queue;
    push(queue, events_kept_max / 2);
    const std::size_t room = queue.room();

    EXPECT_EQ(take_all(queue), events_kept_max / 2);

    EXPECT_EQ(queue.room(), room);
}

TEST(EventQueue, GivesTheRoomOfABurstBack) {
    EventQueue queue;
    push(queue, 100 * events_kept_max);

    EXPECT_EQ(take_all(queue), 100 * events_kept_max);

    EXPECT_LE(queue.room(), events_kept_max);
    push(queue, 3);
    EXPECT_EQ(take_all(queue), 3U);
}

}  // namespace
}  // namespace caponier::ssh
