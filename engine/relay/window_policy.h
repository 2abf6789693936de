#pragma once
// How much window a stream deserves, in one direction of one session: twice what the path holds at
// the stream's share of the session's rate (its bandwidth-delay product), so that a long path is
// filled and a short one has no long queue in front of everybody else.
//
// The share is the sum of the squared rates over the sum of the rates: the rate of the one that
// sends where only one does, a fair part where several do, and whoever has less than that may grow
// to it. Streams that send little hardly count, but for as long as one of them is heard, nobody has
// more under way than needed (is_quiet()).

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "engine/relay/limits.h"

namespace caponier::relay {

class WindowPolicy {
  public:
    using TimePoint = std::chrono::steady_clock::time_point;

    /// One stream's part in it.
    class Flow {
        friend class WindowPolicy;
        TimePoint since_{};
        std::uint64_t bytes_ = 0;      ///< since then
        double bytes_per_second_ = 0;  ///< in the interval before
    };

    /// The shortest round trip that was seen; 0 while none was.
    void set_round_trip(std::chrono::nanoseconds round_trip) noexcept { round_trip_ = round_trip; }

    /// The stream moved `bytes`.
    void moved(Flow& flow, std::size_t bytes, TimePoint now) noexcept {
        flow.bytes_ += bytes;
        const std::chrono::nanoseconds interval =
            std::max<std::chrono::nanoseconds>(round_trip_, rate_interval_least);
        if (now - flow.since_ < interval) {
            return;
        }
        if (now - flow.since_ >= std::max<std::chrono::nanoseconds>(quiet_after, 4 * interval)) {
            set_rate(flow, 0);  // A pause says nothing about what begins now.
        } else {
            const std::chrono::duration<double> seconds = now - flow.since_;
            set_rate(flow, static_cast<double>(flow.bytes_) / seconds.count());
            if (!sends_much(flow)) {
                little_was_sent_ = now;
            }
        }
        flow.bytes_ = 0;
        flow.since_ = now;
    }

    void ended(Flow& flow) noexcept { set_rate(flow, 0); }

    /// Twice the bandwidth-delay product of one share; 0 while the round trip is not known.
    [[nodiscard]] std::uint64_t share_bytes() const noexcept {
        return twice_the_path_holds(share_of_the_rate());
    }

    /// A stream's share of something else than the rate: all of `bytes` where one sends, half of it
    /// where two send alike. All of it while nothing has a rate.
    [[nodiscard]] std::uint64_t share_of(std::uint64_t bytes) const noexcept {
        return sum_ > 0 ? static_cast<std::uint64_t>(static_cast<double>(bytes) *
                                                     std::min(1.0, share_of_the_rate() / sum_))
                        : bytes;
    }

    /// The stream is one of those that share the rate, not of those that hardly count.
    [[nodiscard]] bool sends_much(const Flow& flow) const noexcept {
        return flow.bytes_per_second_ > 0 && flow.bytes_per_second_ >= share_of_the_rate() / 2;
    }

    /// None of those that send little has sent anything for a while.
    [[nodiscard]] bool is_quiet(TimePoint now) const noexcept {
        return now - little_was_sent_ >= quiet_after;
    }

    /// The same at the stream's own rate. One that is held up by its window has that at its window
    /// or above; one that has little to send, below.
    [[nodiscard]] std::uint64_t own_bytes(const Flow& flow) const noexcept {
        return twice_the_path_holds(flow.bytes_per_second_);
    }

  private:
    [[nodiscard]] double share_of_the_rate() const noexcept {
        return sum_ > 0 ? sum_of_squares_ / sum_ : 0;
    }

    void set_rate(Flow& flow, double rate) noexcept {
        const double before = flow.bytes_per_second_;
        flow.bytes_per_second_ = rate;
        sum_ += rate - before;
        sum_of_squares_ = std::max(0.0, sum_of_squares_ + rate * rate - before * before);
        // What rounding leaves of streams that are gone must not count.
        if (sum_ < 1) {
            sum_ = 0;
            sum_of_squares_ = 0;
        }
    }

    [[nodiscard]] std::uint64_t twice_the_path_holds(double bytes_per_second) const noexcept {
        const std::chrono::duration<double> seconds = round_trip_;
        return static_cast<std::uint64_t>(2 * bytes_per_second * seconds.count());
    }

    std::chrono::nanoseconds round_trip_{0};
    double sum_ = 0;
    double sum_of_squares_ = 0;
    TimePoint little_was_sent_{};
};

}  // namespace caponier::relay
