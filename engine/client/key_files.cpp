// Reading, and asking until it can be read.

#include "engine/client/key_files.h"

#include <unistd.h>

#include <fmt/format.h>

#include "engine/client/file_contents.h"
#include "engine/client/text_filter.h"
#include "ssh/keys/public_key.h"
#include "ssh/wire/bytes.h"

namespace caponier::client {

namespace {

std::string reason_of(ssh::ErrorCode code) {
    switch (code) {
    case ssh::ErrorCode::key_is_encrypted:
        return "it is protected by a passphrase: add it to an agent with ssh-add";
    case ssh::ErrorCode::unsupported_key:
        return "its type, its size or its protection is not supported: use an ed25519, ecdsa or "
               "RSA key (2048 bits and more) as ssh-keygen writes it, or an agent";
    default:
        return "it is not a private key";
    }
}

}  // namespace

tl::expected<ssh::PrivateKey, KeyFileProblem> load_private_key(const std::string& path,
                                                               const ssh::SecretBytes& passphrase) {
    const tl::expected<FileContents, FileError> file =
        read_file(path, ssh::private_key_file_bytes_max);
    if (!file) {
        return tl::unexpected{KeyFileProblem{describe(file.error()), false}};
    }
    // Whoever names a public key means the agent's private half, and chmod would not help.
    if (ssh::parse_public_key_file(ssh::text_of(file->bytes.bytes()))) {
        return tl::unexpected{KeyFileProblem{
            "it is a public key: name the file of its private half, or add that to an agent",
            false}};
    }
    // authfile.c: "if a key owned by the user is accessed, then we check the permissions of the
    // file. if the key owned by a different user, then we don't care."
    if (file->owner == ::getuid() && (file->mode & 077) != 0) {
        return tl::unexpected{KeyFileProblem{
            fmt::format(
                "bad permissions: Permissions {:04o} for '{}' are too open. Private key files must "
                "NOT be accessible by others (chmod 600)",
                file->mode & 0777U,
                printable(path)),
            false}};
    }
    ssh::Result<ssh::PrivateKey> key =
        ssh::parse_private_key(ssh::text_of(file->bytes.bytes()), passphrase.bytes());
    if (!key) {
        const ssh::ErrorCode code = key.error().code;
        return tl::unexpected{
            KeyFileProblem{reason_of(code), code == ssh::ErrorCode::key_is_encrypted}};
    }
    return *std::move(key);
}

tl::expected<const ssh::PrivateKey*, std::string> KeyFiles::open(const std::string& path) {
    if (last_ && last_->path == path) {
        return &last_->key;
    }
    ssh::SecretBytes passphrase;
    for (int attempt = 0;; ++attempt) {
        tl::expected<ssh::PrivateKey, KeyFileProblem> key = load_private_key(path, passphrase);
        if (key) {
            last_.emplace(Opened{path, *std::move(key)});
            return &last_->key;
        }
        if (!key.error().needs_passphrase || !ask_) {
            return tl::unexpected{key.error().what};
        }
        if (attempt >= attempts_max_) {
            return tl::unexpected{fmt::format("its passphrase is another one ({} {})",
                                              attempts_max_,
                                              attempts_max_ == 1 ? "attempt" : "attempts")};
        }
        asked_ = true;
        tl::expected<ssh::SecretBytes, std::string> answer =
            ask_(fmt::format("Enter passphrase for key '{}': ", printable(path, 100)));
        if (!answer) {
            return tl::unexpected{
                fmt::format("it is protected by a passphrase, and {}", answer.error())};
        }
        // sshconnect2.c, load_identity_file(): "no passphrase given, try next key".
        if (answer->empty()) {
            return tl::unexpected{std::string{"no passphrase was given"}};
        }
        passphrase = *std::move(answer);
    }
}

}  // namespace caponier::client
