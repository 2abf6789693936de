#pragma once
// What a session's probes tell: whether a silent server is still there, and how long the way to it
// is. Numbers and times in, verdicts out; session_worker.cpp sends the probes and gives up.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "engine/io/loop.h"
#include "engine/relay/limits.h"

namespace caponier::relay {

/// How patient to be with a silent server. Interval 0: for ever.
struct AlivePatience {
    std::chrono::nanoseconds interval{0};
    int probes_max = 0;
};

class Probes {
  public:
    // ---- is it there? -------------------------------------------------------------------------

    enum class Verdict : std::uint8_t { wait, probe, dead };

    /// The server gave a sign of life: it may be silent for an interval from now.
    void heard(io::TimePoint now, const AlivePatience& patience) noexcept;
    /// What to do now. Each probe is given its interval from when it was asked for here.
    [[nodiscard]] Verdict judge(io::TimePoint now, const AlivePatience& patience) noexcept;
    /// Nobody looked for a while: a probe that is out gets its interval again.
    void forgive(io::TimePoint now, const AlivePatience& patience) noexcept;
    /// When to judge; nothing changes before.
    [[nodiscard]] io::TimePoint due(const AlivePatience& patience) const noexcept;

    // ---- how far is it? -----------------------------------------------------------------------

    void sent(io::TimePoint now) noexcept;
    /// The shortest of the last round trips; nothing if no probe was out.
    [[nodiscard]] std::optional<std::chrono::nanoseconds> answered(io::TimePoint now) noexcept;
    /// Too few round trips are known.
    [[nodiscard]] bool wants_more() const noexcept { return round_trips_seen_ < round_trips_kept; }

  private:
    io::TimePoint due_{};
    int unanswered_ = 0;
    int looks_ = 0;  ///< after the last probe had its time
    std::optional<io::TimePoint> sent_at_;
    std::array<std::chrono::nanoseconds, round_trips_kept> round_trips_{};
    std::size_t round_trips_seen_ = 0;
};

}  // namespace caponier::relay
