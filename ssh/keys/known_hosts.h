#pragma once
// What known_hosts files say about one host, decided as OpenSSH's hostfile.c and sshconnect.c do.
// Text in, verdict out: which files are read and written, and whether an unknown host is accepted,
// is engine/client/'s decision.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ssh/keys/certificate.h"

namespace caponier::ssh {

inline constexpr std::uint16_t ssh_port = 22;
/// More lines than this about one host are not kept, because every key is compared with each.
inline constexpr std::size_t known_hosts_entries_max = 16 * 1024;

/// Lines that were skipped are told up to this many; the others are counted.
inline constexpr std::size_t skipped_lines_told_max = 16;

/// Whom a session is for: the name as the user gave it, and the port. A HostKeyAlias stands for
/// both, as a name on the port 22.
struct HostName {
    std::string_view host;
    std::uint16_t port = ssh_port;
};

/// Where a key was recorded.
struct RecordedKey {
    std::size_t file = 0;  ///< counted from 0 in the order of end_file()
    std::size_t line = 0;  ///< counted from 1
    std::vector<std::byte> blob;
};

struct HostKeyVerdict {
    enum class Status : std::uint8_t {
        unknown,  ///< no key is recorded for this host
        matched,  ///< this very key is recorded
        changed,  ///< keys are recorded, of whatever type, and this is none of them
        revoked,  ///< a line marked @revoked names this key for this host
    };
    Status status = Status::unknown;
    /// matched, revoked: the line that says so; changed: a line that conflicts, one of the same key
    /// type where there is one. Null if unknown. Valid until the KnownHosts changes.
    const RecordedKey* recorded = nullptr;
};

/// A line that could have been about the host and was not understood. It may have been meant to
/// revoke a key, so that somebody should know.
struct SkippedLine {
    enum class Reason : std::uint8_t { unknown_marker, malformed_hash, malformed_key };
    Reason reason{};
    std::size_t file = 0;  ///< counted from 0 in the order of end_file()
    std::size_t line = 0;  ///< counted from 1
};

/// What is wrong, to follow "file:line is skipped: ". Static storage.
[[nodiscard]] std::string_view describe(SkippedLine::Reason reason) noexcept;

/// The lines of one or more known_hosts files that concern one host.
class KnownHosts {
  public:
    explicit KnownHosts(const HostName& host);

    /// Takes over what a line says about the host. Without its end (LF or CR LF), of any length;
    /// nothing of `line` is kept.
    void add_line(std::string_view line);
    /// The next line is the first one of the next file.
    void end_file() noexcept;
    /// The lines of a file that is in memory, and its end.
    void add_file(std::string_view text);

    /// Lines about the host were dropped, because there are more than known_hosts_entries_max. What
    /// they say is not known: no key can be believed.
    [[nodiscard]] bool is_incomplete() const noexcept { return is_incomplete_; }

    /// About a plain key, whatever name of its type it is under.
    [[nodiscard]] HostKeyVerdict check(std::span<const std::byte> blob) const noexcept;

    /// About the authority that signed a certificate: `matched` if a line "@cert-authority" trusts
    /// it for the host, `revoked` if it or the key in the certificate is, else `unknown`. What the
    /// certificate says is judged by check_host_certificate().
    [[nodiscard]] HostKeyVerdict check_authority(const Certificate& certificate) const noexcept;

    /// The types whose algorithms are to be offered first: those of the keys recorded for the host
    /// ("ssh-ed25519"), in the order of the files and each once. A revoked key does not count, and
    /// the name without the port only where no key is recorded for the port. Where an authority is
    /// trusted, or something is revoked, which may be one, the certificates of these types are
    /// among them; all certificates if the authority is this port's or the port has no keys. Views
    /// live as long as this object.
    [[nodiscard]] std::vector<std::string_view> key_types() const;

    /// The first skipped_lines_told_max of them.
    [[nodiscard]] std::span<const SkippedLine> skipped() const noexcept { return skipped_; }
    [[nodiscard]] std::size_t skipped_count() const noexcept { return skipped_count_; }

  private:
    enum class Marker : std::uint8_t { none, revoked, cert_authority };
    struct Entry {
        Marker marker = Marker::none;
        bool without_port = false;  ///< names the host, but not with the port
        RecordedKey key;
    };

    void read(std::string_view line);
    void skip(SkippedLine::Reason reason);
    [[nodiscard]] const Entry* find_revoked(std::span<const std::byte> blob) const noexcept;

    std::string host_;       ///< in lower case
    std::string with_port_;  ///< host_, or "[host_]:port" where the port is not 22
    std::size_t files_ = 0;
    std::size_t line_ = 0;  ///< of the file that is being read
    bool is_incomplete_ = false;
    std::vector<Entry> entries_;
    std::vector<SkippedLine> skipped_;
    std::size_t skipped_count_ = 0;
};

/// The line to append for a key that was accepted, with its line feed: the plain name, or the
/// hashed one if there is a salt (host_salt_bytes of randomness). Empty if the line would not be
/// read back as this name: a host with blanks, commas or pattern characters, a key without a type.
[[nodiscard]] std::string known_hosts_line(const HostName& host,
                                           std::span<const std::byte> blob,
                                           std::span<const std::byte> salt = {});

}  // namespace caponier::ssh
