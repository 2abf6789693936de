#pragma once
// All listeners of the forwards. Nobody is told of a forward, and no connection is accepted, before
// it is known that all of them, or enough, can listen.

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "engine/io/loop.h"
#include "engine/relay/listener.h"
#include "engine/relay/observer.h"

namespace caponier::relay {

class Listeners {
  public:
    Listeners(io::Loop& loop, Listener::User& user, Observer& observer) noexcept
        : loop_(loop), user_(user), observer_(observer) {}

    /// Binds what can be bound, and tells of what cannot. False: too few. `all`: one failure is too
    /// many; else only if none can listen.
    [[nodiscard]] bool bind(std::span<const Forward> forwards, bool all) noexcept;
    /// Accepts, and tells where.
    void start() noexcept;
    /// Descriptors may be free again.
    void resume() noexcept;
    /// Listener::User::listener_closed() follows for each.
    void close() noexcept;
    [[nodiscard]] std::size_t count() const noexcept { return listeners_.size(); }
    /// All are closed.
    void clear() noexcept { listeners_.clear(); }

  private:
    /// Why a forward cannot listen.
    struct Failure {
        io::Address address;
        io::IoError error;
        /// The kernel chose the port, and it is taken in another family.
        bool another_port_may_do = false;
    };

    [[nodiscard]] std::optional<io::Address> bind(const Forward& forward) noexcept;
    [[nodiscard]] std::optional<Failure> bind_all(const Forward& forward) noexcept;

    io::Loop& loop_;
    Listener::User& user_;
    Observer& observer_;
    std::vector<std::unique_ptr<Listener>> listeners_;
    std::vector<std::pair<const Forward*, io::Address>> bound_;
};

}  // namespace caponier::relay
