// Lines of known_hosts. The first byte of the input chooses the host and its port; the rest is a
// file.

#include <algorithm>
#include <array>
#include <string>

#include "ssh/expects.h"
#include "ssh/keys/known_hosts.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/sim/pair.h"

namespace caponier::fuzz {

void try_input(std::span<const std::byte> bytes) {
    Input input{bytes};
    constexpr std::array<ssh::HostName, 4> hosts{
        {{"bastion.example", 22}, {"bastion.example", 2222}, {"::1", 22}, {"192.0.2.1", 443}}};
    const ssh::HostName host = hosts[input.byte() % hosts.size()];
    const std::string text{ssh::text_of(input.rest())};
    const std::span<const std::byte> key = sim::Pair::host_key().public_key();
    ssh::KnownHosts known{host};
    known.add_file(text);

    const ssh::HostKeyVerdict verdict = known.check(key);

    using Status = ssh::HostKeyVerdict::Status;
    ssh::expects((verdict.status == Status::unknown) == (verdict.recorded == nullptr));
    if (verdict.recorded != nullptr) {
        const auto lines = static_cast<std::size_t>(std::ranges::count(text, '\n')) + 1;
        ssh::expects(verdict.recorded->line >= 1 && verdict.recorded->line <= lines);
    }
    for (const std::string_view type : known.key_types()) {
        ssh::expects(!type.empty());
    }

    // A line of ours behind whatever stands there is found again, and takes no revocation back.
    const std::string line = ssh::known_hosts_line(host, key);
    ssh::expects(!line.empty());
    ssh::KnownHosts longer{host};
    longer.add_file(text + "\n" + line);
    const Status expected = verdict.status == Status::revoked ? Status::revoked : Status::matched;
    ssh::expects(longer.check(key).status == expected);
}

}  // namespace caponier::fuzz
