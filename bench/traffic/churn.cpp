// Tunnels one after the other, some at a time: connect, one byte there and back, close.

#include <cstdio>

#include <fmt/format.h>

#include "bench/traffic/arguments.h"
#include "bench/traffic/tunnel_opener.h"

namespace caponier::bench {

int run_churn(const Arguments& arguments) {
    TunnelOpener opener{endpoint(arguments.text("connect"))};
    const std::uint64_t count = arguments.number("count");
    const std::uint64_t begun = now_ns();
    opener.open(count, arguments.number("concurrent"), [](Descriptor tunnel) { tunnel.close(); });
    fmt::print("{{\"begun_ns\": {}, \"ended_ns\": {}, \"cpu_ns\": {}, \"tunnels\": {}}}\n",
               begun,
               now_ns(),
               cpu_ns(),
               count);
    return 0;
}

}  // namespace caponier::bench
