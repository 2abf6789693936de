#pragma once
// The fingerprint of a run: everything that a simulation saw, in order, folded into one number. Two
// runs of one seed have to agree on it; if they do not, something outside the seed decided.

#include <cstdint>

#include "tests/sim/random.h"

namespace caponier::sim {

class Trace {
  public:
    void add(std::uint64_t value) noexcept {
        hash_ = Random::mix(hash_ ^ value) + 0x9e3779b97f4a7c15U;
        ++entries_;
    }

    /// For a person who looks at one seed: every completion becomes a line on stderr.
    void print() noexcept { printed_ = true; }
    [[nodiscard]] bool is_printed() const noexcept { return printed_; }

    [[nodiscard]] std::uint64_t hash() const noexcept { return hash_; }
    [[nodiscard]] std::uint64_t entries() const noexcept { return entries_; }

  private:
    std::uint64_t hash_ = 0;
    std::uint64_t entries_ = 0;
    bool printed_ = false;
};

}  // namespace caponier::sim
