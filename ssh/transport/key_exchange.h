#pragma once
// One key exchange, from our SSH_MSG_KEXINIT to the keys of both directions (RFC 4253 7 and 8,
// RFC 5656 4, RFC 8731). A calculation over messages: it sends nothing and decides no policy; the
// transport does both. Made anew for every rekey.

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ssh/crypto/aead.h"
#include "ssh/error.h"
#include "ssh/transport/kex_agreement.h"
#include "ssh/transport/key_derivation.h"
#include "ssh/transport/negotiation.h"

namespace caponier::ssh {

class KeyExchange {
  public:
    /// What does not change between exchanges.
    struct Frame {
        Role role = Role::client;
        std::string own_identification;  ///< without CR LF
        std::string peer_identification;
        RandomSource random;
    };

    /// `own_kexinit` is the payload that was sent. `frame` outlives the exchange.
    KeyExchange(const Frame& frame, std::vector<std::byte> own_kexinit) noexcept
        : frame_{frame}, own_kexinit_{std::move(own_kexinit)} {}

    /// The peer's SSH_MSG_KEXINIT payload; it is copied. What it comes to is negotiated().
    [[nodiscard]] Result<void> take_peer_kexinit(std::span<const std::byte> payload);
    /// Valid after take_peer_kexinit(), also after a failed negotiation.
    [[nodiscard]] const KexInit& peer_kexinit() const noexcept { return peer_; }
    [[nodiscard]] const Negotiated& negotiated() const noexcept { return negotiated_; }

    /// The message of the method that the peer owes now.
    [[nodiscard]] MessageNumber awaited() const noexcept;
    /// A group is agreed on first (RFC 4419), and was not yet: awaited() is for
    /// take_group_message().
    [[nodiscard]] bool awaits_group() const noexcept { return group_choice_ != nullptr; }

    /// Client: the payload of the first message, the public value or the wish for a group.
    [[nodiscard]] Result<std::vector<std::byte>> make_first_message();
    /// The group, or the wish for one; the result is the payload of our answer.
    [[nodiscard]] Result<std::vector<std::byte>> take_group_message(
        std::span<const std::byte> payload);
    /// Client: SSH_MSG_KEX_ECDH_REPLY or its like. Verifies the server's signature; whether its key
    /// is the right one is not decided here.
    [[nodiscard]] Result<void> take_reply(std::span<const std::byte> payload);

    /// Server: SSH_MSG_KEX_ECDH_INIT or its like. exchange_hash() is then to be signed with
    /// `host_key`.
    [[nodiscard]] Result<void> take_init(std::span<const std::byte> payload,
                                         std::span<const std::byte> host_key);
    /// Server: the payload of the reply with that signature.
    [[nodiscard]] std::vector<std::byte> make_reply(std::span<const std::byte> signature) const;

    [[nodiscard]] std::span<const std::byte> host_key() const noexcept { return host_key_; }
    /// Client: the server's signature over exchange_hash(), verified.
    [[nodiscard]] std::span<const std::byte> host_key_signature() const noexcept {
        return host_key_signature_;
    }
    [[nodiscard]] std::span<const std::byte> exchange_hash() const noexcept {
        return exchange_hash_.bytes();
    }

    struct Key {
        std::unique_ptr<Aead> aead;
        CipherShape shape{};
    };
    struct Keys {
        Key out;
        Key in;
    };
    /// The keys of both directions. `session_id` is the exchange hash of the session's first
    /// exchange.
    [[nodiscard]] Keys make_keys(std::span<const std::byte> session_id) const;

  private:
    [[nodiscard]] Result<std::vector<std::byte>> make_init();
    [[nodiscard]] bool signature_fits(std::span<const std::byte> signature) const;
    void compute_hash(std::span<const std::byte> client_value,
                      std::span<const std::byte> server_value) noexcept;

    const Frame& frame_;
    std::vector<std::byte> own_kexinit_;
    std::vector<std::byte> peer_kexinit_;
    KexInit peer_;
    Negotiated negotiated_;
    std::unique_ptr<KexAgreement> agreement_;
    GroupChoice* group_choice_ = nullptr;  ///< of the agreement; null once it is done
    std::vector<std::byte> group_;         ///< as it is hashed
    std::vector<std::byte> own_value_;
    std::vector<std::byte> host_key_;
    std::vector<std::byte> host_key_signature_;
    SharedSecret secret_;
    Digest exchange_hash_;
};

}  // namespace caponier::ssh
