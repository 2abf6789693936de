// Item 26: what a client was sent, given to a fresh client in other pieces, tells the same events.

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "ssh/crypto/signature.h"
#include "ssh/native_session.h"
#include "tests/sim/pair.h"
#include "tests/sim/transcript.h"

namespace caponier::sim {
namespace {

constexpr int channels = 3;

/// One stream of chance for each size that is asked for, so that what goes into a key does not
/// depend on how much padding was drawn before.
struct ReplayRandom {
    std::array<std::uint64_t, 1024> draws{};

    ssh::RandomSource source() {
        return {.fill =
                    [](void* context, std::span<std::byte> bytes) noexcept {
                        auto& self = *static_cast<ReplayRandom*>(context);
                        const std::size_t size = std::min<std::size_t>(bytes.size(), 1023);
                        Random random{Random::mix(size << 32 | ++self.draws[size])};
                        for (std::byte& byte : bytes) {
                            byte = static_cast<std::byte>(random.next());
                        }
                    },
                .context = this};
    }
};

ssh::OpenTarget target() {
    return {.kind = ssh::OpenTarget::Kind::direct_tcpip,
            .host = "db.internal",
            .port = 5432,
            .originator_host = "127.0.0.1",
            .originator_port = 1};
}

/// What a client was sent, cut where it said something that the server waited for: a record cannot
/// answer what has not been asked yet.
struct Recording {
    std::vector<std::vector<std::byte>> parts{{}};
    std::size_t opens_before = 0;  ///< the part in front of which the channels are opened
    std::vector<std::string> events;
};

bool is_question(const ssh::Event& event) {
    return std::holds_alternative<ssh::AuthenticationWanted>(event) ||
           std::holds_alternative<ssh::SignatureWanted>(event);
}

Recording record() {
    Recording recording;
    auto random = std::make_unique<ReplayRandom>();
    Pair::Options options;
    options.client_random = random->source();
    options.tamper = [&](bool to_server, std::vector<std::byte>& piece) {
        if (!to_server) {
            std::vector<std::byte>& part = recording.parts.back();
            part.insert(part.end(), piece.begin(), piece.end());
        }
    };
    Pair pair{std::move(options)};
    pair.client.on_event = [&](const ssh::Event& event) {
        recording.events.push_back(describe_event(event));
        if (is_question(event)) {
            recording.parts.emplace_back();
        }
    };
    EXPECT_TRUE(pair.establish());
    EXPECT_TRUE(pair.drive());
    recording.opens_before = recording.parts.size();
    recording.parts.emplace_back();
    for (int i = 0; i < channels; ++i) {
        EXPECT_TRUE(pair.client.session().open(target()).has_value());
    }
    EXPECT_TRUE(pair.drive());
    const std::vector<std::byte> bytes(100'000, std::byte{0x5a});
    for (int round = 0; round < 3; ++round) {
        for (const ssh::LocalChannelId id : pair.requested) {
            EXPECT_TRUE(pair.send_all(pair.server, id, std::span{bytes}.first(10'000)));
            EXPECT_TRUE(pair.send_all(pair.server, id, bytes));
        }
        pair.server.session().rekey();
        pair.server.session().probe();
        EXPECT_TRUE(pair.drive());
    }
    pair.server.session().eof(pair.requested[0]);
    pair.server.session().close(pair.requested[1]);
    pair.server.session().disconnect();
    EXPECT_TRUE(pair.drive());
    return recording;
}

/// A fresh client that says what the recorded one said.
class Replay {
  public:
    Replay() {
        ssh::SessionConfig config;
        config.random = random_.source();
        config.user = "user";
        session_ = ssh::make_native_session(std::move(config));
    }

    void feed(std::span<const std::byte> bytes, const std::function<std::size_t()>& next_piece) {
        while (!bytes.empty() || answered_) {
            const std::size_t size = std::min(bytes.size(), next_piece());
            std::vector<std::byte> piece{std::move(tail_)};
            piece.insert(
                piece.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
            bytes = bytes.subspan(size);
            answered_ = false;
            const std::size_t consumed = session_->receive(piece, now_);
            take_events();
            tail_.assign(piece.begin() + static_cast<std::ptrdiff_t>(consumed), piece.end());
        }
    }

    void open_channels() {
        for (int i = 0; i < channels; ++i) {
            EXPECT_TRUE(session_->open(target()).has_value());
        }
    }

    std::vector<std::string> events;

  private:
    void take_events() {
        while (const std::optional<ssh::Event> event = session_->next_event()) {
            events.push_back(describe_event(*event));
            if (std::holds_alternative<ssh::HostKeyReceived>(*event)) {
                session_->accept_host_key();
                answered_ = true;
            } else if (std::holds_alternative<ssh::AuthenticationWanted>(*event)) {
                EXPECT_TRUE(
                    session_->try_public_key({"ssh-ed25519", Pair::user_key().public_key()}));
            } else if (const auto* wanted = std::get_if<ssh::SignatureWanted>(&*event)) {
                const auto signature =
                    ssh::sign(Pair::user_key(), wanted->key.algorithm, wanted->data);
                session_->provide_signature(*signature);
            } else if (const auto* data = std::get_if<ssh::ChannelData>(&*event)) {
                session_->grant(data->id, static_cast<std::uint32_t>(data->bytes.size()));
            }
            drop_outbox();
        }
        drop_outbox();
    }
    void drop_outbox() {
        if (session_->outbox_bytes() > 0) {
            session_->sent(session_->outbox_bytes());
        }
    }

    ReplayRandom random_;
    std::unique_ptr<ssh::Session> session_;
    std::vector<std::byte> tail_;
    ssh::TimePoint now_{std::chrono::seconds{1'000}};
    bool answered_ = false;
};

TEST(PairReplay, TellsTheSameEventsHoweverTheStreamIsCut) {
    const Recording recording = record();
    ASSERT_GT(recording.events.size(), 30U);
    Random chance{7};
    const std::vector<std::function<std::size_t()>> cuts{
        [] { return std::size_t{1}; },
        [] { return std::size_t{64 * 1024}; },
        [&chance] { return static_cast<std::size_t>(chance.between(1, 5'000)); }};
    for (const auto& next_piece : cuts) {
        Replay replay;

        for (std::size_t part = 0; part < recording.parts.size(); ++part) {
            if (part == recording.opens_before) {
                replay.open_channels();
            }
            replay.feed(recording.parts[part], next_piece);
        }

        EXPECT_EQ(replay.events, recording.events);
    }
}

}  // namespace
}  // namespace caponier::sim
