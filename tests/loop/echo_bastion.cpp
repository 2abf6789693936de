// One thread accepts, one serves each connection: poll, feed the session, answer its events, echo
// what its channels hold, flush. See echo_bastion.h.

#include "tests/loop/echo_bastion.h"

#include <array>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <variant>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/client/random_source.h"
#include "engine/io/expects.h"
#include "ssh/crypto/signature.h"
#include "ssh/crypto/signing_key.h"
#include "ssh/native_session.h"

namespace caponier::looptest {

using io::expects;

namespace {

ssh::SigningKey make_host_key() {
    const std::vector<std::byte> seed(32, std::byte{0x41});
    ssh::Result<ssh::SigningKey> key = ssh::SigningKey::from_ed25519_seed(seed);
    expects(key.has_value());
    return std::move(*key);
}

ssh::TimePoint now() {
    return std::chrono::steady_clock::now();
}

}  // namespace

class EchoBastion::Connection {
  public:
    explicit Connection(int fd) : socket_(fd), thread_([this] { serve(); }) {}

    ~Connection() {
        cut();
        thread_.join();
    }

    void cut() noexcept { ::shutdown(socket_.fd(), SHUT_RDWR); }

    [[nodiscard]] std::set<std::uint16_t> clients() const {
        const std::lock_guard lock{mutex_};
        return clients_;
    }

  private:
    /// What a channel has brought and not taken back yet.
    struct Echo {
        std::vector<std::byte> bytes;
        bool ended = false;
    };

    void serve();
    [[nodiscard]] bool wait_for_socket();
    void feed(std::span<const std::byte> bytes);
    void go_on();
    void take_events();
    void handle(const ssh::Event& event);
    [[nodiscard]] bool send_echoes();
    [[nodiscard]] bool flush();

    const io::Socket socket_;
    mutable std::mutex mutex_;
    std::set<std::uint16_t> clients_;  ///< under mutex_

    // The thread's.
    const ssh::SigningKey host_key_ = make_host_key();
    std::unique_ptr<ssh::Session> session_;
    std::map<ssh::LocalChannelId, Echo> echoes_;
    std::vector<std::byte> tail_;  ///< received, and not consumed
    std::optional<std::vector<std::byte>> signature_;
    std::optional<bool> user_accepted_;

    std::thread thread_;  ///< the last member: it uses all others
};

void EchoBastion::Connection::serve() {
    ssh::SessionConfig config;
    config.role = ssh::Role::server;
    config.random = client::os_random_source();
    config.host_keys.emplace_back(host_key_.public_key().begin(), host_key_.public_key().end());
    session_ = ssh::make_native_session(std::move(config));
    std::vector<std::byte> buffer(64UL * 1024);
    go_on();
    while (flush() && !session_->is_ended() && wait_for_socket()) {
        const ssize_t got = ::recv(socket_.fd(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (got > 0) {
            feed(std::span{buffer}.first(static_cast<std::size_t>(got)));
        } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            break;
        }
        go_on();
    }
    // The client sees the end now; the descriptor itself stays for cut().
    cut();
}

bool EchoBastion::Connection::wait_for_socket() {
    const bool has_output = session_->outbox_bytes() > 0;
    pollfd entry{.fd = socket_.fd(),
                 .events = static_cast<short>(has_output ? POLLIN | POLLOUT : POLLIN),
                 .revents = 0};
    return ::poll(&entry, 1, -1) > 0;
}

void EchoBastion::Connection::feed(std::span<const std::byte> bytes) {
    tail_.insert(tail_.end(), bytes.begin(), bytes.end());
}

/// Until what is there leads to nothing more.
void EchoBastion::Connection::go_on() {
    bool again = true;
    while (again) {
        const std::size_t consumed = session_->receive(tail_, now());
        take_events();
        tail_.erase(tail_.begin(), tail_.begin() + static_cast<std::ptrdiff_t>(consumed));
        again = consumed > 0;
        if (signature_) {
            session_->provide_signature(*std::exchange(signature_, std::nullopt));
            again = true;
        }
        if (user_accepted_) {
            *std::exchange(user_accepted_, std::nullopt)
                ? session_->accept_authentication()
                : session_->refuse_authentication("publickey");
            again = true;
        }
        again = send_echoes() || again;
        take_events();
    }
}

void EchoBastion::Connection::take_events() {
    while (const std::optional<ssh::Event> event = session_->next_event()) {
        handle(*event);
    }
}

void EchoBastion::Connection::handle(const ssh::Event& event) {
    if (const auto* wanted = std::get_if<ssh::SignatureWanted>(&event)) {
        ssh::Result<std::vector<std::byte>> made =
            ssh::sign(host_key_, wanted->key.algorithm, wanted->data);
        expects(made.has_value());
        signature_ = std::move(*made);
    } else if (const auto* asked = std::get_if<ssh::AuthenticationRequested>(&event)) {
        // Any key will do, but there has to be one: the client has to ask its credentials.
        user_accepted_ = asked->method == "publickey";
    } else if (const auto* channel = std::get_if<ssh::ChannelRequested>(&event)) {
        {
            const std::lock_guard lock{mutex_};
            clients_.insert(channel->originator_port);
        }
        echoes_.emplace(channel->id, Echo{});
        session_->accept_channel(channel->id);
    } else if (const auto* data = std::get_if<ssh::ChannelData>(&event)) {
        Echo& echo = echoes_.at(data->id);
        echo.bytes.insert(echo.bytes.end(), data->bytes.begin(), data->bytes.end());
    } else if (const auto* eof = std::get_if<ssh::ChannelEof>(&event)) {
        echoes_.at(eof->id).ended = true;
    } else if (const auto* closed = std::get_if<ssh::ChannelClosed>(&event)) {
        echoes_.erase(closed->id);
    }
}

/// Whether anything was sent.
bool EchoBastion::Connection::send_echoes() {
    bool moved = false;
    for (auto& [id, echo] : echoes_) {
        const std::size_t taken = echo.bytes.empty() ? 0 : session_->send(id, echo.bytes);
        if (taken > 0) {
            echo.bytes.erase(echo.bytes.begin(),
                             echo.bytes.begin() + static_cast<std::ptrdiff_t>(taken));
            session_->grant(id, static_cast<std::uint32_t>(taken));
            moved = true;
        }
    }
    // Behind our CLOSE the session tells nothing more of the channel, and its number comes again.
    return std::erase_if(echoes_,
                         [this](const auto& entry) {
                             const auto& [id, echo] = entry;
                             const bool is_done = echo.ended && echo.bytes.empty();
                             if (is_done) {
                                 session_->eof(id);
                                 session_->close(id);
                             }
                             return is_done;
                         }) > 0 ||
           moved;
}

/// False if the connection is lost.
bool EchoBastion::Connection::flush() {
    std::array<std::span<const std::byte>, 16> pieces;
    while (session_->outbox(pieces) > 0) {
        const ssize_t sent =
            ::send(socket_.fd(), pieces[0].data(), pieces[0].size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        session_->sent(static_cast<std::size_t>(sent));
        go_on();
    }
    return true;
}

// ---- the bastion -------------------------------------------------------------------------------

EchoBastion::EchoBastion() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(name);
    auto* const any = reinterpret_cast<sockaddr*>(&name);
    expects(::bind(listener_.fd(), any, size) == 0);
    expects(::listen(listener_.fd(), 64) == 0);
    expects(::getsockname(listener_.fd(), any, &size) == 0);
    address_ = *io::Address::ip("127.0.0.1", ntohs(name.sin_port));
    acceptor_ = std::thread{[this] { accept_all(); }};
}

EchoBastion::~EchoBastion() {
    {
        const std::lock_guard lock{mutex_};
        ending_ = true;
    }
    ::shutdown(listener_.fd(), SHUT_RDWR);  // wakes accept()
    acceptor_.join();
}

void EchoBastion::accept_all() {
    while (true) {
        const int fd = ::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC);
        const std::lock_guard lock{mutex_};
        if (fd >= 0) {
            connections_.push_back(std::make_unique<Connection>(fd));
        } else if (ending_) {
            return;
        }
    }
}

std::size_t EchoBastion::connections() const {
    const std::lock_guard lock{mutex_};
    return connections_.size();
}

std::set<std::uint16_t> EchoBastion::clients_of(std::size_t connection) const {
    const std::lock_guard lock{mutex_};
    return connections_.at(connection)->clients();
}

void EchoBastion::cut(std::size_t connection) {
    const std::lock_guard lock{mutex_};
    connections_.at(connection)->cut();
}

}  // namespace caponier::looptest
