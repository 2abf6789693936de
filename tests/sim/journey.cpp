// The plans of a run's connections, and the bytes that they carry. See journey.h.

#include "tests/sim/journey.h"

#include <algorithm>
#include <array>
#include <utility>

#include "tests/sim/random.h"

namespace caponier::sim {

namespace {

using std::chrono::milliseconds;

/// Mostly small amounts, sometimes none, sometimes several windows' worth.
std::uint64_t draw_amount(Random& random) {
    constexpr std::array<std::uint64_t, 6> amount_max{0, 1, 100, 5'000, 50'000, 300'000};
    return random.below(amount_max[random.below(amount_max.size())] + 1);
}

std::chrono::nanoseconds draw_stall(Random& random) {
    return random.chance(2'500) ? random.duration(milliseconds{3'000}) : milliseconds{0};
}

Journey draw_journey(std::uint64_t seed, std::uint16_t port) {
    Random random{Random::mix(seed ^ (std::uint64_t{port} << 40))};
    constexpr std::array<TargetHabit, 12> target_habits{TargetHabit::sends_then_listens,
                                                        TargetHabit::sends_then_listens,
                                                        TargetHabit::sends_then_listens,
                                                        TargetHabit::answers_after_eof,
                                                        TargetHabit::answers_after_eof,
                                                        TargetHabit::echoes,
                                                        TargetHabit::echoes,
                                                        TargetHabit::closes_after_eof,
                                                        TargetHabit::cuts,
                                                        TargetHabit::cuts,
                                                        TargetHabit::refuses,
                                                        TargetHabit::times_out};
    constexpr std::array<ClientHabit, 8> client_habits{ClientHabit::ends_first,
                                                       ClientHabit::ends_first,
                                                       ClientHabit::ends_first,
                                                       ClientHabit::ends_last,
                                                       ClientHabit::ends_last,
                                                       ClientHabit::ends_last,
                                                       ClientHabit::vanishes_by_reset,
                                                       ClientHabit::vanishes_by_close};
    Journey journey;
    journey.port = port;
    journey.target_habit = target_habits[random.below(target_habits.size())];
    journey.client_habit = client_habits[random.below(client_habits.size())];
    journey.upload_bytes = draw_amount(random);
    journey.download_bytes = draw_amount(random);
    const bool target_waits = journey.target_habit == TargetHabit::answers_after_eof ||
                              journey.target_habit == TargetHabit::echoes;
    if (target_waits && journey.client_habit == ClientHabit::ends_last) {
        journey.client_habit = ClientHabit::ends_first;  // else both would wait for ever
    }
    if (journey.target_habit == TargetHabit::echoes) {
        journey.download_bytes = journey.upload_bytes;
    }
    journey.cut_at = random.below(journey.download_bytes + 1);
    journey.vanish_at = random.below(journey.upload_bytes + journey.download_bytes + 1);
    journey.read_bytes_max = static_cast<std::uint32_t>(
        random.chance(3'000) ? random.between(1'000, 4'000) : random.between(4'000, 65'536));
    journey.client_pause_max =
        random.chance(3'000) ? random.duration(milliseconds{20}) : milliseconds{0};
    journey.client_stall_at = random.below(journey.download_bytes + 1);
    journey.client_stall = draw_stall(random);
    journey.target_stall_at = random.below(journey.upload_bytes + 1);
    journey.target_stall = draw_stall(random);
    return journey;
}

std::uint64_t word_at(const Journey& journey, Direction direction, std::uint64_t index) noexcept {
    return Random::mix((std::uint64_t{journey.port} << 48) ^
                       (std::uint64_t{direction == Direction::up} << 47) ^ (index + 1));
}

std::byte byte_of(std::uint64_t word, std::uint64_t position) noexcept {
    return static_cast<std::byte>(word >> (8 * (position % 8)));
}

}  // namespace

std::string describe(const Journey& journey) {
    constexpr std::array<const char*, 7> targets{"sends, then listens",
                                                 "answers after EOF",
                                                 "echoes",
                                                 "closes after EOF",
                                                 "cuts",
                                                 "refuses",
                                                 "times out"};
    constexpr std::array<const char*, 4> clients{
        "ends first", "ends last", "vanishes by reset", "vanishes by close"};
    const auto count = [](std::uint64_t done, std::uint64_t all) {
        return std::to_string(done) + "/" + std::to_string(all);
    };
    std::string text = "port " + std::to_string(journey.port) + ": the target " +
                       targets[static_cast<std::size_t>(journey.target_habit)] + ", the client " +
                       clients[static_cast<std::size_t>(journey.client_habit)] + "; up " +
                       count(journey.sent, journey.upload_bytes) + " sent, " +
                       std::to_string(journey.uploaded) + " arrived; down " +
                       count(journey.target_sent, journey.download_bytes) + " sent, " +
                       std::to_string(journey.delivered) + " at the relay, " +
                       std::to_string(journey.received) + " arrived";
    const auto add_if = [&text](bool condition, const char* what) {
        text += condition ? what : "";
    };
    add_if(journey.client_sent_fin, "; client sent FIN");
    add_if(journey.client_saw_fin, "; client saw FIN");
    add_if(journey.client_error != 0, "; client saw a reset");
    add_if(journey.client_gave_up, "; client gave up");
    add_if(journey.target_sent_eof, "; target sent EOF");
    add_if(journey.target_saw_eof, "; target saw EOF");
    add_if(journey.target_saw_close, "; target saw CLOSE");
    return text;
}

Journey& Ledger::journey(std::uint16_t port) {
    const auto found = journeys_.find(port);
    if (found != journeys_.end()) {
        return found->second;
    }
    return journeys_.emplace(port, draw_journey(seed_, port)).first->second;
}

void Ledger::add_violation(std::string text) {
    constexpr std::size_t violations_max = 20;
    if (violations_.size() < violations_max) {
        violations_.push_back(std::move(text));
    }
}

void fill_pattern(const Journey& journey,
                  Direction direction,
                  std::uint64_t position,
                  std::span<std::byte> bytes) noexcept {
    std::uint64_t word = word_at(journey, direction, position / 8);
    for (std::byte& byte : bytes) {
        byte = byte_of(word, position);
        if (++position % 8 == 0) {
            word = word_at(journey, direction, position / 8);
        }
    }
}

bool matches_pattern(const Journey& journey,
                     Direction direction,
                     std::uint64_t position,
                     std::span<const std::byte> bytes) noexcept {
    std::uint64_t word = word_at(journey, direction, position / 8);
    for (const std::byte byte : bytes) {
        if (byte != byte_of(word, position)) {
            return false;
        }
        if (++position % 8 == 0) {
            word = word_at(journey, direction, position / 8);
        }
    }
    return true;
}

}  // namespace caponier::sim
