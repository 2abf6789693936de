// The loss stands behind the last line until something follows it or all lines are taken.

#include "tools/cli/line_queue.h"

#include <utility>

namespace caponier::cli {

void LineQueue::put(Stream stream, std::string text, Weight weight) {
    if (weight == Weight::ordinary && (lost_ > 0 || bytes_ + text.size() > bytes_max_)) {
        ++lost_;
        return;
    }
    mark_loss();
    bytes_ += text.size();
    lines_.push_back({.stream = stream, .text = std::move(text)});
}

std::optional<LineQueue::Line> LineQueue::take() {
    if (lines_.empty()) {
        mark_loss();
    }
    if (lines_.empty()) {
        return std::nullopt;
    }
    Line line = std::move(lines_.front());
    lines_.pop_front();
    bytes_ -= line.text.size();
    return line;
}

void LineQueue::mark_loss() {
    if (lost_ > 0) {
        lines_.push_back({.lost = std::exchange(lost_, 0)});
    }
}

}  // namespace caponier::cli
