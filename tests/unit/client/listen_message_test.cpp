// Each error of listening with the remedy that is true of it.

#include "engine/client/listen_message.h"

#include <cerrno>
#include <cstdint>
#include <string>

#include <gtest/gtest.h>

namespace caponier::client {
namespace {

std::string message_for(int error, std::uint16_t port = 8080) {
    return listen_message(io::Address::ip("192.0.2.1", port).value_or(io::Address{}),
                          io::IoError{error});
}

TEST(ListenMessage, APortInUse) {
    EXPECT_EQ(message_for(EADDRINUSE),
              "Address already in use; choose another port or stop what uses it");
}

TEST(ListenMessage, AnAddressOfAnotherMachine) {
    EXPECT_EQ(message_for(EADDRNOTAVAIL),
              "Cannot assign requested address; this machine has no such address; choose one of "
              "its own (`ip address` lists them)");
}

TEST(ListenMessage, APrivilegedPort) {
    EXPECT_EQ(message_for(EACCES, 1023),
              "Permission denied; ports below 1024 are for root; choose a higher one or give the "
              "program CAP_NET_BIND_SERVICE");
}

TEST(ListenMessage, APolicyIsNotTakenForAPrivilegedPort) {
    EXPECT_EQ(message_for(EACCES, 1024),
              "Permission denied; a policy of this machine forbids it; choose another port");
}

TEST(ListenMessage, ALinkLocalAddressWithoutItsInterface) {
    EXPECT_NE(message_for(EINVAL).find("as in fe80::1%eth0"), std::string::npos);
}

TEST(ListenMessage, OutOfDescriptors) {
    EXPECT_EQ(message_for(EMFILE),
              "Too many open files; raise the limit of descriptors: ulimit -n");
}

TEST(ListenMessage, OnlyAPortInUseIsSaidToBeUsed) {
    for (int error = 1; error <= 133; ++error) {
        if (error != EADDRINUSE) {
            EXPECT_EQ(message_for(error).find("what uses it"), std::string::npos) << error;
        }
    }
}

}  // namespace
}  // namespace caponier::client
