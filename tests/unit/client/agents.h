#pragma once
// Agents for the tests: OpenSSH's own, and a socket that answers with whatever a test wants.

#include <string>
#include <thread>
#include <vector>

#include <sys/types.h>

#include "engine/io/socket.h"

namespace caponier::client {

/// A real ssh-agent that lives as long as this object, ended by its pid.
class RealAgent {
  public:
    explicit RealAgent(std::string socket_path);
    ~RealAgent();
    RealAgent(const RealAgent&) = delete;
    RealAgent& operator=(const RealAgent&) = delete;

    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] bool add(const std::string& key_file) const;
    [[nodiscard]] bool remove(const std::string& key_file) const;

  private:
    [[nodiscard]] std::vector<std::string> environment() const {
        return {"SSH_AUTH_SOCK=" + path_};
    }

    std::string path_;
    pid_t pid_ = -1;
};

/// Takes one connection, sends these bytes once the first request began to arrive, and then either
/// closes or keeps the connection open until the end. Without bytes it never accepts at all.
class FakeAgent {
  public:
    enum class Then { close, stay };
    explicit FakeAgent(const std::string& socket_path);
    FakeAgent(const std::string& socket_path, std::vector<std::byte> answer, Then then);
    ~FakeAgent();
    FakeAgent(const FakeAgent&) = delete;
    FakeAgent& operator=(const FakeAgent&) = delete;

  private:
    void serve(const std::vector<std::byte>& answer, Then then);

    io::Socket listener_;
    io::Socket connection_;
    std::thread thread_;
};

}  // namespace caponier::client
