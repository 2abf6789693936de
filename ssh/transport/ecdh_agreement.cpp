// Key exchange by elliptic curves: an ephemeral key pair of ssh/crypto on each side, and K as an
// mpint.

#include <optional>
#include <utility>

#include "ssh/crypto/key_agreement.h"
#include "ssh/expects.h"
#include "ssh/transport/kex_agreement.h"
#include "ssh/wire/wire_writer.h"

namespace caponier::ssh {

namespace {

class EcdhAgreement final : public KexAgreement {
  public:
    explicit EcdhAgreement(KeyAgreementCurve curve) noexcept : curve_{curve} {}

    Result<std::vector<std::byte>> offer(const RandomSource& random) override {
        if (const Result<void> made = make_pair(random); !made) {
            return tl::unexpected{made.error()};
        }
        return own_value();
    }

    Result<SharedSecret> finish(std::span<const std::byte> server_value) override {
        expects(pair_.has_value());
        const Result<SecretBytes> magnitude = pair_->shared_secret(server_value);
        if (!magnitude) {
            return tl::unexpected{magnitude.error()};
        }
        return mpint_secret(*magnitude);
    }

    Result<Answer> answer(std::span<const std::byte> client_value,
                          const RandomSource& random) override {
        if (const Result<void> made = make_pair(random); !made) {
            return tl::unexpected{made.error()};
        }
        Result<SharedSecret> secret = finish(client_value);
        if (!secret) {
            return tl::unexpected{secret.error()};
        }
        return Answer{.value = own_value(), .secret = std::move(*secret)};
    }

  private:
    [[nodiscard]] Result<void> make_pair(const RandomSource& random) {
        // A seed that is no private value of P-256 comes once in 2^32, of the others less often;
        // thrice in a row, it is the random source that is broken.
        constexpr int attempts_max = 3;
        Error error{ErrorCode::key_exchange_failed};
        for (int attempt = 0; attempt < attempts_max; ++attempt) {
            SecretBytes seed{key_agreement_seed_bytes(curve_)};
            random(seed.bytes());
            Result<KeyAgreement> pair = KeyAgreement::make(curve_, seed.bytes());
            if (pair) {
                pair_.emplace(std::move(*pair));
                return {};
            }
            error = pair.error();
        }
        return tl::unexpected{error};
    }

    [[nodiscard]] std::vector<std::byte> own_value() const {
        const std::span<const std::byte> value = pair_->public_value();
        return {value.begin(), value.end()};
    }

    KeyAgreementCurve curve_;
    std::optional<KeyAgreement> pair_;
};

}  // namespace

SharedSecret mpint_secret(const SecretBytes& magnitude) {
    constexpr std::size_t length_and_sign_bytes = 5;
    SharedSecret secret{SecretBytes{magnitude.size() + length_and_sign_bytes}};
    WireWriter out{secret.encoded.bytes()};
    out.mpint(magnitude.bytes());
    secret.encoded.shrink(out.size());
    return secret;
}

std::unique_ptr<KexAgreement> make_x25519() {
    return std::make_unique<EcdhAgreement>(KeyAgreementCurve::x25519);
}

std::unique_ptr<KexAgreement> make_ecdh_nistp256() {
    return std::make_unique<EcdhAgreement>(KeyAgreementCurve::nistp256);
}

std::unique_ptr<KexAgreement> make_ecdh_nistp384() {
    return std::make_unique<EcdhAgreement>(KeyAgreementCurve::nistp384);
}

std::unique_ptr<KexAgreement> make_ecdh_nistp521() {
    return std::make_unique<EcdhAgreement>(KeyAgreementCurve::nistp521);
}

}  // namespace caponier::ssh
