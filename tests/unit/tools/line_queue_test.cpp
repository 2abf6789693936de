// What waits for a reader: order, the bound, and the word about what was lost.

#include "tools/cli/line_queue.h"

#include <gtest/gtest.h>

namespace caponier::cli {
namespace {

using enum LineQueue::Stream;
using enum LineQueue::Weight;

/// What the queue holds, as a reader would see it.
std::string drained(LineQueue& queue) {
    std::string all;
    while (const auto line = queue.take()) {
        all += line->lost > 0 ? "<" + std::to_string(line->lost) + ">" : line->text;
    }
    return all;
}

TEST(LineQueue, GivesLinesInTheOrderInWhichTheyCame) {
    LineQueue queue{100};

    queue.put(messages, "one ", ordinary);
    queue.put(out, "two ", needed);
    queue.put(messages, "three ", ordinary);

    EXPECT_EQ(drained(queue), "one two three ");
    EXPECT_FALSE(queue.take());
}

TEST(LineQueue, KeepsToWhichStreamALineGoes) {
    LineQueue queue{100};

    queue.put(messages, "one ", ordinary);
    queue.put(out, "two ", needed);

    EXPECT_EQ(queue.take()->stream, messages);
    EXPECT_EQ(queue.take()->stream, out);
}

TEST(LineQueue, DropsAndCountsWhatDoesNotFit) {
    LineQueue queue{8};

    queue.put(messages, "1234", ordinary);
    queue.put(messages, "5678", ordinary);
    queue.put(messages, "9", ordinary);
    queue.put(messages, "0", ordinary);

    EXPECT_EQ(drained(queue), "12345678<2>");
}

TEST(LineQueue, ASlowReaderIsToldOfALossOnce) {
    LineQueue queue{8};
    queue.put(messages, "1234", ordinary);
    queue.put(messages, "5678", ordinary);
    queue.put(messages, "lost", ordinary);

    EXPECT_EQ(queue.take()->text, "1234");
    queue.put(messages, "fits", ordinary);

    EXPECT_EQ(drained(queue), "5678<2>");
}

TEST(LineQueue, TakesLinesAgainWhenTheLossWasTold) {
    LineQueue queue{4};
    queue.put(messages, "1234", ordinary);
    queue.put(messages, "lost", ordinary);
    ASSERT_EQ(drained(queue), "1234<1>");

    queue.put(messages, "5678", ordinary);

    EXPECT_EQ(drained(queue), "5678");
}

TEST(LineQueue, KeepsANeededLineBehindTheWordAboutWhatIsMissingBeforeIt) {
    LineQueue queue{4};
    queue.put(messages, "1234", ordinary);
    queue.put(messages, "lost", ordinary);

    queue.put(messages, "last words", needed);

    EXPECT_EQ(drained(queue), "1234<1>last words");
}

TEST(LineQueue, NeededLinesTakeTheRoomOfOrdinaryOnes) {
    LineQueue queue{8};

    queue.put(out, "more than there is", needed);
    queue.put(messages, "a", ordinary);

    EXPECT_EQ(drained(queue), "more than there is<1>");
}

}  // namespace
}  // namespace caponier::cli
