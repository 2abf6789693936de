// The stack of posts and its eventfd. What wakes up a loop is in tests/loop; here the queue is read
// by hand.

#include "engine/io/post_queue.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <thread>
#include <utility>
#include <vector>

#include <unistd.h>

#include <gtest/gtest.h>

namespace caponier::io {

namespace {

/// Posts are never called back here: whoever takes them says that they are over.
std::vector<Completion*> take_all(PostQueue& queue) {
    std::vector<Completion*> taken;
    for (Completion* next = queue.take(); next != nullptr; next = next->scratch_.next) {
        next->state_ = Completion::State::idle;
        taken.push_back(next);
    }
    return taken;
}

class PostQueueTest : public testing::Test {
  protected:
    PostQueueTest() : queue_(std::move(*PostQueue::make_wakeup())) {}

    /// How often the eventfd was written to since it was asked last.
    std::uint64_t wakeups() {
        std::uint64_t count = 0;
        const ssize_t taken = ::read(queue_.wakeup_fd(), &count, sizeof count);
        return taken == sizeof count ? count : 0;
    }

    PostQueue queue_;
};

TEST_F(PostQueueTest, GivesPostsInTheirOrder) {
    std::array<Completion, 3> posts;

    for (Completion& post : posts) {
        queue_.push(post);
    }

    EXPECT_EQ(take_all(queue_), (std::vector<Completion*>{&posts[0], &posts[1], &posts[2]}));
    EXPECT_EQ(queue_.take(), nullptr);
}

TEST_F(PostQueueTest, MarksAPostAsInFlight) {
    Completion post;

    queue_.push(post);

    EXPECT_TRUE(post.in_flight());
    EXPECT_EQ(post.kind_, Completion::Kind::post);
    EXPECT_EQ(take_all(queue_).size(), 1U);
}

TEST_F(PostQueueTest, WakesOnceForABurst) {
    std::array<Completion, 3> posts;

    for (Completion& post : posts) {
        queue_.push(post);
    }

    EXPECT_EQ(wakeups(), 1U);
    EXPECT_EQ(take_all(queue_).size(), 3U);
}

TEST_F(PostQueueTest, WakesAgainAfterItWasEmptied) {
    Completion first;
    Completion second;
    queue_.push(first);
    queue_.clear_wakeup();
    EXPECT_EQ(take_all(queue_).size(), 1U);
    EXPECT_EQ(wakeups(), 0U);

    queue_.push(second);

    EXPECT_EQ(wakeups(), 1U);
    EXPECT_EQ(take_all(queue_).size(), 1U);
}

TEST_F(PostQueueTest, LosesNothingThatThreadsPostAtTheSameTime) {
    constexpr std::size_t threads = 4;
    std::array<std::deque<Completion>, threads> posts;
    for (std::deque<Completion>& mine : posts) {
        mine.resize(1'000);
    }

    std::vector<std::thread> posters;
    for (std::deque<Completion>& mine : posts) {
        posters.emplace_back([this, &mine] {
            for (Completion& post : mine) {
                queue_.push(post);
            }
        });
    }
    std::size_t taken = 0;
    while (taken < threads * 1'000) {
        taken += take_all(queue_).size();
    }
    for (std::thread& poster : posters) {
        poster.join();
    }

    EXPECT_EQ(take_all(queue_).size(), 0U);
}

}  // namespace

}  // namespace caponier::io
