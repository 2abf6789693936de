// The order of identities, and what is told when none is left.

#include "engine/client/identities.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include <unistd.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/client/file_contents.h"
#include "engine/client/text_filter.h"
#include "ssh/crypto/signature.h"
#include "ssh/keys/certificate.h"
#include "ssh/keys/private_key.h"
#include "ssh/keys/public_key.h"
#include "ssh/wire/bytes.h"

namespace caponier::client {

namespace {

/// ssh's default files, without those of retired key types.
constexpr std::array<std::string_view, 5> default_files{"~/.ssh/id_rsa",
                                                        "~/.ssh/id_ecdsa",
                                                        "~/.ssh/id_ecdsa_sk",
                                                        "~/.ssh/id_ed25519",
                                                        "~/.ssh/id_ed25519_sk"};

constexpr std::string_view rsa_type = "ssh-rsa";

bool equal(std::span<const std::byte> a, std::span<const std::byte> b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

std::optional<std::vector<std::byte>> read_public_key(const std::string& path) {
    const tl::expected<FileContents, FileError> file =
        read_file(path, ssh::private_key_file_bytes_max);
    if (!file) {
        return std::nullopt;
    }
    const std::string_view text = ssh::text_of(file->bytes.bytes());
    ssh::Result<ssh::PublicKeyText> key = ssh::parse_public_key_file(text);
    return key ? std::optional{std::move(key->blob)} : ssh::told_public_key(text);
}

/// The plain key in a user's certificate; empty for anything else.
std::vector<std::byte> key_in_certificate(std::span<const std::byte> blob) {
    ssh::Result<ssh::Certificate> certificate = ssh::parse_certificate(blob);
    if (!certificate || certificate->role != ssh::CertificateRole::user) {
        return {};
    }
    return std::move(certificate->public_key);
}

std::string why_not_usable(SshEngine engine, std::string_view type) {
    if (engine == SshEngine::native) {
        return fmt::format(
            "no signature algorithm for {} keys is among both the server's and "
            "PubkeyAcceptedAlgorithms",
            printable(type, 64));
    }
    if (type == rsa_type) {
        return "libssh2 1.10 uses RSA keys with SHA-1 only, which servers refuse: use an ed25519 "
               "or ecdsa key";
    }
    return fmt::format("libssh2 cannot use {} keys", printable(type, 64));
}

/// The first few, because an agent may have thousands.
std::string some_of(std::span<const std::string> names) {
    constexpr std::size_t shown_max = 6;
    const std::size_t shown = std::min(names.size(), shown_max);
    return fmt::format("{}{}",
                       fmt::join(names.first(shown), ", "),
                       names.size() > shown
                           ? fmt::format(" and {} more (-v lists them)", names.size() - shown)
                           : "");
}

bool is_certificate_type(std::string_view type) noexcept {
    return type.find("-cert-v0") != std::string_view::npos;
}

/// An identity without a private half yet; empty if the blob is nothing that could be offered.
std::optional<Identity> identity_of(std::vector<std::byte> blob) {
    Identity identity;
    identity.type = ssh::blob_type_name(blob);
    if (is_certificate_type(identity.type)) {
        identity.plain = key_in_certificate(blob);
        if (identity.plain.empty()) {
            return std::nullopt;
        }
    }
    identity.blob = std::move(blob);
    return identity.type.empty() ? std::nullopt : std::optional{std::move(identity)};
}

/// ssh.c, main(): a file of -i that cannot be looked at is not added. Empty: it stays.
std::string why_left_out(const std::string& name,
                         const Settings& settings,
                         const TokenValues& values) {
    const std::vector<std::string>& flags = settings.identity_flags;
    if (std::find(flags.begin(), flags.end(), name) == flags.end()) {
        return {};
    }
    const tl::expected<std::string, std::string> path = expand_path(name, values);
    if (!path || ::access(path->c_str(), F_OK) == 0) {
        return {};
    }
    return fmt::format("Warning: Identity file {} not accessible: {}.",
                       printable(*path),
                       std::generic_category().message(errno));
}

void certificates_first(std::vector<Identity>& identities) {
    std::stable_partition(identities.begin(), identities.end(), [](const Identity& identity) {
        return identity.is_certificate();
    });
}

}  // namespace

tl::expected<IdentitySources, std::string> identity_sources(const Settings& settings,
                                                            const Account& account) {
    const TokenValues values{
        account, settings.host, settings.host_name, settings.user, settings.port};
    IdentitySources sources{.files = {},
                            .certificates = {},
                            .identities_only = settings.identities_only,
                            .engine = settings.engine};
    std::vector<std::string> names = settings.identity_files;
    std::erase_if(names, [&](const std::string& name) {
        std::string warning = why_left_out(name, settings, values);
        const bool is_left_out = !warning.empty();
        if (is_left_out) {
            sources.warnings.push_back(std::move(warning));
        }
        return is_left_out;
    });
    sources.files_given = !names.empty();
    if (names.empty()) {
        names.assign(default_files.begin(), default_files.end());
    }
    const auto expand = [&](const std::vector<std::string>& from,
                            std::vector<std::string>& to,
                            std::string_view option) -> tl::expected<void, std::string> {
        for (const std::string& name : from) {
            if (is_none(name)) {
                continue;
            }
            tl::expected<std::string, std::string> path = expand_path(name, values);
            if (!path) {
                return tl::unexpected{fmt::format("{} {}", option, path.error())};
            }
            to.push_back(std::move(*path));
        }
        return {};
    };
    if (const auto expanded = expand(names, sources.files, "IdentityFile"); !expanded) {
        return tl::unexpected{expanded.error()};
    }
    if (const auto expanded = expand(
            settings.authentication.certificate_files, sources.certificates, "CertificateFile");
        !expanded) {
        return tl::unexpected{expanded.error()};
    }
    return sources;
}

std::string Identity::name() const {
    const std::string what = is_certificate() ? "certificate of " : "";
    return what + (file.empty() ? fmt::format("agent key '{}'", printable(comment, 100))
                                : printable(file));
}

std::string Identity::algorithm() const {
    const std::string_view best_for_rsa = ssh::signature_algorithms(ssh::KeyType::rsa).front();
    if (type == rsa_type) {
        return std::string{best_for_rsa};
    }
    if (ssh::plain_algorithm(type) == rsa_type) {
        return std::string{ssh::certificate_algorithm(best_for_rsa)};
    }
    return type;
}

Identities::Identities(const IdentitySources& sources,
                       std::span<const AgentKey> agent_keys,
                       const Log& log)
    : can_ask_(sources.can_ask), engine_(sources.engine) {
    for (const std::string& path : sources.files) {
        add_file(path, sources, log);
        if (sources.certificates.empty()) {
            add_certificate_of(path);
        }
    }
    join_agent(agent_keys, sources.identities_only);
    for (const std::string& path : sources.certificates) {
        add_named_certificate(path, log);
    }
    find_private_halves(agent_keys, log);
}

void Identities::add_file(const std::string& path, const IdentitySources& sources, const Log& log) {
    // As sshkey_load_public(): the file may be a public key itself (whose private half an agent
    // has), or tell its public half; else that lies beside it, or is computed from the private one.
    std::optional<std::vector<std::byte>> blob = read_public_key(path);
    if (!blob) {
        blob = read_public_key(path + ".pub");
    }
    bool is_locked = false;
    if (!blob) {
        const tl::expected<ssh::PrivateKey, KeyFileProblem> key = load_private_key(path);
        is_locked = !key && key.error().needs_passphrase && sources.can_ask;
        if (key) {
            const std::span<const std::byte> computed = key->key.public_key();
            blob.emplace(computed.begin(), computed.end());
        } else if (!is_locked && (sources.files_given || ::access(path.c_str(), F_OK) == 0)) {
            skip(printable(path), key.error().what, log);
        }
    }
    if (is_locked) {
        Identity locked;
        locked.file = path;
        identities_.push_back(std::move(locked));
        return;
    }
    std::optional<Identity> identity = blob ? identity_of(std::move(*blob)) : std::nullopt;
    if (identity && find(identity->blob) == nullptr) {
        identity->file = path;
        identities_.push_back(std::move(*identity));
    }
}

/// ssh(1) -i: "ssh will also try to load certificate information from the filename obtained by
/// appending -cert.pub to identity filenames."
void Identities::add_certificate_of(const std::string& path) {
    std::optional<std::vector<std::byte>> blob = read_public_key(path + "-cert.pub");
    std::optional<Identity> identity = blob ? identity_of(std::move(*blob)) : std::nullopt;
    if (identity && identity->is_certificate() && find(identity->blob) == nullptr) {
        identity->file = path;
        identities_.push_back(std::move(*identity));
    }
}

/// CertificateFile: "A corresponding private key must be provided separately in order to use this
/// certificate either from an IdentityFile directive or -i flag to ssh(1), via ssh-agent(1)".
void Identities::add_named_certificate(const std::string& path, const Log& log) {
    std::optional<std::vector<std::byte>> blob = read_public_key(path);
    std::optional<Identity> identity = blob ? identity_of(std::move(*blob)) : std::nullopt;
    if (!identity || !identity->is_certificate()) {
        skip(printable(path), "it is not a user's certificate", log);
        return;
    }
    const Identity* const known = find(identity->blob);
    const auto position = identities_.begin() + static_cast<std::ptrdiff_t>(named_certificates_);
    if (known != nullptr) {
        const auto at = identities_.begin() + (known - identities_.data());
        if (at < position) {
            return;
        }
        identity = std::move(*at);
        identities_.erase(at);
    }
    if (identity->file.empty() && identity->in_agent == Identity::InAgent::no) {
        const auto half =
            std::find_if(identities_.begin(), identities_.end(), [&](const Identity& each) {
                return !each.is_certificate() && equal(each.blob, identity->plain);
            });
        identity->file = half == identities_.end() ? "" : half->file;
        identity->comment = printable(path);
    }
    identities_.insert(identities_.begin() + static_cast<std::ptrdiff_t>(named_certificates_),
                       std::move(*identity));
    ++named_certificates_;
}

void Identities::join_agent(std::span<const AgentKey> agent_keys, bool identities_only) {
    std::vector<Identity> from_agent;
    for (const AgentKey& key : agent_keys) {
        const auto file =
            std::find_if(identities_.begin(), identities_.end(), [&](const Identity& identity) {
                return equal(identity.blob, key.blob);
            });
        const bool is_named = file != identities_.end();
        std::optional<Identity> identity =
            is_named ? std::optional{std::move(*file)} : identity_of(key.blob);
        if (is_named) {
            identities_.erase(file);
        } else if (!identity || identities_only) {
            continue;
        }
        identity->in_agent = Identity::InAgent::as_it_is;
        identity->comment = key.comment;
        const auto position =
            is_named ? std::find_if(from_agent.begin(),
                                    from_agent.end(),
                                    [](const Identity& each) { return each.file.empty(); })
                     : from_agent.end();
        from_agent.insert(position, std::move(*identity));
    }
    certificates_first(from_agent);
    certificates_first(identities_);
    from_agent.insert(from_agent.end(),
                      std::make_move_iterator(identities_.begin()),
                      std::make_move_iterator(identities_.end()));
    identities_ = std::move(from_agent);
}

/// A certificate that the agent does not hold is signed for with the plain key, if it has that.
void Identities::find_private_halves(std::span<const AgentKey> agent_keys, const Log& log) {
    std::vector<Identity> usable;
    for (Identity& identity : identities_) {
        const bool agent_has_plain =
            identity.is_certificate() &&
            std::any_of(agent_keys.begin(), agent_keys.end(), [&](const AgentKey& key) {
                return equal(key.blob, identity.plain);
            });
        if (identity.in_agent == Identity::InAgent::no && agent_has_plain) {
            identity.in_agent = Identity::InAgent::plain;
        }
        if (identity.file.empty() && identity.in_agent == Identity::InAgent::no) {
            skip(fmt::format("certificate {}", identity.comment),
                 "no identity file and no agent has its private key",
                 log);
            continue;
        }
        usable.push_back(std::move(identity));
    }
    identities_ = std::move(usable);
}

void Identities::prefer(std::span<const std::byte> blob) {
    const auto found =
        std::find_if(identities_.begin(), identities_.end(), [&](const Identity& identity) {
            return equal(identity.blob, blob);
        });
    if (found != identities_.end() && next_ == 0) {
        std::rotate(identities_.begin(), found, found + 1);
    }
}

void Identities::skip(std::string_view name, std::string_view why, const Log& log) {
    log(LogLevel::info, fmt::format("identity {} is skipped: {}", name, why));
    note_skipped(name, why);
}

/// What follows the first colon says what to do about it, and has been told.
void Identities::note_skipped(std::string_view name, std::string_view why) {
    skipped_.push_back(fmt::format("{}: {}", name, why.substr(0, why.find(": "))));
}

bool Identities::can_sign(Identity& identity, KeyFiles& files, const Log& log) {
    if (identity.in_agent != Identity::InAgent::no) {
        return true;
    }
    if (identity.is_on_token()) {
        skip(identity.name(), "keys on FIDO tokens are used through an agent: ssh-add it", log);
        return false;
    }
    if (identity.blob.empty()) {
        const tl::expected<const ssh::PrivateKey*, std::string> key = files.open(identity.file);
        if (!key) {
            skip(identity.name(), key.error(), log);
            return false;
        }
        const std::span<const std::byte> blob = (*key)->key.public_key();
        identity.blob.assign(blob.begin(), blob.end());
        identity.type = ssh::blob_type_name(blob);
        return true;
    }
    const tl::expected<ssh::PrivateKey, KeyFileProblem> key = load_private_key(identity.file);
    if (!key) {
        // Its passphrase is asked for once the server wants the key.
        if (key.error().needs_passphrase && can_ask_) {
            return true;
        }
        skip(identity.name(), key.error().what, log);
        return false;
    }
    if (!equal(key->key.public_key(), identity.plain_blob())) {
        skip(identity.name(), "its .pub file belongs to another key", log);
        return false;
    }
    return true;
}

const Identity* Identities::next(KeyFiles& files, const Log& log) {
    while (next_ < identities_.size() && tried_.size() < identities_tried_max) {
        Identity& identity = identities_[next_++];
        if (can_sign(identity, files, log)) {
            tried_.push_back(next_ - 1);
            return &identity;
        }
    }
    return nullptr;
}

void Identities::last_was_not_usable() {
    if (tried_.empty()) {
        return;
    }
    const Identity& identity = identities_[tried_.back()];
    tried_.pop_back();
    skipped_.push_back(
        fmt::format("{}: {}", identity.name(), why_not_usable(engine_, identity.type)));
}

void Identities::last_was_not_signed(std::string_view why) {
    if (!tried_.empty()) {
        note_skipped(identities_[tried_.back()].name(), why);
        tried_.pop_back();
    }
}

void Identities::last_was_accepted() noexcept {
    if (!tried_.empty()) {
        tried_.pop_back();
    }
}

const Identity* Identities::find(std::span<const std::byte> blob) const noexcept {
    const auto found =
        std::find_if(identities_.begin(), identities_.end(), [&](const Identity& identity) {
            return equal(identity.blob, blob);
        });
    return found == identities_.end() ? nullptr : &*found;
}

Reason Identities::refusal() const {
    std::vector<std::string> names;
    for (const std::size_t index : tried_) {
        names.push_back(identities_[index].name());
    }
    const std::string skipped = some_of(skipped_);
    if (names.empty()) {
        return skipped.empty()
                   ? Reason{"There is no key to offer.",
                            "Name one with -i, or add one to an agent with ssh-add."}
                   : Reason{fmt::format("No key could be used ({}).", skipped),
                            "Mend that, name another key with -i, or add one to an agent with "
                            "ssh-add."};
    }
    const bool is_one = names.size() == 1;
    Reason reason{
        is_one ? fmt::format("The server refused the key that was offered: {}.", names.front())
               : fmt::format("The server refused all {} keys that were offered: {}.",
                             names.size(),
                             some_of(names)),
        fmt::format("Check the user name, add {} to authorized_keys on the server, or "
                    "name another key with -i.",
                    is_one ? "the key" : "one of these keys")};
    if (!skipped.empty()) {
        reason.remedy += fmt::format(" Not used: {}.", skipped);
    }
    return reason;
}

}  // namespace caponier::client
