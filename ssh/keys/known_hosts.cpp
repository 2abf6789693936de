// The lines of known_hosts files and what they decide; see known_hosts.h. How a line names its
// hosts is host_patterns.cpp's.

#include "ssh/keys/known_hosts.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "ssh/error.h"
#include "ssh/keys/base64.h"
#include "ssh/keys/host_patterns.h"
#include "ssh/keys/public_key.h"
#include "ssh/keys/text_lines.h"
#include "ssh/letter_case.h"

namespace caponier::ssh {

namespace {

/// How known_hosts spells a host: the plain name for port 22, else "[name]:port".
std::string name_with_port(const HostName& host) {
    const std::string name = in_lower_case(host.host);
    return host.port == ssh_port ? name : '[' + name + "]:" + std::to_string(host.port);
}

/// A name that a line can hold and that is read back as itself and nothing else.
bool is_plain_name(std::string_view name) noexcept {
    static constexpr std::string_view with_a_meaning = ",*?!|#@\"\\";
    return !name.empty() && std::ranges::none_of(name, [](char c) {
        return c <= ' ' || c > '~' || with_a_meaning.find(c) != std::string_view::npos;
    });
}

bool names_host(std::string_view names, std::string_view name) {
    return names.starts_with('|') ? matches_hashed_name(names, name)
                                  : matches_host_patterns(names, name);
}

/// A line that breaks off at the last letter of its names.
bool ends_in_names(std::string_view text) noexcept {
    std::string_view rest = trim(text);
    if (rest.starts_with('@')) {
        static_cast<void>(take_word(rest));
    }
    const std::string_view names = take_word(rest);
    return !names.empty() && rest.empty() && text.ends_with(names);
}

}  // namespace

std::string_view describe(SkippedLine::Reason reason) noexcept {
    switch (reason) {
    case SkippedLine::Reason::unknown_marker:
        return "its marker is unknown";
    case SkippedLine::Reason::malformed_hash:
        return "its hashed name is malformed";
    case SkippedLine::Reason::malformed_key:
        return "it holds no key that can be read";
    }
    return "it cannot be read";
}

KnownHosts::KnownHosts(const HostName& host)
    : host_{in_lower_case(host.host)}, with_port_{name_with_port(host)} {}

void KnownHosts::add_file(std::string_view text) {
    TextLines lines{text};
    while (const std::optional<std::string_view> line = lines.next()) {
        add_line(*line);
    }
    end_file();
}

/// hostfile.c works on C strings: a NUL ends a line, and what is in front of it counts. A
/// revocation with a NUL in its comment is one. Directly behind the names it is a blank, because
/// "*cp2++ = '\0'" steps over whatever ended them.
void KnownHosts::add_line(std::string_view line) {
    ++line_;
    const std::size_t nul = line.find('\0');
    const std::string_view text = line.substr(0, nul);
    if (nul == std::string_view::npos || !ends_in_names(text)) {
        read(trim(text));
        return;
    }
    const std::string_view behind = line.substr(nul + 1);
    read(trim(std::string{text} + ' ' + std::string{behind.substr(0, behind.find('\0'))}));
}

void KnownHosts::end_file() noexcept {
    ++files_;
    line_ = 0;
}

/// sshd(8), SSH_KNOWN_HOSTS FILE FORMAT: "marker (optional), hostnames, keytype, base64-encoded
/// key, comment". A line that does not fit is skipped, as in OpenSSH; what a comment holds and how
/// long it is does not matter, or a stray byte in it would bring a revoked key back.
void KnownHosts::read(std::string_view line) {
    if (line.empty() || line.starts_with('#')) {
        return;
    }
    Entry entry;
    if (line.starts_with('@')) {
        const std::string_view marker = take_word(line);
        if (marker == "@revoked") {
            entry.marker = Marker::revoked;
        } else if (marker == "@cert-authority") {
            entry.marker = Marker::cert_authority;
        } else {
            skip(SkippedLine::Reason::unknown_marker);
            return;
        }
    }
    const std::string_view names = take_word(line);
    if (names.starts_with('|') && !is_hashed_name(names)) {
        skip(SkippedLine::Reason::malformed_hash);
        return;
    }
    if (!names_host(names, with_port_)) {
        if (with_port_ == host_ || !names_host(names, host_)) {
            return;
        }
        entry.without_port = true;
    }
    Result<PublicKeyText> key = parse_public_key_line(line);
    if (!key) {
        skip(SkippedLine::Reason::malformed_key);
        return;
    }
    if (entry.marker == Marker::revoked) {
        key->blob = key_without_certificate(key->blob);
    }
    entry.key = {.file = files_, .line = line_, .blob = std::move(key->blob)};
    if (entries_.size() == known_hosts_entries_max) {
        is_incomplete_ = true;
        return;
    }
    entries_.push_back(std::move(entry));
}

void KnownHosts::skip(SkippedLine::Reason reason) {
    ++skipped_count_;
    if (skipped_.size() < skipped_lines_told_max) {
        skipped_.push_back({.reason = reason, .file = files_, .line = line_});
    }
}

/// A revoked key stays revoked whatever other line vouches for it, on every port.
const KnownHosts::Entry* KnownHosts::find_revoked(std::span<const std::byte> blob) const noexcept {
    const std::vector<std::byte> key = blob_under_own_name(blob);
    const auto found = std::ranges::find_if(entries_, [&key](const Entry& entry) {
        return entry.marker == Marker::revoked && std::ranges::equal(entry.key.blob, key);
    });
    return found == entries_.end() ? nullptr : &*found;
}

HostKeyVerdict KnownHosts::check(std::span<const std::byte> blob) const noexcept {
    using Status = HostKeyVerdict::Status;
    const std::vector<std::byte> key = blob_under_own_name(blob);
    if (const Entry* const revoked = find_revoked(key)) {
        return {.status = Status::revoked, .recorded = &revoked->key};
    }
    const std::string_view type = blob_type_name(key);
    HostKeyVerdict verdict;
    const Entry* known_without_port = nullptr;
    for (const Entry& entry : entries_) {
        const bool same = std::ranges::equal(entry.key.blob, key);
        if (entry.marker != Marker::none || verdict.status == Status::matched) {
            continue;
        }
        if (entry.without_port) {
            known_without_port = same ? &entry : known_without_port;
        } else if (same) {
            verdict = {.status = Status::matched, .recorded = &entry.key};
        } else if (verdict.recorded == nullptr || (blob_type_name(verdict.recorded->blob) != type &&
                                                   blob_type_name(entry.key.blob) == type)) {
            // OpenSSH's check_hostkeys_by_key_or_type(): a recorded key of any type conflicts.
            verdict = {.status = Status::changed, .recorded = &entry.key};
        }
    }
    // sshconnect.c: a host that is unknown on its port is looked up without it, and a key that is
    // the same there is accepted; one that differs there says nothing about this port.
    if (verdict.status == Status::unknown && known_without_port != nullptr) {
        return {.status = Status::matched, .recorded = &known_without_port->key};
    }
    return verdict;
}

HostKeyVerdict KnownHosts::check_authority(const Certificate& certificate) const noexcept {
    using Status = HostKeyVerdict::Status;
    // hostfile.c, check_key_not_revoked(): the key inside, or who vouches for it.
    for (const std::span<const std::byte> key :
         {std::span<const std::byte>{certificate.public_key}, certificate.ca_key}) {
        if (const Entry* const revoked = find_revoked(key)) {
            return {.status = Status::revoked, .recorded = &revoked->key};
        }
    }
    const std::vector<std::byte> authority = blob_under_own_name(certificate.ca_key);
    HostKeyVerdict verdict;
    for (const Entry& entry : entries_) {
        if (entry.marker == Marker::cert_authority &&
            std::ranges::equal(entry.key.blob, authority) &&
            (verdict.recorded == nullptr || !entry.without_port)) {
            verdict = {.status = Status::matched, .recorded = &entry.key};
        }
    }
    return verdict;
}

std::vector<std::string_view> KnownHosts::key_types() const {
    const auto port_has = [this](Marker marker) {
        return std::ranges::any_of(entries_, [marker](const Entry& entry) {
            return entry.marker == marker && !entry.without_port;
        });
    };
    const bool port_has_keys = port_has(Marker::none);
    // What is revoked may be an authority, and shows only in a certificate.
    const bool judges_authorities = std::ranges::any_of(
        entries_, [](const Entry& entry) { return entry.marker != Marker::none; });
    const bool prefers_all =
        judges_authorities && (!port_has_keys || port_has(Marker::cert_authority));
    std::vector<std::string_view> types;
    const auto add = [&types](std::string_view type) {
        if (!type.empty() && std::ranges::find(types, type) == types.end()) {
            types.push_back(type);
        }
    };
    if (prefers_all) {
        std::ranges::for_each(certificate_types(), add);
    }
    for (const Entry& entry : entries_) {
        if (entry.marker != Marker::none || entry.without_port == port_has_keys ||
            find_revoked(entry.key.blob) != nullptr) {
            continue;
        }
        const std::string_view type = blob_type_name(entry.key.blob);
        if (judges_authorities) {
            add(certificate_algorithm(type));
        }
        add(type);
    }
    return types;
}

std::string known_hosts_line(const HostName& host,
                             std::span<const std::byte> blob,
                             std::span<const std::byte> salt) {
    const std::vector<std::byte> key = blob_under_own_name(blob);
    const std::string_view type = blob_type_name(key);
    if (type.empty() || !is_plain_name(host.host)) {
        return {};
    }
    const std::string name = name_with_port(host);
    const std::string written = salt.empty() ? name : hashed_host_name(name, salt);
    return written + ' ' + std::string{type} + ' ' + encode_base64(key) + '\n';
}

}  // namespace caponier::ssh
