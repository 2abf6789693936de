#pragma once
// A first-in, first-out list of Completions, linked through their scratch space: joining and
// leaving allocate nothing and take the same time whatever the length. A Completion is on at most
// one list.

#include "engine/io/completion.h"
#include "engine/io/expects.h"

namespace caponier::io {

class CompletionList {
  public:
    CompletionList() noexcept = default;
    CompletionList(const CompletionList&) = delete;
    CompletionList& operator=(const CompletionList&) = delete;

    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }

    void push_back(Completion& completion) noexcept {
        completion.scratch_.previous = last_;
        completion.scratch_.next = nullptr;
        (last_ != nullptr ? last_->scratch_.next : first_) = &completion;
        last_ = &completion;
    }

    [[nodiscard]] Completion& pop_front() noexcept {
        expects(!empty());
        Completion& completion = *first_;
        remove(completion);
        return completion;
    }

    /// `completion` must be on this list.
    void remove(Completion& completion) noexcept {
        Completion* const previous = completion.scratch_.previous;
        Completion* const next = completion.scratch_.next;
        (previous != nullptr ? previous->scratch_.next : first_) = next;
        (next != nullptr ? next->scratch_.previous : last_) = previous;
        completion.scratch_.previous = nullptr;
        completion.scratch_.next = nullptr;
    }

  private:
    Completion* first_ = nullptr;
    Completion* last_ = nullptr;
};

}  // namespace caponier::io
