// Numbers of forwards, and which one an address belongs to.

#include "ssh/connection/forwards.h"

#include "ssh/expects.h"

namespace caponier::ssh {

std::optional<ForwardId> Forwards::claim(const ForwardAddress& address) {
    if (in_use_ == forwards_max) {
        return std::nullopt;
    }
    if (free_.empty()) {
        free_.push_back(static_cast<std::uint32_t>(forwards_.size()));
        forwards_.emplace_back();
    }
    const std::uint32_t number = free_.back();
    free_.pop_back();
    forwards_[number] = {.phase = ForwardPhase::waiting,
                         .kind = address.kind,
                         .host = std::string{address.host},
                         .asked_port = address.port,
                         .port = address.port};
    ++in_use_;
    return ForwardId{number};
}

void Forwards::release(ForwardId id) noexcept {
    Forward* forward = find(id);
    expects(forward != nullptr);
    *forward = {};
    free_.push_back(static_cast<std::uint32_t>(id));
    --in_use_;
}

Forward* Forwards::find(ForwardId id) noexcept {
    const std::size_t number = static_cast<std::uint32_t>(id);
    if (number >= forwards_.size() || forwards_[number].phase == ForwardPhase::free) {
        return nullptr;
    }
    return &forwards_[number];
}

std::optional<ForwardId> Forwards::find(ForwardAddress::Kind kind,
                                        std::string_view host,
                                        std::uint16_t port) const noexcept {
    if (kind == ForwardAddress::Kind::tcpip && port == 0) {
        return std::nullopt;  // What listens at no known port is nobody's.
    }
    for (std::uint32_t number = 0; number < forwards_.size(); ++number) {
        const Forward& forward = forwards_[number];
        const bool is_known_to_both =
            forward.phase != ForwardPhase::free && forward.phase != ForwardPhase::waiting;
        if (is_known_to_both && !forward.cancelled && forward.kind == kind &&
            forward.port == port && forward.host == host) {
            return ForwardId{number};
        }
    }
    return std::nullopt;
}

}  // namespace caponier::ssh
