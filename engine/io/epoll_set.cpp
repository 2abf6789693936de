// See epoll_set.h. A number that lost its last operation may be closed and used again, or be handed
// to another loop, without this one being told. So a registration is only relied upon while
// operations are in flight, and made anew after that; one that was left behind is removed when it
// reports something.

#include "engine/io/epoll_set.h"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <limits>

#include "engine/io/expects.h"

namespace caponier::io {

namespace {

constexpr std::size_t descriptors_at_start = 1'024;

bool waits_for_event(const Completion* operation) noexcept {
    return operation != nullptr && operation->state_ == Completion::State::submitted &&
           stage_of(*operation) == EpollStage::waits_for_event;
}

/// An operation whose callback has not run yet will most likely be followed by its like.
bool will_read(const Descriptor& descriptor) noexcept {
    return waits_for_event(descriptor.reading) ||
           (descriptor.reading != nullptr &&
            descriptor.reading->state_ == Completion::State::ready);
}

/// EPOLLHUP and EPOLLERR are always watched for.
std::uint32_t wanted_events(const Descriptor& descriptor) noexcept {
    return (waits_for_event(descriptor.reading) ? std::uint32_t{EPOLLIN} : 0U) |
           (waits_for_event(descriptor.writing) ? std::uint32_t{EPOLLOUT} : 0U);
}

timespec timespec_of(std::chrono::nanoseconds duration) noexcept {
    const std::chrono::seconds whole = std::chrono::duration_cast<std::chrono::seconds>(duration);
    return {.tv_sec = static_cast<std::time_t>(whole.count()),
            .tv_nsec = static_cast<long>((duration - whole).count())};
}

}  // namespace

IoResult<Socket> EpollSet::make_epoll() noexcept {
    const int fd = ::epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0) {
        return tl::unexpected{IoError{errno}};
    }
    return Socket{fd};
}

EpollSet::EpollSet(Socket epoll) : epoll_(std::move(epoll)), descriptors_(descriptors_at_start) {}

Descriptor& EpollSet::at(int fd) {
    expects(fd >= 0);
    const std::size_t index = static_cast<std::size_t>(fd);
    if (index >= descriptors_.size()) {
        descriptors_.resize(std::max(index + 1, 2 * descriptors_.size()));
    }
    return descriptors_[index];
}

int EpollSet::arm(int fd) noexcept {
    Descriptor& descriptor = at(fd);
    const std::uint32_t wanted = wanted_events(descriptor);
    if (!descriptor.is_armed) {
        return set_interest(fd, descriptor, wanted);
    }
    if ((descriptor.interest & wanted) == wanted) {
        return 0;
    }
    return set_interest(fd, descriptor, descriptor.interest | wanted);
}

void EpollSet::quieten(int fd, std::uint32_t events) noexcept {
    Descriptor& descriptor = at(fd);
    const bool is_waiting = waits_for_event(descriptor.reading) ||
                            waits_for_event(descriptor.writing) ||
                            waits_for_event(descriptor.watching);
    const bool will_call_back = std::ranges::any_of(
        std::array{descriptor.reading, descriptor.writing, descriptor.watching},
        [](const Completion* operation) {
            return operation != nullptr && operation->state_ == Completion::State::ready;
        });
    if (!is_waiting && !will_call_back) {
        leave(fd, descriptor);
        return;
    }
    std::uint32_t unwanted = 0;
    if ((events & EPOLLIN) != 0 && !will_read(descriptor)) {
        unwanted |= EPOLLIN;
    }
    if ((events & EPOLLOUT) != 0 && descriptor.writing == nullptr) {
        unwanted |= EPOLLOUT;
    }
    if (descriptor.is_armed && (descriptor.interest & unwanted) != 0) {
        // To ask for less cannot fail for want of memory; if it fails the event just comes again.
        [[maybe_unused]] const int error =
            set_interest(fd, descriptor, descriptor.interest & ~unwanted);
    }
}

int EpollSet::watch_always(int fd) noexcept {
    return control(EPOLL_CTL_ADD, fd, EPOLLIN);
}

std::span<const epoll_event> EpollSet::wait(
    std::optional<std::chrono::nanoseconds> timeout) noexcept {
    constexpr int count_max = static_cast<int>(events_per_turn);
    int count = -1;
    if (has_pwait2_) {
        const timespec time = timespec_of(timeout.value_or(std::chrono::nanoseconds{0}));
        count = ::epoll_pwait2(
            epoll_.fd(), events_.data(), count_max, timeout ? &time : nullptr, nullptr);
        // Kernels before 5.11 do not know it, and seccomp filters of that age do not let it pass.
        has_pwait2_ = count >= 0 || (errno != ENOSYS && errno != EPERM);
    }
    if (!has_pwait2_) {
        int milliseconds = -1;
        if (timeout) {
            // Rounded up: a timer may be late, never early.
            const std::int64_t rounded =
                std::chrono::ceil<std::chrono::milliseconds>(*timeout).count();
            milliseconds =
                static_cast<int>(std::min<std::int64_t>(rounded, std::numeric_limits<int>::max()));
        }
        count = ::epoll_wait(epoll_.fd(), events_.data(), count_max, milliseconds);
    }
    // EINTR: a signal handler ran.
    expects(count >= 0 || errno == EINTR);
    return {events_.data(), static_cast<std::size_t>(std::max(count, 0))};
}

int EpollSet::control(int operation, int fd, std::uint32_t interest) noexcept {
    epoll_event event{};
    event.events = interest;
    event.data.fd = fd;
    return ::epoll_ctl(epoll_.fd(), operation, fd, &event) == 0 ? 0 : errno;
}

int EpollSet::set_interest(int fd, Descriptor& descriptor, std::uint32_t interest) noexcept {
    int error = control(descriptor.was_registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, interest);
    if (error == ENOENT) {
        error = control(EPOLL_CTL_ADD, fd, interest);
    } else if (error == EEXIST) {
        error = control(EPOLL_CTL_MOD, fd, interest);
    }
    descriptor.is_armed = error == 0;
    descriptor.was_registered = error == 0;
    descriptor.interest = interest;
    return error;
}

void EpollSet::leave(int fd, Descriptor& descriptor) noexcept {
    // ENOENT and EBADF: it has left already, by being closed.
    [[maybe_unused]] const int error = control(EPOLL_CTL_DEL, fd, 0);
    descriptor.is_armed = false;
    descriptor.was_registered = false;
}

}  // namespace caponier::io
