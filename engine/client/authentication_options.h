#pragma once
// The options of ssh_config(5) that say how a user is authenticated, and their values. Which keys
// are offered is identities.h's; what is tried after what is authentication_methods.h's.

#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "engine/client/path_expansion.h"

namespace caponier::client {

struct AuthenticationOptions {
    bool public_key = true;            ///< PubkeyAuthentication
    bool keyboard_interactive = true;  ///< KbdInteractiveAuthentication
    bool password = true;              ///< PasswordAuthentication
    bool batch_mode = false;           ///< nobody is asked anything
    int password_prompts = 3;          ///< NumberOfPasswordPrompts
    /// PreferredAuthentications: method names in order; empty for ssh's order.
    std::vector<std::string> preferred;
    std::string agent;  ///< IdentityAgent as written; empty for $SSH_AUTH_SOCK
    std::vector<std::string> certificate_files;
};

// Each sets one option from its argument; false if the argument is not one.
[[nodiscard]] bool set_password_prompts(AuthenticationOptions& options, std::string_view text);
[[nodiscard]] bool set_preferred(AuthenticationOptions& options, std::string_view text);
/// PubkeyAuthentication takes `unbound` and `host-bound` besides yes and no; the host-bound method
/// is used where the server has it.
[[nodiscard]] bool set_public_key(AuthenticationOptions& options, std::string_view text);
[[nodiscard]] bool add_certificate_file(AuthenticationOptions& options, std::string_view text);

/// The path of the agent's socket, empty for no agent. ssh_config(5) IdentityAgent: "none", the
/// name SSH_AUTH_SOCK, the name of another variable after a '$', or a path with ~, % and ${}. The
/// error is one line.
[[nodiscard]] tl::expected<std::string, std::string> agent_path(const std::string& identity_agent,
                                                                const TokenValues& values);

}  // namespace caponier::client
