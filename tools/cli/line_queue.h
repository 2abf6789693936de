#pragma once
// Lines that wait for whoever reads stdout and stderr: in order, and bounded, because a reader may
// never come. Knows no thread and no descriptor; console.cpp has both.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

namespace caponier::cli {

class LineQueue {
  public:
    enum class Stream : std::uint8_t { out, messages };
    enum class Weight : std::uint8_t {
        ordinary,
        needed,  ///< kept also when the queue is full: nobody but us decides how many there are
    };
    /// Either a text with its newline, or the place where `lost` ordinary lines were dropped.
    struct Line {
        Stream stream = Stream::messages;
        std::string text{};
        std::uint64_t lost = 0;
    };

    /// Ordinary lines are dropped where more than `bytes_max` would wait.
    explicit LineQueue(std::size_t bytes_max) noexcept : bytes_max_(bytes_max) {}

    /// What is dropped is counted. After the first one everything ordinary is, until the queue is
    /// empty: else a slow reader would get a word of a loss for each line.
    void put(Stream stream, std::string text, Weight weight);
    /// The next line; nothing where none waits.
    [[nodiscard]] std::optional<Line> take();

  private:
    void mark_loss();

    const std::size_t bytes_max_;
    std::size_t bytes_ = 0;
    std::deque<Line> lines_;
    std::uint64_t lost_ = 0;  ///< behind the last line
};

}  // namespace caponier::cli
