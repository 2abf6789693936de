// A long path for tests on one machine: whatever comes is passed on N microseconds later, in each
// direction, in order and complete. It ends TCP on both sides, so that what TCP itself does on a
// long path (slow start, losses, its windows) is not in the picture; the report says so.

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <deque>
#include <memory>
#include <vector>

#include <sys/mman.h>
#include <sys/socket.h>

#include "bench/traffic/arguments.h"
#include "bench/traffic/poller.h"

namespace caponier::bench {

namespace {

/// What may be under way in one direction: 1.3 GB/s over 50 ms. Memory that is not used costs
/// nothing.
constexpr std::uint64_t room_bytes = std::uint64_t{64} << 20;
constexpr std::uint64_t read_bytes_max = std::uint64_t{1} << 20;

/// Bytes under way in one direction, in a ring, and from when on they may leave.
class Way {
  public:
    Way() noexcept
        : room_(static_cast<std::byte*>(mmap(nullptr,
                                             room_bytes,
                                             PROT_READ | PROT_WRITE,
                                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                                             -1,
                                             0))) {
        if (room_ == MAP_FAILED) {
            fail("mmap");
        }
    }
    Way(const Way&) = delete;
    Way& operator=(const Way&) = delete;
    ~Way() { munmap(room_, room_bytes); }

    /// False: nothing more comes at the moment.
    bool take_from(const Descriptor& socket, std::uint64_t due_ns) {
        const std::uint64_t at = taken_ % room_bytes;
        const std::uint64_t free = room_bytes - (taken_ - given_);
        const std::uint64_t most = std::min({free, room_bytes - at, read_bytes_max});
        const ssize_t got = recv(socket.fd(), room_ + at, most, 0);
        if (got < 0) {
            has_failed_ = !would_block();
            return false;
        }
        if (got == 0) {
            has_ended_ = true;
            end_due_ns_ = due_ns;
            return false;
        }
        // Whose Nagle waits for an acknowledgement would have up to 40 ms on top of the path, now
        // and then, and from nobody who is measured.
        acknowledge_at_once(socket);
        taken_ += static_cast<std::uint64_t>(got);
        marks_.push_back({due_ns, taken_});
        return static_cast<std::uint64_t>(got) == most;
    }

    /// False: the socket takes no more now.
    bool give_to(const Descriptor& socket, std::uint64_t now) {
        while (!marks_.empty() && marks_.front().due_ns <= now) {
            released_ = marks_.front().until;
            marks_.pop_front();
        }
        while (given_ < released_) {
            const std::uint64_t at = given_ % room_bytes;
            const std::uint64_t most = std::min(released_ - given_, room_bytes - at);
            const ssize_t sent = send(socket.fd(), room_ + at, most, 0);
            if (sent < 0) {
                has_failed_ = !would_block();
                return false;
            }
            given_ += static_cast<std::uint64_t>(sent);
        }
        if (has_ended_ && marks_.empty() && end_due_ns_ <= now && !end_is_passed_on_) {
            shutdown(socket.fd(), SHUT_WR);
            end_is_passed_on_ = true;
        }
        return true;
    }

    [[nodiscard]] bool is_full() const noexcept { return taken_ - given_ == room_bytes; }
    [[nodiscard]] bool wants_bytes() const noexcept { return !has_ended_ && !is_full(); }
    [[nodiscard]] bool has_failed() const noexcept { return has_failed_; }
    [[nodiscard]] bool is_over() const noexcept { return end_is_passed_on_; }
    /// When there is next something to do; 0 for never.
    [[nodiscard]] std::uint64_t due_ns() const noexcept {
        return !marks_.empty()                    ? marks_.front().due_ns
               : has_ended_ && !end_is_passed_on_ ? end_due_ns_
                                                  : 0;
    }

  private:
    struct Mark {
        std::uint64_t due_ns;
        std::uint64_t until;
    };

    std::byte* room_;
    std::deque<Mark> marks_;
    // Positions in the stream: given <= released <= taken.
    std::uint64_t taken_ = 0;
    std::uint64_t released_ = 0;
    std::uint64_t given_ = 0;
    std::uint64_t end_due_ns_ = 0;
    bool has_ended_ = false;
    bool end_is_passed_on_ = false;
    bool has_failed_ = false;
};

struct Path {
    Descriptor near;
    Descriptor far;
    Way there;
    Way back;
    std::uint32_t near_events = 0;
    std::uint32_t far_events = 0;
};

class Delay {
  public:
    explicit Delay(const Arguments& arguments)
        : to_(endpoint(arguments.text("connect"))),
          delay_ns_(arguments.number("delay-us") * 1'000),
          listener_(listen_on_loopback()) {
        poller_.watch(listener_.fd(), EPOLLIN);
    }

    [[noreturn]] void run() {
        std::printf("{\"port\": %u}\n", port_of(listener_));
        std::fflush(stdout);
        for (;;) {
            // Every path is looked at each time: there are a handful.
            for (const epoll_event& event : poller_.wait(patience_ns())) {
                if (event.data.fd == listener_.fd()) {
                    accept_one();
                }
            }
            for (const auto& path : paths_) {
                serve(*path);
            }
            std::erase_if(paths_, [](const auto& path) {
                return (path->there.is_over() && path->back.is_over()) ||
                       path->there.has_failed() || path->back.has_failed();
            });
        }
    }

  private:
    void accept_one() {
        Descriptor accepted = accept_from(listener_);
        if (!accepted.is_open()) {
            return;
        }
        auto path = std::make_unique<Path>();
        path->near = std::move(accepted);
        path->far = connect_to(to_);
        poller_.watch(path->near.fd(), 0);
        poller_.watch(path->far.fd(), 0);
        paths_.push_back(std::move(path));
    }

    void serve(Path& path) {
        const std::uint64_t now = now_ns();
        if (path.there.wants_bytes()) {
            path.there.take_from(path.near, now + delay_ns_);
        }
        if (path.back.wants_bytes()) {
            path.back.take_from(path.far, now + delay_ns_);
        }
        const bool far_takes = path.there.give_to(path.far, now);
        const bool near_takes = path.back.give_to(path.near, now);
        watch(path.near, path.near_events, path.there.wants_bytes(), !near_takes);
        watch(path.far, path.far_events, path.back.wants_bytes(), !far_takes);
    }

    void watch(const Descriptor& socket, std::uint32_t& events, bool reads, bool writes) {
        const std::uint32_t wanted =
            (reads ? std::uint32_t{EPOLLIN} : 0U) | (writes ? std::uint32_t{EPOLLOUT} : 0U);
        if (wanted != events) {
            poller_.change(socket.fd(), wanted);
            events = wanted;
        }
    }

    [[nodiscard]] std::int64_t patience_ns() const {
        std::uint64_t next = 0;
        for (const auto& path : paths_) {
            for (const std::uint64_t due : {path->there.due_ns(), path->back.due_ns()}) {
                next = due != 0 && (next == 0 || due < next) ? due : next;
            }
        }
        const std::uint64_t now = now_ns();
        return next == 0 ? -1 : next <= now ? 0 : static_cast<std::int64_t>(next - now);
    }

    sockaddr_in to_;
    std::uint64_t delay_ns_;
    Descriptor listener_;
    Poller poller_;
    std::vector<std::unique_ptr<Path>> paths_;
};

}  // namespace

int run_delay(const Arguments& arguments) {
    Delay{arguments}.run();
}

}  // namespace caponier::bench
