// Guests come, are let in or turned away, and leave by themselves.

#include "engine/relay/waiting_room.h"

#include <cerrno>
#include <iterator>
#include <utility>

#include "ssh/expects.h"

namespace caponier::relay {

using ssh::expects;

WaitingRoom::Guest::Guest(WaitingRoom& where, Tunnel&& who, io::TimePoint until) noexcept
    : room(where), tunnel(std::move(who)), deadline(until) {
    watch.bind<&Guest::on_hangup>(*this);
    reset.bind<&Guest::on_reset>(*this);
}

WaitingRoom::~WaitingRoom() {
    expects(waiting_.empty());
    expects(leaving_.empty());
}

void WaitingRoom::add(Tunnel&& tunnel, io::TimePoint deadline) noexcept {
    Guest& guest = come_in(waiting_, std::move(tunnel), deadline);
    loop_.watch_hangup(guest.tunnel.socket, guest.watch);
}

io::TimePoint WaitingRoom::first_deadline() const noexcept {
    return waiting_.empty() ? io::TimePoint::max() : waiting_.front().deadline;
}

void WaitingRoom::let_in_first(SessionSlot slot) noexcept {
    expects(!waiting_.empty());
    Guest& guest = waiting_.front();
    guest.state = Guest::State::entering;
    guest.slot = slot;
    move(guest, waiting_, leaving_);
    loop_.cancel(guest.watch);
}

void WaitingRoom::turn_away_first() noexcept {
    expects(!waiting_.empty());
    Guest& guest = waiting_.front();
    move(guest, waiting_, leaving_);
    reset(guest);
}

void WaitingRoom::turn_away(Tunnel&& tunnel) noexcept {
    reset(come_in(leaving_, std::move(tunnel), {}));
}

WaitingRoom::Guest& WaitingRoom::come_in(Guests& guests,
                                         Tunnel&& tunnel,
                                         io::TimePoint deadline) noexcept {
    Guest& guest = guests.emplace_back(*this, std::move(tunnel), deadline);
    guest.self = std::prev(guests.end());
    return guest;
}

void WaitingRoom::reset(Guest& guest) noexcept {
    guest.state = Guest::State::leaving;
    loop_.reset(std::move(guest.tunnel.socket), guest.reset);
}

void WaitingRoom::Guest::on_hangup(io::Outcome& outcome) noexcept {
    const bool client_left = outcome.error != ECANCELED;
    switch (state) {
    case State::waiting:
        move(*this, room.waiting_, room.leaving_);
        room.reset(*this);
        return;
    case State::entering:
        if (client_left) {
            room.reset(*this);
            room.user_.left(slot);
        } else {
            move(*this, room.leaving_, room.ended_);
            room.user_.let_in(std::move(tunnel), slot);
        }
        return;
    case State::leaving:
        return;  // on_reset() follows
    }
}

void WaitingRoom::Guest::on_reset(io::Outcome&) noexcept {
    move(*this, room.leaving_, room.ended_);
}

}  // namespace caponier::relay
