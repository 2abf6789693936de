// Tunnels that are open and silent. Each line on stdin says how many there shall be; the answer
// comes when there are. The end of stdin closes them all.

#include <charconv>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "bench/traffic/arguments.h"
#include "bench/traffic/tunnel_opener.h"

namespace caponier::bench {

namespace {

/// Below the 128 connections that ssh lets wait for its accept.
constexpr std::uint64_t concurrent = 64;

}  // namespace

int run_idle(const Arguments& arguments) {
    TunnelOpener opener{endpoint(arguments.text("connect"))};
    std::vector<Descriptor> tunnels;
    for (std::string line; std::getline(std::cin, line);) {
        std::uint64_t wanted = 0;
        std::from_chars(line.data(), line.data() + line.size(), wanted);
        const std::uint64_t begun = now_ns();
        if (wanted > tunnels.size()) {
            opener.open(wanted - tunnels.size(), concurrent, [&](Descriptor tunnel) {
                tunnels.push_back(std::move(tunnel));
            });
        }
        fmt::print("{{\"begun_ns\": {}, \"ended_ns\": {}, \"tunnels\": {}}}\n",
                   begun,
                   now_ns(),
                   tunnels.size());
        std::fflush(stdout);
    }
    return 0;
}

}  // namespace caponier::bench
