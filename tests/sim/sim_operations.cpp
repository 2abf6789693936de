// What an attempt of each kind of operation does with its socket, and which faults it may meet
// there; the second half of sim_loop.cpp.

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <span>

#include "engine/io/expects.h"
#include "tests/sim/pieces.h"
#include "tests/sim/sim_loop.h"

namespace caponier::sim {

using io::expects;

void SimLoop::attempt(Id id) {
    const auto found = operations_.find(id);
    if (found == operations_.end() || found->second.finished) {
        return;
    }
    Operation& operation = found->second;
    operation.attempt_scheduled = false;
    bool finished = false;
    switch (operation.kind) {
    case Kind::accept:
        finished = attempt_accept(operation);
        break;
    case Kind::connect:
        finished = attempt_connect(operation);
        break;
    case Kind::receive:
        finished = attempt_receive(operation);
        break;
    case Kind::send:
    case Kind::send_immediately:
        finished = attempt_send(operation);
        break;
    case Kind::shutdown:
        finished = attempt_shutdown(operation);
        break;
    case Kind::close:
    case Kind::reset:
        finished = attempt_close(id, operation);
        break;
    case Kind::watch_hangup:
        finished = network_.is_hung_up(operation.socket);
        operation.outcome.error = network_.error_of(operation.socket);
        break;
    case Kind::timer:
        finished = true;
        break;
    case Kind::none:
    case Kind::post:
        expects(false);
        break;
    }
    if (finished) {
        finish(id, operation.outcome.error);
    }
}

bool SimLoop::attempt_accept(Operation& operation) {
    if (!network_.has_waiting(operation.socket)) {
        return false;
    }
    if (network_.random().chance(faults_.failed_accept)) {
        operation.outcome.error = EMFILE;
        return true;
    }
    operation.outcome.socket = io::Socket{*network_.take_waiting(operation.socket)};
    operation.outcome.more = true;
    return true;
}

bool SimLoop::attempt_connect(Operation& operation) {
    if (network_.random().chance(faults_.refused_connect)) {
        operation.outcome.error = network_.random().chance(5'000) ? ECONNREFUSED : ETIMEDOUT;
        return true;
    }
    const io::IoResult<int> number = network_.connect(operation.address);
    if (!number) {
        operation.outcome.error = number.error().number;
        return true;
    }
    operation.outcome.socket = io::Socket{*number};
    return true;
}

/// Rolls for the end of a connection. Only one that still lives can die.
bool SimLoop::broken_by_fault(int socket, std::uint32_t chance) {
    if (network_.error_of(socket) != 0) {
        return false;
    }
    if (network_.random().chance(faults_.reset_by_peer)) {
        network_.fail(socket, ECONNRESET);
        return true;
    }
    if (network_.random().chance(chance)) {
        network_.fail(socket, network_.random().chance(5'000) ? ECONNRESET : ETIMEDOUT);
        return true;
    }
    return false;
}

bool SimLoop::attempt_receive(Operation& operation) {
    if (!network_.is_readable(operation.socket)) {
        return false;
    }
    if (broken_by_fault(operation.socket, faults_.failed_receive)) {
        operation.outcome.error = network_.error_of(operation.socket);
        return true;
    }
    std::size_t count = std::min<std::size_t>({operation.limit_bytes,
                                               operation.pool->shape().buffer_bytes,
                                               network_.readable_bytes(operation.socket)});
    if (count == 0) {
        operation.outcome.error = network_.error_of(operation.socket);
        return true;
    }
    if (operation.pool->available() == 0) {
        return false;
    }
    if (network_.random().chance(faults_.pool_shortage)) {
        schedule_attempt(operation.completion->scratch_.extra,
                         network_.random().duration(faults_.late_max));
        return false;
    }
    if (network_.random().chance(faults_.partial_receive)) {
        count = network_.random().between(1, count);
    }
    operation.outcome.bytes = count;
    operation.outcome.buffer = operation.pool->lease(network_.read(operation.socket, count));
    return true;
}

bool SimLoop::attempt_send(Operation& operation) {
    // What was handed over may not change before the callback.
    expects(fingerprint_of(operation.pieces) == operation.fingerprint);
    if (broken_by_fault(operation.socket, faults_.failed_send) ||
        network_.error_of(operation.socket) != 0) {
        operation.outcome.error = network_.error_of(operation.socket);
        return true;
    }
    if (network_.is_shut_down(operation.socket)) {
        operation.outcome.error = EPIPE;
        return true;
    }
    const bool immediate = operation.kind == Kind::send_immediately;
    std::size_t room = network_.room_bytes(operation.socket);
    if (immediate && network_.random().chance(faults_.full_at_once)) {
        room = 0;
    }
    if (room == 0) {
        operation.outcome.error = immediate ? EAGAIN : 0;
        return immediate;
    }
    std::size_t count = std::min(room, total_bytes(operation.pieces));
    if (network_.random().chance(faults_.partial_send)) {
        count = network_.random().between(1, count);
    }
    operation.outcome.bytes = count;
    for (const io::Piece& piece : operation.pieces) {
        const std::span<const std::byte> bytes = io::bytes_of(piece);
        const std::size_t taken = std::min(count, bytes.size());
        if (taken > 0) {
            network_.write(operation.socket, bytes.first(taken));
        }
        count -= taken;
    }
    return true;
}

bool SimLoop::attempt_shutdown(Operation& operation) {
    if (network_.error_of(operation.socket) != 0) {
        operation.outcome.error = ENOTCONN;
        return true;
    }
    network_.shut_down(operation.socket);
    return true;
}

bool SimLoop::attempt_close(Id id, Operation& operation) {
    bool alone = true;
    for (const auto& [other_id, other] : operations_) {
        if (other_id != id && other.socket == operation.socket) {
            alone = false;
            if (other.kind != Kind::shutdown) {
                cancel_operation(other_id);
            }
        }
    }
    if (!alone) {
        return false;
    }
    if (operation.kind == Kind::close) {
        network_.close(operation.socket);
    } else {
        network_.reset(operation.socket);
    }
    return true;
}

}  // namespace caponier::sim
