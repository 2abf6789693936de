// The judgement of silence, and round trips. See probes.h.

#include "engine/relay/probes.h"

#include <algorithm>

namespace caponier::relay {

// ---- is it there? ------------------------------------------------------------------------------

void Probes::heard(io::TimePoint now, const AlivePatience& patience) noexcept {
    unanswered_ = 0;
    looks_ = 0;
    due_ = now + patience.interval;
}

Probes::Verdict Probes::judge(io::TimePoint now, const AlivePatience& patience) noexcept {
    if (now < due(patience)) {
        return Verdict::wait;
    }
    if (unanswered_ < patience.probes_max) {
        ++unanswered_;
        due_ = now + patience.interval;
        return Verdict::probe;
    }
    if (looks_ < last_looks) {
        ++looks_;
        due_ = now + last_look_pause;
        return Verdict::wait;
    }
    return Verdict::dead;
}

void Probes::forgive(io::TimePoint now, const AlivePatience& patience) noexcept {
    if (unanswered_ > 0) {
        due_ = now + patience.interval;
    }
}

io::TimePoint Probes::due(const AlivePatience& patience) const noexcept {
    return patience.interval.count() > 0 ? due_ : io::TimePoint::max();
}

// ---- how far is it? ----------------------------------------------------------------------------

void Probes::sent(io::TimePoint now) noexcept {
    sent_at_ = sent_at_.value_or(now);
}

/// Probes leave while nothing else is under way: when the session begins and when it is quiet. So
/// the time to the answer is the path's, and not that of a queue. The shortest of the last few
/// counts, because both ends may have been kept waiting for a processor.
std::optional<std::chrono::nanoseconds> Probes::answered(io::TimePoint now) noexcept {
    if (!sent_at_) {
        return std::nullopt;
    }
    round_trips_[round_trips_seen_ % round_trips_kept] = now - *sent_at_;
    ++round_trips_seen_;
    sent_at_.reset();
    const auto kept = static_cast<std::ptrdiff_t>(std::min(round_trips_seen_, round_trips_kept));
    return *std::min_element(round_trips_.begin(), round_trips_.begin() + kept);
}

}  // namespace caponier::relay
