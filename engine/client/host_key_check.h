#pragma once
// Decides about a server's host key from the known_hosts files on disk, as ssh does with
// StrictHostKeyChecking, and records new keys. What the lines mean is ssh/keys/known_hosts.h. It
// reads files, so it runs on the credential thread, never on a shard.

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "engine/client/log.h"
#include "engine/client/path_expansion.h"
#include "engine/client/settings.h"
#include "ssh/keys/known_hosts.h"

namespace caponier::client {

/// A larger known_hosts file is not read; it would hold some 20,000 hosts.
inline constexpr std::size_t known_hosts_file_bytes_max = 4 * 1024 * 1024;

class HostKeyCheck {
  public:
    /// `settings` are complete(). Unknown tokens in file names are the error, one line.
    [[nodiscard]] static tl::expected<HostKeyCheck, std::string> make(const Settings& settings,
                                                                      const Account& account);

    /// Accepts the key, or says in one line why not and what to do. Warnings go to `log`. With
    /// accept-new or no, an unknown key is recorded in the first user file.
    [[nodiscard]] tl::expected<void, std::string> decide(std::span<const std::byte> key,
                                                         const Log& log) const;

    /// Types of the keys that are recorded for the host, each once: their algorithms have to be
    /// offered first, or the server would show a key that nobody recorded. Warns of nothing:
    /// decide() will.
    [[nodiscard]] std::vector<std::string> recorded_key_types() const;

    /// "bastion.example" or "[bastion.example]:2222".
    [[nodiscard]] std::string name() const;

  private:
    HostKeyCheck() = default;

    [[nodiscard]] ssh::HostName host() const noexcept { return {host_name_, port_}; }
    [[nodiscard]] ssh::KnownHosts load(const Log& log) const;
    [[nodiscard]] std::string refusal_of_unknown(std::span<const std::byte> key) const;
    [[nodiscard]] std::string refusal_of_changed(std::span<const std::byte> key,
                                                 const ssh::RecordedKey& recorded) const;
    void record(std::span<const std::byte> key, const Log& log) const;

    std::string host_name_;
    std::uint16_t port_ = ssh::ssh_port;
    StrictHostKeyChecking strict_ = StrictHostKeyChecking::yes;
    std::vector<std::string> files_;  ///< the user's, then the machine's
    std::string file_to_record_in_;   ///< empty: none
    std::string ssh_folder_;          ///< ~/.ssh
};

}  // namespace caponier::client
