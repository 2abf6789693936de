// See agents.h. Nothing here waits for a time: the real agent says on its standard output when its
// socket is there, and the fake one listens before its constructor returns.

#include "tests/unit/client/agents.h"

#include <array>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "engine/io/address.h"
#include "tests/unit/client/temporary_folder.h"

namespace caponier::client {

RealAgent::RealAgent(std::string socket_path) : path_(std::move(socket_path)) {
    std::array<int, 2> output{};
    EXPECT_EQ(::pipe2(output.data(), O_CLOEXEC), 0);
    const io::Socket reader{output[0]};
    io::Socket writer{output[1]};
    posix_spawn_file_actions_t actions{};
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, writer.fd(), 1);
    std::string program = "ssh-agent";
    std::string foreground = "-D";
    std::string bind = "-a";
    std::string path = path_;
    std::array<char*, 5> arguments{
        program.data(), foreground.data(), bind.data(), path.data(), nullptr};
    EXPECT_EQ(::posix_spawnp(&pid_, "ssh-agent", &actions, nullptr, arguments.data(), environ), 0);
    ::posix_spawn_file_actions_destroy(&actions);
    writer = io::Socket{};
    char first = 0;
    EXPECT_EQ(::read(reader.fd(), &first, 1), 1) << "ssh-agent did not start";
}

RealAgent::~RealAgent() {
    if (pid_ > 0) {
        ::kill(pid_, SIGTERM);
        int status = 0;
        ::waitpid(pid_, &status, 0);
    }
}

bool RealAgent::add(const std::string& key_file) const {
    return run_program({"ssh-add", "-q", key_file}, environment());
}

bool RealAgent::remove(const std::string& key_file) const {
    return run_program({"ssh-add", "-q", "-d", key_file}, environment());
}

FakeAgent::FakeAgent(const std::string& socket_path)
    : listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const io::Address address = io::Address::unix_path(socket_path).value_or(io::Address{});
    EXPECT_EQ(::bind(listener_.fd(), address.data(), address.size()), 0);
    EXPECT_EQ(::listen(listener_.fd(), 4), 0);
}

FakeAgent::FakeAgent(const std::string& socket_path, std::vector<std::byte> answer, Then then)
    : FakeAgent(socket_path) {
    thread_ = std::thread{[this, answer = std::move(answer), then] { serve(answer, then); }};
}

FakeAgent::~FakeAgent() {
    ::shutdown(listener_.fd(), SHUT_RDWR);  // ends an accept that nobody came for
    if (thread_.joinable()) {
        thread_.join();
    }
}

void FakeAgent::serve(const std::vector<std::byte>& answer, Then then) {
    connection_ = io::Socket{::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC)};
    std::array<std::byte, 4096> request{};
    if (!connection_ || ::recv(connection_.fd(), request.data(), request.size(), 0) <= 0) {
        return;
    }
    [[maybe_unused]] const ssize_t sent =
        ::send(connection_.fd(), answer.data(), answer.size(), MSG_NOSIGNAL);
    if (then == Then::close) {
        connection_ = io::Socket{};
    }
}

}  // namespace caponier::client
