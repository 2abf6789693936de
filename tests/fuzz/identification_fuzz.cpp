// The lines in front of everything (RFC 4253 4.2). The first byte of the input says who reads; the
// rest is what the peer sends. However it is cut, the outcome is the same.

#include <string>

#include "ssh/expects.h"
#include "ssh/limits.h"
#include "ssh/transport/identification.h"
#include "tests/fuzz/fuzz_target.h"

namespace caponier::fuzz {

namespace {

struct Outcome {
    bool done = false;
    bool failed = false;
    ssh::ErrorCode error{};
    std::size_t taken = 0;  ///< where it is done
    std::string line;

    bool operator==(const Outcome&) const = default;
};

Outcome read_in_pieces(ssh::Role role, std::span<const std::byte> stream, std::size_t piece) {
    ssh::IdentificationReader reader{role};
    Outcome outcome;
    while (outcome.taken < stream.size() && !reader.is_done()) {
        const auto bytes =
            stream.subspan(outcome.taken, std::min(piece, stream.size() - outcome.taken));
        const ssh::Result<std::size_t> taken = reader.take(bytes);
        if (!taken) {
            return {
                .done = false, .failed = true, .error = taken.error().code, .taken = 0, .line = {}};
        }
        ssh::expects(*taken <= bytes.size());
        ssh::expects(reader.is_done() || *taken == bytes.size());
        outcome.taken += *taken;
    }
    outcome.done = reader.is_done();
    if (outcome.done) {
        outcome.line = reader.line();
    }
    return outcome;
}

}  // namespace

void try_input(std::span<const std::byte> bytes) {
    Input input{bytes};
    const ssh::Role role = (input.byte() & 1U) == 0 ? ssh::Role::client : ssh::Role::server;
    const std::span<const std::byte> stream = input.rest();
    if (stream.empty()) {
        return;
    }

    const Outcome whole = read_in_pieces(role, stream, stream.size());

    ssh::expects(read_in_pieces(role, stream, 1) == whole);
    ssh::expects(read_in_pieces(role, stream, 7) == whole);
    if (whole.done) {
        ssh::expects(whole.line.starts_with("SSH-2.0-") || whole.line.starts_with("SSH-1.99-"));
        ssh::expects(whole.line.size() + 1 <= ssh::identification_bytes_max);
        ssh::expects(whole.line.find('\n') == std::string::npos);
        ssh::expects(whole.line.find('\0') == std::string::npos);
    }
}

}  // namespace caponier::fuzz
