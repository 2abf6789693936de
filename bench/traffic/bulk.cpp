// Bulk transfers through N tunnels at once: a fixed number of bytes each, every one accounted for
// at the other end, or as much as goes in a given time, with the course of it.

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>

#include "bench/traffic/arguments.h"
#include "bench/traffic/cyclic_file.h"
#include "bench/traffic/order.h"
#include "bench/traffic/poller.h"

namespace caponier::bench {

namespace {

constexpr std::size_t read_bytes_max = std::size_t{1} << 20;
constexpr int steps_max = 4;

struct Transfer {
    Descriptor socket;
    std::uint64_t moved = 0;
    std::array<std::byte, sizeof(std::uint64_t)> answer{};
    std::size_t answer_bytes = 0;
    bool has_ended = false;  ///< an upload: all is sent, the target's count is awaited
    bool is_done = false;
};

/// How far each transfer was, and when.
struct Mark {
    std::uint64_t at_ns = 0;
    std::vector<std::uint64_t> moved;
};

class Bulk {
  public:
    explicit Bulk(const Arguments& arguments)
        : is_up_(arguments.text("direction") == "up"),
          bytes_(arguments.number_or("bytes", endless)),
          duration_ns_(arguments.number_or("milliseconds", 0) * 1'000'000),
          ends_with_stdin_(duration_ns_ == 0 && bytes_ == endless),
          interval_ns_(arguments.number_or("interval-ms", 100) * 1'000'000),
          transfers_(arguments.number("connections")) {
        const sockaddr_in to = endpoint(arguments.text("connect"));
        for (Transfer& transfer : transfers_) {
            transfer.socket = connect_to(to);
            const OrderBytes order_bytes = bytes_of(order_from(arguments));
            if (send(transfer.socket.fd(), order_bytes.data(), order_bytes.size(), 0) !=
                static_cast<ssize_t>(order_bytes.size())) {
                fail("sending an order");
            }
            const auto at = static_cast<std::size_t>(transfer.socket.fd());
            by_descriptor_.resize(std::max(by_descriptor_.size(), at + 1));
            by_descriptor_[at] = &transfer;
            poller_.watch(transfer.socket.fd(), is_up_ ? EPOLLOUT : EPOLLIN);
        }
    }

    int run() {
        if (ends_with_stdin_) {
            poller_.watch(STDIN_FILENO, EPOLLIN);
        }
        begun_ns_ = now_ns();
        add_mark(begun_ns_);
        while (done_ < transfers_.size()) {
            const std::uint64_t now = now_ns();
            if (duration_ns_ > 0 && now >= begun_ns_ + duration_ns_) {
                time_is_up_ = true;
            }
            if (!has_stopped_ && (time_is_up_ || now >= marks_.back().at_ns + interval_ns_)) {
                add_mark(now);
                say_when_all_flow();
            }
            if (time_is_up_ && !std::exchange(has_stopped_, true)) {
                if (!is_up_) {
                    break;  // what is under way down is nobody's loss
                }
                end_uploads();
            }
            for (const epoll_event& event : poller_.wait(patience_ns(now))) {
                if (event.data.fd == STDIN_FILENO) {
                    time_is_up_ = true;
                    poller_.forget(STDIN_FILENO);
                } else {
                    serve(*by_descriptor_[static_cast<std::size_t>(event.data.fd)]);
                }
            }
        }
        ended_ns_ = now_ns();
        report();
        return 0;
    }

  private:
    [[nodiscard]] Order order_from(const Arguments& arguments) const {
        const std::uint64_t drain_bytes = arguments.number_or("drain-bytes", 0);
        if (drain_bytes > 0) {
            return {.verb = Verb::slow_sink,
                    .request_bytes = static_cast<std::uint32_t>(drain_bytes),
                    .interval_ns = arguments.number("drain-interval-us") * 1'000};
        }
        return {.verb = is_up_ ? Verb::sink : Verb::source, .count = bytes_};
    }

    [[nodiscard]] std::int64_t patience_ns(std::uint64_t now) const {
        if (bytes_ != endless || has_stopped_) {
            return -1;
        }
        if (time_is_up_) {
            return 0;
        }
        std::uint64_t next = marks_.back().at_ns + interval_ns_;
        if (duration_ns_ > 0) {
            next = std::min(next, begun_ns_ + duration_ns_);
        }
        return next > now ? static_cast<std::int64_t>(next - now) : 0;
    }

    /// Whoever wants to see something beside these transfers waits for this line.
    void say_when_all_flow() {
        if (ends_with_stdin_ && !all_flow_ &&
            std::ranges::all_of(transfers_, [](const auto& one) { return one.moved > 0; })) {
            all_flow_ = true;
            std::puts("{\"flowing\": true}");
            std::fflush(stdout);
        }
    }

    [[nodiscard]] Mark mark_at(std::uint64_t now) const {
        Mark mark{.at_ns = now, .moved = {}};
        for (const Transfer& transfer : transfers_) {
            mark.moved.push_back(transfer.moved);
        }
        return mark;
    }

    void add_mark(std::uint64_t now) { marks_.push_back(mark_at(now)); }

    void end_uploads() {
        for (Transfer& transfer : transfers_) {
            end_upload(transfer);
        }
    }

    void end_upload(Transfer& transfer) {
        transfer.has_ended = true;
        shutdown(transfer.socket.fd(), SHUT_WR);
        poller_.change(transfer.socket.fd(), EPOLLIN);
    }

    void serve(Transfer& transfer) {
        for (int i = 0; i < steps_max && !transfer.is_done; ++i) {
            if (!(transfer.has_ended ? read_answer(transfer)
                  : is_up_           ? give(transfer)
                                     : take(transfer))) {
                return;
            }
        }
    }

    // Each returns whether there may be more to do at once.

    bool give(Transfer& transfer) {
        if (transfer.moved == bytes_) {
            end_upload(transfer);
            return false;
        }
        const ssize_t sent =
            plain_file().send(transfer.socket, transfer.moved, bytes_ - transfer.moved);
        if (sent < 0 && would_block()) {
            return false;
        }
        if (sent <= 0) {
            fail("sending");
        }
        transfer.moved += static_cast<std::uint64_t>(sent);
        return true;
    }

    bool take(Transfer& transfer) {
        const ssize_t got = recv(transfer.socket.fd(), nullptr, read_bytes_max, MSG_TRUNC);
        if (got < 0) {
            if (would_block()) {
                return false;
            }
            fail("receiving");
        }
        if (got > 0) {
            transfer.moved += static_cast<std::uint64_t>(got);
            return true;
        }
        if (transfer.moved != bytes_) {
            errno = EPROTO;
            fail(fmt::format("a download ended after {} of {} bytes", transfer.moved, bytes_));
        }
        finish(transfer);
        return false;
    }

    bool read_answer(Transfer& transfer) {
        const std::span<std::byte> missing =
            std::span{transfer.answer}.subspan(transfer.answer_bytes);
        const ssize_t got = recv(transfer.socket.fd(), missing.data(), missing.size(), 0);
        if (got < 0 && would_block()) {
            return false;
        }
        if (got <= 0) {
            errno = got == 0 ? EPROTO : errno;
            fail("an upload ended without the target's count");
        }
        transfer.answer_bytes += static_cast<std::size_t>(got);
        if (transfer.answer_bytes < transfer.answer.size()) {
            return true;
        }
        std::uint64_t taken = 0;
        std::memcpy(&taken, transfer.answer.data(), sizeof taken);
        if (taken != transfer.moved) {
            errno = EPROTO;
            fail(fmt::format("the target took {} of {} bytes", taken, transfer.moved));
        }
        finish(transfer);
        return false;
    }

    void finish(Transfer& transfer) {
        // The others' progress at the first end says how fairly they were served.
        if (done_++ == 0) {
            first_end_ = mark_at(now_ns());
        }
        transfer.is_done = true;
        std::array<char, 16> room{};
        congestion_ = congestion_control(transfer.socket, room);
        transfer.socket.close();
    }

    void report() const {
        std::vector<std::string> marks;
        std::ranges::transform(marks_, std::back_inserter(marks), as_json);
        fmt::print(
            "{{\"begun_ns\": {}, \"ended_ns\": {}, \"cpu_ns\": {}, \"congestion\": \"{}\", "
            "\"first_end\": {}, \"marks\": [{}]}}\n",
            begun_ns_,
            ended_ns_,
            cpu_ns(),
            congestion_,
            as_json(first_end_),
            fmt::join(marks, ", "));
    }

    static std::string as_json(const Mark& mark) {
        return fmt::format("[{}, [{}]]", mark.at_ns, fmt::join(mark.moved, ", "));
    }

    bool is_up_;
    std::uint64_t bytes_;
    std::uint64_t duration_ns_;  ///< 0: until all bytes are there
    bool ends_with_stdin_;
    std::uint64_t interval_ns_;
    std::vector<Transfer> transfers_;
    std::vector<Transfer*> by_descriptor_;
    Poller poller_;
    std::vector<Mark> marks_;
    Mark first_end_;
    std::size_t done_ = 0;
    std::string congestion_ = "unknown";
    bool time_is_up_ = false;
    bool has_stopped_ = false;
    bool all_flow_ = false;
    std::uint64_t begun_ns_ = 0;
    std::uint64_t ended_ns_ = 0;
};

}  // namespace

int run_bulk(const Arguments& arguments) {
    return Bulk{arguments}.run();
}

}  // namespace caponier::bench
