#pragma once
// Where inside a UringLoop a submitted operation is: on which list it hangs decides how it is
// canceled. Kept in Scratch::stage. A send that waits for room has steps of its own.

#include <cstdint>

#include "engine/io/completion.h"

namespace caponier::io {

enum class UringStage : std::uint32_t {
    pending,             ///< no submission queue entry yet
    in_kernel,           ///< the kernel works on it
    cancel_pending,      ///< the same, and what ends it there has no submission queue entry yet
    starved,             ///< a receive on its pool's list
    waiting_for_others,  ///< a close, until nothing else is in flight on the socket
};

[[nodiscard]] inline UringStage stage_of(const Completion& operation) noexcept {
    return static_cast<UringStage>(operation.scratch_.stage);
}

inline void set_stage(Completion& operation, UringStage stage) noexcept {
    operation.scratch_.stage = static_cast<std::uint32_t>(stage);
}

/// How far a send is that waits for room by a poll of its own. Kept in Scratch::extra.
enum class UringSendStep : std::uint64_t {
    send,         ///< no poll is in the kernel
    poll,         ///< the kernel is asked when there is room
    ending_poll,  ///< there is, and the poll has to end before the kernel gets the send again
};

[[nodiscard]] inline UringSendStep send_step_of(const Completion& send) noexcept {
    return static_cast<UringSendStep>(send.scratch_.extra);
}

inline void set_send_step(Completion& send, UringSendStep step) noexcept {
    send.scratch_.extra = static_cast<std::uint64_t>(step);
}

}  // namespace caponier::io
