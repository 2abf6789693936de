// Packets (RFC 4253 6), without a key and under every cipher. The first byte of the input chooses
// the cipher, the second where the stream is cut. Then come packets, each a kind and what it needs:
//   0  a frame that is whole: uint16 bytes of "padding_length, payload, padding", sealed right
//   1  the same with a byte changed behind the seal: uint16 where, one byte xor
//   2  bytes as they are: uint16 how many
// A model that knows what went in says what must come out.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ssh/crypto/aead.h"
#include "ssh/crypto/ctr_hmac.h"
#include "ssh/expects.h"
#include "ssh/limits.h"
#include "ssh/transport/algorithms.h"
#include "ssh/transport/packet_opener.h"
#include "ssh/wire/wire_writer.h"
#include "tests/fuzz/fuzz_target.h"

namespace caponier::fuzz {

namespace {

using Bytes = std::vector<std::byte>;
using Opened = ssh::Result<std::optional<ssh::OpenedPacket>>;

/// Neither before the first keys, a cipher alone where it is an AEAD.
struct Protection {
    std::optional<ssh::CipherAlgorithm> cipher;
    std::optional<ssh::MacAlgorithm> mac;

    [[nodiscard]] ssh::CipherShape shape() const {
        return mac ? ssh::shape_of(*cipher, *mac) : ssh::shape_of(*cipher);
    }
    [[nodiscard]] std::unique_ptr<ssh::Aead> make() const {
        const Bytes key(shape().key_bytes, std::byte{7});
        const Bytes iv(shape().iv_bytes, std::byte{8});
        if (!mac) {
            return ssh::make_aead(*cipher, {.key = key, .iv = iv});
        }
        const Bytes mac_key(ssh::shape_of(*mac).key_bytes, std::byte{9});
        return ssh::make_ctr_hmac(*cipher, *mac, {.key = key, .iv = iv, .mac_key = mac_key});
    }
};

/// In the order of the names, not of preference, which depends on the machine.
std::vector<Protection> protections() {
    ssh::AlgorithmLists lists = ssh::with_defaults(ssh::SessionConfig{});
    std::ranges::sort(lists.cipher);
    std::vector<Protection> all{{}};
    for (const std::string& name : lists.cipher) {
        const auto cipher = ssh::cipher_of(name);
        if (!ssh::needs_mac(*cipher)) {
            all.push_back({.cipher = cipher, .mac = {}});
            continue;
        }
        for (const std::string& mac : lists.mac) {
            all.push_back({.cipher = cipher, .mac = ssh::mac_of(mac)});
        }
    }
    return all;
}

class Stream {
  public:
    explicit Stream(const Protection& protection) {
        if (protection.cipher) {
            const ssh::CipherShape shape = protection.shape();
            block_bytes_ = shape.block_bytes;
            outside_bytes_ = shape.pads_length ? ssh::packet_length_bytes : 0;
            tag_bytes_ = shape.tag_bytes;
            sealer_ = protection.make();
            opener_.use_key(protection.make(), shape);
        }
    }

    /// False where nothing can follow.
    [[nodiscard]] bool take_frame(std::span<const std::byte> text);
    [[nodiscard]] bool take_damaged_frame(std::span<const std::byte> text,
                                          std::size_t where,
                                          std::byte change);
    [[nodiscard]] bool take_raw(std::span<const std::byte> bytes, std::size_t cut);

  private:
    [[nodiscard]] Bytes seal(std::span<const std::byte> text);
    [[nodiscard]] bool is_right(std::span<const std::byte> text) const noexcept;

    ssh::PacketOpener opener_;
    std::unique_ptr<ssh::Aead> sealer_;
    std::size_t block_bytes_ = 8;
    std::size_t outside_bytes_ = ssh::packet_length_bytes;  ///< padded together with the text
    std::size_t tag_bytes_ = 0;
    std::uint32_t sequence_ = 0;
};

Bytes Stream::seal(std::span<const std::byte> text) {
    Bytes packet;
    ssh::WireWriter out{packet};
    out.uint32(static_cast<std::uint32_t>(text.size()));
    out.fixed(text);
    packet.resize(packet.size() + tag_bytes_);
    if (sealer_) {
        sealer_->seal(sequence_, packet);
    }
    ++sequence_;
    return packet;
}

/// RFC 4253 6, in the words of a reader and not of the code under test.
bool Stream::is_right(std::span<const std::byte> text) const noexcept {
    const bool aligned = (text.size() + outside_bytes_) % block_bytes_ == 0;
    const std::size_t padding = std::to_integer<std::size_t>(text[0]);
    return aligned && padding >= 4 && text.size() > 1 + padding;
}

bool Stream::take_frame(std::span<const std::byte> text) {
    Bytes packet = seal(text);
    const std::size_t half = packet.size() / 2;
    if (const Opened early = opener_.open(std::span{packet}.first(half)); !early) {
        ssh::expects(!is_right(text));
        return false;
    }

    const Opened opened = opener_.open(packet);

    ssh::expects(opened.has_value() == is_right(text));
    if (!opened) {
        return false;
    }
    ssh::expects(opened->has_value());
    const std::size_t padding = std::to_integer<std::size_t>(text[0]);
    ssh::expects(
        std::ranges::equal((*opened)->payload, text.first(text.size() - padding).subspan(1)));
    ssh::expects((*opened)->packet_bytes == packet.size());
    ssh::expects((*opened)->sequence == sequence_ - 1);
    return true;
}

bool Stream::take_damaged_frame(std::span<const std::byte> text,
                                std::size_t where,
                                std::byte change) {
    Bytes packet = seal(text);
    packet[where % packet.size()] ^= change;
    const Opened opened = opener_.open(packet);
    // Without a key nothing notices; with one, only a length that is still too long to judge
    // passes.
    ssh::expects(!sealer_ || change == std::byte{0} || !opened || !opened->has_value());
    return false;
}

bool Stream::take_raw(std::span<const std::byte> bytes, std::size_t cut) {
    Bytes unread;
    while (!bytes.empty()) {
        const auto piece = bytes.first(std::min(cut, bytes.size()));
        bytes = bytes.subspan(piece.size());
        unread.insert(unread.end(), piece.begin(), piece.end());
        while (true) {
            const Opened opened = opener_.open(unread);
            if (!opened) {
                return false;
            }
            if (!*opened) {
                break;
            }
            ssh::expects(!(*opened)->payload.empty());
            ssh::expects((*opened)->packet_bytes <= unread.size());
            unread.erase(unread.begin(),
                         unread.begin() + static_cast<std::ptrdiff_t>((*opened)->packet_bytes));
        }
        ssh::expects(unread.size() < ssh::receive_tail_bytes_max);
    }
    return false;
}

}  // namespace

void try_input(std::span<const std::byte> bytes) {
    Input input{bytes};
    const std::vector<Protection> all = protections();
    Stream stream{all[input.byte() % all.size()]};
    const std::size_t cut = std::size_t{1} + input.byte();
    bool goes_on = true;
    while (goes_on && !input.is_empty()) {
        const std::uint8_t kind = input.byte();
        const std::span<const std::byte> text = input.bytes(input.uint16());
        if (text.empty()) {
            continue;  // Nobody seals nothing; a length of 0 comes as bytes.
        }
        if (kind == 0) {
            goes_on = stream.take_frame(text);
        } else if (kind == 1) {
            const std::uint16_t where = input.uint16();
            goes_on = stream.take_damaged_frame(text, where, std::byte{input.byte()});
        } else {
            goes_on = stream.take_raw(text, cut);
        }
    }
}

}  // namespace caponier::fuzz
