// Sockets that exist only as numbers, and the virtual clock. See sim_network.h. A direction of a
// connection is two queues: `sending` belongs to the kernel of the sender (what SIOCOUTQ counts),
// `inbound` to the kernel of the receiver; a transit moves bytes from one to the other.

#include "tests/sim/sim_network.h"

#include <algorithm>
#include <cerrno>

#include "engine/io/expects.h"

namespace caponier::sim {

using io::expects;

namespace {

/// Far above every real descriptor: a Socket that is destroyed instead of closed does not close a
/// descriptor of the test process by accident. It stays open here, and the test says so.
constexpr int first_number = 1 << 30;

constexpr std::chrono::microseconds turn_duration{1};

}  // namespace

void ByteQueue::append(std::span<const std::byte> bytes) {
    if (taken_ == bytes_.size()) {
        clear();
    }
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
}

std::span<const std::byte> ByteQueue::take(std::size_t count) noexcept {
    const std::span<const std::byte> front{bytes_.data() + taken_, std::min(count, size())};
    taken_ += front.size();
    return front;
}

void ByteQueue::clear() noexcept {
    bytes_.clear();
    taken_ = 0;
}

// ---- time --------------------------------------------------------------------------------------

SimNetwork::SimNetwork(std::uint64_t seed, const NetworkShape& shape)
    : random_(seed), shape_(shape), now_(std::chrono::hours{1}), next_number_(first_number) {}

SimNetwork::~SimNetwork() = default;

void SimNetwork::schedule(std::chrono::nanoseconds delay, std::function<void()> action) {
    expects(delay.count() >= 0);
    schedule_.emplace(std::pair{now_ + delay, scheduled_++}, std::move(action));
}

void SimNetwork::begin_turn() {
    now_ += turn_duration;
    run_due();
}

bool SimNetwork::advance() {
    if (schedule_.empty()) {
        return false;
    }
    now_ = std::max(now_, schedule_.begin()->first.first);
    run_due();
    return true;
}

void SimNetwork::run_due() {
    while (!schedule_.empty() && schedule_.begin()->first.first <= now_) {
        const auto first = schedule_.extract(schedule_.begin());
        first.mapped()();
    }
}

void SimNetwork::join(Participant& participant) {
    participants_.push_back(&participant);
}

void SimNetwork::leave(Participant& participant) {
    participants_.erase(std::find(participants_.begin(), participants_.end(), &participant));
    for (auto& [number, endpoint] : endpoints_) {
        if (endpoint.watcher == &participant) {
            endpoint.watcher = nullptr;
        }
    }
}

std::size_t SimNetwork::run_others(const Participant& waiting) {
    std::size_t ran = 0;
    for (Participant* participant : participants_) {
        ran += participant == &waiting ? 0 : participant->run_ready();
    }
    return ran;
}

// ---- listening and connecting ------------------------------------------------------------------

io::IoResult<int> SimNetwork::listen(const io::Address& address) {
    io::Address bound = address;
    if (!address.is_unix() && address.port() == 0) {
        bound = unused_address(address);
    }
    if (listeners_.contains(bound.to_string())) {
        return tl::unexpected{io::IoError{EADDRINUSE}};
    }
    const int number = next_number_++;
    Endpoint& endpoint = endpoints_[number];
    endpoint.local = bound;
    endpoint.listening = true;
    listeners_[bound.to_string()] = number;
    return number;
}

io::IoResult<int> SimNetwork::connect(const io::Address& address) {
    const std::optional<int> listener = find_listener(address);
    if (!listener) {
        return tl::unexpected{io::IoError{address.is_unix() ? ENOENT : ECONNREFUSED}};
    }
    const int ours = next_number_++;
    const int theirs = next_number_++;
    Endpoint& near = endpoints_[ours];
    Endpoint& far = endpoints_[theirs];
    near.peer = theirs;
    near.remote = address;
    near.local = address.is_unix() ? io::Address{} : unused_address(address);
    far.peer = ours;
    far.local = address;
    far.remote = near.local;
    far.accepted = true;
    accepted_ends_[near.local.port()] = theirs;
    at(*listener).waiting.push_back(theirs);
    notify(*listener);
    return ours;
}

std::optional<int> SimNetwork::find_listener(const io::Address& address) const {
    const auto exact = listeners_.find(address.to_string());
    if (exact != listeners_.end()) {
        return exact->second;
    }
    if (address.is_unix()) {
        return std::nullopt;
    }
    const auto any =
        io::Address::ip(address.family() == AF_INET ? "0.0.0.0" : "::", address.port());
    const auto wildcard = listeners_.find(any->to_string());
    return wildcard == listeners_.end() ? std::nullopt : std::optional{wildcard->second};
}

/// The same host with a port that nobody had before.
io::Address SimNetwork::unused_address(const io::Address& like) {
    const std::optional<io::Address> address = io::Address::ip(like.host(), next_port_++);
    expects(address.has_value());
    expects(next_port_ != 0);
    return *address;
}

std::optional<int> SimNetwork::take_waiting(int listener) {
    Endpoint& endpoint = at(listener);
    if (endpoint.waiting.empty()) {
        return std::nullopt;
    }
    const int number = endpoint.waiting.front();
    endpoint.waiting.pop_front();
    return number;
}

bool SimNetwork::has_waiting(int listener) const noexcept {
    return !at(listener).waiting.empty();
}

// ---- bytes -------------------------------------------------------------------------------------

bool SimNetwork::is_readable(int number) const noexcept {
    const Endpoint& endpoint = at(number);
    return !endpoint.inbound.empty() || endpoint.fin_received || endpoint.error != 0;
}

std::size_t SimNetwork::readable_bytes(int number) const noexcept {
    return at(number).inbound.size();
}

std::span<const std::byte> SimNetwork::read(int number, std::size_t count) {
    Endpoint& endpoint = at(number);
    const std::span<const std::byte> bytes = endpoint.inbound.take(count);
    if (!bytes.empty()) {
        endpoint.flow.read_bytes += bytes.size();
        start_transit(endpoint.peer);
    }
    return bytes;
}

std::size_t SimNetwork::room_bytes(int number) const noexcept {
    const Endpoint& endpoint = at(number);
    return shape_.send_queue_bytes - std::min(shape_.send_queue_bytes, endpoint.sending.size());
}

void SimNetwork::write(int number, std::span<const std::byte> bytes) {
    Endpoint& endpoint = at(number);
    expects(!endpoint.fin_asked);
    endpoint.sending.append(bytes);
    endpoint.flow.taken_bytes += bytes.size();
    start_transit(number);
}

void SimNetwork::shut_down(int number) {
    Endpoint& endpoint = at(number);
    endpoint.fin_asked = true;
    start_transit(number);
    notify(number);
}

void SimNetwork::start_transit(int number) {
    Endpoint* endpoint = find(number);
    if (endpoint == nullptr || endpoint->in_transit || endpoint->error != 0) {
        return;
    }
    if (endpoint->sending.empty() && (!endpoint->fin_asked || endpoint->fin_delivered)) {
        return;
    }
    endpoint->in_transit = true;
    schedule(random_.duration(shape_.latency_max), [this, number] { finish_transit(number); });
}

void SimNetwork::finish_transit(int number) {
    Endpoint* endpoint = find(number);
    if (endpoint == nullptr || endpoint->error != 0) {
        return;
    }
    endpoint->in_transit = false;
    Endpoint* peer = find(endpoint->peer);
    if (peer == nullptr || peer->closed) {
        // Bytes for a socket that was closed are answered by a reset, which also ends what the
        // closed side still had under way.
        if (!endpoint->sending.empty()) {
            endpoints_.erase(endpoint->peer);
            receive_reset(number, ECONNRESET);
            return;
        }
    } else {
        const std::size_t room =
            shape_.receive_queue_bytes - std::min(shape_.receive_queue_bytes, peer->inbound.size());
        const std::span<const std::byte> moved = endpoint->sending.take(room);
        peer->inbound.append(moved);
        if (!moved.empty()) {
            notify(endpoint->peer);
            notify(number);
        }
    }
    if (endpoint->sending.empty() && endpoint->fin_asked && !endpoint->fin_delivered) {
        endpoint->fin_delivered = true;
        if (peer != nullptr) {
            peer->fin_received = true;
            notify(endpoint->peer);
        }
        if (endpoint->closed) {
            endpoints_.erase(number);
        }
    }
}

// ---- the end of a connection -------------------------------------------------------------------

void SimNetwork::close(int number) {
    Endpoint& endpoint = at(number);
    if (endpoint.listening) {
        listeners_.erase(endpoint.local.to_string());
        const std::deque<int> waiting = std::move(endpoint.waiting);
        endpoints_.erase(number);
        for (const int connection : waiting) {
            reset(connection);
        }
        return;
    }
    // Linux, tcp_close(): unread bytes turn a close into a reset.
    if (!endpoint.inbound.empty()) {
        reset(number);
        return;
    }
    if (endpoint.error != 0 || endpoint.fin_delivered) {
        endpoints_.erase(number);
        return;
    }
    endpoint.closed = true;
    endpoint.watcher = nullptr;
    endpoint.fin_asked = true;
    start_transit(number);
}

void SimNetwork::reset(int number) {
    const Endpoint& endpoint = at(number);
    // After both FINs there is nobody left to tell.
    const bool over = endpoint.error != 0 || (endpoint.fin_delivered && endpoint.fin_received);
    const int peer = endpoint.peer;
    endpoints_.erase(number);
    if (!over) {
        send_reset(peer);
    }
}

void SimNetwork::fail(int number, int error) {
    const Endpoint& endpoint = at(number);
    failed_.insert((endpoint.accepted ? endpoint.remote : endpoint.local).port());
    send_reset(endpoint.peer);
    receive_reset(number, error);
}

void SimNetwork::send_reset(int to) {
    schedule(random_.duration(shape_.latency_max), [this, to] { receive_reset(to, ECONNRESET); });
}

void SimNetwork::receive_reset(int number, int error) {
    Endpoint* endpoint = find(number);
    if (endpoint == nullptr || endpoint->error != 0) {
        return;
    }
    if (endpoint->closed) {
        endpoints_.erase(number);
        return;
    }
    endpoint->error = error;
    endpoint->sending.clear();
    notify(number);
}

// ---- questions ---------------------------------------------------------------------------------

int SimNetwork::error_of(int number) const noexcept {
    return at(number).error;
}

bool SimNetwork::is_shut_down(int number) const noexcept {
    return at(number).fin_asked;
}

bool SimNetwork::is_hung_up(int number) const noexcept {
    const Endpoint& endpoint = at(number);
    return endpoint.error != 0 || (endpoint.fin_asked && endpoint.fin_received);
}

std::size_t SimNetwork::undelivered_bytes(int number) const noexcept {
    return at(number).sending.size();
}

io::Address SimNetwork::local_address(int number) const noexcept {
    return at(number).local;
}

io::Address SimNetwork::peer_address(int number) const noexcept {
    return at(number).remote;
}

void SimNetwork::watch(int number, Participant& watcher) noexcept {
    at(number).watcher = &watcher;
}

std::size_t SimNetwork::sockets_open() const noexcept {
    return static_cast<std::size_t>(
        std::count_if(endpoints_.begin(), endpoints_.end(), [](const auto& entry) {
            return !entry.second.closed;
        }));
}

std::optional<SimNetwork::Flow> SimNetwork::flow_of(std::uint16_t peer) const {
    const auto number = accepted_ends_.find(peer);
    if (number == accepted_ends_.end() || !endpoints_.contains(number->second)) {
        return std::nullopt;
    }
    return endpoints_.at(number->second).flow;
}

bool SimNetwork::was_failed(std::uint16_t peer) const {
    return failed_.contains(peer);
}

void SimNetwork::notify(int number) {
    const Endpoint* endpoint = find(number);
    if (endpoint != nullptr && endpoint->watcher != nullptr) {
        endpoint->watcher->socket_changed(number);
    }
}

SimNetwork::Endpoint& SimNetwork::at(int number) noexcept {
    Endpoint* endpoint = find(number);
    expects(endpoint != nullptr);
    return *endpoint;
}

const SimNetwork::Endpoint& SimNetwork::at(int number) const noexcept {
    const auto found = endpoints_.find(number);
    expects(found != endpoints_.end());
    return found->second;
}

SimNetwork::Endpoint* SimNetwork::find(int number) noexcept {
    const auto found = endpoints_.find(number);
    return found == endpoints_.end() ? nullptr : &found->second;
}

}  // namespace caponier::sim
