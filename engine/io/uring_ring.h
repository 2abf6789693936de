#pragma once
// One io_uring of one thread: its setup with the flags that the kernel accepts, its submission and
// completion queues, and the one system call of a turn. It knows nothing of operations; what is put
// into the queues is decided in uring_loop.cpp and uring_operations.cpp.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <liburing.h>
#include <tl/expected.hpp>

namespace caponier::io {

struct UringOptions {
    std::uint32_t submissions_max = 1024;  ///< in one turn; more wait for the next
    std::uint32_t completions_max = 8192;  ///< before the kernel keeps them on a list of its own
    std::uint32_t forbidden_flags = 0;     ///< IORING_SETUP_* to do without
};

/// Why there is no ring.
struct UringRefusal {
    std::string call;  ///< "io_uring_setup", "IORING_OP_RECV", ...
    int error = 0;     ///< a positive errno; 0 if an operation is missing
};

/// An entry of the completion queue.
struct UringCompletion {
    std::uint64_t user_data = 0;
    int result = 0;
    std::uint32_t flags = 0;  ///< IORING_CQE_F_*
};

class UringRing {
  public:
    /// Tries with all flags that help and drops them one by one while the kernel answers EINVAL.
    [[nodiscard]] static tl::expected<std::unique_ptr<UringRing>, UringRefusal> make(
        const UringOptions& options);

    UringRing() noexcept = default;
    UringRing(const UringRing&) = delete;
    UringRing& operator=(const UringRing&) = delete;
    ~UringRing();

    /// The IORING_SETUP_* that the ring runs with.
    [[nodiscard]] std::uint32_t flags() const noexcept { return ring_.flags; }
    /// Of those that were wanted, by name: "SINGLE_ISSUER|DEFER_TASKRUN, without CLAMP".
    [[nodiscard]] std::string describe_flags() const;

    [[nodiscard]] bool has_room() const noexcept { return io_uring_sq_space_left(&ring_) > 0; }
    /// A zeroed entry of the submission queue. There has to be room.
    [[nodiscard]] io_uring_sqe& next_submission() noexcept;

    /// Hands over all submissions, lets the kernel finish what it deferred and, if `wait`, sleeps
    /// until there is a completion or the timeout is over. One system call, whatever there is to
    /// do. 0 or a negative errno: what it did not take (EBUSY, EAGAIN) is offered again next time.
    int enter(bool wait, std::optional<std::chrono::nanoseconds> timeout) noexcept;

    [[nodiscard]] std::size_t completions_ready() const noexcept {
        return io_uring_cq_ready(&ring_);
    }
    /// Takes the oldest completion. There has to be one.
    [[nodiscard]] UringCompletion take_completion() noexcept;

    /// How often enter() was called.
    [[nodiscard]] std::uint64_t enters() const noexcept { return enters_; }

    /// For registrations.
    [[nodiscard]] io_uring& kernel_ring() noexcept { return ring_; }

  private:
    [[nodiscard]] unsigned publish_submissions() noexcept;

    io_uring ring_{};
    bool is_set_up_ = false;
    bool is_registered_ = false;
    std::uint64_t enters_ = 0;
};

}  // namespace caponier::io
