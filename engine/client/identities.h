#pragma once
// Which keys are offered to a server, in which order, and how often: ssh's rules (sshconnect2.c,
// pubkey_prepare()). Reads key files, so it runs on the credential thread. Talking to the agent is
// agent_connection.h; the signature itself is ssh/crypto/signature.h.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "engine/client/agent_connection.h"
#include "engine/client/log.h"
#include "engine/client/path_expansion.h"
#include "engine/client/settings.h"
#include "ssh/keys/private_key.h"

namespace caponier::client {

/// sshd_config(5) MaxAuthTries: the server ends the connection with the sixth failure, and some
/// servers bar an address that does so (PerSourcePenalties).
inline constexpr std::size_t identities_tried_max = 6;

/// Where identities may come from.
struct IdentitySources {
    std::vector<std::string> files;  ///< expanded, in the order of IdentityFile
    bool files_given = false;        ///< by the user; a missing default file is no news
    bool identities_only = false;
};
/// `settings` are complete(). The error is one line.
[[nodiscard]] tl::expected<IdentitySources, std::string> identity_sources(const Settings& settings,
                                                                          const Account& account);

/// One key that may be offered.
struct Identity {
    std::vector<std::byte> blob;
    std::string type;     ///< "ssh-ed25519", ...
    std::string file;     ///< of the private half; empty if only the agent has it
    std::string comment;  ///< the agent's, unfiltered
    bool in_agent = false;

    /// "/home/me/.ssh/id_ed25519" or "agent key 'me@laptop'".
    [[nodiscard]] std::string name() const;
    /// The algorithm to sign with: the type's own name, and for RSA the best of RFC 8332.
    [[nodiscard]] std::string algorithm() const;
};

/// Reads a private key, under ssh's conditions: a regular file that nobody else may read. The error
/// is one line, and the file's text is wiped in either case.
[[nodiscard]] tl::expected<ssh::PrivateKey, std::string> load_private_key(const std::string& path);

/// The keys of one session, offered one after the other.
class Identities {
  public:
    /// In ssh's order: keys of the agent that a file names, other keys of the agent, files. Files
    /// that cannot serve are skipped, with the reason in the log.
    Identities(const IdentitySources& sources,
               std::span<const AgentKey> agent_keys,
               const Log& log);

    /// The next one to offer; null when there is none, or the server would take no more. Private
    /// key files are opened only when their turn comes.
    [[nodiscard]] const Identity* next(const Log& log);
    /// The last one was not offered after all: the SSH engine cannot use such a key.
    void last_was_not_usable();
    /// The last one was accepted, but the server wants more: that was no failure.
    void last_was_accepted() noexcept;
    /// The offered identity with this public half; null if there is none.
    [[nodiscard]] const Identity* find(std::span<const std::byte> blob) const noexcept;

    /// Why nothing is left, and what to do; to follow "me@bastion.example: ".
    [[nodiscard]] std::string refusal() const;

  private:
    void add_file(const std::string& path, const IdentitySources& sources, const Log& log);
    void prefer_agent_keys(std::span<const AgentKey> agent_keys, bool identities_only);
    void skip(std::string_view name, std::string_view why, const Log& log);
    [[nodiscard]] bool can_sign(const Identity& identity, const Log& log);
    [[nodiscard]] std::string tried_names() const;

    std::vector<Identity> identities_;
    std::size_t next_ = 0;
    std::vector<std::size_t> tried_;  ///< offered: indices
    std::size_t failures_ = 0;
    std::vector<std::string> skipped_;  ///< names, with reasons
    bool unusable_rsa_ = false;
};

}  // namespace caponier::client
