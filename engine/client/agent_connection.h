#pragma once
// The connection to ssh-agent: blocking calls with deadlines, for the login thread only. What
// the messages look like is ssh/keys/agent_messages.h. An agent that is dead, slow, locked or talks
// nonsense costs its deadline and a warning, and the connection is not used again.

#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "engine/io/socket.h"

namespace caponier::client {

struct AgentKey {
    std::vector<std::byte> blob;
    std::string comment;  ///< unfiltered
};

/// How long an agent may take.
struct AgentPatience {
    std::chrono::milliseconds listing{5'000};
    /// A person may have to confirm, or to touch a token.
    std::chrono::milliseconds signing{120'000};
};

class AgentConnection {
  public:
    /// Errors are one line, here and below. A call ends early when `interrupt`, a descriptor that
    /// is not owned, becomes readable; -1 for none.
    [[nodiscard]] static tl::expected<AgentConnection, std::string> open(const std::string& path,
                                                                         int interrupt);

    /// Without those that no session takes, because they are above public_key_blob_bytes_max.
    [[nodiscard]] tl::expected<std::vector<AgentKey>, std::string> identities(
        std::chrono::milliseconds patience);
    /// The comments of the keys that the last listing left out, unfiltered.
    [[nodiscard]] const std::vector<std::string>& left_out() const noexcept { return left_out_; }

    struct Binding {
        std::span<const std::byte> host_key;
        std::span<const std::byte> session_id;
        std::span<const std::byte> signature;
    };
    /// session-bind@openssh.com, before anything else: keys that may be used only for certain hosts
    /// are listed and used for no other. A refusal leaves the connection usable.
    [[nodiscard]] tl::expected<void, std::string> bind(const Binding& binding,
                                                       std::chrono::milliseconds patience);

    struct SignRequest {
        std::span<const std::byte> key;
        std::string_view algorithm;
        std::span<const std::byte> data;
    };
    /// RFC 4253 6.6: string algorithm, string signature.
    [[nodiscard]] tl::expected<std::vector<std::byte>, std::string> sign(
        const SignRequest& request, std::chrono::milliseconds patience);

    /// After a failed exchange the next answer could be that of the last question.
    [[nodiscard]] bool is_usable() const noexcept { return static_cast<bool>(socket_); }

  private:
    using Deadline = std::chrono::steady_clock::time_point;

    AgentConnection(io::Socket socket, int interrupt) noexcept
        : socket_(std::move(socket)), interrupt_(interrupt) {}

    [[nodiscard]] tl::expected<std::vector<std::byte>, std::string> exchange(
        std::span<const std::byte> request, Deadline deadline);
    [[nodiscard]] tl::expected<void, std::string> write(std::span<const std::byte> bytes,
                                                        Deadline deadline);
    [[nodiscard]] tl::expected<std::vector<std::byte>, std::string> read_answer(Deadline deadline);
    /// Fills `bytes` to its end.
    [[nodiscard]] tl::expected<void, std::string> read(std::span<std::byte> bytes,
                                                       Deadline deadline);
    [[nodiscard]] tl::expected<void, std::string> wait_for(short what, Deadline deadline) const;

    io::Socket socket_;
    int interrupt_ = -1;
    std::vector<std::string> left_out_;
};

}  // namespace caponier::client
