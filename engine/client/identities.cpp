// The order of identities, and what is told when none is left.

#include "engine/client/identities.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <unistd.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/client/file_contents.h"
#include "engine/client/text_filter.h"
#include "ssh/crypto/signature.h"
#include "ssh/keys/public_key.h"
#include "ssh/wire/bytes.h"

namespace caponier::client {

namespace {

/// ssh's default files, without the key types that are not spoken here; an agent may hold those.
constexpr std::array<std::string_view, 3> default_files{
    "~/.ssh/id_rsa", "~/.ssh/id_ecdsa", "~/.ssh/id_ed25519"};

constexpr std::string_view rsa_type = "ssh-rsa";

bool equal(std::span<const std::byte> a, std::span<const std::byte> b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

/// An agent signs for a certificate with the plain key's algorithm; offering certificates comes
/// with CertificateFile.
bool is_certificate(std::string_view type) noexcept {
    return type.find("-cert-v0") != std::string_view::npos;
}

std::optional<std::vector<std::byte>> read_public_key(const std::string& path) {
    const tl::expected<FileContents, FileError> file =
        read_file(path, ssh::private_key_file_bytes_max);
    if (!file) {
        return std::nullopt;
    }
    ssh::Result<ssh::PublicKeyText> key =
        ssh::parse_public_key_file(ssh::text_of(file->bytes.bytes()));
    return key ? std::optional{std::move(key->blob)} : std::nullopt;
}

std::string reason_of(ssh::ErrorCode code) {
    switch (code) {
    case ssh::ErrorCode::key_is_encrypted:
        return "it is protected by a passphrase: add it to an agent with ssh-add";
    case ssh::ErrorCode::unsupported_key:
        return "its key type is not supported: use an ed25519, ecdsa or RSA key";
    default:
        return "it is not a private key";
    }
}

}  // namespace

tl::expected<IdentitySources, std::string> identity_sources(const Settings& settings,
                                                            const Account& account) {
    const TokenValues values{
        account, settings.host, settings.host_name, settings.user, settings.port};
    IdentitySources sources{.files = {},
                            .files_given = !settings.identity_files.empty(),
                            .identities_only = settings.identities_only};
    std::vector<std::string> names = settings.identity_files;
    if (names.empty()) {
        names.assign(default_files.begin(), default_files.end());
    }
    for (const std::string& name : names) {
        if (is_none(name)) {
            continue;
        }
        tl::expected<std::string, std::string> path = expand_path(name, values);
        if (!path) {
            return tl::unexpected{"IdentityFile " + path.error()};
        }
        sources.files.push_back(std::move(*path));
    }
    return sources;
}

std::string Identity::name() const {
    return file.empty() ? fmt::format("agent key '{}'", printable(comment, 100)) : printable(file);
}

std::string Identity::algorithm() const {
    if (type == rsa_type) {
        return std::string{ssh::signature_algorithms(ssh::KeyType::rsa).front()};
    }
    return type;
}

tl::expected<ssh::PrivateKey, std::string> load_private_key(const std::string& path) {
    const tl::expected<FileContents, FileError> file =
        read_file(path, ssh::private_key_file_bytes_max);
    if (!file) {
        return tl::unexpected{describe(file.error())};
    }
    // authfile.c: "if a key owned by the user is accessed, then we check the permissions of the
    // file. if the key owned by a different user, then we don't care."
    if (file->owner == ::getuid() && (file->mode & 077) != 0) {
        return tl::unexpected{fmt::format(
            "permissions {:04o} for '{}' are too open: it is required that your private "
            "key files are NOT accessible by others (chmod 600)",
            file->mode & 0777U,
            printable(path))};
    }
    ssh::Result<ssh::PrivateKey> key = ssh::parse_private_key(ssh::text_of(file->bytes.bytes()));
    if (!key) {
        return tl::unexpected{reason_of(key.error().code)};
    }
    return *std::move(key);
}

Identities::Identities(const IdentitySources& sources,
                       std::span<const AgentKey> agent_keys,
                       const Log& log) {
    for (const std::string& path : sources.files) {
        add_file(path, sources, log);
    }
    prefer_agent_keys(agent_keys, sources.identities_only);
}

void Identities::add_file(const std::string& path, const IdentitySources& sources, const Log& log) {
    // As sshkey_load_public(): the file may be a public key itself (whose private half an agent
    // has), else its public half lies beside it, else it is computed from the private one.
    std::optional<std::vector<std::byte>> blob = read_public_key(path);
    if (!blob) {
        blob = read_public_key(path + ".pub");
    }
    if (!blob) {
        const tl::expected<ssh::PrivateKey, std::string> key = load_private_key(path);
        if (key) {
            const std::span<const std::byte> computed = key->key.public_key();
            blob.emplace(computed.begin(), computed.end());
        } else if (sources.files_given || ::access(path.c_str(), F_OK) == 0) {
            skip(printable(path), key.error(), log);
        }
    }
    if (!blob || find(*blob) != nullptr) {
        return;
    }
    std::string type{ssh::blob_type_name(*blob)};
    if (!is_certificate(type)) {
        identities_.push_back({std::move(*blob), std::move(type), path, {}, false});
    }
}

void Identities::prefer_agent_keys(std::span<const AgentKey> agent_keys, bool identities_only) {
    std::vector<Identity> named;
    std::vector<Identity> others;
    for (const AgentKey& key : agent_keys) {
        const auto file =
            std::find_if(identities_.begin(), identities_.end(), [&](const Identity& identity) {
                return equal(identity.blob, key.blob);
            });
        std::string type{ssh::blob_type_name(key.blob)};
        if (file != identities_.end()) {
            file->in_agent = true;
            file->comment = key.comment;
            named.push_back(std::move(*file));
            identities_.erase(file);
        } else if (!identities_only && !type.empty() && !is_certificate(type)) {
            others.push_back({key.blob, std::move(type), {}, key.comment, true});
        }
    }
    named.insert(named.end(),
                 std::make_move_iterator(others.begin()),
                 std::make_move_iterator(others.end()));
    named.insert(named.end(),
                 std::make_move_iterator(identities_.begin()),
                 std::make_move_iterator(identities_.end()));
    identities_ = std::move(named);
}

void Identities::skip(std::string_view name, std::string_view why, const Log& log) {
    log(LogLevel::info, fmt::format("identity {} is skipped: {}", name, why));
    skipped_.push_back(fmt::format("{}: {}", name, why));
}

bool Identities::can_sign(const Identity& identity, const Log& log) {
    if (identity.in_agent) {
        return true;
    }
    const tl::expected<ssh::PrivateKey, std::string> key = load_private_key(identity.file);
    if (!key) {
        skip(identity.name(), key.error(), log);
        return false;
    }
    if (!equal(key->key.public_key(), identity.blob)) {
        skip(identity.name(), "its .pub file belongs to another key", log);
        return false;
    }
    return true;
}

const Identity* Identities::next(const Log& log) {
    while (next_ < identities_.size() && failures_ < identities_tried_max) {
        const Identity& identity = identities_[next_++];
        if (can_sign(identity, log)) {
            tried_.push_back(next_ - 1);
            ++failures_;
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
    const bool is_rsa = identity.type == rsa_type;
    unusable_rsa_ = unusable_rsa_ || is_rsa;
    tried_.pop_back();
    --failures_;
    skipped_.push_back(fmt::format(
        "{}: the SSH engine cannot use {} keys", identity.name(), printable(identity.type, 64)));
}

void Identities::last_was_accepted() noexcept {
    failures_ -= failures_ > 0 ? 1 : 0;
}

const Identity* Identities::find(std::span<const std::byte> blob) const noexcept {
    const auto found =
        std::find_if(identities_.begin(), identities_.end(), [&](const Identity& identity) {
            return equal(identity.blob, blob);
        });
    return found == identities_.end() ? nullptr : &*found;
}

std::string Identities::tried_names() const {
    std::vector<std::string> names;
    for (const std::size_t index : tried_) {
        names.push_back(identities_[index].name());
    }
    return fmt::format("{}", fmt::join(names, ", "));
}

std::string Identities::refusal() const {
    std::string text;
    if (tried_.empty()) {
        text = "there is no key to offer: name one with -i, or add one to an agent with ssh-add";
    } else if (failures_ >= identities_tried_max) {
        text = fmt::format(
            "the server refused {} keys and takes no more ({}): name the right one "
            "with -i and -o IdentitiesOnly=yes",
            tried_.size(),
            tried_names());
    } else {
        text = fmt::format(
            "no identity was accepted (offered {}): add one of these to the server's "
            "authorized_keys, check the user name, or name another key with -i",
            tried_names());
    }
    if (unusable_rsa_) {
        text +=
            "; RSA keys cannot be used with this engine, because libssh2 1.10 signs with SHA-1 "
            "only, which servers refuse: use an ed25519 or ecdsa key";
    }
    if (!skipped_.empty()) {
        text += fmt::format("; skipped {}", fmt::join(skipped_, ", "));
    }
    return text;
}

}  // namespace caponier::client
