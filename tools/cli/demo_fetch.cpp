// One HTTP request over a plain socket. A response that is shorter than it says is a failure.

#include "tools/cli/demo_fetch.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

#include <sys/socket.h>

#include <fmt/format.h>

#include "engine/io/address.h"
#include "engine/io/socket.h"
#include "tools/cli/waiting.h"

namespace caponier::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds patience{10};
constexpr std::size_t response_bytes_max = 1024 * 1024;

tl::unexpected<std::string> failure_of(std::string_view what) {
    return tl::unexpected{fmt::format("{}: {}", what, std::generic_category().message(errno))};
}

tl::expected<io::Socket, std::string> send_request(std::uint16_t port) {
    // Blocking: the listener is on this machine, and the request is one small segment.
    io::Socket socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const auto address = io::Address::ip("127.0.0.1", port);
    if (!socket || connect(socket.fd(), address->data(), address->size()) != 0) {
        return failure_of("connecting");
    }
    const std::string request =
        fmt::format("GET / HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n", port);
    if (send(socket.fd(), request.data(), request.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(request.size())) {
        return failure_of("sending");
    }
    return socket;
}

/// Everything until the other side closes.
tl::expected<std::string, std::string> receive_all(const io::Socket& socket, int interrupt_fd) {
    const auto give_up_at = Clock::now() + patience;
    std::string received;
    std::array<char, 16 * 1024> bytes{};
    for (;;) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(give_up_at - Clock::now());
        if (left.count() <= 0) {
            return tl::unexpected{
                fmt::format("no complete response within {} s", patience.count())};
        }
        const auto woken_by = wait_readable({interrupt_fd, socket.fd()}, left);
        if (woken_by == 0U) {
            return tl::unexpected<std::string>{"interrupted"};
        }
        if (!woken_by) {
            continue;
        }
        const ssize_t count = recv(socket.fd(), bytes.data(), bytes.size(), 0);
        if (count < 0) {
            return failure_of("receiving");
        }
        if (count == 0) {
            return received;
        }
        received.append(bytes.data(), static_cast<std::size_t>(count));
        if (received.size() > response_bytes_max) {
            return tl::unexpected<std::string>{"the response does not end"};
        }
    }
}

std::optional<std::size_t> content_length(std::string_view head) {
    constexpr std::string_view field = "Content-Length: ";
    const auto at = head.find(field);
    if (at == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view digits = head.substr(at + field.size());
    std::size_t length = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), length);
    return length;
}

}  // namespace

tl::expected<Fetched, std::string> fetch(std::uint16_t port, int interrupt_fd) {
    const auto started_at = Clock::now();
    const auto socket = send_request(port);
    if (!socket) {
        return tl::unexpected{socket.error()};
    }
    const auto response = receive_all(*socket, interrupt_fd);
    if (!response) {
        return tl::unexpected{response.error()};
    }
    const auto took =
        std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - started_at);

    const auto head_end = response->find("\r\n\r\n");
    if (head_end == std::string::npos) {
        return tl::unexpected<std::string>{"the connection ended before a response came"};
    }
    Fetched fetched{.head = response->substr(0, head_end),
                    .body = response->substr(head_end + 4),
                    .bytes = response->size(),
                    .took = took};
    if (content_length(fetched.head) != fetched.body.size()) {
        return tl::unexpected{fmt::format("the response was cut after {} bytes", response->size())};
    }
    return fetched;
}

}  // namespace caponier::cli
