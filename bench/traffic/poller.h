#pragma once
// epoll, level-triggered, one descriptor an entry. The benchmark's programs use it directly, so
// that what they measure with is not what they measure.

#include <array>
#include <cstdint>
#include <span>

#include <sys/epoll.h>

#include "bench/traffic/sockets.h"

namespace caponier::bench {

class Poller {
  public:
    Poller() noexcept : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
        if (!epoll_.is_open()) {
            fail("epoll_create1");
        }
    }

    void watch(int fd, std::uint32_t events) noexcept { control(EPOLL_CTL_ADD, fd, events); }
    void change(int fd, std::uint32_t events) noexcept { control(EPOLL_CTL_MOD, fd, events); }

    void forget(int fd) noexcept { control(EPOLL_CTL_DEL, fd, 0); }

    /// What is ready, each with data.fd; valid until the next call. `timeout_ns` < 0: no end.
    [[nodiscard]] std::span<const epoll_event> wait(std::int64_t timeout_ns = -1) noexcept {
        constexpr std::int64_t second_ns = 1'000'000'000;
        const timespec timeout{.tv_sec = timeout_ns / second_ns, .tv_nsec = timeout_ns % second_ns};
        const int count = epoll_pwait2(epoll_.fd(),
                                       ready_.data(),
                                       static_cast<int>(ready_.size()),
                                       timeout_ns < 0 ? nullptr : &timeout,
                                       nullptr);
        if (count < 0 && !would_block()) {
            fail("epoll_pwait2");
        }
        return {ready_.data(), count < 0 ? 0U : static_cast<std::size_t>(count)};
    }

  private:
    void control(int operation, int fd, std::uint32_t events) noexcept {
        epoll_event event{};
        event.events = events;
        event.data.fd = fd;
        if (epoll_ctl(epoll_.fd(), operation, fd, &event) != 0) {
            fail("epoll_ctl");
        }
    }

    Descriptor epoll_;
    std::array<epoll_event, 64> ready_{};
};

}  // namespace caponier::bench
