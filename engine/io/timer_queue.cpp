// The heap behind Loop::wait_until(). Parent and children are found by index arithmetic; every move
// tells the timer where it now is.

#include "engine/io/timer_queue.h"

#include "engine/io/expects.h"

namespace caponier::io {

namespace {

bool is_before(const Completion& left, const Completion& right) noexcept {
    if (left.scratch_.due != right.scratch_.due) {
        return left.scratch_.due < right.scratch_.due;
    }
    return left.scratch_.extra < right.scratch_.extra;
}

}  // namespace

std::optional<TimerQueue::Due> TimerQueue::next_due() const noexcept {
    if (heap_.empty()) {
        return std::nullopt;
    }
    return heap_.front()->scratch_.due;
}

void TimerQueue::insert(Due due, Completion& timer) {
    timer.scratch_.due = due;
    timer.scratch_.extra = insertions_++;
    heap_.push_back(&timer);
    place(heap_.size() - 1, timer);
    move_up(heap_.size() - 1);
}

void TimerQueue::remove(Completion& timer) noexcept {
    const std::size_t index = timer.scratch_.heap_index;
    expects(index < heap_.size());
    expects(heap_[index] == &timer);

    Completion& last = *heap_.back();
    heap_.pop_back();
    if (&last == &timer) {
        return;
    }
    // The last timer fills the gap. It comes from another branch, so it may belong above or below.
    place(index, last);
    move_up(index);
    move_down(last.scratch_.heap_index);
}

Completion* TimerQueue::pop_due(Due now) noexcept {
    if (heap_.empty() || heap_.front()->scratch_.due > now) {
        return nullptr;
    }
    Completion& earliest = *heap_.front();
    remove(earliest);
    return &earliest;
}

void TimerQueue::place(std::size_t index, Completion& timer) noexcept {
    heap_[index] = &timer;
    timer.scratch_.heap_index = index;
}

void TimerQueue::move_up(std::size_t index) noexcept {
    Completion& timer = *heap_[index];
    while (index > 0) {
        const std::size_t parent = (index - 1) / 2;
        if (!is_before(timer, *heap_[parent])) {
            break;
        }
        place(index, *heap_[parent]);
        index = parent;
    }
    place(index, timer);
}

void TimerQueue::move_down(std::size_t index) noexcept {
    Completion& timer = *heap_[index];
    while (true) {
        std::size_t child = 2 * index + 1;
        if (child >= heap_.size()) {
            break;
        }
        if (child + 1 < heap_.size() && is_before(*heap_[child + 1], *heap_[child])) {
            ++child;
        }
        if (!is_before(*heap_[child], timer)) {
            break;
        }
        place(index, *heap_[child]);
        index = child;
    }
    place(index, timer);
}

}  // namespace caponier::io
