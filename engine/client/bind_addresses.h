#pragma once
// Where a local forward listens: ssh's rules for the bind address of -L (ssh(1), GatewayPorts in
// ssh_config(5)).

#include <stop_token>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "engine/client/settings.h"
#include "engine/io/address.h"

namespace caponier::client {

/// Loopback of both families, all addresses of both families, or what the name resolves to. At
/// least one address. The error is one line. Resolves names, so not on a shard; `stop` ends that.
[[nodiscard]] tl::expected<std::vector<io::Address>, std::string> bind_addresses(
    const LocalForward& forward, bool gateway_ports, const std::stop_token& stop);

}  // namespace caponier::client
