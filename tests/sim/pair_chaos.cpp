// The run of one seed: options, acts, checks, and an orderly end that leaves nothing behind.

#include "tests/sim/pair_chaos.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>
#include <variant>

namespace caponier::sim {

namespace {

constexpr std::size_t acts = 60;
constexpr std::size_t wind_down_rounds_max = 200'000;

std::uint32_t pick(Random& chance, std::initializer_list<std::uint32_t> choices) {
    return *(choices.begin() + chance.below(choices.size()));
}

std::uint64_t stream_of(std::size_t tunnel, bool to_server) {
    return tunnel * 2 + (to_server ? 1 : 0);
}

}  // namespace

std::byte content_at(std::uint64_t stream, std::uint64_t offset) noexcept {
    const std::uint64_t word = Random::mix(stream << 40 ^ offset >> 3);
    return static_cast<std::byte>(word >> (offset & 7U) * 8);
}

Pair::Options PairChaos::options_for(std::uint64_t seed) {
    Random chance{Random::mix(seed ^ 0x0c4a05)};
    Pair::Options options;
    options.seed = seed;
    options.cut = chance.chance(8'000) ? Cut::random : Cut::whole;
    // Of each form of a packet one: tag or MAC, length hidden, padded or neither.
    struct Protection {
        const char* cipher;
        const char* mac;
    };
    constexpr std::array protections{
        Protection{"aes128-gcm@openssh.com", "hmac-sha2-256"},
        Protection{"aes256-gcm@openssh.com", "hmac-sha2-256"},
        Protection{"chacha20-poly1305@openssh.com", "hmac-sha2-256"},
        Protection{"aes128-ctr", "hmac-sha2-256"},
        Protection{"aes256-ctr", "hmac-sha2-512-etm@openssh.com"},
    };
    const Protection& protection = protections[chance.below(protections.size())];
    options.client.algorithms.cipher = {protection.cipher};
    options.client.algorithms.mac = {protection.mac};
    for (ssh::SessionConfig* config : {&options.client, &options.server}) {
        config->initial_window_bytes = pick(chance, {0, 1, 2, 100, 5'000, 70'000, 262'144});
        config->packet_bytes = pick(chance, {1, 2, 31, 32, 1'000, 32'768, 32'768});
        config->opens_in_flight = chance.between(1, 4);
        config->channels = chance.between(1, 12);
        if (chance.chance(1'500)) {
            config->rekey_limit.bytes = pick(chance, {16, 100, 1'000, 20'000});
        }
    }
    return options;
}

PairChaos::PairChaos(std::uint64_t seed)
    : chance_{Random::mix(seed)},
      pair_{options_for(seed)},
      forwards_{chance_, pair_.client.session(), pair_.server.session()} {
    const Pair::Options options = options_for(seed);
    client_window_ = options.client.initial_window_bytes;
    server_window_ = options.server.initial_window_bytes;
    const bool rekeys_often =
        options.client.rekey_limit.bytes > 0 || options.server.rekey_limit.bytes > 0;
    const bool tiny = std::min(options.client.packet_bytes, options.server.packet_bytes) < 1'000 ||
                      std::min(client_window_, server_window_) < 1'000;
    tunnels_max_ = chance_.between(1, rekeys_often ? 4 : 12);
    // A rekey costs as much as a hundred packets.
    bytes_max_ = rekeys_often ? 300 : tiny ? 1'000 : 100'000;
    pair_.server_accepts_channels = false;
    for (Pair::End* end : {&pair_.client, &pair_.server}) {
        end->grants = false;
        end->keeps_data = false;
    }
    pair_.client.on_event = [this](const ssh::Event& event) { take(true, event); };
    pair_.server.on_event = [this](const ssh::Event& event) { take(false, event); };
}

void PairChaos::fail(std::string what) {
    if (failure_.empty()) {
        failure_ = std::move(what);
    }
}

std::string PairChaos::run() {
    if (!pair_.establish()) {
        return "the sessions did not come together";
    }
    for (std::size_t i = 0; i < acts && failure_.empty(); ++i) {
        act();
        check_windows();
        if (chance_.chance(500) && pair_.drive(2'000)) {
            check_that_both_sides_agree();
        }
        for (std::uint64_t steps = chance_.below(4); steps > 0; --steps) {
            pair_.step();
            check_windows();
        }
    }
    winding_down_ = true;
    stalled_ = false;
    if (failure_.empty() && !wind_down()) {
        fail("it came to a standstill");
    }
    for (const Pair::End* end : {&pair_.client, &pair_.server}) {
        if (end->ended) {
            fail("a session ended: " + std::string{ssh::describe(end->ended->code)});
        }
    }
    for (std::uint32_t id = 0; id < 12 && failure_.empty(); ++id) {
        if (pair_.client.session().channel(ssh::LocalChannelId{id}) ||
            pair_.server.session().channel(ssh::LocalChannelId{id})) {
            fail("channel " + std::to_string(id) + " is still in use");
        }
    }
    counts_.rekeys = pair_.client.keys_changed;
    counts_.forwards = forwards_.granted();
    return failure_;
}

// ---- acts --------------------------------------------------------------------------------------

void PairChaos::act() {
    const std::uint64_t kind = chance_.below(100);
    if (kind < 15) {
        open_tunnel();
    } else if (kind < 17) {
        pair_.client.session().rekey();
    } else if (kind < 19) {
        pair_.server.session().rekey();
    } else if (kind < 20) {
        pair_.client.session().rekey();
        pair_.server.session().rekey();
    } else if (kind < 23) {
        stalled_ = !stalled_;
    } else if (kind < 25) {
        pair_.client.session().probe();
    } else if (kind < 26) {
        pair_.server.session().probe();
    } else if (kind < 60) {
        forwards_.act();
    }
    for (const std::unique_ptr<Tunnel>& tunnel : tunnels_) {
        if (tunnel->asked && chance_.chance(5'000)) {
            answer_open(*tunnel);
        }
        // A path does not say which of several opens arrived: those are not given up.
        Mouth& opener = tunnel->opener();
        if (!opener.open && !opener.through &&
            tunnel->kind != ssh::ChannelKind::forwarded_streamlocal && chance_.chance(200)) {
            tunnel->given_up = true;
            opener.through = true;
            opener_of(*tunnel).close(opener.id);
        }
        act_on(pair_.client, *tunnel, true);
        act_on(pair_.server, *tunnel, false);
    }
}

void PairChaos::open_tunnel() {
    if (tunnels_.size() >= tunnels_max_) {
        return;
    }
    auto tunnel = std::make_unique<Tunnel>();
    const std::size_t number = tunnels_.size() + 1;
    std::string host = "tunnel";
    std::uint16_t port = static_cast<std::uint16_t>(number);
    if (chance_.chance(4'000)) {
        if (!choose_forward(*tunnel)) {
            return;
        }
        host = tunnel->forward.host;
        port = tunnel->forward.port;
    } else if (chance_.chance(3'000)) {
        tunnel->kind = ssh::ChannelKind::direct_streamlocal;
        host = std::to_string(number);
        port = 0;
    }
    const ssh::Result<ssh::LocalChannelId> id =
        opener_of(*tunnel).open({.kind = tunnel->kind,
                                 .host = host,
                                 .port = port,
                                 .originator_host = "127.0.0.1",
                                 .originator_port = static_cast<std::uint16_t>(number)});
    if (!id) {
        return;  // All numbers are in use.
    }
    tunnel->opener().id = *id;
    tunnel->opener().window = tunnel->by_server() ? server_window_ : client_window_;
    tunnel->client.planned = chance_.below(bytes_max_);
    tunnel->server.planned = chance_.below(bytes_max_);
    counts_.forwarded += tunnel->by_server() ? 1 : 0;
    tunnels_.push_back(std::move(tunnel));
    ++counts_.tunnels;
}

/// A connection that comes to a forward of the server, or to none: false if there is nothing to do.
bool PairChaos::choose_forward(Tunnel& tunnel) {
    const std::optional<PairForwards::Address> listening = forwards_.some_listening();
    const bool stray = chance_.chance(1'000);
    if (!listening && !stray) {
        return false;
    }
    tunnel.forward = stray ? PairForwards::Address{.kind = ssh::ForwardAddress::Kind::tcpip,
                                                   .host = "nobody",
                                                   .port = 1}
                           : *listening;
    const bool path = tunnel.forward.kind == ssh::ForwardAddress::Kind::streamlocal;
    tunnel.kind =
        path ? ssh::ChannelKind::forwarded_streamlocal : ssh::ChannelKind::forwarded_tcpip;
    // One open of a path at a time, for the same reason.
    return !path || std::ranges::none_of(tunnels_, [&](const auto& other) {
        return other->kind == tunnel.kind && !other->arrived && !other->server.through;
    });
}

ssh::Session& PairChaos::opener_of(const Tunnel& tunnel) noexcept {
    return tunnel.by_server() ? pair_.server.session() : pair_.client.session();
}

void PairChaos::answer_open(Tunnel& tunnel) {
    tunnel.asked = false;
    ssh::Session& session = tunnel.by_server() ? pair_.client.session() : pair_.server.session();
    Mouth& mouth = tunnel.acceptor();
    if (chance_.chance(1'500)) {
        mouth.through = true;
        session.refuse_channel(mouth.id, ssh::OpenFailure::connect_failed, "no");
        return;
    }
    session.accept_channel(mouth.id);
    mouth.open = true;
    mouth.window = tunnel.by_server() ? client_window_ : server_window_;
}

void PairChaos::act_on(Pair::End& end, Tunnel& tunnel, bool is_client) {
    Mouth& mouth = is_client ? tunnel.client : tunnel.server;
    if (!mouth.open || mouth.through) {
        return;
    }
    const auto index = static_cast<std::size_t>(
        std::ranges::find_if(tunnels_, [&](const auto& each) { return each.get() == &tunnel; }) -
        tunnels_.begin());
    send_some(end, mouth, stream_of(index, is_client));
    if (!stalled_) {
        grant_some(end, mouth, chance_.below(bytes_max_) + 1);
    }
    // A window that starts at 0 opens only by being widened.
    if (!mouth.close_sent && (mouth.window == 0 || chance_.chance(300))) {
        const auto by = static_cast<std::uint32_t>(chance_.between(1, 5'000));
        mouth.window += by;
        end.session().widen(mouth.id, by);
    }
    if (!winding_down_ && chance_.chance(150)) {
        mouth.planned = mouth.sent;  // It has said all.
    }
    if (!winding_down_ && chance_.chance(100) && !mouth.close_sent) {
        mouth.close_sent = true;
        end.session().close(mouth.id);
        ++counts_.cut;
    }
    finish(end, tunnel, is_client);
}

void PairChaos::send_some(Pair::End& end, Mouth& mouth, std::uint64_t stream) {
    if (mouth.sent == mouth.planned || mouth.eof_sent || mouth.close_sent || mouth.close_received) {
        return;
    }
    const std::uint64_t size = chance_.between(1, mouth.planned - mouth.sent);
    std::vector<std::byte> bytes(static_cast<std::size_t>(size));
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = content_at(stream, mouth.sent + i);
    }
    const std::size_t taken = end.session().send(mouth.id, bytes);
    mouth.sent += taken;
    counts_.bytes += taken;
}

void PairChaos::grant_some(Pair::End& end, Mouth& mouth, std::uint64_t most) {
    const std::uint64_t owed = mouth.received - mouth.granted;
    const std::uint64_t bytes = std::min(owed, most);
    if (bytes > 0 && !mouth.close_sent) {
        mouth.granted += bytes;
        end.session().grant(mouth.id, static_cast<std::uint32_t>(bytes));
    }
}

/// EOF behind the last byte; CLOSE once both directions have ended, or the peer has closed.
void PairChaos::finish(Pair::End& end, Tunnel& tunnel, bool is_client) {
    Mouth& mouth = is_client ? tunnel.client : tunnel.server;
    if (mouth.sent == mouth.planned && !mouth.eof_sent && !mouth.close_sent) {
        mouth.eof_sent = true;
        end.session().eof(mouth.id);
    }
    const bool both_ended = mouth.eof_sent && mouth.eof_received;
    if ((both_ended || mouth.close_received) && !mouth.close_sent) {
        mouth.close_sent = true;
        end.session().close(mouth.id);
    }
    if (mouth.close_sent) {
        mouth.through = true;
    }
}

bool PairChaos::wind_down() {
    for (std::size_t round = 0; round < wind_down_rounds_max; ++round) {
        bool through = true;
        for (const std::unique_ptr<Tunnel>& tunnel : tunnels_) {
            if (tunnel->asked) {
                answer_open(*tunnel);
            }
            act_on(pair_.client, *tunnel, true);
            act_on(pair_.server, *tunnel, false);
            Mouth& acceptor = tunnel->acceptor();
            const bool never_came = tunnel->given_up && !acceptor.open && !tunnel->asked;
            through = through && tunnel->opener().through && (acceptor.through || never_came);
        }
        through = forwards_.wind_down() && through;
        const bool moved = pair_.step();
        check_windows();
        if (!failure_.empty() || pair_.client.ended || pair_.server.ended) {
            return true;
        }
        if (!moved && through) {
            return true;
        }
    }
    return false;
}

// ---- events ------------------------------------------------------------------------------------

PairChaos::Tunnel* PairChaos::tunnel_of(bool is_client, ssh::LocalChannelId id) {
    // The last one that has this number: earlier ones are through with it.
    for (std::size_t i = tunnels_.size(); i > 0; --i) {
        Tunnel& tunnel = *tunnels_[i - 1];
        const Mouth& mouth = is_client ? tunnel.client : tunnel.server;
        const bool has_number = &mouth == &tunnel.opener() || mouth.open || tunnel.asked;
        if (has_number && !mouth.through && mouth.id == id) {
            return &tunnel;
        }
    }
    return nullptr;
}

void PairChaos::take(bool is_client, const ssh::Event& event) {
    if (const auto* asked = std::get_if<ssh::ChannelRequested>(&event)) {
        take_request(*asked);
    } else if (const auto* reply = std::get_if<ssh::ForwardReply>(&event)) {
        forwards_.take_at_client(*reply);
    } else if (const auto* forward = std::get_if<ssh::ForwardRequested>(&event)) {
        forwards_.take_at_server(*forward);
    } else if (const auto* opened = std::get_if<ssh::ChannelOpened>(&event)) {
        Tunnel* tunnel = tunnel_of(is_client, opened->id);
        if (tunnel == nullptr || tunnel->opener().open || tunnel->forward.host == "nobody") {
            return fail("a channel opened that was not opening");
        }
        tunnel->opener().open = true;
    } else if (const auto* refused = std::get_if<ssh::ChannelRefused>(&event)) {
        take_refusal(tunnel_of(is_client, refused->id), *refused);
    } else if (const auto* data = std::get_if<ssh::ChannelData>(&event)) {
        take_data(is_client, *data);
    } else if (const auto* eof = std::get_if<ssh::ChannelEof>(&event)) {
        Tunnel* tunnel = tunnel_of(is_client, eof->id);
        if (tunnel == nullptr) {
            return fail("an EOF for a channel that is over");
        }
        Mouth& mouth = is_client ? tunnel->client : tunnel->server;
        const Mouth& other = is_client ? tunnel->server : tunnel->client;
        mouth.eof_received = true;
        if (!other.eof_sent || mouth.received != other.sent) {
            fail("an EOF in front of the last byte");
        }
    } else if (const auto* closed = std::get_if<ssh::ChannelClosed>(&event)) {
        take_close(is_client, *closed);
    }
    if (!forwards_.failure().empty()) {
        fail(forwards_.failure());
    }
}

PairChaos::Tunnel* PairChaos::tunnel_asked_for(const ssh::ChannelRequested& asked) {
    std::size_t number = 0;
    switch (asked.kind) {
    case ssh::ChannelKind::direct_tcpip:
        number = asked.port;
        break;
    case ssh::ChannelKind::direct_streamlocal:
        number = std::strtoul(std::string{asked.host}.c_str(), nullptr, 10);
        break;
    case ssh::ChannelKind::forwarded_tcpip:
        number = asked.originator_port;
        break;
    case ssh::ChannelKind::forwarded_streamlocal:
        for (const std::unique_ptr<Tunnel>& tunnel : tunnels_) {
            if (tunnel->kind == asked.kind && !tunnel->arrived && !tunnel->server.through) {
                return tunnel.get();
            }
        }
        break;
    }
    return number == 0 || number > tunnels_.size() ? nullptr : tunnels_[number - 1].get();
}

void PairChaos::take_request(const ssh::ChannelRequested& asked) {
    Tunnel* tunnel = tunnel_asked_for(asked);
    if (tunnel == nullptr || tunnel->kind != asked.kind || tunnel->arrived) {
        return fail("a channel that nobody opened");
    }
    tunnel->arrived = true;
    tunnel->asked = true;
    tunnel->acceptor().id = asked.id;
    if (tunnel->by_server()) {
        forwards_.check_requested(asked);
    }
}

void PairChaos::take_refusal(Tunnel* tunnel, const ssh::ChannelRefused& refused) {
    if (tunnel == nullptr || tunnel->opener().open) {
        return fail("a channel was refused that was not opening");
    }
    tunnel->client.through = true;
    tunnel->server.through = true;
    if (refused.reason == ssh::OpenFailure::administratively_prohibited) {
        ++counts_.strays;
        if (!tunnel->by_server() || tunnel->arrived || !forwards_.may_be_unknown(tunnel->forward)) {
            fail("a channel of a forward was refused as unknown");
        }
    }
}

void PairChaos::take_data(bool is_client, const ssh::ChannelData& data) {
    for (std::size_t i = tunnels_.size(); i > 0; --i) {
        Tunnel& tunnel = *tunnels_[i - 1];
        Mouth& mouth = is_client ? tunnel.client : tunnel.server;
        if (!mouth.open || mouth.through || mouth.id != data.id) {
            continue;
        }
        const std::uint64_t stream = stream_of(i - 1, !is_client);
        for (const std::byte byte : data.bytes) {
            if (byte != content_at(stream, mouth.received)) {
                return fail("tunnel " + std::to_string(i - 1) + ": a wrong byte at offset " +
                            std::to_string(mouth.received));
            }
            ++mouth.received;
        }
        return;
    }
    fail("data for a channel that is over");
}

void PairChaos::take_close(bool is_client, const ssh::ChannelClosed& closed) {
    Tunnel* tunnel = tunnel_of(is_client, closed.id);
    if (tunnel == nullptr) {
        return fail("a CLOSE for a channel that is over");
    }
    Mouth& mouth = is_client ? tunnel->client : tunnel->server;
    const Mouth& other = is_client ? tunnel->server : tunnel->client;
    mouth.close_received = true;
    if (closed.cut != !other.eof_sent) {
        fail(closed.cut ? "an ended channel was told as cut" : "a cut channel was told as ended");
    }
    if (!closed.cut && mouth.received != other.sent) {
        fail("bytes are missing on a channel that ended");
    }
}

// ---- checks ------------------------------------------------------------------------------------

void PairChaos::check_windows() {
    for (const std::unique_ptr<Tunnel>& tunnel : tunnels_) {
        check_mouth(pair_.client, tunnel->client);
        check_mouth(pair_.server, tunnel->server);
    }
}

/// With nothing on its way, what one side may still send is what the other lets it send.
void PairChaos::check_that_both_sides_agree() {
    for (const std::unique_ptr<Tunnel>& tunnel : tunnels_) {
        const Mouth& a = tunnel->client;
        const Mouth& b = tunnel->server;
        const bool whole =
            a.open && b.open && !a.through && !b.through && !a.close_received && !b.close_received;
        const auto client = pair_.client.session().channel(a.id);
        const auto server = pair_.server.session().channel(b.id);
        if (!whole || !client || !server) {
            continue;
        }
        if (client->send_window != server->receive_window ||
            server->send_window != client->receive_window) {
            fail("the two sides of a window do not agree");
        }
    }
}

/// What the session thinks of a window is what this application did to it. The rest of the window
/// is the credit that waits to be given back.
void PairChaos::check_mouth(Pair::End& end, const Mouth& mouth) {
    if (!mouth.open || mouth.through || !failure_.empty()) {
        return;
    }
    const std::optional<ssh::ChannelState> state = end.session().channel(mouth.id);
    if (!state) {
        return end.ended ? void() : fail("an open channel is not known");
    }
    const std::uint64_t owed = mouth.received - mouth.granted;
    if (state->receive_owed != owed) {
        fail("owed " + std::to_string(state->receive_owed) + " instead of " + std::to_string(owed));
    }
    if (state->receive_window + owed > mouth.window) {
        fail("a window is larger than what was promised");
    }
    if (state->eof_sent != mouth.eof_sent && !mouth.close_sent) {
        fail("an EOF that nobody asked for");
    }
}

}  // namespace caponier::sim
