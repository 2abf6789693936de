#pragma once
// Tunnels that no session has: those that wait for one, in order, and those that are turned away.
// A tunnel that waits is not read from, so that no byte of it can be lost; a client that leaves
// meanwhile is noticed and forgotten.

#include <cstddef>
#include <list>

#include "engine/io/loop.h"
#include "engine/relay/letters.h"

namespace caponier::relay {

class WaitingRoom {
  public:
    /// The relay.
    class User {
      public:
        User() = default;
        User(const User&) = delete;
        User& operator=(const User&) = delete;
        /// `slot` is what let_in() was told.
        virtual void let_in(Tunnel&& tunnel, SessionSlot slot) noexcept = 0;
        /// The client left when it was about to be let in.
        virtual void left(SessionSlot slot) noexcept = 0;

      protected:
        ~User() = default;
    };

    WaitingRoom(io::Loop& loop, User& user) noexcept : loop_(loop), user_(user) {}
    ~WaitingRoom();

    /// How many wait.
    [[nodiscard]] std::size_t size() const noexcept { return waiting_.size(); }
    [[nodiscard]] bool empty() const noexcept { return waiting_.empty(); }
    /// Nobody is left, and nothing is in flight.
    [[nodiscard]] bool is_idle() const noexcept {
        return waiting_.empty() && leaving_.empty() && ended_.empty();
    }

    void add(Tunnel&& tunnel, io::TimePoint deadline) noexcept;
    /// Of those that wait, the one that came first; there is one.
    [[nodiscard]] const Tunnel& first() const noexcept { return waiting_.front().tunnel; }
    /// Until when it waits; the end of time if nobody does.
    [[nodiscard]] io::TimePoint first_deadline() const noexcept;
    /// The first one goes to `slot`: User::let_in() or User::left() follows.
    void let_in_first(SessionSlot slot) noexcept;
    /// The first one is reset.
    void turn_away_first() noexcept;
    /// One that never waited is reset.
    void turn_away(Tunnel&& tunnel) noexcept;
    /// Destroys what has ended; at the end of a turn.
    void clean_up() noexcept { ended_.clear(); }

  private:
    struct Guest;
    using Guests = std::list<Guest>;
    struct Guest {
        enum class State : std::uint8_t {
            waiting,
            entering,  ///< once the watch for its client's end is over
            leaving,   ///< its reset is in flight
        };
        WaitingRoom& room;
        Tunnel tunnel;
        io::TimePoint deadline;
        State state = State::waiting;
        SessionSlot slot{};
        Guests::iterator self{};  ///< its place in whichever list has it
        io::Completion watch;
        io::Completion reset;

        Guest(WaitingRoom& where, Tunnel&& who, io::TimePoint until) noexcept;
        void on_hangup(io::Outcome& outcome) noexcept;
        void on_reset(io::Outcome& outcome) noexcept;
    };

    [[nodiscard]] Guest& come_in(Guests& guests, Tunnel&& tunnel, io::TimePoint deadline) noexcept;
    void reset(Guest& guest) noexcept;
    static void move(Guest& guest, Guests& from, Guests& to) noexcept {
        to.splice(to.end(), from, guest.self);
    }

    io::Loop& loop_;
    User& user_;
    Guests waiting_;
    Guests leaving_;  ///< being let in or reset
    Guests ended_;
};

}  // namespace caponier::relay
