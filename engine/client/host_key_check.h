#pragma once
// Decides about a server's host key or host certificate from the known_hosts files on disk, as ssh
// does with StrictHostKeyChecking, and records new keys. What the lines mean is
// ssh/keys/known_hosts.h, what a certificate says ssh/keys/certificate.h. It reads files and
// remembers what it believed, so it runs on the thread for host keys, never on a shard.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "engine/client/log.h"
#include "engine/client/path_expansion.h"
#include "engine/client/settings.h"
#include "ssh/keys/known_hosts.h"

namespace caponier::client {

/// What a server proved to hold.
struct ShownHostKey {
    std::span<const std::byte> blob;  ///< RFC 4253 6.6, or a certificate
    std::uint64_t now_s = 0;          ///< since 1970; what a certificate's validity is measured by
    bool peer_is_loopback = false;
};

/// Puts a question to a person and returns the answer, without its end of line; empty where there
/// is none. An empty function: nobody can be asked.
using AskPerson = std::function<std::optional<std::string>(const std::string& question)>;

/// One for all sessions of a process: what one of them believed binds the others.
class HostKeyCheck {
  public:
    /// `settings` are complete(). Unknown tokens in file names are the error, one line.
    [[nodiscard]] static tl::expected<HostKeyCheck, std::string> make(const Settings& settings,
                                                                      const Account& account);

    /// Accepts the key, or says in one line why not and what to do. Warnings go to `log`. With
    /// accept-new or no, or with ask once a person said yes, an unknown key is recorded in the
    /// first user file. A known_hosts file that is there and cannot be read refuses every key,
    /// because it may revoke this one or have another on record. Of keys that no file knows only
    /// the first is believed: where it could not be recorded it is remembered. A certificate that
    /// nobody trusts, or that does not hold for the host, counts as the plain key in it.
    [[nodiscard]] tl::expected<void, std::string> decide(const ShownHostKey& shown,
                                                         const AskPerson& ask,
                                                         const Log& log);

    /// Types of the keys that are recorded for the host, each once: their algorithms have to be
    /// offered first, or the server would show a key that nobody recorded. Warns of nothing:
    /// decide() will.
    [[nodiscard]] std::vector<std::string> recorded_key_types() const;

    /// As known_hosts spells it: "bastion.example", "[bastion.example]:2222" or the HostKeyAlias.
    [[nodiscard]] std::string name() const;

  private:
    /// Empty: accepted; else the refusal.
    using Refusal = std::optional<std::string>;

    HostKeyCheck() = default;

    [[nodiscard]] ssh::HostName host() const noexcept;
    /// The error is the refusal.
    [[nodiscard]] tl::expected<ssh::KnownHosts, std::string> load() const;
    void tell_skipped(const ssh::KnownHosts& known, const Log& log) const;
    [[nodiscard]] std::string principal() const;
    [[nodiscard]] bool allows_plain(std::span<const std::byte> key) const noexcept;
    [[nodiscard]] std::string place(const ssh::RecordedKey& recorded) const;

    [[nodiscard]] Refusal refusal_by_lists(std::span<const std::byte> key,
                                           std::span<const std::byte> authority) const;
    /// Whom a decision may talk to.
    struct Ears {
        const AskPerson& ask;
        const Log& log;
    };
    [[nodiscard]] Refusal refusal_of(const ssh::KnownHosts& known,
                                     std::span<const std::byte> key,
                                     const Ears& ears);
    [[nodiscard]] Refusal refusal_of(const ssh::KnownHosts& known,
                                     const ssh::Certificate& certificate,
                                     std::uint64_t now_s,
                                     const Ears& ears);
    [[nodiscard]] Refusal refusal_of_new(std::span<const std::byte> key, const Ears& ears);
    [[nodiscard]] Refusal refusal_by_person(std::span<const std::byte> key,
                                            const AskPerson& ask) const;
    [[nodiscard]] std::string refusal_of_unknown(std::span<const std::byte> key) const;
    [[nodiscard]] std::string refusal_of_changed(std::span<const std::byte> key,
                                                 const ssh::RecordedKey& recorded) const;
    [[nodiscard]] std::string refusal_of_revoked(std::string_view where) const;
    [[nodiscard]] std::string refusal_of_other(std::span<const std::byte> key) const;
    void remember(std::span<const std::byte> key, bool on_faith);
    [[nodiscard]] std::string line_to_record(std::span<const std::byte> key) const;
    void record(std::span<const std::byte> key, const Log& log) const;

    std::string host_name_;
    std::string alias_;  ///< HostKeyAlias; empty: none
    std::uint16_t port_ = ssh::ssh_port;
    StrictHostKeyChecking strict_ = StrictHostKeyChecking::yes;
    bool hash_names_ = false;
    bool trusts_localhost_ = false;
    std::vector<std::string> ca_signature_algorithms_;
    std::vector<std::string> host_key_algorithms_;  ///< HostKeyAlgorithms; empty: not set
    std::vector<std::string> revoked_keys_files_;
    std::vector<std::string> files_;  ///< the user's, then the machine's
    std::size_t user_files_ = 0;      ///< how many are the user's
    std::string file_to_record_in_;   ///< empty: none
    std::string ssh_folder_;          ///< ~/.ssh

    /// A key of the host that a session was let in with.
    struct Believed {
        std::vector<std::byte> key;
        bool on_faith = false;  ///< though no file knew the host
    };
    std::vector<Believed> believed_;  ///< each key once, at most believed_max
};

}  // namespace caponier::client
