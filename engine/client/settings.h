#pragma once
// What a person may set, by flag or by -o: the resolved values, with OpenSSH's names and meanings.
// command line -> tools/cli/arguments.cpp -> Settings -> complete() -> Forwarder (forwarder.h).

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "engine/client/authentication_options.h"
#include "engine/io/choose_loop.h"
#include "engine/relay/close_without_eof.h"
#include "engine/relay/limits.h"
#include "ssh/config.h"

namespace caponier::client {

/// ssh_config(5) StrictHostKeyChecking. `ask` behaves as `yes` where nobody can be asked.
enum class StrictHostKeyChecking : std::uint8_t { ask, yes, accept_new, no };

/// What speaks SSH: our own session, or libssh2 for servers that have only retired algorithms.
enum class SshEngine : std::uint8_t { native, libssh2 };

/// -L: listen here, deliver there.
struct LocalForward {
    /// As given: empty for the default (loopback, or all with GatewayPorts), "*" for all.
    std::string bind_host;
    bool bind_given = false;  ///< an empty bind_host that was written down (":8080:...") means all
    std::uint16_t port = 0;   ///< 0: the kernel picks one
    std::string host;
    std::uint16_t host_port = 0;
};

/// How much is said. As with ssh -q, a quiet program tells only what is wrong with its command
/// line: its exit code says the rest.
enum class LogLevel : std::uint8_t {
    quiet,
    fatal,  ///< of messages: why the program ends, or a forward is missing
    info,
    verbose,
    debug,
};

/// Ciphers and its relatives as they were written, prefix and wildcards included; empty where
/// nothing was. What they come to is known when the engine is (algorithm_options.h).
struct AlgorithmOptions {
    std::string ciphers;
    std::string macs;
    std::string kex;
    std::string host_key;
    std::string public_key;
    std::string ca_signature;
};

struct Settings {
    std::string host;       ///< as the user named it: what messages say
    std::string host_name;  ///< HostName: what is connected to and looked up in known_hosts
    std::string user;       ///< empty: the login name
    std::uint16_t port = 22;
    std::vector<LocalForward> local_forwards;
    /// Empty: ssh's defaults. An entry "none" stands for no file; ~, % and ${} are not expanded yet
    /// (path_expansion.h).
    std::vector<std::string> identity_files;
    /// Those of them that -i named. One that does not exist is warned about and counts as not
    /// given; one of IdentityFile is given, as in ssh.
    std::vector<std::string> identity_flags;
    bool identities_only = false;
    AuthenticationOptions authentication;
    std::vector<std::string> user_known_hosts_files;    ///< the same
    std::vector<std::string> global_known_hosts_files;  ///< the same
    /// The same. A list that cannot be read revokes everything.
    std::vector<std::string> revoked_host_keys_files;
    StrictHostKeyChecking strict_host_key_checking = StrictHostKeyChecking::yes;
    std::string host_key_alias;  ///< looked up in the place of host_name and port; may be empty
    bool hash_known_hosts = false;
    bool no_host_authentication_for_localhost = false;
    bool exit_on_forward_failure = false;
    bool gateway_ports = false;
    std::chrono::seconds connect_timeout{10};  ///< 0: no limit but the kernel's
    /// How long connections may take to finish after the first stop; 0: not at all.
    std::chrono::seconds drain_timeout =
        std::chrono::floor<std::chrono::seconds>(relay::drain_patience);
    std::chrono::seconds server_alive_interval{15};  ///< 0: never
    int server_alive_count_max = 3;
    /// SSH connections to the server, at most, and tunnels of one at which another is dialled.
    std::uint32_t pool_sessions = 16;
    std::uint32_t channels_per_session = 64;
    /// What all tunnels together may make the process hold for readers that have stopped; empty: a
    /// quarter of the machine's memory, at most 1 GiB.
    std::optional<std::uint64_t> memory_budget_bytes{};
    std::uint32_t shards = 0;  ///< threads that carry bytes, at most; 0: one a processor
    bool pin = false;          ///< each of them to one processor
    relay::CloseWithoutEof close_without_eof = relay::CloseWithoutEof::by_server;
    io::Backend backend = io::Backend::automatic;
    SshEngine engine = SshEngine::native;
    AlgorithmOptions algorithm_options;
    ssh::AlgorithmLists algorithms;  ///< what complete() makes of them; empty where nothing was set
    ssh::RekeyLimit rekey_limit;
    LogLevel log_level = LogLevel::info;
    bool log_timestamps = false;  ///< the time, in UTC, in front of each message
};

/// One "-L" argument: [bind_address:]port:host:hostport, IPv6 addresses in brackets. The error is
/// one line that says what is wrong with it.
[[nodiscard]] tl::expected<LocalForward, std::string> parse_local_forward(std::string_view text);

/// A port number, or the name of a TCP service as in services(5).
[[nodiscard]] tl::expected<std::uint16_t, std::string> parse_port(std::string_view text);

/// One "-o Key=Value" or "-o 'Key Value'" argument, keys case-insensitive as in ssh_config(5). The
/// error is one line that names the option and what it takes. As in ssh, the first value given for
/// a key wins: `seen` remembers which keys have one.
[[nodiscard]] tl::expected<void, std::string> apply_option(Settings& settings,
                                                           std::vector<std::string>& seen,
                                                           std::string_view text);

/// The same for a flag that stands for an option ("-p 2222" is Port) and for parts of the host
/// argument, so that all obey one order. The value is taken as it is: blanks, quotes and # mean
/// nothing in it.
[[nodiscard]] tl::expected<void, std::string> set_option(Settings& settings,
                                                         std::vector<std::string>& seen,
                                                         std::string_view key,
                                                         std::string_view value);

/// All that apply_option() knows, in ssh_config's spelling, related ones side by side.
[[nodiscard]] std::vector<std::string_view> option_names();

/// After the last option: fills in HostName (with its %h and %%, and a numeric address in canonical
/// form), the login name and the algorithm lists, and refuses host and user names that OpenSSH
/// refuses and algorithms that are not spoken. The error is one line.
[[nodiscard]] tl::expected<void, std::string> complete(Settings& settings);

/// OpenSSH's ssh_valid_hostname() and ssh_valid_ruser(): nothing that a shell, a terminal or an
/// option parser would take for something else.
[[nodiscard]] bool is_valid_host_name(std::string_view name) noexcept;
[[nodiscard]] bool is_valid_user_name(std::string_view name) noexcept;

}  // namespace caponier::client
