// Talks to ssh-agent over a non-blocking socket and poll(2), one exchange at a time.

#include "engine/client/agent_connection.h"

#include <array>
#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include <poll.h>
#include <sys/socket.h>

#include <fmt/format.h>

#include "engine/io/address.h"
#include "ssh/error.h"
#include "ssh/keys/agent_messages.h"
#include "ssh/limits.h"

namespace caponier::client {

namespace {

tl::unexpected<std::string> system_failure(std::string_view what, int number) {
    return tl::unexpected{fmt::format("{}: {}", what, std::generic_category().message(number))};
}

std::string reason_of(ssh::Error error) {
    return error.code == ssh::ErrorCode::authentication_failed
               ? "the agent refused (is it locked?)"
               : fmt::format("the agent's answer: {}", ssh::describe(error.code));
}

}  // namespace

tl::expected<AgentConnection, std::string> AgentConnection::open(const std::string& path,
                                                                 int interrupt) {
    const std::optional<io::Address> address = io::Address::unix_path(path);
    if (!address) {
        return tl::unexpected{std::string{"the path of the agent's socket is too long"}};
    }
    io::Socket socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    // Connecting to a unix socket never waits: with its queue full, it fails with EAGAIN.
    if (!socket || ::connect(socket.fd(), address->data(), address->size()) != 0) {
        return system_failure("cannot connect to the agent", errno);
    }
    return AgentConnection{std::move(socket), interrupt};
}

tl::expected<std::vector<AgentKey>, std::string> AgentConnection::identities(
    std::chrono::milliseconds patience) {
    const tl::expected<std::vector<std::byte>, std::string> answer =
        exchange(ssh::make_request_identities(), std::chrono::steady_clock::now() + patience);
    if (!answer) {
        return tl::unexpected{answer.error()};
    }
    const ssh::Result<std::vector<ssh::AgentIdentity>> parsed =
        ssh::parse_identities_answer(*answer);
    if (!parsed) {
        return tl::unexpected{reason_of(parsed.error())};
    }
    std::vector<AgentKey> keys;
    keys.reserve(parsed->size());
    left_out_.clear();
    for (const ssh::AgentIdentity& identity : *parsed) {
        if (identity.key.size() > ssh::public_key_blob_bytes_max) {
            left_out_.emplace_back(identity.comment);
            continue;
        }
        keys.push_back({{identity.key.begin(), identity.key.end()}, std::string{identity.comment}});
    }
    return keys;
}

tl::expected<void, std::string> AgentConnection::bind(const Binding& binding,
                                                      std::chrono::milliseconds patience) {
    const tl::expected<std::vector<std::byte>, std::string> answer =
        exchange(ssh::make_session_bind({.host_key = binding.host_key,
                                         .session_id = binding.session_id,
                                         .signature = binding.signature,
                                         .is_forwarding = false}),
                 std::chrono::steady_clock::now() + patience);
    if (!answer) {
        return tl::unexpected{answer.error()};
    }
    const ssh::Result<bool> bound = ssh::parse_success(*answer);
    if (!bound) {
        return tl::unexpected{reason_of(bound.error())};
    }
    return {};
}

tl::expected<std::vector<std::byte>, std::string> AgentConnection::sign(
    const SignRequest& request, std::chrono::milliseconds patience) {
    const tl::expected<std::vector<std::byte>, std::string> answer =
        exchange(ssh::make_sign_request(
                     {.key = request.key, .algorithm = request.algorithm, .data = request.data}),
                 std::chrono::steady_clock::now() + patience);
    if (!answer) {
        return tl::unexpected{answer.error()};
    }
    const ssh::Result<std::span<const std::byte>> signature =
        ssh::parse_sign_response(*answer, request.algorithm);
    if (!signature) {
        return tl::unexpected{reason_of(signature.error())};
    }
    return std::vector<std::byte>{signature->begin(), signature->end()};
}

tl::expected<std::vector<std::byte>, std::string> AgentConnection::exchange(
    std::span<const std::byte> request, Deadline deadline) {
    if (!socket_) {
        return tl::unexpected{std::string{"the connection to the agent is lost"}};
    }
    const tl::expected<void, std::string> written = write(request, deadline);
    tl::expected<std::vector<std::byte>, std::string> answer =
        written ? read_answer(deadline) : tl::unexpected{written.error()};
    if (!answer) {
        socket_ = io::Socket{};
    }
    return answer;
}

tl::expected<std::vector<std::byte>, std::string> AgentConnection::read_answer(Deadline deadline) {
    std::array<std::byte, ssh::agent_length_bytes> length{};
    const tl::expected<void, std::string> got_length = read(length, deadline);
    if (!got_length) {
        return tl::unexpected{got_length.error()};
    }
    const ssh::Result<std::optional<std::size_t>> frame = ssh::agent_frame_bytes(length);
    if (!frame || !*frame) {
        return tl::unexpected{std::string{"this is not an agent: its answer has no valid length"}};
    }
    std::vector<std::byte> answer(**frame - length.size());
    const tl::expected<void, std::string> got = read(answer, deadline);
    if (!got) {
        return tl::unexpected{got.error()};
    }
    return answer;
}

tl::expected<void, std::string> AgentConnection::write(std::span<const std::byte> bytes,
                                                       Deadline deadline) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(socket_.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent >= 0) {
            bytes = bytes.subspan(static_cast<std::size_t>(sent));
            continue;
        }
        if (errno != EAGAIN && errno != EINTR) {
            return system_failure("writing to the agent", errno);
        }
        const tl::expected<void, std::string> ready = wait_for(POLLOUT, deadline);
        if (!ready) {
            return ready;
        }
    }
    return {};
}

tl::expected<void, std::string> AgentConnection::read(std::span<std::byte> bytes,
                                                      Deadline deadline) {
    while (!bytes.empty()) {
        const tl::expected<void, std::string> ready = wait_for(POLLIN, deadline);
        if (!ready) {
            return ready;
        }
        const ssize_t got = ::recv(socket_.fd(), bytes.data(), bytes.size(), 0);
        if (got > 0) {
            bytes = bytes.subspan(static_cast<std::size_t>(got));
        } else if (got == 0) {
            return tl::unexpected{std::string{"the agent closed the connection"}};
        } else if (errno != EAGAIN && errno != EINTR) {
            return system_failure("reading from the agent", errno);
        }
    }
    return {};
}

tl::expected<void, std::string> AgentConnection::wait_for(short what, Deadline deadline) const {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) {
        return tl::unexpected{std::string{"the agent does not answer"}};
    }
    // poll() skips a negative descriptor.
    std::array<pollfd, 2> watched{{{socket_.fd(), what, 0}, {interrupt_, POLLIN, 0}}};
    const int ready = ::poll(watched.data(), watched.size(), static_cast<int>(left.count()));
    if (ready < 0 && errno != EINTR) {
        return system_failure("waiting for the agent", errno);
    }
    if (ready > 0 && watched[1].revents != 0) {
        return tl::unexpected{std::string{"interrupted"}};
    }
    return {};  // also after a deadline: the next call sees that it has passed
}

}  // namespace caponier::client
