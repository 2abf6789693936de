// What a session costs around its cipher: two sessions in one thread, a client and a server joined
// by their outboxes, bring channel data from one to the other. Beside it stands the cipher alone,
// sealing and opening packets of the same size in the same run; the last lines are the ratios.
// There is no wire: a packet is opened where it was sealed. And: handshakes a second.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <benchmark/benchmark.h>

#include "ssh/crypto/aead.h"
#include "ssh/crypto/signature.h"
#include "ssh/native_session.h"

namespace caponier::ssh {

namespace {

using Bytes = std::vector<std::byte>;

/// What is sealed before any of it is opened, as in the relay one receive's worth.
constexpr std::size_t batch_bytes = 128 * 1024;
/// uint32 packet_length, byte padding_length; byte message, uint32 channel, uint32 length.
constexpr std::size_t data_offset = 4 + 1 + 9;

[[noreturn]] void fail(const char* what) {
    std::fprintf(stderr, "session_pair_bench: %s\n", what);
    std::exit(1);
}

SigningKey key_from(std::byte seed) {
    Result<SigningKey> key = SigningKey::from_ed25519_seed(Bytes(32, seed));
    if (!key) {
        fail("no key");
    }
    return std::move(*key);
}

const SigningKey& host_key() {
    static const SigningKey key = key_from(std::byte{1});
    return key;
}

const SigningKey& user_key() {
    static const SigningKey key = key_from(std::byte{2});
    return key;
}

RandomSource random_source() {
    static std::mt19937_64 generator{1};
    return {.fill =
                [](void*, std::span<std::byte> bytes) noexcept {
                    for (std::byte& byte : bytes) {
                        byte = static_cast<std::byte>(generator());
                    }
                },
            .context = nullptr};
}

/// A client and a server that know each other, and what is between them.
class Sessions {
  public:
    explicit Sessions(std::string_view cipher) {
        SessionConfig config;
        config.random = random_source();
        config.user = "user";
        config.algorithms.cipher = {std::string{cipher}};
        config.initial_window_bytes = 15 * 1024 * 1024;
        client_ = make_native_session(config);
        config.role = Role::server;
        const std::span<const std::byte> blob = host_key().public_key();
        config.host_keys = {Bytes(blob.begin(), blob.end())};
        server_ = make_native_session(std::move(config));
        exchange();
        if (!client_->is_established() || !server_->is_established()) {
            fail("the sessions did not come together");
        }
    }

    void open_channel() {
        const Result<LocalChannelId> id = client_->open({.kind = OpenTarget::Kind::direct_tcpip,
                                                         .host = "db",
                                                         .port = 5432,
                                                         .originator_host = "::1",
                                                         .originator_port = 9});
        exchange();
        if (!id || !client_->channel(*id) || !client_->channel(*id)->open) {
            fail("no channel");
        }
        channel_ = *id;
    }

    /// All of `data`, in writes of `write_bytes`, until the server has it.
    void transfer(std::span<const std::byte> data, std::size_t write_bytes) {
        const std::uint64_t end = received_ + data.size();
        while (!data.empty()) {
            const std::size_t taken =
                client_->send(channel_, data.first(std::min(write_bytes, data.size())));
            data = data.subspan(taken);
            if (taken == 0) {
                exchange();
            }
        }
        exchange();
        if (received_ != end) {
            fail("bytes were lost");
        }
    }

  private:
    void exchange() {
        for (bool moved = true; moved;) {
            moved = move(*client_, *server_);
            moved = move(*server_, *client_) || moved;
        }
    }

    bool move(Session& from, Session& to) {
        answer(from);
        std::array<std::span<const std::byte>, 16> pieces;
        const std::size_t count = from.outbox(pieces);
        std::size_t sent = 0;
        for (const std::span<const std::byte> piece : std::span{pieces}.first(count)) {
            // The outbox gives a view of its own memory, which is not constant; no packet lies in
            // two pieces.
            std::span<std::byte> unread{const_cast<std::byte*>(piece.data()), piece.size()};
            while (!unread.empty()) {
                const std::size_t consumed = to.receive(unread, TimePoint{});
                const bool answered = answer(to);
                unread = unread.subspan(consumed);
                if (consumed == 0 && !answered) {
                    fail("a packet was not taken");
                }
            }
            sent += piece.size();
        }
        from.sent(sent);
        return sent > 0;
    }

    bool answer(Session& session) {
        bool answered = false;
        while (const std::optional<Event> event = session.next_event()) {
            if (const auto* data = std::get_if<ChannelData>(&*event)) {
                received_ += data->bytes.size();
                session.grant(data->id, static_cast<std::uint32_t>(data->bytes.size()));
            } else if (std::holds_alternative<HostKeyReceived>(*event)) {
                session.accept_host_key();
            } else if (std::holds_alternative<AuthenticationWanted>(*event)) {
                if (!session.try_public_key({"ssh-ed25519", user_key().public_key()})) {
                    fail("the key is not spoken");
                }
            } else if (const auto* wanted = std::get_if<SignatureWanted>(&*event)) {
                const bool is_server = &session == server_.get();
                const Result<Bytes> signature =
                    sign(is_server ? host_key() : user_key(), wanted->key.algorithm, wanted->data);
                if (!signature) {
                    fail("no signature");
                }
                session.provide_signature(*signature);
            } else if (const auto* user = std::get_if<AuthenticationRequested>(&*event)) {
                user->method == "none" ? session.refuse_authentication("publickey")
                                       : session.accept_authentication();
            } else if (const auto* channel = std::get_if<ChannelRequested>(&*event)) {
                session.accept_channel(channel->id);
            } else if (std::holds_alternative<SessionEnded>(*event)) {
                fail("a session ended");
            } else {
                continue;
            }
            answered = true;
        }
        return answered;
    }

    std::unique_ptr<Session> client_;
    std::unique_ptr<Session> server_;
    LocalChannelId channel_{};
    std::uint64_t received_ = 0;
};

void count_bytes(benchmark::State& state) {
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(batch_bytes));
}

void sessions(benchmark::State& state, CipherAlgorithm algorithm) {
    Sessions pair{shape_of(algorithm).name};
    pair.open_channel();
    const Bytes data(batch_bytes, std::byte{'d'});
    for (auto _ : state) {
        pair.transfer(data, static_cast<std::size_t>(state.range(0)));
    }
    count_bytes(state);
}

void cipher_alone(benchmark::State& state, CipherAlgorithm algorithm) {
    const CipherShape& shape = shape_of(algorithm);
    const Bytes key(shape.key_bytes, std::byte{1});
    const Bytes iv(shape.iv_bytes, std::byte{2});
    const std::unique_ptr<Aead> sealer = make_aead(algorithm, {.key = key, .iv = iv});
    const std::unique_ptr<Aead> opener = make_aead(algorithm, {.key = key, .iv = iv});
    const auto data_bytes = static_cast<std::size_t>(state.range(0));
    const std::size_t text_bytes =
        (data_offset - packet_length_bytes + data_bytes + 4 + shape.block_bytes - 1) /
        shape.block_bytes * shape.block_bytes;
    const std::size_t packet_bytes = packet_length_bytes + text_bytes + shape.tag_bytes;
    const std::size_t packets = batch_bytes / data_bytes;
    const Bytes data(batch_bytes, std::byte{'d'});
    Bytes stream(packets * packet_bytes);
    std::uint32_t sequence = 0;
    for (auto _ : state) {
        for (std::size_t i = 0; i < packets; ++i) {
            const std::span<std::byte> packet =
                std::span{stream}.subspan(i * packet_bytes, packet_bytes);
            for (std::size_t at = 0; at < packet_length_bytes; ++at) {
                packet[at] = static_cast<std::byte>(text_bytes >> 8U * (3 - at));
            }
            sealer->seal_from(sequence + static_cast<std::uint32_t>(i),
                              packet,
                              data_offset,
                              std::span{data}.subspan(i * data_bytes, data_bytes));
        }
        for (std::size_t i = 0; i < packets; ++i) {
            const std::span<std::byte> packet =
                std::span{stream}.subspan(i * packet_bytes, packet_bytes);
            const auto number = sequence + static_cast<std::uint32_t>(i);
            benchmark::DoNotOptimize(
                opener->packet_length(number, packet.first<packet_length_bytes>()));
            if (!opener->open(number, packet)) {
                fail("a packet did not open");
            }
        }
        sequence += static_cast<std::uint32_t>(packets);
    }
    count_bytes(state);
}

/// From two identifications to a user who may open channels; both ends' work.
void handshake(benchmark::State& state) {
    for (auto _ : state) {
        const Sessions pair{shape_of(CipherAlgorithm::aes128_gcm).name};
        benchmark::DoNotOptimize(&pair);
    }
    state.SetItemsProcessed(state.iterations());
}

/// Prints as usual, and remembers how fast each was.
class Reporter final : public benchmark::ConsoleReporter {
  public:
    void ReportRuns(const std::vector<Run>& runs) override {
        for (const Run& run : runs) {
            const auto speed = run.counters.find("bytes_per_second");
            const bool is_a_repetition = run.run_type == Run::RT_Iteration;
            if (is_a_repetition && speed != run.counters.end()) {
                double& best = speeds_[run.run_name.str()];
                best = std::max(best, speed->second.value);
            }
        }
        ConsoleReporter::ReportRuns(runs);
    }

    void print_ratios() const {
        for (const auto& [name, speed] : speeds_) {
            const auto alone = speeds_.find("cipher_alone" + name.substr(name.find('/')));
            if (name.starts_with("sessions/") && alone != speeds_.end()) {
                std::printf("%-48s %5.2f GB/s, the cipher alone %5.2f GB/s: %3.0f %%\n",
                            name.c_str(),
                            speed / 1e9,
                            alone->second / 1e9,
                            100 * speed / alone->second);
            }
        }
    }

  private:
    std::map<std::string, double> speeds_;
};

void add_all() {
    for (const CipherAlgorithm algorithm : {CipherAlgorithm::aes128_gcm,
                                            CipherAlgorithm::aes256_gcm,
                                            CipherAlgorithm::chacha20_poly1305}) {
        const std::string name{shape_of(algorithm).name};
        for (const std::int64_t write_bytes : {32 * 1024, 256}) {
            benchmark::RegisterBenchmark(("cipher_alone/" + name).c_str(), &cipher_alone, algorithm)
                ->Arg(write_bytes);
            benchmark::RegisterBenchmark(("sessions/" + name).c_str(), &sessions, algorithm)
                ->Arg(write_bytes);
        }
    }
    benchmark::RegisterBenchmark("handshake", &handshake);
}

}  // namespace

}  // namespace caponier::ssh

int main(int argc, char** argv) {
    caponier::ssh::add_all();
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
        return 1;
    }
    caponier::ssh::Reporter reporter;
    benchmark::RunSpecifiedBenchmarks(&reporter);
    reporter.print_ratios();
    benchmark::Shutdown();
    return 0;
}
