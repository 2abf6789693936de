#pragma once
// What is remembered of one session's authentication between its questions: which methods and keys
// were tried, what was opened for them, and whether a person was needed.

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/client/agent_connection.h"
#include "engine/client/authentication_methods.h"
#include "engine/client/credentials.h"
#include "engine/client/identities.h"
#include "engine/client/key_files.h"
#include "engine/relay/session_policy.h"

namespace caponier::client {

/// Home in the policy, away with the question while one is open.
struct Credentials::SessionMemory {
    explicit SessionMemory(KeyFiles files) : key_files(std::move(files)) {}

    // From the first IdentityQuestion on.
    std::optional<AuthenticationMethods> methods;
    std::optional<Identities> identities;
    std::string offered;  ///< the methods that the server named last
    relay::SessionBinding binding;

    KeyFiles key_files;
    /// OpenSSH's agent binds a connection to one session, so that each session has its own.
    std::unique_ptr<AgentConnection> agent;
    bool password_expired = false;
    std::string no_answer;             ///< why a person did not answer
    std::vector<std::byte> signed_by;  ///< the blob of the last signature
    bool authenticated = false;
    bool needs_person = false;  ///< somebody had to know or to touch something
};

}  // namespace caponier::client
