#pragma once
// The client side of RFC 4252 over libssh2: the `none` probe, then one request at a time. The
// private key is elsewhere: the sign callback keeps a copy of what is to be signed and reports that
// it would block; libssh2 then calls it again, in the same request, once the signature is here.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <libssh2.h>

#include "ssh/crypto/secret_bytes.h"
#include "ssh/error.h"
#include "ssh/event.h"
#include "ssh/libssh2_transport.h"

namespace caponier::ssh {

class Libssh2Authentication {
  public:
    enum class Progress : std::uint8_t {
        waiting,           ///< for the server
        method_wanted,     ///< a request is over, another one may be tried
        signature_wanted,  ///< key() and data() are to be signed
        authenticated,
    };

    Libssh2Authentication(Libssh2Transport& transport, std::string user)
        : transport_{transport}, user_{std::move(user)} {}
    Libssh2Authentication(const Libssh2Authentication&) = delete;
    Libssh2Authentication& operator=(const Libssh2Authentication&) = delete;
    ~Libssh2Authentication() = default;

    /// Asks which methods can continue; proceed() does it.
    void probe() noexcept { state_ = State::probing; }
    /// One step; call it after every input and after every command below.
    [[nodiscard]] Result<Progress> proceed();

    /// False if libssh2 cannot use such a key with a server that identifies itself as `peer`.
    [[nodiscard]] bool try_public_key(const PublicKeyView& key, std::string_view peer);
    void try_password(std::span<const std::byte> password);
    /// RFC 4253 6.6. One that does not fit the key counts as declined.
    void provide_signature(std::span<const std::byte> signature);
    void decline_signature() noexcept { answer_ = Answer::declined; }

    /// What the server told to the probe; it stays.
    [[nodiscard]] std::string_view methods() const noexcept { return methods_; }
    /// Valid until the next try_public_key().
    [[nodiscard]] PublicKeyView key() const noexcept { return {algorithm_, key_}; }
    [[nodiscard]] std::span<const std::byte> data() const noexcept { return data_; }
    /// The wait is the server's, not the application's.
    [[nodiscard]] bool waits_for_peer() const noexcept;

  private:
    enum class State : std::uint8_t { idle, probing, public_key, password };
    enum class Answer : std::uint8_t { none, asked, signature, declined };

    [[nodiscard]] Result<Progress> proceed_probe();
    [[nodiscard]] Result<Progress> proceed_public_key();
    [[nodiscard]] Result<Progress> proceed_password();
    [[nodiscard]] Result<Progress> finished(int code);

    static int on_sign(LIBSSH2_SESSION* session,
                       unsigned char** signature,
                       std::size_t* signature_bytes,
                       const unsigned char* data,
                       std::size_t data_bytes,
                       void** abstract);

    Libssh2Transport& transport_;
    std::string user_;
    State state_ = State::idle;
    Answer answer_ = Answer::none;
    std::string methods_;
    std::string algorithm_;
    std::vector<std::byte> key_;
    std::vector<std::byte> data_;
    std::vector<std::byte> signature_;  ///< without the algorithm in front
    /// Until the request is over: libssh2 is given it again with every call. What libssh2 makes of
    /// it is a packet that it encrypts in place.
    SecretBytes password_;
};

}  // namespace caponier::ssh
