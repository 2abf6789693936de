// The setup and the system call of one ring. liburing 2.3 offers no call that submits, waits with a
// timeout and is sure to enter the kernel only once, so the queue's tail is published here and
// io_uring_enter is called directly.

#include "engine/io/uring_ring.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>

#include "engine/io/expects.h"

namespace caponier::io {

namespace {

struct WantedFlag {
    std::uint32_t bit;
    std::string_view name;
};

// The newest first: that is the order in which they are given up. DEFER_TASKRUN lets the kernel do
// its part only when we enter, on a warm cache and without interrupting us; it needs SINGLE_ISSUER.
constexpr std::array<WantedFlag, 5> wanted_flags{{
    {IORING_SETUP_DEFER_TASKRUN, "DEFER_TASKRUN"},  // Linux 6.1
    {IORING_SETUP_SINGLE_ISSUER, "SINGLE_ISSUER"},  // Linux 6.0
    {IORING_SETUP_SUBMIT_ALL, "SUBMIT_ALL"},        // Linux 5.18
    {IORING_SETUP_CLAMP, "CLAMP"},                  // Linux 5.6
    {IORING_SETUP_CQSIZE, "CQSIZE"},                // Linux 5.5
}};

std::uint32_t without_orphans(std::uint32_t flags) noexcept {
    if ((flags & IORING_SETUP_SINGLE_ISSUER) == 0) {
        flags &= ~std::uint32_t{IORING_SETUP_DEFER_TASKRUN};
    }
    return flags;
}

int set_up(io_uring& ring, const UringOptions& options, std::uint32_t flags) noexcept {
    io_uring_params parameters{};
    parameters.flags = flags;
    if ((flags & IORING_SETUP_CQSIZE) != 0) {
        parameters.cq_entries = options.completions_max;
    }
    return io_uring_queue_init_params(options.submissions_max, &ring, &parameters);
}

}  // namespace

tl::expected<std::unique_ptr<UringRing>, UringRefusal> UringRing::make(
    const UringOptions& options) {
    std::uint32_t flags = 0;
    for (const WantedFlag& wanted : wanted_flags) {
        flags |= wanted.bit & ~options.forbidden_flags;
    }
    flags = without_orphans(flags);

    auto made = std::make_unique<UringRing>();
    int result = set_up(made->ring_, options, flags);
    for (const WantedFlag& wanted : wanted_flags) {
        if (result != -EINVAL) {
            break;
        }
        if ((flags & wanted.bit) != 0) {
            flags &= ~wanted.bit;
            result = set_up(made->ring_, options, flags);
        }
    }
    if (result < 0) {
        return tl::unexpected{UringRefusal{.call = "io_uring_setup", .error = -result}};
    }
    made->is_set_up_ = true;
    // Saves the kernel a look-up of the descriptor per system call; without it all works as well.
    made->is_registered_ = io_uring_register_ring_fd(&made->ring_) == 1;
    return made;
}

UringRing::~UringRing() {
    if (is_set_up_) {
        io_uring_queue_exit(&ring_);
    }
}

std::string UringRing::describe_flags() const {
    std::string present;
    std::string absent;
    for (const WantedFlag& wanted : wanted_flags) {
        std::string& names = (ring_.flags & wanted.bit) != 0 ? present : absent;
        names += names.empty() ? "" : "|";
        names += wanted.name;
    }
    if (present.empty()) {
        present = "no flags";
    }
    return absent.empty() ? present : present + ", without " + absent;
}

io_uring_sqe& UringRing::next_submission() noexcept {
    io_uring_sqe* const submission = io_uring_get_sqe(&ring_);
    expects(submission != nullptr);
    *submission = io_uring_sqe{};
    return *submission;
}

int UringRing::enter(bool wait, std::optional<std::chrono::nanoseconds> timeout) noexcept {
    const unsigned to_submit = publish_submissions();

    __kernel_timespec limit{};
    io_uring_getevents_arg extra{};
    extra.sigmask_sz = _NSIG / 8;
    if (timeout) {
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*timeout);
        limit.tv_sec = seconds.count();
        limit.tv_nsec = (*timeout - seconds).count();
        extra.ts = reinterpret_cast<std::uintptr_t>(&limit);
    }
    unsigned flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG;
    if (is_registered_) {
        flags |= IORING_ENTER_REGISTERED_RING;
    }
    ++enters_;
    const int result = io_uring_enter2(static_cast<unsigned>(ring_.enter_ring_fd),
                                       to_submit,
                                       wait ? 1 : 0,
                                       flags,
                                       reinterpret_cast<sigset_t*>(&extra),
                                       sizeof extra);
    return result < 0 ? result : 0;
}

UringCompletion UringRing::take_completion() noexcept {
    const unsigned head = *ring_.cq.khead;
    expects(completions_ready() > 0);
    const io_uring_cqe& entry = ring_.cq.cqes[head & ring_.cq.ring_mask];
    const UringCompletion completion{
        .user_data = entry.user_data, .result = entry.res, .flags = entry.flags};
    io_uring_cq_advance(&ring_, 1);
    return completion;
}

// Makes every prepared entry visible to the kernel and returns how many it has not taken yet.
unsigned UringRing::publish_submissions() noexcept {
    io_uring_sq& queue = ring_.sq;
    for (; queue.sqe_head != queue.sqe_tail; ++queue.sqe_head) {
        queue.array[queue.sqe_head & queue.ring_mask] = queue.sqe_head & queue.ring_mask;
    }
    io_uring_smp_store_release(queue.ktail, queue.sqe_tail);
    return queue.sqe_tail - *queue.khead;
}

}  // namespace caponier::io
