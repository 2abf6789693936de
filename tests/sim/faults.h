#pragma once
// What may go wrong on a SimLoop. Each fault is a probability in ten-thousandths, rolled by the
// loop's network whenever an operation could complete; all are off by default, so that a SimLoop
// without options is a loop like the two real ones.

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace caponier::sim {

struct Faults {
    std::uint32_t partial_receive = 0;  ///< a receive brings fewer bytes than have arrived
    std::uint32_t partial_send = 0;     ///< a send takes fewer bytes than there is room for
    std::uint32_t full_at_once = 0;     ///< send_immediately takes nothing although there is room
    std::uint32_t late_completion = 0;  ///< an operation takes up to `late_max` longer
    std::uint32_t failed_receive = 0;   ///< ECONNRESET or ETIMEDOUT; the connection is gone
    std::uint32_t failed_send = 0;      ///< the same, told to a send
    std::uint32_t reset_by_peer = 0;    ///< the connection dies between two operations
    std::uint32_t refused_connect = 0;  ///< ECONNREFUSED or ETIMEDOUT
    std::uint32_t failed_accept = 0;    ///< EMFILE; ends the multishot, the connection waits
    std::uint32_t finished_despite_cancel = 0;  ///< a canceled operation goes on for a while
    std::uint32_t pool_shortage = 0;            ///< a receive waits as if its pool were empty
    std::chrono::nanoseconds late_max = std::chrono::milliseconds{5};
};

/// The wire and the two kernels at its ends.
struct NetworkShape {
    std::size_t send_queue_bytes = 64 * 1024;     ///< taken from the sender, not yet arrived
    std::size_t receive_queue_bytes = 64 * 1024;  ///< arrived, not yet received
    std::chrono::nanoseconds latency_max{0};      ///< of each journey, drawn anew each time
};

}  // namespace caponier::sim
