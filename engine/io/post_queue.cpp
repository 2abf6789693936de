// The queue behind Loop::post(). The stack has one consumer that always takes all of it, so that no
// element is ever compared against a head that came back (the ABA problem of lock-free stacks).

#include "engine/io/post_queue.h"

#include <cerrno>

#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/io/expects.h"

namespace caponier::io {

IoResult<Socket> PostQueue::make_wakeup() noexcept {
    const int fd = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd < 0) {
        return tl::unexpected{IoError{errno}};
    }
    return Socket{fd};
}

void PostQueue::push(Completion& done) noexcept {
    expects(!done.in_flight());
    done.kind_ = Completion::Kind::post;
    done.state_ = Completion::State::submitted;

    Completion* newest = newest_.load(std::memory_order_relaxed);
    do {
        done.scratch_.next = newest;
    } while (!newest_.compare_exchange_weak(
        newest, &done, std::memory_order_release, std::memory_order_relaxed));

    // From here on `done` belongs to the loop's thread. Whoever found the queue empty wakes the
    // loop.
    if (newest == nullptr) {
        const std::uint64_t one = 1;
        // A full counter (EAGAIN) is as readable as any other; nothing else can fail here.
        [[maybe_unused]] const ssize_t written = ::write(wakeup_.fd(), &one, sizeof one);
    }
}

void PostQueue::clear_wakeup() noexcept {
    std::uint64_t wakeups = 0;
    // EAGAIN says that it was clear already.
    [[maybe_unused]] const ssize_t taken = ::read(wakeup_.fd(), &wakeups, sizeof wakeups);
}

Completion* PostQueue::take() noexcept {
    Completion* newest = newest_.exchange(nullptr, std::memory_order_acquire);
    Completion* oldest = nullptr;
    while (newest != nullptr) {
        Completion* const older = newest->scratch_.next;
        newest->scratch_.next = oldest;
        oldest = newest;
        newest = older;
    }
    return oldest;
}

}  // namespace caponier::io
