#pragma once
// A throw-away sshd in inetd mode on one end of a socket pair: no port, its own folder with its own
// keys, gone with this object. wire_driver.h talks to the other end.

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "ssh/crypto/signing_key.h"

namespace caponier::ssh::test {

/// A file descriptor that is closed once.
class Descriptor {
  public:
    explicit Descriptor(int number = -1) noexcept : number_{number} {}
    Descriptor(Descriptor&& other) noexcept : number_{std::exchange(other.number_, -1)} {}
    Descriptor& operator=(Descriptor&& other) noexcept;
    ~Descriptor();
    [[nodiscard]] int number() const noexcept { return number_; }
    void close() noexcept { *this = Descriptor{}; }

  private:
    int number_;
};

class Sshd {
  public:
    /// `options` are lines of sshd_config.
    explicit Sshd(const std::vector<std::string>& options = {});
    Sshd(const Sshd&) = delete;
    Sshd& operator=(const Sshd&) = delete;
    ~Sshd();

    /// The client's end, non-blocking.
    [[nodiscard]] int client_end() const noexcept { return client_end_.number(); }
    [[nodiscard]] const std::filesystem::path& folder() const noexcept { return folder_; }
    /// A key that authorized_keys lists.
    [[nodiscard]] SigningKey user_key() const { return key("user"); }
    /// A key of `type` ("ed25519", "rsa", "ecdsa") that it does not list.
    [[nodiscard]] SigningKey make_key(const std::string& name, const std::string& type) const;
    [[nodiscard]] SigningKey key(const std::string& name) const;
    /// SIGKILL to every process that serves the connection.
    void kill();

  private:
    void write(std::string_view name, const std::string& text) const;

    std::filesystem::path folder_;
    Descriptor client_end_;
    pid_t pid_ = -1;
};

}  // namespace caponier::ssh::test
