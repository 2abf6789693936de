#pragma once
// Connects to the first of several addresses that answers (RFC 8305, without its name resolution):
// each address gets a head start over the next, and the losers are closed.

#include <chrono>
#include <cstddef>
#include <span>
#include <vector>

#include "engine/io/loop.h"
#include "engine/relay/limits.h"

namespace caponier::relay {

class Dialer {
  public:
    /// Who waits for the connection.
    class User {
      public:
        User() = default;
        User(const User&) = delete;
        User& operator=(const User&) = delete;
        virtual void dialed(io::Socket&& socket) noexcept = 0;
        /// No address answered; the errno of the last one that failed.
        virtual void dial_failed(int os_error) noexcept = 0;

      protected:
        ~User() = default;
    };

    Dialer(io::Loop& loop, User& user) noexcept;

    /// `addresses` outlive the dialling; at most dial_addresses_max of them are tried. `patience`
    /// is what whoever waits has for all of it; 0: no limit.
    void start(std::span<const io::Address> addresses, std::chrono::nanoseconds patience) noexcept;
    /// Gives up; neither callback follows.
    void stop() noexcept;
    /// Nothing is in flight any more: the dialer may be destroyed.
    [[nodiscard]] bool is_idle() const noexcept;

  private:
    struct Attempt {
        Attempt() noexcept { connect.bind<&Attempt::on_connected>(*this); }
        Dialer* dialer = nullptr;
        io::Completion connect;
        void on_connected(io::Outcome& outcome) noexcept { dialer->attempt_ended(outcome); }
    };

    void try_next() noexcept;
    void attempt_ended(io::Outcome& outcome) noexcept;
    void on_head_start_over(io::Outcome& outcome) noexcept;

    io::Loop& loop_;
    User& user_;
    std::span<const io::Address> addresses_;
    std::vector<Attempt> attempts_;  ///< one each address; stays where it is
    std::chrono::nanoseconds head_start_time_ = dial_head_start;
    io::Completion head_start_;
    std::size_t started_ = 0;
    std::size_t failed_ = 0;
    bool done_ = true;  ///< connected, given up, or not started
};

}  // namespace caponier::relay
