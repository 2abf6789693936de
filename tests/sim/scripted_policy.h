#pragma once
// Answers a session worker's questions from memory and after a while: the user, as far as the
// simulation needs one. An answer is a completion of the relay's loop, so it comes from inside a
// turn, and none comes once the policy is gone.

#include <cstddef>
#include <memory>
#include <vector>

#include "engine/io/loop.h"
#include "engine/relay/session_policy.h"
#include "tests/sim/random.h"

namespace caponier::sim {

/// Holds the answers on their way; outlives the policies and the relay.
class AnswerDesk {
  public:
    struct Script {
        std::chrono::nanoseconds thinking_max{0};
        std::uint32_t refuses = 0;              ///< in ten thousand
        std::uint32_t declines_signature = 0;   ///< in ten thousand
        std::uint32_t offers_unusable_key = 0;  ///< in ten thousand
    };

    AnswerDesk(io::Loop& loop, const Script& script, std::uint64_t seed) noexcept
        : loop_(loop), script_(script), random_(seed) {}

    [[nodiscard]] std::unique_ptr<relay::SessionPolicy> make_policy();
    /// It gave a session up.
    [[nodiscard]] bool has_refused() const noexcept { return refused_; }

  private:
    class Policy;
    struct Pending {
        const Policy* asker = nullptr;
        relay::AnswerSink* sink = nullptr;  ///< null: the policy is gone
        relay::Answer answer;
        io::Completion due;
        void on_due(io::Outcome& outcome) noexcept;
    };

    [[nodiscard]] relay::Answer answer_to(const relay::Question& question);

    io::Loop& loop_;
    Script script_;
    Random random_;
    bool refused_ = false;
    std::vector<std::unique_ptr<Pending>> pending_;
};

}  // namespace caponier::sim
