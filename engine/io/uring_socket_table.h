#pragma once
// Which operations are in flight on which socket, by descriptor: close() has to cancel them all and
// to wait for the last one, because a request in flight holds the file and neither FIN nor RST
// leaves before. Allocates only when a descriptor is higher than ever before.

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <vector>

#include "engine/io/address.h"
#include "engine/io/completion.h"
#include "engine/io/expects.h"

namespace caponier::io {

/// The operations of one socket: at most one in each place.
struct UringSocket {
    enum class Place : std::size_t { incoming, outgoing, watch, shutdown, end };

    std::array<Completion*, 5> operations{};
    /// Where a connect goes to: the kernel copies it when it takes the submission.
    std::unique_ptr<Address> target;
    /// What broke the connection. The kernel tells it to one operation only; the others that are in
    /// flight at that time learn it here.
    int error = 0;
    /// The peer has sent its FIN, at which every wait of the kernel's own ends: sends wait for room
    /// by a poll.
    bool peer_has_ended = false;

    [[nodiscard]] Completion*& at(Place place) noexcept {
        return operations[static_cast<std::size_t>(place)];
    }
    void remember(int broken_by) noexcept {
        // EPIPE and ECANCELED are of our own making, EAGAIN is no error of the connection.
        if (broken_by != EPIPE && broken_by != ECANCELED && broken_by != EAGAIN && broken_by != 0) {
            error = broken_by;
        }
    }
    [[nodiscard]] static Place place_of(Completion::Kind kind) noexcept;
    /// Nothing but the close or reset itself is in flight.
    [[nodiscard]] bool is_idle() const noexcept {
        return std::ranges::count(operations, nullptr) == 5;
    }
    [[nodiscard]] bool only_ends() const noexcept {
        return std::count(operations.begin(), operations.end() - 1, nullptr) == 4;
    }
};

class UringSocketTable {
  public:
    /// Valid until the next call for another descriptor.
    [[nodiscard]] UringSocket& of(int fd) noexcept {
        expects(fd >= 0);
        const auto index = static_cast<std::size_t>(fd);
        if (index >= sockets_.size()) {
            sockets_.resize(std::max(index + 1, 2 * sockets_.size()));
        }
        return sockets_[index];
    }
    /// The number is, or is about to be, another socket's.
    void forget(int fd) noexcept { of(fd) = {}; }

  private:
    std::vector<UringSocket> sockets_;
};

inline UringSocket::Place UringSocket::place_of(Completion::Kind kind) noexcept {
    using Kind = Completion::Kind;
    switch (kind) {
    case Kind::send:
    case Kind::send_immediately:
        return Place::outgoing;
    case Kind::watch_hangup:
        return Place::watch;
    case Kind::shutdown:
        return Place::shutdown;
    case Kind::close:
    case Kind::reset:
        return Place::end;
    default:  // accept, connect and receive exclude each other
        return Place::incoming;
    }
}

}  // namespace caponier::io
