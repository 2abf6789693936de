// Moving bytes between two sessions, and answering what they ask.

#include "tests/sim/pair.h"

#include <algorithm>
#include <array>
#include <utility>
#include <variant>

#include "ssh/crypto/signature.h"
#include "ssh/expects.h"
#include "ssh/native_session.h"

namespace caponier::sim {

namespace {

ssh::SigningKey key_from(std::byte seed) {
    const std::vector<std::byte> bytes(32, seed);
    ssh::Result<ssh::SigningKey> key = ssh::SigningKey::from_ed25519_seed(bytes);
    ssh::expects(key.has_value());
    return std::move(*key);
}

std::vector<std::byte> copy_of(std::span<const std::byte> bytes) {
    return {bytes.begin(), bytes.end()};
}

}  // namespace

ssh::RandomSource random_source(Random& generator) noexcept {
    return {.fill =
                [](void* context, std::span<std::byte> bytes) noexcept {
                    auto& random = *static_cast<Random*>(context);
                    for (std::byte& byte : bytes) {
                        byte = static_cast<std::byte>(random.next());
                    }
                },
            .context = &generator};
}

const ssh::SigningKey& Pair::host_key() {
    static const ssh::SigningKey key = key_from(std::byte{0x41});
    return key;
}

const ssh::SigningKey& Pair::user_key() {
    static const ssh::SigningKey key = key_from(std::byte{0x42});
    return key;
}

Pair::Pair(Options options)
    : options_(std::move(options)),
      chance_(options_.seed),
      client_random_(Random::mix(options_.seed)),
      server_random_(Random::mix(options_.seed + 1)) {
    ssh::SessionConfig client_config = options_.client;
    client_config.role = ssh::Role::client;
    client_config.random = options_.client_random.value_or(random_source(client_random_));
    client_config.user = "user";
    client.session_ = ssh::make_native_session(std::move(client_config));

    ssh::SessionConfig server_config = options_.server;
    server_config.role = ssh::Role::server;
    server_config.random = random_source(server_random_);
    if (server_config.host_keys.empty()) {
        server_config.host_keys.push_back(copy_of(host_key().public_key()));
    }
    server.session_ = ssh::make_native_session(std::move(server_config));
}

// ---- time and bytes ----------------------------------------------------------------------------

bool Pair::step() {
    bool moved = false;
    for (End* end : {&client, &server}) {
        take_events(*end);
        // Answers are given outside of the session's own calls, as a thread would.
        while (!end->answers_.empty()) {
            const std::function<void()> answer = std::move(end->answers_.front());
            end->answers_.pop_front();
            answer();
            deliver(*end, {});
            take_events(*end);
            moved = true;
        }
    }
    moved = move(client, server, true) || moved;
    moved = move(server, client, false) || moved;
    return moved;
}

bool Pair::drive(std::size_t steps_max) {
    for (std::size_t i = 0; i < steps_max; ++i) {
        if (!step()) {
            return true;
        }
    }
    return false;
}

void Pair::pass(std::chrono::nanoseconds time) {
    now_ += std::chrono::duration_cast<ssh::TimePoint::duration>(time);
    for (End* end : {&client, &server}) {
        const std::optional<ssh::TimePoint> due = end->session_->next_deadline();
        if (due && now_ >= *due) {
            end->session_->expire(now_);
        }
    }
}

bool Pair::move(End& from, End& to, bool to_server) {
    std::array<std::span<const std::byte>, 16> pieces;
    const std::size_t count = from.session_->outbox(pieces);
    std::size_t sent = 0;
    for (std::size_t i = 0; i < count; ++i) {
        to.wire_.insert(to.wire_.end(), pieces[i].begin(), pieces[i].end());
        sent += pieces[i].size();
    }
    if (sent > 0) {
        from.session_->sent(sent);
        from.bytes_sent += sent;
        take_events(from);
    }
    if (to.wire_.empty()) {
        return sent > 0;
    }
    const std::size_t cut = next_cut(to.wire_.size());
    std::vector<std::byte> piece(to.wire_.begin(),
                                 to.wire_.begin() + static_cast<std::ptrdiff_t>(cut));
    to.wire_.erase(to.wire_.begin(), to.wire_.begin() + static_cast<std::ptrdiff_t>(cut));
    if (options_.tamper) {
        options_.tamper(to_server, piece);
    }
    deliver(to, piece);
    return true;
}

std::size_t Pair::next_cut(std::size_t available) {
    switch (options_.cut) {
    case Cut::whole:
        return available;
    case Cut::random:
        return chance_.between(1, available);
    case Cut::single_bytes:
        return 1;
    }
    return available;
}

void Pair::deliver(End& to, std::span<const std::byte> piece) {
    to.tail_.insert(to.tail_.end(), piece.begin(), piece.end());
    if (to.tail_.empty()) {
        return;
    }
    std::vector<std::byte> bytes = std::exchange(to.tail_, {});
    const std::size_t consumed = to.session_->receive(bytes, now_);
    take_events(to);
    const auto rest = std::span{bytes}.subspan(consumed);
    to.tail_.insert(to.tail_.begin(), rest.begin(), rest.end());
}

// ---- events ------------------------------------------------------------------------------------

void Pair::take_events(End& end) {
    while (const std::optional<ssh::Event> event = end.session_->next_event()) {
        handle(end, *event);
    }
}

void Pair::handle(End& end, const ssh::Event& event) {
    ssh::Session& session = *end.session_;
    if (std::holds_alternative<ssh::HostKeyReceived>(event)) {
        end.answers_.emplace_back([this, &session] {
            options_.client_accepts_host_key ? session.accept_host_key()
                                             : session.reject_host_key();
        });
    } else if (std::holds_alternative<ssh::AuthenticationWanted>(event)) {
        end.answers_.emplace_back([&session] {
            if (!session.try_public_key({"ssh-ed25519", user_key().public_key()})) {
                session.give_up_authentication();
            }
        });
    } else if (const auto* wanted = std::get_if<ssh::SignatureWanted>(&event)) {
        const bool is_host = std::ranges::equal(wanted->key.blob, host_key().public_key());
        ssh::Result<std::vector<std::byte>> signature =
            ssh::sign(is_host ? host_key() : user_key(), wanted->key.algorithm, wanted->data);
        ssh::expects(signature.has_value());
        end.answers_.emplace_back(
            [&session, bytes = std::move(*signature)] { session.provide_signature(bytes); });
    } else if (const auto* asked = std::get_if<ssh::AuthenticationRequested>(&event)) {
        const bool accepted = options_.server_accepts_user && asked->method == "publickey";
        end.answers_.emplace_back([&session, accepted] {
            accepted ? session.accept_authentication() : session.refuse_authentication("publickey");
        });
    } else if (const auto* keys = std::get_if<ssh::KeysChanged>(&event)) {
        ++end.keys_changed;
        end.strict = keys->strict;
    } else if (std::holds_alternative<ssh::Established>(event)) {
        end.established = true;
    } else if (const auto* ended = std::get_if<ssh::SessionEnded>(&event)) {
        end.ended = ended->error;
        end.end_text = ended->text;
    } else if (const auto* channel = std::get_if<ssh::ChannelRequested>(&event)) {
        requested.push_back(channel->id);
        if (server_accepts_channels) {
            session.accept_channel(channel->id);
        }
    } else if (const auto* opened_channel = std::get_if<ssh::ChannelOpened>(&event)) {
        opened.push_back(opened_channel->id);
    } else if (const auto* data = std::get_if<ssh::ChannelData>(&event)) {
        const std::size_t index = static_cast<std::uint32_t>(data->id);
        if (end.keeps_data) {
            end.received.resize(std::max(end.received.size(), index + 1));
            end.received[index].insert(
                end.received[index].end(), data->bytes.begin(), data->bytes.end());
        }
        if (end.grants) {
            session.grant(data->id, static_cast<std::uint32_t>(data->bytes.size()));
        }
    }
    if (end.on_event) {
        end.on_event(event);
    }
}

// ---- shortcuts ---------------------------------------------------------------------------------

bool Pair::establish() {
    while (!(client.established && server.established)) {
        if (client.ended || server.ended || !step()) {
            return false;
        }
    }
    return true;
}

std::optional<Pair::Channel> Pair::open_channel() {
    const std::size_t requested_before = requested.size();
    const std::size_t opened_before = opened.size();
    const ssh::Result<ssh::LocalChannelId> id =
        client.session_->open({.kind = ssh::OpenTarget::Kind::direct_tcpip,
                               .host = "db.internal",
                               .port = 5432,
                               .originator_host = "127.0.0.1",
                               .originator_port = 50'000});
    if (!id || !drive() || requested.size() == requested_before || opened.size() == opened_before) {
        return std::nullopt;
    }
    return Channel{*id, requested.back()};
}

bool Pair::send_all(End& from, ssh::LocalChannelId id, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const std::size_t taken = from.session_->send(id, bytes);
        bytes = bytes.subspan(taken);
        if (taken == 0 && !step()) {
            return false;
        }
    }
    return true;
}

}  // namespace caponier::sim
