#pragma once
// When new keys are due (RFC 4253 9, RFC 4344 3).

#include <algorithm>
#include <cstdint>

#include "ssh/config.h"
#include "ssh/session.h"
#include "ssh/transport/packet_sealer.h"

namespace caponier::ssh {

class RekeyPolicy {
  public:
    /// RFC 4344 3.1: "rekey after receiving more than 2**31 packets"; the sequence number must not
    /// wrap under a key.
    static constexpr std::uint64_t packets_max = std::uint64_t{1} << 31;

    explicit RekeyPolicy(const RekeyLimit& limit) noexcept : limit_{limit} {}

    /// New keys are in use since `now`; `cipher_bytes` is the smaller default of the two
    /// directions' ciphers.
    void keys_changed(TimePoint now, std::uint64_t cipher_bytes) noexcept {
        since_ = now;
        bytes_max_ = limit_.bytes > 0 ? std::min(limit_.bytes, cipher_bytes) : cipher_bytes;
    }

    [[nodiscard]] bool is_due(const KeyUse& out, const KeyUse& in, TimePoint now) const noexcept {
        return std::max(out.packets, in.packets) >= packets_max ||
               std::max(out.bytes, in.bytes) >= bytes_max_ || now >= due_time();
    }

    /// TimePoint::max() without a limit by time.
    [[nodiscard]] TimePoint due_time() const noexcept {
        return limit_.interval.count() > 0
                   ? since_ + std::chrono::duration_cast<TimePoint::duration>(limit_.interval)
                   : TimePoint::max();
    }

  private:
    RekeyLimit limit_;
    TimePoint since_{};
    std::uint64_t bytes_max_ = UINT64_MAX;
};

}  // namespace caponier::ssh
