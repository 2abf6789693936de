#pragma once
// A bound, accepting socket of one forward. It accepts for as long as there are descriptors;
// without them it pauses, and clients wait in the kernel's backlog.

#include "engine/io/loop.h"
#include "engine/relay/upstream.h"

namespace caponier::relay {

class Listener {
  public:
    /// Who takes the accepted sockets.
    class User {
      public:
        User() = default;
        User(const User&) = delete;
        User& operator=(const User&) = delete;
        virtual void accepted(io::Socket&& socket, const Target& target) noexcept = 0;
        virtual void accept_paused(int os_error) noexcept = 0;
        virtual void listener_closed() noexcept = 0;

      protected:
        ~User() = default;
    };

    /// `target` outlives the listener.
    Listener(io::Loop& loop, User& user, io::Socket&& socket, const Target& target) noexcept;

    [[nodiscard]] io::Address address() const noexcept { return loop_.local_address(socket_); }
    void start() noexcept;
    /// Descriptors may be free again: do not wait for the end of a pause.
    void resume() noexcept;
    /// Closes the socket; listener_closed() follows and the listener may then be destroyed.
    void close() noexcept;

  private:
    void on_accepted(io::Outcome& outcome) noexcept;
    void on_pause_over(io::Outcome& outcome) noexcept;
    void on_closed(io::Outcome& outcome) noexcept;

    io::Loop& loop_;
    User& user_;
    io::Socket socket_;
    const Target& target_;
    io::TimePoint next_report_{};  ///< of a pause, at the earliest
    bool closing_ = false;
    io::Completion accept_;
    io::Completion pause_;
    io::Completion close_;
};

}  // namespace caponier::relay
