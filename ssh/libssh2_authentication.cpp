// The requests of RFC 4252 as libssh2's state machines want them: the same call, again and again,
// until it no longer says that it would block.

#include "ssh/libssh2_authentication.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "ssh/expects.h"
#include "ssh/wire/bytes.h"
#include "ssh/wire/wire_reader.h"

namespace caponier::ssh {

namespace {

constexpr std::string_view rsa_with_sha1 = "ssh-rsa";

/// What libssh2 1.10 sends a request for and signs with: no rsa-sha2-*, no sk-*, no certificates.
constexpr std::array<std::string_view, 5> usable_algorithms{"ssh-ed25519",
                                                            "ecdsa-sha2-nistp256",
                                                            "ecdsa-sha2-nistp384",
                                                            "ecdsa-sha2-nistp521",
                                                            rsa_with_sha1};

/// "SSH-2.0-OpenSSH_9.2p1 Debian-2" is {9, 2}.
struct Version {
    int major = 0;
    int minor = 0;
};

std::optional<Version> openssh_version(std::string_view identification) noexcept {
    constexpr std::string_view name = "OpenSSH_";
    const std::size_t at = identification.find(name);
    if (at == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view number = identification.substr(at + name.size());
    const char* const end = number.data() + number.size();
    Version version;
    const auto major = std::from_chars(number.data(), end, version.major);
    if (major.ec != std::errc{} || major.ptr == end || *major.ptr != '.') {
        return std::nullopt;
    }
    const auto minor = std::from_chars(major.ptr + 1, end, version.minor);
    return minor.ec == std::errc{} ? std::optional{version} : std::nullopt;
}

/// OpenSSH 8.8: "This release disables RSA signatures using the SHA-1 hash algorithm by default."
bool refuses_sha1(std::string_view identification) noexcept {
    const std::optional<Version> version = openssh_version(identification);
    return version && (version->major > 8 || (version->major == 8 && version->minor >= 8));
}

/// libssh2 hides a failed transport behind the failure of the request; only its words differ.
bool is_transport_failure(std::string_view message) noexcept {
    return message.starts_with("Waiting for");
}

const unsigned char* octets(std::span<const std::byte> bytes) noexcept {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

}  // namespace

bool Libssh2Authentication::waits_for_peer() const noexcept {
    return state_ != State::idle && answer_ != Answer::asked;
}

bool Libssh2Authentication::try_public_key(const PublicKeyView& key, std::string_view peer) {
    expects(state_ == State::idle);
    const auto usable =
        std::find(usable_algorithms.begin(), usable_algorithms.end(), key.algorithm);
    // libssh2 takes the algorithm from the blob.
    if (usable == usable_algorithms.end() || WireReader{key.blob}.text() != key.algorithm) {
        return false;
    }
    if (key.algorithm == rsa_with_sha1 && refuses_sha1(peer)) {
        return false;
    }
    algorithm_ = key.algorithm;
    key_.assign(key.blob.begin(), key.blob.end());
    answer_ = Answer::none;
    state_ = State::public_key;
    return true;
}

void Libssh2Authentication::try_password(std::span<const std::byte> password) {
    expects(state_ == State::idle);
    password_ = SecretBytes::copy_of(password);
    state_ = State::password;
}

void Libssh2Authentication::provide_signature(std::span<const std::byte> signature) {
    expects(answer_ == Answer::asked);
    WireReader in{signature};
    const std::string_view algorithm = in.text();
    const std::span<const std::byte> raw = in.string();
    if (!in.complete() || algorithm != algorithm_ || raw.empty()) {
        answer_ = Answer::declined;
        return;
    }
    signature_.assign(raw.begin(), raw.end());
    answer_ = Answer::signature;
}

Result<Libssh2Authentication::Progress> Libssh2Authentication::proceed() {
    switch (state_) {
    case State::idle:
        return Progress::waiting;
    case State::probing:
        return proceed_probe();
    case State::public_key:
        return proceed_public_key();
    case State::password:
        return proceed_password();
    }
    return Progress::waiting;
}

Result<Libssh2Authentication::Progress> Libssh2Authentication::proceed_probe() {
    LIBSSH2_SESSION* session = transport_.session();
    const char* methods =
        libssh2_userauth_list(session, user_.data(), static_cast<unsigned int>(user_.size()));
    if (methods == nullptr && libssh2_session_last_errno(session) == LIBSSH2_ERROR_EAGAIN) {
        return Progress::waiting;
    }
    state_ = State::idle;
    if (methods != nullptr) {
        methods_ = methods;
        return Progress::method_wanted;
    }
    if (libssh2_userauth_authenticated(session) != 0) {
        return Progress::authenticated;
    }
    return tl::unexpected{transport_.error_of(libssh2_session_last_errno(session))};
}

Result<Libssh2Authentication::Progress> Libssh2Authentication::proceed_public_key() {
    if (answer_ == Answer::asked) {
        return Progress::waiting;
    }
    void* self = this;
    const int code = libssh2_userauth_publickey(transport_.session(),
                                                user_.c_str(),
                                                octets(key_),
                                                key_.size(),
                                                &Libssh2Authentication::on_sign,
                                                &self);
    if (code == LIBSSH2_ERROR_EAGAIN) {
        return answer_ == Answer::asked ? Progress::signature_wanted : Progress::waiting;
    }
    return finished(code);
}

/// libssh2_userauth_publickey() stays where it is when this reports LIBSSH2_ERROR_EAGAIN: nothing
/// is sent, and the next call asks here again. Any other failure ends the request before its signed
/// part is sent, so that the server has seen a query and no broken attempt.
int Libssh2Authentication::on_sign(LIBSSH2_SESSION* /*session*/,
                                   unsigned char** signature,
                                   std::size_t* signature_bytes,
                                   const unsigned char* data,
                                   std::size_t data_bytes,
                                   void** abstract) {
    Libssh2Authentication& self = *static_cast<Libssh2Authentication*>(*abstract);
    switch (self.answer_) {
    case Answer::none: {
        const std::span<const std::byte> bytes = std::as_bytes(std::span{data, data_bytes});
        self.data_.assign(bytes.begin(), bytes.end());
        self.answer_ = Answer::asked;
        return LIBSSH2_ERROR_EAGAIN;
    }
    case Answer::asked:
        return LIBSSH2_ERROR_EAGAIN;
    case Answer::declined:
        return LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED;
    case Answer::signature:
        break;
    }
    // libssh2 gives it back to its allocator, which is malloc's.
    auto* copy = static_cast<unsigned char*>(std::malloc(self.signature_.size()));
    if (copy == nullptr) {
        return LIBSSH2_ERROR_ALLOC;
    }
    std::memcpy(copy, self.signature_.data(), self.signature_.size());
    *signature = copy;
    *signature_bytes = self.signature_.size();
    return 0;
}

Result<Libssh2Authentication::Progress> Libssh2Authentication::proceed_password() {
    const int code =
        libssh2_userauth_password_ex(transport_.session(),
                                     user_.data(),
                                     static_cast<unsigned int>(user_.size()),
                                     reinterpret_cast<const char*>(password_.bytes().data()),
                                     static_cast<unsigned int>(password_.size()),
                                     nullptr);
    if (code == LIBSSH2_ERROR_EAGAIN) {
        return Progress::waiting;
    }
    password_ = SecretBytes{};
    return finished(code);
}

Result<Libssh2Authentication::Progress> Libssh2Authentication::finished(int code) {
    state_ = State::idle;
    answer_ = Answer::none;
    if (code == 0) {
        return Progress::authenticated;
    }
    const bool is_refusal = code == LIBSSH2_ERROR_AUTHENTICATION_FAILED ||
                            code == LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED ||
                            code == LIBSSH2_ERROR_PASSWORD_EXPIRED;
    if (is_refusal && !transport_.peer_disconnected() &&
        !is_transport_failure(transport_.last_message())) {
        return Progress::method_wanted;
    }
    return tl::unexpected{is_refusal ? transport_.error_of(LIBSSH2_ERROR_PROTO)
                                     : transport_.error_of(code)};
}

}  // namespace caponier::ssh
