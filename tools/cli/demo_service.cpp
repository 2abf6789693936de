// A poll loop over plain sockets, apart from the engine on purpose: the demo would prove little if
// both ends of the tunnel were the same code.

#include "tools/cli/demo_service.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <poll.h>
#include <sys/socket.h>

#include <fmt/format.h>

#include "engine/client/start_thread.h"
#include "engine/io/address.h"

namespace caponier::cli {
namespace {

constexpr std::size_t clients_max = 128;
constexpr std::size_t request_bytes_max = 16 * 1024;

struct Client {
    io::Socket socket;
    std::string request;
};

/// Reads what there is, and answers once the head is complete. False when the client is done with.
bool serve_client(Client& client, std::string_view response) {
    std::array<char, 4096> bytes{};
    const ssize_t count = recv(client.socket.fd(), bytes.data(), bytes.size(), 0);
    if (count < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    client.request.append(bytes.data(), static_cast<std::size_t>(count));
    if (client.request.find("\r\n\r\n") != std::string::npos) {
        // The page is far smaller than an empty socket buffer: one send takes it whole.
        send(client.socket.fd(), response.data(), response.size(), MSG_NOSIGNAL);
        return false;
    }
    return count > 0 && client.request.size() <= request_bytes_max;
}

}  // namespace

tl::expected<io::Socket, std::string> DemoService::listen_on_loopback() {
    io::Socket socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    const auto address = io::Address::ip("127.0.0.1", 0);
    if (!socket || bind(socket.fd(), address->data(), address->size()) != 0 ||
        listen(socket.fd(), SOMAXCONN) != 0) {
        return tl::unexpected{fmt::format("listening on 127.0.0.1 failed: {}",
                                          std::generic_category().message(errno))};
    }
    return socket;
}

tl::expected<std::unique_ptr<DemoService>, std::string> DemoService::start(
    io::Socket listener, const std::string& page) {
    auto stop = Flag::make();
    if (!stop) {
        return tl::unexpected{std::move(stop.error())};
    }
    auto service = std::make_unique<DemoService>(
        Token{},
        std::move(listener),
        fmt::format("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n"
                    "Connection: close\r\n\r\n{}",
                    page.size(),
                    page),
        std::move(*stop));
    auto thread = client::start_thread([owner = service.get()] { owner->serve(); });
    if (!thread) {
        return tl::unexpected{std::move(thread.error())};
    }
    service->thread_ = std::move(*thread);
    return service;
}

DemoService::DemoService(Token, io::Socket listener, std::string response, Flag stop) noexcept
    : listener_(std::move(listener)), response_(std::move(response)), stop_(std::move(stop)) {}

DemoService::~DemoService() {
    if (thread_.joinable()) {
        stop_.raise();
        thread_.join();
    }
}

void DemoService::serve() {
    std::vector<Client> clients;
    for (;;) {
        // Ours first, then one entry per client, in their order.
        std::vector<pollfd> polled{{.fd = stop_.fd(), .events = POLLIN, .revents = 0},
                                   {.fd = listener_.fd(), .events = POLLIN, .revents = 0}};
        for (const Client& client : clients) {
            polled.push_back({.fd = client.socket.fd(), .events = POLLIN, .revents = 0});
        }
        if (clients.size() >= clients_max) {
            polled[1].events = 0;
        }
        poll(polled.data(), polled.size(), -1);
        if (polled[0].revents != 0) {
            return;
        }

        std::size_t place = 2;
        std::erase_if(clients, [&](Client& client) {
            return polled[place++].revents != 0 && !serve_client(client, response_);
        });
        if (polled[1].revents != 0) {
            io::Socket socket{
                accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
            if (socket) {
                clients.push_back({.socket = std::move(socket), .request = {}});
            }
        }
    }
}

std::uint16_t port_of(const io::Socket& socket) noexcept {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    getsockname(socket.fd(), static_cast<sockaddr*>(static_cast<void*>(&storage)), &size);
    return io::Address::from_kernel(storage, size).port();
}

}  // namespace caponier::cli
