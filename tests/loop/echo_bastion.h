#pragma once
// A bastion on loopback whose every channel leads to an echo: native sessions in the server role,
// each over a blocking socket on a thread of its own. It shares nothing with the shards but the
// wire, and remembers which of its connections carried whom.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "engine/io/address.h"
#include "engine/io/socket.h"

namespace caponier::looptest {

class EchoBastion {
  public:
    EchoBastion();
    ~EchoBastion();  ///< cuts what is connected
    EchoBastion(const EchoBastion&) = delete;
    EchoBastion& operator=(const EchoBastion&) = delete;

    [[nodiscard]] const io::Address& address() const noexcept { return address_; }

    /// Connections so far, in the order in which they came; also those that are over.
    [[nodiscard]] std::size_t connections() const;
    /// The ports of the local clients that the connection has opened channels for.
    [[nodiscard]] std::set<std::uint16_t> clients_of(std::size_t connection) const;
    /// Ends the connection without a word of SSH, as the death of a server's process does.
    void cut(std::size_t connection);

  private:
    class Connection;

    void accept_all();

    io::Socket listener_;
    io::Address address_;
    mutable std::mutex mutex_;
    bool ending_ = false;                                   ///< under mutex_
    std::vector<std::unique_ptr<Connection>> connections_;  ///< under mutex_
    std::thread acceptor_;
};

}  // namespace caponier::looptest
