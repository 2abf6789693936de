#pragma once
// Of what others can cause as often as they like only the first few lines are told, and then once a
// second how many more there were: a client that is refused again and again must not fill a disk.
// Reads no clock and prints nothing.

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/client/forwarder.h"
#include "engine/client/settings.h"

namespace caponier::cli {

class RepeatLimit {
  public:
    using TimePoint = std::chrono::steady_clock::time_point;
    static constexpr std::uint64_t lines_at_once = 10;
    static constexpr std::chrono::seconds interval{1};

    struct Message {
        client::LogLevel level = client::LogLevel::info;
        std::string_view line;
    };
    struct Summary {
        client::LogLevel level = client::LogLevel::info;
        std::string line;  ///< "and 312 more like this: ...", with the last of them
    };

    /// Whether the message is to be told now; else it is counted.
    [[nodiscard]] bool admits(client::Repeatable kind, const Message& message, TimePoint now);
    /// A summary that is due at `now`; call it until there is none. TimePoint::max() for all.
    [[nodiscard]] std::optional<Summary> take_due(TimePoint now);
    /// When the next one is; TimePoint::max() if nothing was counted.
    [[nodiscard]] TimePoint next_due() const noexcept;

  private:
    struct Count {
        TimePoint begin{};
        std::uint64_t told = 0;
        std::uint64_t held_back = 0;
        client::LogLevel level = client::LogLevel::info;
        std::string last{};  ///< of those held back
    };

    std::array<Count, client::repeatable_kinds> counts_;
};

}  // namespace caponier::cli
