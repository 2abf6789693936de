// Key exchange by Diffie-Hellman modulo a prime: with the groups of RFC 3526 (RFC 8268), and with
// one that the server chooses (RFC 4419).

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "ssh/crypto/diffie_hellman.h"
#include "ssh/expects.h"
#include "ssh/transport/kex_agreement.h"
#include "ssh/wire/message_numbers.h"
#include "ssh/wire/wire_reader.h"
#include "ssh/wire/wire_writer.h"

namespace caponier::ssh {

namespace {

tl::unexpected<Error> failed() {
    return tl::unexpected{Error{ErrorCode::key_exchange_failed}};
}

tl::unexpected<Error> malformed(MessageNumber number) {
    return tl::unexpected{Error{ErrorCode::malformed_message, static_cast<std::uint32_t>(number)}};
}

/// The bytes of an mpint behind its length.
std::vector<std::byte> mpint_body(std::span<const std::byte> magnitude) {
    std::vector<std::byte> field;
    WireWriter{field}.mpint(magnitude);
    constexpr std::size_t length_bytes = 4;
    return {field.begin() + length_bytes, field.end()};
}

/// The inverse; empty for 0, for negative numbers and for encodings that are longer than need be.
std::vector<std::byte> magnitude_of(std::span<const std::byte> body) {
    std::vector<std::byte> field;
    WireWriter{field}.string(body);
    WireReader in{field};
    const std::span<const std::byte> magnitude = in.mpint();
    return {magnitude.begin(), magnitude.end()};
}

class DhAgreement : public KexAgreement {
  public:
    DhAgreement() = default;
    explicit DhAgreement(std::size_t group_bits) : group_{modp_group(group_bits)} {}

    Result<std::vector<std::byte>> offer(const RandomSource& random) override {
        if (const Result<void> made = make_pair(random); !made) {
            return tl::unexpected{made.error()};
        }
        return mpint_body(pair_->public_value());
    }

    Result<SharedSecret> finish(std::span<const std::byte> server_value) override {
        expects(pair_.has_value());
        const Result<SecretBytes> magnitude = pair_->shared_secret(magnitude_of(server_value));
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
        return Answer{.value = mpint_body(pair_->public_value()), .secret = std::move(*secret)};
    }

  protected:
    std::optional<DiffieHellmanGroup> group_;

  private:
    [[nodiscard]] Result<void> make_pair(const RandomSource& random) {
        expects(group_.has_value());
        SecretBytes seed{diffie_hellman_seed_bytes};
        random(seed.bytes());
        Result<DiffieHellman> pair = DiffieHellman::make(*group_, seed.bytes());
        if (!pair) {
            return tl::unexpected{pair.error()};
        }
        pair_.emplace(std::move(*pair));
        return {};
    }

    std::optional<DiffieHellman> pair_;
};

/// What a client asks for, in bits.
struct GroupSizes {
    std::uint32_t min = 0;
    std::uint32_t preferred = 0;
    std::uint32_t max = 0;
};

/// RFC 9142 1.2 gives 3072 bits the strength of 128-bit keys, that of the curves which we prefer.
constexpr GroupSizes wish{.min = group_bits_min, .preferred = 3072, .max = group_bits_max};

/// RFC 4419 3: "The server should return the smallest group it knows that is larger than the size
/// the client requested. If the server does not know a group that is larger than the client
/// request, then it SHOULD return the largest group it knows." 0 if none is within the bounds.
std::size_t bits_for(const GroupSizes& sizes) noexcept {
    constexpr std::array<std::size_t, 5> known{2048, 3072, 4096, 6144, 8192};
    std::size_t best = 0;
    for (const std::size_t bits : known) {
        if (bits >= sizes.min && bits <= sizes.max && best < sizes.preferred) {
            best = bits;
        }
    }
    return best;
}

class DhGroupExchange final : public DhAgreement, private GroupChoice {
  public:
    GroupChoice* group_choice() noexcept override { return this; }

  private:
    std::vector<std::byte> request() override {
        // RFC 4419 3: "uint32 min, uint32 n, uint32 max"
        WireWriter out{hashed_};
        out.uint32(wish.min);
        out.uint32(wish.preferred);
        out.uint32(wish.max);
        return hashed_;
    }

    Result<void> take(std::span<const std::byte> group) override {
        // RFC 4419 3: "mpint p, safe prime; mpint g, generator for subgroup in GF(p)"
        WireReader in{group};
        const std::span<const std::byte> prime = in.mpint();
        const std::span<const std::byte> generator = in.mpint();
        if (!in.complete()) {
            return malformed(MessageNumber::kex_dh_gex_group);
        }
        DiffieHellmanGroup taken{.prime = {prime.begin(), prime.end()},
                                 .generator = {generator.begin(), generator.end()}};
        // The sizes that are acceptable are those that request() names.
        if (!is_acceptable(taken)) {
            return failed();
        }
        group_ = std::move(taken);
        hashed_.insert(hashed_.end(), group.begin(), group.end());
        return {};
    }

    Result<std::vector<std::byte>> choose(std::span<const std::byte> request) override {
        WireReader in{request};
        const GroupSizes sizes{.min = in.uint32(), .preferred = in.uint32(), .max = in.uint32()};
        if (!in.complete()) {
            return malformed(MessageNumber::kex_dh_gex_request);
        }
        const std::size_t bits = bits_for(sizes);
        if (sizes.preferred < sizes.min || sizes.max < sizes.preferred || bits == 0) {
            return failed();
        }
        group_ = modp_group(bits);
        std::vector<std::byte> fields;
        WireWriter out{fields};
        out.mpint(group_->prime);
        out.mpint(group_->generator);
        hashed_.assign(request.begin(), request.end());
        hashed_.insert(hashed_.end(), fields.begin(), fields.end());
        return fields;
    }

    std::span<const std::byte> hashed() const noexcept override { return hashed_; }

    std::vector<std::byte> hashed_;
};

}  // namespace

std::unique_ptr<KexAgreement> make_dh_group14() {
    return std::make_unique<DhAgreement>(2048);
}

std::unique_ptr<KexAgreement> make_dh_group16() {
    return std::make_unique<DhAgreement>(4096);
}

std::unique_ptr<KexAgreement> make_dh_group18() {
    return std::make_unique<DhAgreement>(8192);
}

std::unique_ptr<KexAgreement> make_dh_group_exchange() {
    return std::make_unique<DhGroupExchange>();
}

}  // namespace caponier::ssh
