#pragma once
// The bastion of the demo: an OpenSSH server of its own on loopback, with fresh keys, that lets the
// current user forward to one port and do nothing else.

#include <cstdint>
#include <string>

#include <tl/expected.hpp>

#include "tools/cli/child_process.h"
#include "tools/cli/temporary_directory.h"

namespace caponier::cli {

class DemoBastion {
  public:
    /// Starts it and waits until it listens. Keys and configuration go into `directory`, which must
    /// outlive it. Gives up, with an empty error, when `interrupt_fd` becomes readable.
    [[nodiscard]] static tl::expected<DemoBastion, std::string> start(
        const TemporaryDirectory& directory, std::uint16_t permitted_port, int interrupt_fd);

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    /// Whom it lets in: the current user.
    [[nodiscard]] const std::string& user() const noexcept { return user_; }
    /// The private key that it lets in, and a known_hosts file with its host key.
    [[nodiscard]] const std::string& identity_file() const noexcept { return identity_file_; }
    [[nodiscard]] const std::string& known_hosts_file() const noexcept { return known_hosts_file_; }

    /// Readable once it has ended, which it does not do by itself.
    [[nodiscard]] int ended_fd() const noexcept { return server_.ended_fd(); }
    /// How it ended: "signal 9".
    [[nodiscard]] std::string how_it_ended() { return server_.wait(); }

  private:
    DemoBastion(ChildProcess server, std::uint16_t port) noexcept;

    ChildProcess server_;
    std::uint16_t port_;
    std::string user_;
    std::string identity_file_;
    std::string known_hosts_file_;
};

/// The name under which the demo knows its bastion.
inline constexpr std::string_view demo_bastion_name = "bastion";

}  // namespace caponier::cli
