// Binding all addresses of a forward or, as far as it matters, none.

#include "engine/relay/listeners.h"

#include <cerrno>

namespace caponier::relay {

bool Listeners::bind(std::span<const Forward> forwards, bool all) noexcept {
    for (const Forward& forward : forwards) {
        if (const std::optional<io::Address> address = bind(forward)) {
            bound_.emplace_back(&forward, *address);
        }
    }
    return bound_.size() == forwards.size() || (!all && !bound_.empty());
}

/// Returns the first address: one that is in use is a failure, a family that this machine does not
/// have is not, if the other one works.
std::optional<io::Address> Listeners::bind(const Forward& forward) noexcept {
    const std::size_t before = listeners_.size();
    io::IoError error{EADDRNOTAVAIL};
    std::uint16_t chosen_port = 0;
    for (const io::Address& bind : forward.binds) {
        // A port that the kernel chose for one family is asked for in the other.
        const bool follows = bind.port() == 0 && chosen_port != 0;
        const io::Address address =
            follows ? io::Address::ip(bind.host(), chosen_port).value_or(bind) : bind;
        io::IoResult<io::Socket> socket = loop_.listen(address);
        if (!socket) {
            error = socket.error();
            // A port that the kernel chose may be taken in the other family: no fault of the
            // user's.
            if (error.number == EADDRNOTAVAIL || error.number == EAFNOSUPPORT || follows) {
                continue;
            }
            observer_.listen_failed(forward, address, error);
            listeners_.resize(before);
            return std::nullopt;
        }
        chosen_port = loop_.local_address(*socket).port();
        listeners_.push_back(
            std::make_unique<Listener>(loop_, user_, std::move(*socket), forward.target));
    }
    if (listeners_.size() == before) {
        observer_.listen_failed(forward, forward.binds.front(), error);
        return std::nullopt;
    }
    return listeners_[before]->address();
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
