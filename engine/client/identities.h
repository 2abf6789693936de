#pragma once
// Which keys are offered to a server, in which order, and how often: ssh's rules (sshconnect2.c,
// pubkey_prepare()). Reads key files, so it runs on the login thread. Talking to the agent is
// agent_connection.h; the signature itself is ssh/crypto/signature.h.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "engine/client/agent_connection.h"
#include "engine/client/key_files.h"
#include "engine/client/log.h"
#include "engine/client/path_expansion.h"
#include "engine/client/reason.h"
#include "engine/client/settings.h"
#include "ssh/keys/agent_messages.h"

namespace caponier::client {

/// As many as an agent can list and more than the options can name: it bounds what one login sends,
/// and stops nobody. When there were too many refusals is the server's to say (sshd_config(5)
/// MaxAuthTries), because only the server knows its limit.
inline constexpr std::size_t identities_tried_max = ssh::agent_identities_max;

/// Where identities may come from.
struct IdentitySources {
    std::vector<std::string> files;  ///< expanded, in the order of IdentityFile
    /// CertificateFile, expanded; if there are none, "-cert.pub" beside each file is looked for.
    std::vector<std::string> certificates;
    bool files_given = false;  ///< by the user; a missing default file is no news
    bool identities_only = false;
    bool can_ask = false;  ///< for a passphrase
    SshEngine engine = SshEngine::native;
    std::vector<std::string> warnings{};  ///< one line each, for the user, before anything is tried
};
/// `settings` are complete(). Looks which files of -i there are. The error is one line.
[[nodiscard]] tl::expected<IdentitySources, std::string> identity_sources(const Settings& settings,
                                                                          const Account& account);

/// One key that may be offered.
struct Identity {
    std::vector<std::byte> blob;  ///< of a certificate, the whole; empty: only its passphrase tells
    std::string type;             ///< "ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com", ...
    std::string file;             ///< of the private half; empty if only the agent has it
    std::string comment;          ///< the agent's, unfiltered
    std::vector<std::byte> plain;  ///< of a certificate: the key inside
    /// What the agent is asked to sign with: blob, or plain where it has no certificate.
    enum class InAgent : std::uint8_t { no, as_it_is, plain } in_agent = InAgent::no;

    [[nodiscard]] bool is_certificate() const noexcept { return !plain.empty(); }
    [[nodiscard]] std::span<const std::byte> plain_blob() const noexcept {
        return is_certificate() ? plain : blob;
    }
    [[nodiscard]] std::span<const std::byte> agent_blob() const noexcept {
        return in_agent == InAgent::plain ? plain : blob;
    }
    /// "sk-": a FIDO token signs, by the agent, and wants to be touched.
    [[nodiscard]] bool is_on_token() const noexcept { return type.starts_with("sk-"); }
    /// "/home/me/.ssh/id_ed25519" or "agent key 'me@laptop'".
    [[nodiscard]] std::string name() const;
    /// The algorithm to sign with: the type's own name, and for RSA the best of RFC 8332.
    [[nodiscard]] std::string algorithm() const;
};

/// The keys of one session, offered one after the other.
class Identities {
  public:
    /// In ssh's order: certificates that were named, keys of the agent that a file names, other
    /// keys of the agent, files; in each of these, certificates first. Files that cannot serve are
    /// skipped, with the reason in the log.
    Identities(const IdentitySources& sources,
               std::span<const AgentKey> agent_keys,
               const Log& log);

    /// This one worked before: it is the first.
    void prefer(std::span<const std::byte> blob);
    /// The next one to offer; null when there is none. Private key files are opened only when their
    /// turn comes, and those whose public half is known are not unlocked before the server wants
    /// them.
    [[nodiscard]] const Identity* next(KeyFiles& files, const Log& log);
    /// The last one was not offered after all: the SSH engine has no way to sign with such a key
    /// that the server and the settings allow.
    void last_was_not_usable();
    /// The offered identity with this public half; null if there is none.
    [[nodiscard]] const Identity* find(std::span<const std::byte> blob) const noexcept;

    /// The last one was wanted, and there is no signature: the server has refused nothing.
    void last_was_not_signed(std::string_view why);
    /// The last one was accepted, and the server wants more: that was no refusal.
    void last_was_accepted() noexcept;

    /// Why nothing is left, and what to do.
    [[nodiscard]] Reason refusal() const;

  private:
    void add_file(const std::string& path, const IdentitySources& sources, const Log& log);
    void add_certificate_of(const std::string& path);
    void add_named_certificate(const std::string& path, const Log& log);
    void join_agent(std::span<const AgentKey> agent_keys, bool identities_only);
    void find_private_halves(std::span<const AgentKey> agent_keys, const Log& log);
    void skip(std::string_view name, std::string_view why, const Log& log);
    [[nodiscard]] bool can_sign(Identity& identity, KeyFiles& files, const Log& log);
    void note_skipped(std::string_view name, std::string_view why);

    bool can_ask_ = false;
    SshEngine engine_ = SshEngine::native;
    std::size_t named_certificates_ = 0;  ///< at the head of identities_
    std::vector<Identity> identities_;
    std::size_t next_ = 0;
    std::vector<std::size_t> tried_;    ///< offered and not accepted: indices
    std::vector<std::string> skipped_;  ///< names, with what is wrong
};

}  // namespace caponier::client
