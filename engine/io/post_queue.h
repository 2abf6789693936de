#pragma once
// How other threads reach a loop: a lock-free stack that any thread pushes to and the loop's thread
// empties at once, and an eventfd that ends the loop's sleep. Loop::post() is push(); the loop
// waits for readability of wakeup_fd() in its own way.

#include <atomic>

#include "engine/io/loop.h"

namespace caponier::io {

/// Must outlive every call of push(): whoever posts is joined before the loop is destroyed.
class PostQueue {
  public:
    /// A non-blocking eventfd; fails where the process has no descriptors left.
    [[nodiscard]] static IoResult<Socket> make_wakeup() noexcept;

    explicit PostQueue(Socket wakeup) noexcept : wakeup_(std::move(wakeup)) {}
    PostQueue(const PostQueue&) = delete;
    PostQueue& operator=(const PostQueue&) = delete;

    [[nodiscard]] int wakeup_fd() const noexcept { return wakeup_.fd(); }

    /// From any thread. Marks the completion as submitted, of kind post. Writes to the eventfd only
    /// if the queue was empty: a burst costs one wakeup.
    void push(Completion& done) noexcept;

    /// The loop's thread. Resets the eventfd; call it before take(), or a wakeup could be lost.
    void clear_wakeup() noexcept;
    /// The loop's thread. Everything that was posted so far, in the order of posting, linked by
    /// Scratch::next; null if there is nothing.
    [[nodiscard]] Completion* take() noexcept;

  private:
    std::atomic<Completion*> newest_{nullptr};
    Socket wakeup_;
};

}  // namespace caponier::io
