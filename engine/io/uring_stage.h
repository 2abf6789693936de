#pragma once
// Where inside a UringLoop a submitted operation is: on which list it hangs decides how it is
// canceled. Kept in Scratch::stage.

#include <cstdint>

#include "engine/io/completion.h"

namespace caponier::io {

enum class UringStage : std::uint32_t {
    pending,             ///< no submission queue entry yet
    in_kernel,           ///< the kernel works on it
    cancel_pending,      ///< the same, and a cancellation of it has no submission queue entry yet
    starved,             ///< a receive on its pool's list
    waiting_for_others,  ///< a close, until nothing else is in flight on the socket
};

[[nodiscard]] inline UringStage stage_of(const Completion& operation) noexcept {
    return static_cast<UringStage>(operation.scratch_.stage);
}

inline void set_stage(Completion& operation, UringStage stage) noexcept {
    operation.scratch_.stage = static_cast<std::uint32_t>(stage);
}

}  // namespace caponier::io
