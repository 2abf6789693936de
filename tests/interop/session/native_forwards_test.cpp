// Remote forwards of the native session at the sshd of this machine: TCP with a port that sshd
// chooses, unix sockets, cancels, and that keepalives between them mix nothing up.

#include <array>
#include <cstring>
#include <string>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ssh/native_session.h"
#include "tests/interop/session/target.h"
#include "tests/interop/session/tunnel.h"

namespace caponier::ssh::test {
namespace {

constexpr std::uint64_t stream_down = 1;  ///< what the session sends
constexpr std::uint64_t stream_up = 2;
constexpr std::uint64_t bytes_each_way = 8 * 1024 * 1024;

Descriptor connect_to(std::uint16_t port) {
    Descriptor connection{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int failure =
        ::connect(connection.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    return failure == 0 ? std::move(connection) : Descriptor{};
}

Descriptor connect_to(const std::string& path) {
    Descriptor connection{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(&address.sun_path, path.data(), path.size());
    const int failure =
        ::connect(connection.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    return failure == 0 ? std::move(connection) : Descriptor{};
}

class NativeForwards : public testing::Test {
  protected:
    NativeForwards() {
        tunnel.driver.incoming = {
            .stream_in = stream_up, .stream_out = stream_down, .bytes_out = bytes_each_way};
    }

    /// The next reply, when it has come.
    ForwardReply reply(std::size_t index) {
        EXPECT_TRUE(tunnel.until([&] { return tunnel.driver.forward_replies.size() > index; }));
        return tunnel.driver.forward_replies.at(index);
    }

    /// Carries 8 MiB each way at once over the next channel that arrives.
    void carry(const Descriptor& connection, ForwardId forward) {
        ASSERT_GE(connection.number(), 0);
        const std::size_t before = tunnel.driver.arrived.size();
        std::int64_t came = 0;
        std::thread reader{[&] { came = read_stream(connection.number(), stream_down); }};
        std::thread writer{[&] {
            send_stream(connection.number(), stream_up, bytes_each_way);
            send_end(connection.number());
        }};
        const bool done = tunnel.until([&] {
            return tunnel.driver.arrived.size() > before &&
                   tunnel.driver.channel(tunnel.driver.arrived[before].id).closed;
        });
        if (!done) {
            ::shutdown(connection.number(), SHUT_RDWR);
        }
        reader.join();
        writer.join();
        ASSERT_TRUE(done) << tunnel.driver.end_text;
        const DrivenChannel& channel = tunnel.driver.channel(tunnel.driver.arrived[before].id);
        EXPECT_EQ(tunnel.driver.arrived[before].forward, forward);
        EXPECT_EQ(came, static_cast<std::int64_t>(bytes_each_way));
        EXPECT_EQ(channel.received, bytes_each_way);
        EXPECT_TRUE(channel.intact && !channel.cut);
    }

    Session& session() { return tunnel.driver.session(); }

    Tunnel tunnel{{"ClientAliveInterval 1"}, make_native_session(config_of_user())};
};

TEST_F(NativeForwards, ListenAtAPortThatSshdChooses) {
    const Result<ForwardId> id = session().request_forward({.host = "localhost", .port = 0});
    session().probe();
    ASSERT_TRUE(id.has_value());
    const ForwardReply granted = reply(0);
    ASSERT_TRUE(granted.accepted && granted.port != 0);

    carry(connect_to(granted.port), *id);
    session().rekey();
    carry(connect_to(granted.port), *id);

    session().cancel_forward(*id);
    const ForwardReply cancelled = reply(1);
    EXPECT_TRUE(cancelled.cancel && cancelled.accepted);
    EXPECT_LT(connect_to(granted.port).number(), 0);
    EXPECT_EQ(tunnel.driver.probes_answered, 1U);
}

TEST_F(NativeForwards, ListenAtAPathAndAreCancelled) {
    const std::string path = (tunnel.sshd.folder() / "forwarded").string();
    const Result<ForwardId> id =
        session().request_forward({.kind = ForwardAddress::Kind::streamlocal, .host = path});
    ASSERT_TRUE(id.has_value());
    ASSERT_TRUE(reply(0).accepted);

    carry(connect_to(path), *id);

    session().cancel_forward(*id);
    EXPECT_TRUE(reply(1).accepted);
    EXPECT_LT(connect_to(path).number(), 0);
}

TEST_F(NativeForwards, ThatSshdCannotGrantAreRefusedOneByOne) {
    const std::string nowhere = (tunnel.sshd.folder() / "no/such/folder").string();
    Target occupied{&echo};
    for (const ForwardAddress& address :
         {ForwardAddress{.host = "127.0.0.1", .port = occupied.port()},
          ForwardAddress{.kind = ForwardAddress::Kind::streamlocal, .host = nowhere},
          ForwardAddress{.host = "127.0.0.1", .port = 0}}) {
        ASSERT_TRUE(session().request_forward(address).has_value());
        session().probe();
    }

    EXPECT_FALSE(reply(0).accepted);
    EXPECT_FALSE(reply(1).accepted);
    EXPECT_TRUE(reply(2).accepted);
    EXPECT_TRUE(tunnel.until([&] { return tunnel.driver.probes_answered == 3; }));
}

}  // namespace
}  // namespace caponier::ssh::test
