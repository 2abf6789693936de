// Where -L listens: the table of ssh(1) and GatewayPorts. Only numeric addresses: no test asks a
// name server.

#include "engine/client/bind_addresses.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace caponier::client {
namespace {

using Texts = std::vector<std::string>;

const Texts loopback{"127.0.0.1:8080", "[::1]:8080"};
const Texts everywhere{"0.0.0.0:8080", "[::]:8080"};

LocalForward without_bind_address() {
    return {.bind_host = {}, .bind_given = false, .port = 8080, .host = "db", .host_port = 1};
}

LocalForward bound_to(std::string host) {
    return {.bind_host = std::move(host),
            .bind_given = true,
            .port = 8080,
            .host = "db",
            .host_port = 1};
}

Texts addresses_of(const LocalForward& forward, bool gateway_ports) {
    const auto addresses = bind_addresses(forward, gateway_ports, {});
    Texts texts;
    if (addresses) {
        for (const io::Address& address : *addresses) {
            texts.push_back(address.to_string());
        }
    }
    return texts;
}

TEST(BindAddresses, AreLoopbackOfBothFamiliesByDefault) {
    EXPECT_EQ(addresses_of(without_bind_address(), false), loopback);
}

TEST(BindAddresses, AreAllAddressesWithGatewayPorts) {
    EXPECT_EQ(addresses_of(without_bind_address(), true), everywhere);
}

TEST(BindAddresses, AreAllAddressesForAStarOrAnEmptyNameThatWasWrittenDown) {
    EXPECT_EQ(addresses_of(bound_to("*"), false), everywhere);
    EXPECT_EQ(addresses_of(bound_to(""), false), everywhere);
}

TEST(BindAddresses, StayLoopbackForLocalhostWhateverGatewayPortsSays) {
    EXPECT_EQ(addresses_of(bound_to("localhost"), false), loopback);
    EXPECT_EQ(addresses_of(bound_to("localhost"), true), loopback);
}

TEST(BindAddresses, AreTheOneThatWasGivenWhateverGatewayPortsSays) {
    EXPECT_EQ(addresses_of(bound_to("192.0.2.7"), true), Texts{"192.0.2.7:8080"});
    EXPECT_EQ(addresses_of(bound_to("::1"), true), Texts{"[::1]:8080"});
}

TEST(BindAddresses, KeepPortZeroForTheKernelToChoose) {
    LocalForward forward = without_bind_address();
    forward.port = 0;

    EXPECT_EQ(addresses_of(forward, false), (Texts{"127.0.0.1:0", "[::1]:0"}));
}

TEST(BindAddresses, SayWhichNameDoesNotResolve) {
    const std::string no_name(300, 'x');

    const auto addresses = bind_addresses(bound_to(no_name), false, {});

    ASSERT_FALSE(addresses.has_value());
    EXPECT_TRUE(addresses.error().starts_with("cannot listen on " + no_name + ": "))
        << addresses.error();
    EXPECT_EQ(addresses.error().find('\n'), std::string::npos);
}

}  // namespace
}  // namespace caponier::client
