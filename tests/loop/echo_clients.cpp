// poll() over all clients that are open. See echo_clients.h.

#include "tests/loop/echo_clients.h"

#include <algorithm>
#include <array>
#include <span>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "engine/io/expects.h"

namespace caponier::looptest {

using io::expects;

EchoClients::Client::Client(std::uint16_t to_port, std::size_t bytes, std::size_t pause_at)
    : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
      bytes_(bytes),
      may_send_(pause_at) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(to_port);
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(name);
    auto* const any = reinterpret_cast<sockaddr*>(&name);
    expects(::connect(socket_.fd(), any, size) == 0);
    expects(::getsockname(socket_.fd(), any, &size) == 0);
    port_ = ntohs(name.sin_port);
}

/// No two clients send the same, and no client the same twice within a packet.
std::byte EchoClients::Client::byte_at(std::size_t position) const noexcept {
    return static_cast<std::byte>((position * 31 + (position >> 8) * 7 + port_) & 0xff);
}

short EchoClients::Client::wanted() const noexcept {
    const bool has_more = sent_ < may_send_ || (sent_ == bytes_ && !ended_);
    return static_cast<short>(has_more ? POLLIN | POLLOUT : POLLIN);
}

void EchoClients::Client::turn(short happened) {
    if ((happened & POLLOUT) != 0) {
        send();
    }
    if ((happened & (POLLIN | POLLHUP | POLLERR)) != 0) {
        receive();
    }
}

void EchoClients::Client::send() {
    std::array<std::byte, 16UL * 1024> chunk{};
    const std::span<std::byte> piece =
        std::span{chunk}.first(std::min(chunk.size(), may_send_ - sent_));
    for (std::size_t i = 0; i < piece.size(); ++i) {
        piece[i] = byte_at(sent_ + i);
    }
    if (!piece.empty()) {
        // A reset shows when it is read.
        const ssize_t taken =
            ::send(socket_.fd(), piece.data(), piece.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        sent_ += taken > 0 ? static_cast<std::size_t>(taken) : 0;
    }
    if (sent_ == bytes_ && !ended_) {
        ended_ = true;
        ::shutdown(socket_.fd(), SHUT_WR);
    }
}

void EchoClients::Client::receive() {
    std::array<std::byte, 16UL * 1024> chunk{};
    const ssize_t got = ::recv(socket_.fd(), chunk.data(), chunk.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) {
        return;
    }
    if (got <= 0) {
        error_ = got < 0 ? errno : 0;
        fate_ = got == 0 && received_ == bytes_ ? Fate::completed : Fate::cut;
        socket_ = {};
        return;
    }
    for (const std::byte byte : std::span{chunk}.first(static_cast<std::size_t>(got))) {
        if (received_ == sent_ || byte != byte_at(received_)) {
            fate_ = Fate::damaged;
            socket_ = {};
            return;
        }
        ++received_;
    }
}

void EchoClients::connect(std::uint16_t to_port,
                          std::size_t count,
                          std::size_t bytes,
                          std::size_t pause_at) {
    for (std::size_t i = 0; i < count; ++i) {
        clients_.push_back(std::make_unique<Client>(to_port, bytes, pause_at));
    }
}

void EchoClients::resume() noexcept {
    for (const std::unique_ptr<Client>& client : clients_) {
        client->resume();
    }
}

bool EchoClients::turn_until(const std::function<bool()>& done) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds{30};
    std::vector<pollfd> entries;
    while (!done()) {
        if (std::chrono::steady_clock::now() > give_up) {
            return false;
        }
        entries.clear();
        for (const std::unique_ptr<Client>& client : clients_) {
            // One that is over has no descriptor, and poll() passes over it.
            entries.push_back(
                {.fd = client->socket_.fd(), .events = client->wanted(), .revents = 0});
        }
        // What `done` asks for may come from elsewhere.
        constexpr int look_again_ms = 5;
        ::poll(entries.data(), entries.size(), look_again_ms);
        for (std::size_t i = 0; i < entries.size(); ++i) {
            clients_[i]->turn(entries[i].revents);
        }
    }
    return true;
}

bool EchoClients::turn_to_the_end() {
    return turn_until([this] { return count(Fate::open) == 0; });
}

std::size_t EchoClients::count(Fate fate) const noexcept {
    return static_cast<std::size_t>(std::ranges::count_if(
        clients_, [fate](const auto& client) { return client->fate() == fate; }));
}

std::string EchoClients::incomplete() const {
    std::string lines;
    for (const std::unique_ptr<Client>& client : clients_) {
        if (client->fate_ != Fate::completed) {
            lines += "port " + std::to_string(client->port_) + ": fate " +
                     std::to_string(static_cast<int>(client->fate_)) + ", errno " +
                     std::to_string(client->error_) + ", sent " + std::to_string(client->sent_) +
                     ", received " + std::to_string(client->received_) + "\n";
        }
    }
    return lines;
}

bool EchoClients::all_pause() const noexcept {
    return std::ranges::all_of(clients_, [](const auto& client) {
        return client->fate() != Fate::open || client->pauses();
    });
}

}  // namespace caponier::looptest
