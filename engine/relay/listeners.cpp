// Binding all addresses of a forward or, as far as it matters, none.

#include "engine/relay/listeners.h"

#include <cerrno>
#include <cstddef>
#include <iterator>

#include "engine/relay/limits.h"

namespace caponier::relay {

bool Listeners::bind(std::span<const Forward> forwards, bool all) noexcept {
    for (const Forward& forward : forwards) {
        if (const std::optional<io::Address> address = bind(forward)) {
            bound_.emplace_back(&forward, *address);
        }
    }
    return bound_.size() == forwards.size() || (!all && !bound_.empty());
}

/// Returns the first address.
std::optional<io::Address> Listeners::bind(const Forward& forward) noexcept {
    const std::size_t before = listeners_.size();
    // Ports that did not do stay bound meanwhile, so that the kernel chooses others.
    std::vector<std::unique_ptr<Listener>> discarded;
    for (std::size_t attempt = 1;; ++attempt) {
        const std::optional<Failure> failure = bind_all(forward);
        if (!failure) {
            return listeners_[before]->address();
        }
        std::move(listeners_.begin() + static_cast<std::ptrdiff_t>(before),
                  listeners_.end(),
                  std::back_inserter(discarded));
        listeners_.resize(before);
        if (!failure->another_port_may_do || attempt == chosen_port_attempts_max) {
            observer_.listen_failed(forward, failure->address, failure->error);
            return std::nullopt;
        }
    }
}

/// An address that is in use is a failure; a family that this machine does not have is not, if the
/// other one works.
std::optional<Listeners::Failure> Listeners::bind_all(const Forward& forward) noexcept {
    Failure failure{.address = forward.binds.front(), .error = {EADDRNOTAVAIL}};
    const std::size_t before = listeners_.size();
    std::uint16_t chosen_port = 0;
    for (const io::Address& bind : forward.binds) {
        // A port that the kernel chose for one family is asked for in the other. Without it a
        // client that tries that family first would reach whoever has it.
        const bool follows = bind.port() == 0 && chosen_port != 0;
        const io::Address address =
            follows ? io::Address::ip(bind.host(), chosen_port).value_or(bind) : bind;
        io::IoResult<io::Socket> socket = loop_.listen(address);
        if (socket) {
            chosen_port = loop_.local_address(*socket).port();
            listeners_.push_back(
                std::make_unique<Listener>(loop_, user_, std::move(*socket), forward.target));
            continue;
        }
        failure.error = socket.error();
        if (failure.error.number != EADDRNOTAVAIL && failure.error.number != EAFNOSUPPORT) {
            failure.address = address;
            failure.another_port_may_do = follows && failure.error.number == EADDRINUSE;
            return failure;
        }
    }
    return listeners_.size() > before ? std::nullopt : std::optional{failure};
}

void Listeners::start() noexcept {
    for (const std::unique_ptr<Listener>& listener : listeners_) {
        listener->start();
    }
    for (const auto& [forward, address] : bound_) {
        observer_.listening(*forward, address);
    }
}

void Listeners::resume() noexcept {
    for (const std::unique_ptr<Listener>& listener : listeners_) {
        listener->resume();
    }
}

void Listeners::close() noexcept {
    for (const std::unique_ptr<Listener>& listener : listeners_) {
        listener->close();
    }
}

}  // namespace caponier::relay
