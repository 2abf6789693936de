// The two ends of the demo, talking to each other without a tunnel between them.

#include "tools/cli/demo_service.h"

#include <array>
#include <string_view>
#include <thread>

#include <sys/socket.h>

#include <gtest/gtest.h>

#include "engine/io/address.h"
#include "tools/cli/demo_fetch.h"

namespace caponier::cli {
namespace {

TEST(DemoService, ServesItsPageToEveryClient) {
    auto listener = DemoService::listen_on_loopback();
    ASSERT_TRUE(listener);
    const std::uint16_t port = port_of(*listener);
    const auto service = DemoService::start(std::move(*listener), "the page");
    ASSERT_TRUE(service);
    const Flag never = *Flag::make();

    for (int request = 0; request < 3; ++request) {
        const auto fetched = fetch(port, never.fd());

        ASSERT_TRUE(fetched) << fetched.error();
        EXPECT_EQ(fetched->body, "the page");
        EXPECT_TRUE(fetched->head.starts_with("HTTP/1.1 200 OK"));
    }
}

TEST(DemoService, IsNotHeldUpByAClientThatSaysNothing) {
    auto listener = DemoService::listen_on_loopback();
    ASSERT_TRUE(listener);
    const auto address = io::Address::ip("127.0.0.1", port_of(*listener));
    const auto service = DemoService::start(std::move(*listener), "the page");
    ASSERT_TRUE(service);
    const io::Socket silent{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    ASSERT_EQ(connect(silent.fd(), address->data(), address->size()), 0);
    const Flag never = *Flag::make();

    const auto fetched = fetch(address->port(), never.fd());

    EXPECT_TRUE(fetched);
}

TEST(DemoFetch, ACutResponseIsAFailure) {
    auto listener = DemoService::listen_on_loopback();
    ASSERT_TRUE(listener);
    const std::uint16_t port = port_of(*listener);
    std::thread server{[&] {
        [[maybe_unused]] const auto waited = wait_readable({listener->fd()});
        const io::Socket client{accept(listener->fd(), nullptr, nullptr)};
        // Read first: closing with unread bytes would be a reset.
        [[maybe_unused]] const auto asked = wait_readable({client.fd()});
        std::array<char, 1024> request{};
        recv(client.fd(), request.data(), request.size(), 0);
        constexpr std::string_view cut = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf";
        send(client.fd(), cut.data(), cut.size(), MSG_NOSIGNAL);
    }};
    const Flag never = *Flag::make();

    const auto fetched = fetch(port, never.fd());

    server.join();
    ASSERT_FALSE(fetched);
    EXPECT_NE(fetched.error().find("cut"), std::string::npos);
}

TEST(DemoFetch, GivesUpWhenInterrupted) {
    const auto listener = DemoService::listen_on_loopback();
    ASSERT_TRUE(listener);
    Flag interrupt = *Flag::make();
    interrupt.raise();

    const auto fetched = fetch(port_of(*listener), interrupt.fd());

    ASSERT_FALSE(fetched);
    EXPECT_EQ(fetched.error(), "interrupted");
}

}  // namespace
}  // namespace caponier::cli
