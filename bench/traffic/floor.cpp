// The floor: what a relay cannot do without. One thread receives, seals or opens aes128-gcm packets
// of 32 KiB, and sends; there is no SSH around it. An upload is sealed on its way to the target, a
// download comes sealed from there (sealed_block.h) and is opened.

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include <sys/socket.h>
#include <sys/uio.h>

#include "bench/traffic/arguments.h"
#include "bench/traffic/order.h"
#include "bench/traffic/poller.h"
#include "bench/traffic/sealed_block.h"

namespace caponier::bench {

namespace {

constexpr std::size_t whole_packet = packet_bytes(piece_bytes);
/// Between two looks at the other connections.
constexpr int rounds_max = 4;

/// Receives all of `bytes`, however long it takes: orders and answers are a few bytes.
void receive_all(const Descriptor& socket, std::span<std::byte> bytes) {
    make_blocking(socket);
    if (recv(socket.fd(), bytes.data(), bytes.size(), MSG_WAITALL) !=
        static_cast<ssize_t>(bytes.size())) {
        fail("the floor waits for an order or an answer");
    }
}

/// How much one receive may bring.
struct ReadBytes {
    std::size_t up = 0;
    std::size_t down = 0;
};

/// Spans that are to be sent in order; what the socket did not take stays.
class Sending {
  public:
    void add(std::span<std::byte> bytes) { pieces_.push_back({bytes.data(), bytes.size()}); }

    /// True when all is gone.
    bool flush(const Descriptor& socket) {
        while (next_ < pieces_.size()) {
            msghdr message{};
            message.msg_iov = pieces_.data() + next_;
            message.msg_iovlen = pieces_.size() - next_;
            ssize_t sent = sendmsg(socket.fd(), &message, MSG_DONTWAIT);
            if (sent < 0) {
                if (!would_block()) {
                    fail("the floor sends");
                }
                return false;
            }
            while (next_ < pieces_.size() && sent >= static_cast<ssize_t>(pieces_[next_].iov_len)) {
                sent -= static_cast<ssize_t>(pieces_[next_++].iov_len);
            }
            if (sent > 0) {
                pieces_[next_].iov_base = static_cast<std::byte*>(pieces_[next_].iov_base) + sent;
                pieces_[next_].iov_len -= static_cast<std::size_t>(sent);
            }
        }
        pieces_.clear();
        next_ = 0;
        return true;
    }

  private:
    std::vector<iovec> pieces_;
    std::size_t next_ = 0;
};

enum class Progress { more, wants_bytes, wants_room, over };

/// One connection: from the generator's side (`near`) to the target's (`far`), or back.
class Relayed {
  public:
    Relayed(Descriptor near, Descriptor far, ReadBytes read_bytes)
        : near_(std::move(near)), far_(std::move(far)), cipher_(make_cipher()) {
        OrderBytes bytes{};
        receive_all(near_, bytes);
        Order order = order_of(bytes);
        is_up_ = order.verb == Verb::sink;
        if (!is_up_) {
            order.verb = Verb::sealed_source;
        }
        bytes = bytes_of(order);
        if (send(far_.fd(), bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
            fail("the floor passes an order on");
        }
        const std::size_t pieces =
            std::max((is_up_ ? read_bytes.up : read_bytes.down) / piece_bytes, std::size_t{1});
        buffer_.resize(is_up_ ? pieces * whole_packet : pieces * piece_bytes + whole_packet);
    }

    bool waits_for_room = false;  ///< what its two sockets are watched for

    [[nodiscard]] const Descriptor& from() const noexcept { return is_up_ ? near_ : far_; }
    [[nodiscard]] const Descriptor& into() const noexcept { return is_up_ ? far_ : near_; }

    Progress step() {
        if (!sending_.flush(into())) {
            return Progress::wants_room;
        }
        return is_up_ ? receive_and_seal() : receive_and_open();
    }

  private:
    Progress receive_and_seal() {
        std::vector<iovec>& places = places_;
        places.clear();
        for (std::size_t at = 0; at < buffer_.size(); at += whole_packet) {
            places.push_back({buffer_.data() + at + data_offset, piece_bytes});
        }
        msghdr message{};
        message.msg_iov = places.data();
        message.msg_iovlen = places.size();
        const ssize_t got = recvmsg(from().fd(), &message, MSG_DONTWAIT);
        if (got < 0) {
            return would_block() ? Progress::wants_bytes : Progress::over;
        }
        if (got == 0) {
            pass_count_back();
            return Progress::over;
        }
        auto left = static_cast<std::size_t>(got);
        taken_ += left;
        std::size_t end = 0;
        for (std::size_t at = 0; left > 0; at += whole_packet) {
            const std::size_t data = std::min(left, piece_bytes);
            const std::span<std::byte> packet = std::span{buffer_}.subspan(at, packet_bytes(data));
            frame(packet, data);
            cipher_->seal(sequence_++, packet);
            left -= data;
            end = at + packet.size();
        }
        given_ += end;
        sending_.add(std::span{buffer_}.first(end));
        return Progress::more;
    }

    Progress receive_and_open() {
        // The rest of the last round begins a packet; it goes in front.
        std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(opened_),
                  buffer_.begin() + static_cast<std::ptrdiff_t>(filled_),
                  buffer_.begin());
        filled_ -= std::exchange(opened_, 0);
        const std::span<std::byte> room = std::span{buffer_}.subspan(filled_);
        const ssize_t got = recv(from().fd(), room.data(), room.size(), MSG_DONTWAIT);
        if (got < 0) {
            return would_block() ? Progress::wants_bytes : Progress::over;
        }
        if (got == 0) {
            shutdown(into().fd(), SHUT_WR);
            return Progress::over;
        }
        filled_ += static_cast<std::size_t>(got);
        for (; filled_ - opened_ >= whole_packet; opened_ += whole_packet) {
            if (sequence_ == packets_per_block) {
                cipher_ = make_cipher();
                sequence_ = 0;
            }
            const std::span<std::byte> packet = std::span{buffer_}.subspan(opened_, whole_packet);
            if (!cipher_->open(sequence_++, packet)) {
                errno = EBADMSG;
                fail("the floor opens a packet");
            }
            sending_.add(data_of(packet));
        }
        return Progress::more;
    }

    /// The target has counted sealed bytes; whoever uploads wants to hear of its own.
    void pass_count_back() {
        shutdown(into().fd(), SHUT_WR);
        std::array<std::byte, sizeof(std::uint64_t)> answer{};
        receive_all(into(), answer);
        std::uint64_t counted = 0;
        std::memcpy(&counted, answer.data(), sizeof counted);
        if (counted != given_) {
            errno = EPROTO;
            fail("the floor's target took another number of bytes");
        }
        send(from().fd(), &taken_, sizeof taken_, 0);
    }

    Descriptor near_;
    Descriptor far_;
    std::unique_ptr<ssh::Aead> cipher_;
    std::uint32_t sequence_ = 0;
    bool is_up_ = false;
    std::vector<std::byte> buffer_;
    std::vector<iovec> places_;
    std::size_t filled_ = 0;  ///< downloads: bytes in the buffer
    std::size_t opened_ = 0;  ///< downloads: of these, packets that are opened
    Sending sending_;
    std::uint64_t taken_ = 0;
    std::uint64_t given_ = 0;
};

class Floor {
  public:
    explicit Floor(const Arguments& arguments)
        : to_(endpoint(arguments.text("connect"))),
          read_bytes_{.up = arguments.number("up-read-bytes"),
                      .down = arguments.number("down-read-bytes")},
          listener_(listen_on_loopback()) {
        poller_.watch(listener_.fd(), EPOLLIN);
    }

    [[noreturn]] void run() {
        std::printf("{\"port\": %u, \"cipher\": \"%s\"}\n",
                    port_of(listener_),
                    cipher_is_ipsec_mb() ? "libipsec-mb" : "OpenSSL");
        std::fflush(stdout);
        for (;;) {
            for (const epoll_event& event : poller_.wait()) {
                if (event.data.fd == listener_.fd()) {
                    accept_one();
                } else {
                    serve(static_cast<std::size_t>(event.data.fd));
                }
            }
        }
    }

  private:
    void accept_one() {
        Descriptor accepted = accept_from(listener_);
        if (!accepted.is_open()) {
            return;
        }
        auto relayed = std::make_shared<Relayed>(std::move(accepted), connect_to(to_), read_bytes_);
        const int from = relayed->from().fd();
        const int into = relayed->into().fd();
        by_descriptor_.resize(
            std::max(by_descriptor_.size(), static_cast<std::size_t>(std::max(from, into)) + 1));
        poller_.watch(from, EPOLLIN);
        poller_.watch(into, 0);
        by_descriptor_[static_cast<std::size_t>(from)] = relayed;
        by_descriptor_[static_cast<std::size_t>(into)] = relayed;
    }

    void serve(std::size_t fd) {
        const std::shared_ptr<Relayed> relayed = by_descriptor_[fd];
        if (!relayed) {
            return;
        }
        Progress progress = Progress::more;
        for (int i = 0; i < rounds_max && progress == Progress::more; ++i) {
            progress = relayed->step();
        }
        const int from = relayed->from().fd();
        const int into = relayed->into().fd();
        if (progress == Progress::over) {
            by_descriptor_[static_cast<std::size_t>(from)].reset();
            by_descriptor_[static_cast<std::size_t>(into)].reset();
            return;
        }
        const bool waits_for_room = progress == Progress::wants_room;
        if (waits_for_room != std::exchange(relayed->waits_for_room, waits_for_room)) {
            poller_.change(from, waits_for_room ? 0U : std::uint32_t{EPOLLIN});
            poller_.change(into, waits_for_room ? std::uint32_t{EPOLLOUT} : 0U);
        }
    }

    sockaddr_in to_;
    ReadBytes read_bytes_;
    Descriptor listener_;
    Poller poller_;
    std::vector<std::shared_ptr<Relayed>> by_descriptor_;
};

}  // namespace

int run_floor(const Arguments& arguments) {
    Floor{arguments}.run();
}

}  // namespace caponier::bench
