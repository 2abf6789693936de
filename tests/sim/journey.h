#pragma once
// One forwarded connection of a simulated run: what the client and the target mean to do, and what
// each of them saw. Client and target meet here and nowhere else; both know a journey by the port
// of the client, which the relay tells the far end as the originator.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/io/loop.h"

namespace caponier::sim {

enum class TargetHabit : std::uint8_t {
    sends_then_listens,  ///< its bytes, EOF, and then whatever the client still sends
    answers_after_eof,   ///< waits for the client's EOF before its own bytes and EOF
    echoes,
    closes_after_eof,  ///< its bytes, EOF and at once CLOSE
    cuts,              ///< CLOSE without EOF in the middle
    refuses,
    times_out,  ///< refuses after a long while, like a host that does not answer
};

enum class ClientHabit : std::uint8_t {
    ends_first,  ///< FIN behind its last byte
    ends_last,   ///< FIN when the target's end has arrived
    vanishes_by_reset,
    vanishes_by_close,
};

struct Journey {
    std::uint16_t port = 0;

    // ---- the plan, drawn from the seed --------------------------------------------------------
    TargetHabit target_habit{};
    ClientHabit client_habit{};
    std::uint64_t upload_bytes = 0;
    std::uint64_t download_bytes = 0;
    std::uint64_t cut_at = 0;     ///< target: bytes sent before it cuts
    std::uint64_t vanish_at = 0;  ///< client: bytes sent and received before it vanishes
    std::uint32_t read_bytes_max = 0;
    std::chrono::nanoseconds client_pause_max{0};  ///< before each read
    std::uint64_t client_stall_at = 0;             ///< bytes received
    std::chrono::nanoseconds client_stall{0};
    std::uint64_t target_stall_at = 0;  ///< bytes uploaded
    std::chrono::nanoseconds target_stall{0};

    // ---- what the client saw ------------------------------------------------------------------
    std::uint16_t expected_target_port = 0;
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    bool client_sent_fin = false;
    bool client_saw_fin = false;
    bool client_vanished = false;
    bool client_gave_up = false;  ///< its patience was over before anything ended
    int client_error = 0;         ///< of a receive

    // ---- what the target saw ------------------------------------------------------------------
    std::uint32_t asked = 0;  ///< channels that the relay's sessions asked for, in order
    std::uint32_t openings =
        0;                    ///< the newest of them that a server has seen; above 1: it was moved
    std::size_t session = 0;  ///< of the last one
    std::uint16_t opened_target_port = 0;
    std::uint64_t uploaded = 0;
    std::uint64_t target_sent = 0;
    bool target_sent_eof = false;
    bool target_saw_eof = false;
    bool target_saw_close = false;
    bool target_cut = false;

    // ---- what the session saw -----------------------------------------------------------------
    std::uint64_t delivered = 0;  ///< ChannelData that the relay was given
};

/// The plan and what was seen, on one line.
[[nodiscard]] std::string describe(const Journey& journey);

/// All journeys of a run, and everything that went wrong.
class Ledger {
  public:
    explicit Ledger(std::uint64_t seed) noexcept : seed_(seed) {}

    /// The journey of the client with this port; planned when it is asked for first.
    [[nodiscard]] Journey& journey(std::uint16_t port);
    [[nodiscard]] const std::map<std::uint16_t, Journey>& journeys() const noexcept {
        return journeys_;
    }

    void add_violation(std::string text);
    [[nodiscard]] const std::vector<std::string>& violations() const noexcept {
        return violations_;
    }

  private:
    std::uint64_t seed_;
    std::map<std::uint16_t, Journey> journeys_;
    std::vector<std::string> violations_;
};

enum class Direction : std::uint8_t { up, down };

/// The bytes that a journey carries in one direction, from `position` on.
void fill_pattern(const Journey& journey,
                  Direction direction,
                  std::uint64_t position,
                  std::span<std::byte> bytes) noexcept;
[[nodiscard]] bool matches_pattern(const Journey& journey,
                                   Direction direction,
                                   std::uint64_t position,
                                   std::span<const std::byte> bytes) noexcept;

}  // namespace caponier::sim
