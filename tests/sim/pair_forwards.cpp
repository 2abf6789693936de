// What is asked, granted, refused and taken back, and what must be true of it.

#include "tests/sim/pair_forwards.h"

#include <array>

namespace caponier::sim {

namespace {

using Kind = ssh::ForwardAddress::Kind;

/// Few addresses, so that some are asked for twice.
constexpr std::array<const char*, 3> hosts{"", "localhost", "::1"};
constexpr std::array<const char*, 2> paths{"/run/a", "/run/b"};

}  // namespace

void PairForwards::fail(std::string what) {
    if (failure_.empty()) {
        failure_ = std::move(what);
    }
}

void PairForwards::act() {
    const std::uint64_t kind = chance_.below(10);
    if (kind < 3) {
        ask();
    } else if (kind < 5) {
        cancel();
    } else if (kind < 8) {
        answer(!chance_.chance(2'000));
    }
}

void PairForwards::ask() {
    Address address{
        .kind = chance_.chance(3'000) ? Kind::streamlocal : Kind::tcpip, .host = {}, .port = 0};
    if (address.kind == Kind::streamlocal) {
        address.host = paths[chance_.below(paths.size())];
    } else {
        address.host = hosts[chance_.below(hosts.size())];
        address.port = static_cast<std::uint16_t>(chance_.below(3));
    }
    const ssh::Result<ssh::ForwardId> id =
        client_.request_forward({address.kind, address.host, address.port});
    if (!id) {
        return;
    }
    if (!asked_.try_emplace(*id, Asked{.address = address}).second) {
        return fail("a forward has the number of another");
    }
    awaited_.emplace_back(*id, false);
}

void PairForwards::cancel() {
    if (asked_.empty()) {
        return;
    }
    auto chosen = asked_.begin();
    std::advance(chosen, chance_.below(asked_.size()));
    auto& [id, asked] = *chosen;
    if (!std::exchange(asked.cancelled, true)) {
        once_cancelled_.insert(asked.address);
        if (asked.granted) {
            awaited_.emplace_back(id, true);
        }
    }
    client_.cancel_forward(id);
}

void PairForwards::answer(bool accept) {
    if (!question_) {
        return;
    }
    const Question question = *std::exchange(question_, std::nullopt);
    Address address = question.address;
    std::uint16_t port = 0;
    if (question.cancel) {
        if (accept) {
            listening_.erase(question.id);
        }
    } else if (accept) {
        if (address.kind == Kind::tcpip && address.port == 0) {
            address.port = port = next_port_++;
        }
        listening_[question.id] = address;
        once_granted_.insert(address);
        grants_on_the_way_.push_back(address);
        ++granted_;
    }
    // The next question may come from within.
    server_.reply_forward(accept, port);
}

void PairForwards::take_at_server(const ssh::ForwardRequested& asked) {
    if (question_) {
        return fail("a question before the answer to the last one");
    }
    const Address address{asked.address.kind, std::string{asked.address.host}, asked.address.port};
    const auto known = listening_.find(asked.id);
    if (asked.cancel ? known == listening_.end() || known->second != address
                     : known != listening_.end()) {
        return fail("a cancel of what is not listened on, or a number that is in use");
    }
    question_ = Question{asked.id, asked.cancel, address};
}

void PairForwards::take_at_client(const ssh::ForwardReply& reply) {
    const auto found = asked_.find(reply.id);
    if (awaited_.empty() || found == asked_.end() ||
        awaited_.front() != std::pair{reply.id, reply.cancel}) {
        return fail("a reply that is not the next one");
    }
    awaited_.pop_front();
    Asked& asked = found->second;
    if (reply.cancel || !reply.accepted) {
        asked_.erase(found);
        return;
    }
    // Of every grant the client hears, in the order in which they were made.
    asked.granted = true;
    const bool port_was_open = asked.address.kind == Kind::tcpip && asked.address.port == 0;
    asked.address.port = port_was_open ? reply.port : asked.address.port;
    if (grants_on_the_way_.empty() || grants_on_the_way_.front() != asked.address ||
        reply.port != asked.address.port) {
        return fail("a grant that the server did not make");
    }
    grants_on_the_way_.pop_front();
    if (asked.cancelled) {
        once_cancelled_.insert(asked.address);
        awaited_.emplace_back(reply.id, true);
    }
}

std::optional<PairForwards::Address> PairForwards::some_listening() {
    if (listening_.empty()) {
        return std::nullopt;
    }
    auto chosen = listening_.begin();
    std::advance(chosen, chance_.below(listening_.size()));
    return chosen->second;
}

void PairForwards::check_requested(const ssh::ChannelRequested& asked) {
    const auto found = asked_.find(asked.forward);
    if (found == asked_.end() || found->second.cancelled) {
        return fail("a channel of a forward that is over");
    }
    const bool tcpip = asked.kind == ssh::ChannelKind::forwarded_tcpip;
    const Address address{
        tcpip ? Kind::tcpip : Kind::streamlocal, std::string{asked.host}, asked.port};
    if (address != found->second.address) {
        fail("a channel of another forward");
    }
}

bool PairForwards::wind_down() {
    const bool open_question = question_.has_value();
    answer(true);
    const bool something_left = !asked_.empty();
    for (auto& [id, asked] : asked_) {
        if (!std::exchange(asked.cancelled, true)) {
            once_cancelled_.insert(asked.address);
            if (asked.granted) {
                awaited_.emplace_back(id, true);
            }
            client_.cancel_forward(id);
        }
    }
    return !open_question && !something_left && awaited_.empty();
}

}  // namespace caponier::sim
