#pragma once
// The private key files of one session: read under ssh's conditions, unlocked with a person's
// passphrase where they must be. The last one is kept until another is opened or the session is
// authenticated, so that nobody is asked twice for a key that is offered and then signed with.

#include <functional>
#include <optional>
#include <string>

#include <tl/expected.hpp>

#include "ssh/crypto/secret_bytes.h"
#include "ssh/keys/private_key.h"

namespace caponier::client {

/// Why a file gives no key; `what` is one line, which may go on after a colon with what to do.
struct KeyFileProblem {
    std::string what;
    bool needs_passphrase = false;  ///< or another one
};

/// Reads a private key, under ssh's conditions: a regular file that nobody else may read. The
/// file's text is wiped in either case.
[[nodiscard]] tl::expected<ssh::PrivateKey, KeyFileProblem> load_private_key(
    const std::string& path, const ssh::SecretBytes& passphrase = {});

class KeyFiles {
  public:
    /// Asks for the passphrase of a file; an error is one line.
    using Ask =
        std::function<tl::expected<ssh::SecretBytes, std::string>(const std::string& prompt)>;
    /// `attempts_max`: as often a person may mistype. `ask` may be empty: nobody is there.
    KeyFiles(Ask ask, int attempts_max) : ask_(std::move(ask)), attempts_max_(attempts_max) {}

    /// The key in the file, valid until forget() or the next open(). The error is one line.
    [[nodiscard]] tl::expected<const ssh::PrivateKey*, std::string> open(const std::string& path);
    /// Wipes what is kept.
    void forget() noexcept { last_.reset(); }
    /// A passphrase was asked for.
    [[nodiscard]] bool asked() const noexcept { return asked_; }

  private:
    Ask ask_;
    int attempts_max_;
    bool asked_ = false;
    struct Opened {
        std::string path;
        ssh::PrivateKey key;
    };
    std::optional<Opened> last_;
};

}  // namespace caponier::client
