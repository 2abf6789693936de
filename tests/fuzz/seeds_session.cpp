// Seeds of the session targets: whole conversations, each of them about one thing.

#include <array>
#include <string>
#include <utility>

#include "ssh/auth/public_key_method.h"
#include "ssh/transport/packet_opener.h"
#include "tests/fuzz/seeds.h"
#include "tests/fuzz/session_steps.h"
#include "tests/spec/message.h"

namespace caponier::fuzz {

namespace {

using spec::Bytes;
using spec::Message;
using ssh::MessageNumber;

/// Steps in the format of session_steps.h.
class Script {
  public:
    Script& step(Step step) { return byte(static_cast<std::uint8_t>(step)); }
    Script& byte(std::uint8_t value) { return bytes_.push_back(std::byte{value}), *this; }
    Script& uint16(std::size_t value) {
        return byte(static_cast<std::uint8_t>(value >> 8U)).byte(static_cast<std::uint8_t>(value));
    }
    Script& message(std::span<const std::byte> payload) {
        step(Step::message).uint16(payload.size());
        bytes_.insert(bytes_.end(), payload.begin(), payload.end());
        return *this;
    }
    Script& raw(std::span<const std::byte> bytes) {
        step(Step::raw).uint16(bytes.size());
        bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
        return *this;
    }
    Script& again(std::uint8_t count) { return step(Step::again).byte(count); }
    Script& on(Step what, std::uint8_t channel) { return step(what).byte(channel); }
    Script& send(std::uint8_t channel, std::size_t bytes) {
        return on(Step::send, channel).uint16(bytes);
    }
    [[nodiscard]] Bytes bytes() const { return bytes_; }

  private:
    Bytes bytes_;
};

Message confirmation(std::uint32_t channel, std::uint32_t window, std::uint32_t packet) {
    return Message{MessageNumber::channel_open_confirmation}
        .uint32(channel)
        .uint32(7)
        .uint32(window)
        .uint32(packet);
}

Message refusal(std::uint32_t channel) {
    return Message{MessageNumber::channel_open_failure}.uint32(channel).uint32(2).text("no").text(
        "");
}

Message direct_tcpip(std::uint32_t window, std::uint32_t packet) {
    return Message{MessageNumber::channel_open}
        .text("direct-tcpip")
        .uint32(7)
        .uint32(window)
        .uint32(packet)
        .text("db")
        .uint32(5432)
        .text("::1")
        .uint32(9);
}

Message open_of(std::string_view type) {
    return Message{MessageNumber::channel_open}.text(type).uint32(3).uint32(9).uint32(9);
}

Message forwarded_streamlocal() {
    return Message{MessageNumber::channel_open}
        .text("forwarded-streamlocal@openssh.com")
        .uint32(7)
        .uint32(100)
        .uint32(100)
        .text("/run/x")
        .text("");
}

Message forwarded_tcpip() {
    return Message{MessageNumber::channel_open}
        .text("forwarded-tcpip")
        .uint32(7)
        .uint32(100)
        .uint32(100)
        .text("localhost")
        .uint32(8080)
        .text("::1")
        .uint32(9);
}

Message extended_data(std::uint32_t channel) {
    return Message{MessageNumber::channel_extended_data}.uint32(channel).uint32(1).text("err");
}

Message host_keys() {
    return spec::global_request("hostkeys-00@openssh.com", false)
        .string(sim::Pair::host_key().public_key())
        .string(sim::Pair::user_key().public_key());
}

/// What either end of an established session may see, with channel 0 open.
void add_common(std::vector<Seed>& seeds, const Script& open) {
    const auto add = [&](std::string name, const Script& rest) {
        Bytes input = open.bytes();
        const Bytes more = rest.bytes();
        input.insert(input.end(), more.begin(), more.end());
        seeds.push_back({std::move(name), std::move(input)});
    };
    add("data_both_ways",
        Script{}
            .message(spec::channel_data(0, "hello"))
            .on(Step::grant, 0)
            .send(0, 100)
            .message(spec::window_adjust(0, 1'000))
            .send(0, 1'000));
    add("window_used_up",
        Script{}.message(spec::channel_data(0, std::string(100, 'x'))).again(2).on(Step::grant, 0));
    add("window_exceeded", Script{}.message(spec::channel_data(0, std::string(100, 'x'))).again(3));
    add("packet_too_large", Script{}.message(spec::channel_data(0, std::string(201, 'x'))));
    add("window_widened",
        Script{}
            .on(Step::widen, 0)
            .uint16(500)
            .message(spec::channel_data(0, "x"))
            .on(Step::grant, 0));
    add("peer_ends_first",
        Script{}
            .message(spec::channel_eof(0))
            .send(0, 9)
            .on(Step::eof, 0)
            .on(Step::close, 0)
            .message(spec::channel_close(0)));
    add("we_end_first",
        Script{}
            .on(Step::eof, 0)
            .message(spec::channel_data(0, "x"))
            .on(Step::close, 0)
            .message(spec::channel_close(0)));
    add("cut", Script{}.message(spec::channel_close(0)).on(Step::grant, 0).on(Step::close, 0));
    add("data_behind_eof",
        Script{}.message(spec::channel_eof(0)).message(spec::channel_data(0, "x")));
    add("data_behind_our_close",
        Script{}
            .on(Step::close, 0)
            .message(spec::channel_data(0, "x"))
            .message(spec::channel_eof(0)));
    add("data_behind_close",
        Script{}.message(spec::channel_close(0)).message(spec::channel_data(0, "x")));
    add("adjust_too_large",
        Script{}.message(spec::window_adjust(0, 1)).message(spec::window_adjust(0, UINT32_MAX)));
    add("no_such_channel", Script{}.message(spec::channel_data(5, "x")));
    add("extended_data", Script{}.message(extended_data(0)).again(3));
    add("channel_requests",
        Script{}
            .message(spec::channel_request(0, "exit-status", false).uint32(0))
            .message(spec::channel_request(0, "keepalive@openssh.com", true))
            .again(20)
            .message(Message{MessageNumber::channel_success}.uint32(0))
            .message(Message{MessageNumber::channel_failure}.uint32(0)));
    add("global_requests",
        Script{}
            .message(spec::global_request("keepalive@openssh.com", true))
            .message(spec::global_request("nobody@example.com", false))
            .message(Message{MessageNumber::request_success})
            .message(Message{MessageNumber::request_failure}));
    add("probes",
        Script{}
            .step(Step::probe)
            .step(Step::probe)
            .message(Message{MessageNumber::request_failure})
            .message(Message{MessageNumber::request_success}));
    add("forwards",
        Script{}
            .step(Step::request_forward)
            .message(Message{MessageNumber::request_success})
            .message(forwarded_tcpip())
            .step(Step::answer_yes)
            .step(Step::cancel_forward)
            .message(forwarded_tcpip())
            .message(Message{MessageNumber::request_success}));
    add("forward_of_any_port",
        Script{}
            .step(Step::request_any_port)
            .step(Step::probe)
            .message(forwarded_tcpip())
            .message(Message{MessageNumber::request_success}.uint32(8080))
            .message(Message{MessageNumber::request_failure})
            .message(forwarded_tcpip())
            .step(Step::answer_no)
            .step(Step::cancel_forward)
            .message(Message{MessageNumber::request_failure}));
    add("forward_of_a_socket",
        Script{}
            .step(Step::request_socket)
            .message(Message{MessageNumber::request_success})
            .message(forwarded_streamlocal())
            .step(Step::answer_yes)
            .message(forwarded_streamlocal())
            .step(Step::answer_no));
    add("forward_refused",
        Script{}
            .step(Step::request_forward)
            .step(Step::cancel_forward)
            .message(Message{MessageNumber::request_failure}));
    add("forward_without_a_port",
        Script{}.step(Step::request_any_port).message(Message{MessageNumber::request_success}));
    add("forward_requests_unanswered",
        Script{}
            .message(spec::global_request("tcpip-forward", true).text("").uint32(0))
            .again(255)
            .again(255));
    add("forward_to_a_port_too_high",
        Script{}.message(spec::global_request("tcpip-forward", true).text("").uint32(65'536)));
    add("forward_cancelled_from_nothing",
        Script{}.message(spec::global_request("cancel-tcpip-forward", true).text("x").uint32(9)));
    add("tcpip_forward",
        Script{}
            .message(spec::global_request("tcpip-forward", true).text("").uint32(0))
            .step(Step::answer_yes)
            .message(spec::global_request("cancel-tcpip-forward", true).text("").uint32(0))
            .step(Step::answer_no)
            .message(spec::global_request("streamlocal-forward@openssh.com", true).text("/run/x"))
            .step(Step::answer_yes)
            .message(
                spec::global_request("cancel-streamlocal-forward@openssh.com", true).text("/run/x"))
            .step(Step::answer_yes));
    add("host_keys",
        Script{}
            .message(host_keys())
            .message(spec::global_request("hostkeys-00@openssh.com", false)));
    add("unknown_open", Script{}.message(open_of("session")).again(3).message(open_of("x11")));
    add("unread_replies",
        Script{}
            .step(Step::stop_reading)
            .message(spec::global_request("x", true))
            .again(255)
            .again(255)
            .step(Step::start_reading));
    add("transport_messages",
        Script{}
            .message(spec::ignore("x"))
            .message(Message{MessageNumber::debug}.boolean(true).text("x").text(""))
            .message(Message{MessageNumber::unimplemented}.uint32(3))
            .message(Message{MessageNumber::ping}.text("ping"))
            .message(Message{MessageNumber::pong}.text("pong"))
            .message(Message{std::uint8_t{200}}));
    add("peer_disconnects",
        Script{}.message(Message{MessageNumber::disconnect}.uint32(11).text("bye").text("")));
    add("we_disconnect", Script{}.step(Step::disconnect).message(spec::ignore("x")));
    add("peer_rekeys",
        Script{}
            .step(Step::kexinit)
            .step(Step::kex_value)
            .step(Step::answer_yes)
            .step(Step::newkeys)
            .message(spec::channel_data(0, "new")));
    add("we_rekey",
        Script{}
            .step(Step::rekey)
            .message(spec::channel_data(0, "on its way"))
            .on(Step::grant, 0)
            .send(0, 50)
            .on(Step::eof, 0)
            .step(Step::open)
            .message(Message{MessageNumber::ping}.text("ping"))
            .step(Step::kexinit)
            .step(Step::kex_value)
            .step(Step::answer_yes)
            .step(Step::newkeys));
    add("rekey_without_end",
        Script{}.step(Step::rekey).on(Step::pass_time, 255).on(Step::pass_time, 255));
    add("data_in_rekey", Script{}.step(Step::kexinit).message(spec::channel_data(0, "x")));
    add("second_kexinit", Script{}.step(Step::kexinit).step(Step::kexinit));
    add("newkeys_out_of_place", Script{}.step(Step::newkeys));
    add("requests_in_rekey",
        Script{}.step(Step::rekey).message(spec::global_request("x", true)).again(255).again(255));
    add("pings_in_rekey",
        Script{}
            .step(Step::rekey)
            .message(Message{MessageNumber::ping}.text("x"))
            .again(255)
            .again(255));
    add("opens_in_rekey",
        Script{}.step(Step::rekey).message(open_of("session")).again(255).again(255));
    add("unknown_in_rekey",
        Script{}.step(Step::rekey).message(Message{std::uint8_t{200}}).again(255).again(255));
    add("no_frame", Script{}.raw(Bytes(16, std::byte{255})));
    add("in_one_piece",
        Script{}
            .step(Step::gather)
            .message(spec::channel_data(0, "one"))
            .message(spec::channel_data(0, "two"))
            .message(spec::channel_eof(0))
            .message(spec::channel_close(0))
            .step(Step::deliver));
    add("authentication_again",
        Script{}
            .message(Message{MessageNumber::userauth_request}
                         .text("u")
                         .text("ssh-connection")
                         .text("none"))
            .message(Message{MessageNumber::userauth_success})
            .message(Message{MessageNumber::service_request}.text("ssh-userauth")));
}

/// The messages of one direction of an authentication, under the keys that the targets have.
std::vector<Bytes> recorded_authentication(bool to_server) {
    Bytes stream;
    sim::Pair::Options options = pair_under_fuzz();
    bool keys_are_on = false;
    options.tamper = [&](bool up, std::vector<std::byte>& piece) {
        if (keys_are_on && up == to_server) {
            stream.insert(stream.end(), piece.begin(), piece.end());
        }
    };
    sim::Pair pair{std::move(options)};
    sim::Pair::End& sender = to_server ? pair.client : pair.server;
    sim::Pair::End& taker = to_server ? pair.server : pair.client;
    while (!taker.established && pair.step()) {
        // The sender's NEWKEYS has been delivered where the taker's keys have changed.
        keys_are_on = taker.keys_changed > 0 && sender.keys_changed > 0;
    }
    ssh::PacketOpener opener;
    constexpr auto algorithm = ssh::CipherAlgorithm::aes128_gcm;
    const ssh::CipherShape& shape = ssh::shape_of(algorithm);
    opener.use_key(ssh::make_aead(algorithm, {Bytes(shape.key_bytes), Bytes(shape.iv_bytes)}),
                   shape);
    std::vector<Bytes> messages;
    std::span<std::byte> unread{stream};
    while (!unread.empty()) {
        const auto packet = opener.open(unread);
        if (!packet || !*packet) {
            return {};
        }
        messages.push_back(spec::copy((*packet)->payload));
        unread = unread.subspan((*packet)->packet_bytes);
    }
    return messages;
}

Message public_key_request(std::string_view algorithm, bool has_signature) {
    return Message{MessageNumber::userauth_request}
        .text("user")
        .text("ssh-connection")
        .text("publickey")
        .boolean(has_signature)
        .text(algorithm)
        .string(sim::Pair::user_key().public_key());
}

Message service_request() {
    return Message{MessageNumber::service_request}.text("ssh-userauth");
}
Message service_accept() {
    return Message{MessageNumber::service_accept}.text("ssh-userauth");
}
Message failure(std::string_view methods, bool partial = false) {
    return Message{MessageNumber::userauth_failure}.text(methods).boolean(partial);
}
Message banner() {
    return Message{MessageNumber::userauth_banner}.text("Hello\r\n").text("");
}
Message ext_info(std::string_view algorithms) {
    return Message{MessageNumber::ext_info}
        .uint32(2)
        .text("server-sig-algs")
        .text(algorithms)
        .text("publickey-hostbound@openssh.com")
        .text("0");
}
Message info_request(std::uint32_t prompts) {
    Message request{MessageNumber::userauth_info_request};
    request.text("name").text("instruction").text("").uint32(prompts);
    for (std::uint32_t i = 0; i < prompts; ++i) {
        request.text("Code: ").boolean(i % 2 == 0);
    }
    return request;
}
Message user_request(std::string_view method) {
    return Message{MessageNumber::userauth_request}
        .text("user")
        .text("ssh-connection")
        .text(method);
}
Message pk_ok() {
    return Message{MessageNumber::userauth_pk_ok}
        .text("ssh-ed25519")
        .string(sim::Pair::user_key().public_key());
}

}  // namespace

std::vector<Seed> handshake_seeds(bool of_client) {
    Script exchange;
    exchange.step(Step::identification).step(Step::kexinit).step(Step::kex_value);
    // A client accepts the host key, a server signs.
    exchange.step(Step::answer_yes).step(Step::newkeys);
    const Script begin = Script{}.step(Step::identification);
    std::vector<Seed> seeds;
    const auto add = [&](std::string name, const Script& script) {
        seeds.push_back({std::move(name), script.bytes()});
    };
    add("whole",
        Script{exchange}
            .message(of_client ? service_accept() : service_request())
            .message(of_client ? failure("publickey") : user_request("none"))
            .step(Step::answer_yes));
    add("refused_key",
        Script{begin}.step(Step::kexinit).step(Step::kex_value).step(Step::answer_no));
    add("lines_before",
        Script{}.raw(ssh::bytes_of("Welcome\r\n")).step(Step::identification).step(Step::kexinit));
    add("no_ssh", Script{}.raw(ssh::bytes_of("GET / HTTP/1.1\r\n\r\n")));
    add("old_version", Script{}.raw(ssh::bytes_of("SSH-1.5-old\r\n")));
    add("ignore_first", Script{begin}.message(spec::ignore("x")).step(Step::kexinit));
    add("ignore_in_between",
        Script{begin}.step(Step::kexinit).message(spec::ignore("x")).step(Step::kex_value));
    add("debug_in_between",
        Script{begin}
            .step(Step::kexinit)
            .message(Message{MessageNumber::debug}.boolean(true).text("x").text("")));
    add("unknown_in_between", Script{begin}.step(Step::kexinit).message(Message{std::uint8_t{9}}));
    add("unknown_before", Script{begin}.message(Message{std::uint8_t{9}}));
    add("newkeys_first", Script{begin}.step(Step::newkeys));
    add("newkeys_too_early", Script{begin}.step(Step::kexinit).step(Step::newkeys));
    add("ignore_before_newkeys",
        Script{begin}
            .step(Step::kexinit)
            .step(Step::kex_value)
            .step(Step::answer_yes)
            .message(spec::ignore("x"))
            .step(Step::newkeys));
    add("second_kexinit", Script{begin}.step(Step::kexinit).step(Step::kexinit));
    add("channel_open_first", Script{begin}.message(open_of("session")));
    add("success_first", Script{begin}.message(Message{MessageNumber::userauth_success}));
    add("disconnect",
        Script{begin}.message(Message{MessageNumber::disconnect}.uint32(2).text("no").text("")));
    add("ping", Script{begin}.message(Message{MessageNumber::ping}.text("x")));
    add("unimplemented", Script{begin}.message(Message{MessageNumber::unimplemented}.uint32(0)));
    add("broken_kexinit", Script{begin}.message(Message{MessageNumber::kexinit}));
    add("strange_reply",
        Script{begin}
            .step(Step::kexinit)
            .message(Message{MessageNumber::kex_ecdh_reply}.text("").text("").text("")));
    add("strange_init",
        Script{begin}.step(Step::kexinit).message(Message{MessageNumber::kex_ecdh_init}.text("")));
    add("giant_packet", Script{begin}.raw(Bytes(8, std::byte{255})));
    add("nothing_for_long", Script{begin}.on(Step::pass_time, 255).on(Step::pass_time, 255));
    add("much_ignored", Script{begin}.message(spec::ignore("x")).again(255).again(255));
    add("rekey_at_once", Script{exchange}.step(Step::kexinit));
    return seeds;
}

/// Each message, and each of its beginnings.
void add_shortened(std::vector<Seed>& seeds,
                   std::string_view name,
                   const Script& begin,
                   const Message& message) {
    const std::span<const std::byte> payload = message;
    for (std::size_t size = 1; size < payload.size(); size += 1 + payload.size() / 8) {
        seeds.push_back({std::string{name} + "_of_" + std::to_string(size) + "_bytes",
                         Script{begin}.message(payload.first(size)).bytes()});
    }
}

std::vector<Seed> client_handshake_seeds() {
    return handshake_seeds(true);
}

std::vector<Seed> server_handshake_seeds() {
    return handshake_seeds(false);
}

std::vector<Seed> client_stream_seeds() {
    std::vector<Seed> seeds;
    add_common(seeds, Script{}.step(Step::open).message(confirmation(0, 1'000, 500)));
    seeds.push_back({"refused", Script{}.step(Step::open).message(refusal(0)).bytes()});
    seeds.push_back({"confirmed_twice",
                     Script{}
                         .step(Step::open)
                         .message(confirmation(0, 9, 9))
                         .message(confirmation(0, 9, 9))
                         .bytes()});
    seeds.push_back(
        {"no_packet_size", Script{}.step(Step::open).message(confirmation(0, 9, 0)).bytes()});
    seeds.push_back({"closed_while_opening",
                     Script{}
                         .step(Step::open)
                         .on(Step::close, 0)
                         .message(confirmation(0, 9, 9))
                         .message(spec::channel_close(0))
                         .bytes()});
    Script many;
    for (int i = 0; i < 7; ++i) {
        many.step(Step::open);
    }
    many.on(Step::close, 3).message(refusal(0)).message(refusal(1)).message(confirmation(2, 9, 9));
    seeds.push_back({"more_than_in_flight", many.bytes()});
    return seeds;
}

std::vector<Seed> server_stream_seeds() {
    std::vector<Seed> seeds;
    add_common(seeds, Script{}.message(direct_tcpip(1'000, 500)).step(Step::answer_yes));
    seeds.push_back(
        {"refused", Script{}.message(direct_tcpip(9, 9)).step(Step::answer_no).bytes()});
    seeds.push_back({"no_packet_size", Script{}.message(direct_tcpip(9, 0)).bytes()});
    seeds.push_back({"more_than_allowed", Script{}.message(direct_tcpip(9, 9)).again(7).bytes()});
    seeds.push_back({"closed_before_the_answer",
                     Script{}.message(direct_tcpip(9, 9)).message(spec::channel_close(0)).bytes()});
    seeds.push_back({"direct_streamlocal",
                     Script{}
                         .message(Message{MessageNumber::channel_open}
                                      .text("direct-streamlocal@openssh.com")
                                      .uint32(7)
                                      .uint32(9)
                                      .uint32(9)
                                      .text("/run/x")
                                      .text("")
                                      .uint32(0))
                         .step(Step::answer_yes)
                         .bytes()});
    return seeds;
}

std::vector<Seed> client_authentication_seeds() {
    const Script begin =
        Script{}.message(ext_info("ssh-ed25519,rsa-sha2-256")).message(service_accept());
    const auto seed = [&](std::string name, Script script) {
        return Seed{std::move(name), script.bytes()};
    };
    const auto after = [&](const auto& fill) {
        Script script = begin;
        fill(script);
        return script;
    };
    Script with_key = begin;
    with_key.message(failure("publickey")).step(Step::answer_yes);
    Script with_signature = with_key;
    with_signature.message(pk_ok()).step(Step::answer_yes);
    std::vector<Seed> seeds{
        seed("none_is_enough", after([](Script& script) {
                 script.message(Message{MessageNumber::userauth_success});
             })),
        seed("banner", after([](Script& script) { script.message(banner()).again(3); })),
        seed("gives_up", after([](Script& script) {
                 script.message(failure("password")).step(Step::answer_no);
             })),
        seed("key_refused", Script{with_key}.message(failure("publickey")).step(Step::answer_yes)),
        seed("key_accepted",
             Script{with_signature}.message(Message{MessageNumber::userauth_success})),
        seed("signature_declined", Script{with_key}.message(pk_ok()).step(Step::answer_no)),
        seed("partial",
             Script{with_signature}
                 .message(failure("publickey,password", true))
                 .step(Step::answer_yes)),
        seed("success_at_query",
             Script{with_key}.message(Message{MessageNumber::userauth_success})),
        seed("success_at_once", Script{}.message(Message{MessageNumber::userauth_success})),
        seed("ext_info_before_success",
             Script{with_signature}
                 .message(ext_info("x"))
                 .message(Message{MessageNumber::userauth_success})
                 .step(Step::open)
                 .message(confirmation(0, 9, 9))),
        seed("ext_info_out_of_place", Script{with_key}.message(ext_info("x")).message(banner())),
        seed("wrong_count",
             Script{}.message(Message{MessageNumber::ext_info}.uint32(9).text("a").text("b"))),
        seed("wrong_service",
             Script{}.message(Message{MessageNumber::service_accept}.text("ssh-connection"))),
        seed("password_accepted", after([](Script& script) {
                 script.message(failure("password"))
                     .step(Step::answer_password)
                     .message(Message{MessageNumber::userauth_success});
             })),
        seed("password_expired", after([](Script& script) {
                 script.message(failure("password"))
                     .step(Step::answer_password)
                     .message(
                         Message{MessageNumber::userauth_passwd_changereq}.text("new?").text(""))
                     .step(Step::answer_password)
                     .message(failure("password"))
                     .step(Step::answer_no);
             })),
        seed("interactive", after([](Script& script) {
                 script.message(failure("keyboard-interactive"))
                     .step(Step::answer_interactive)
                     .message(info_request(2))
                     .step(Step::answer_yes)
                     .message(info_request(0))
                     .step(Step::answer_yes)
                     .message(Message{MessageNumber::userauth_success});
             })),
        seed("interactive_for_ever", after([](Script& script) {
                 script.message(failure("keyboard-interactive")).step(Step::answer_interactive);
                 for (int i = 0; i < 102; ++i) {
                     script.message(info_request(0)).step(Step::answer_yes);
                 }
             })),
        seed("too_many_prompts", after([](Script& script) {
                 script.message(failure("keyboard-interactive"))
                     .step(Step::answer_interactive)
                     .message(info_request(65));
             })),
        seed("prompts_abandoned", after([](Script& script) {
                 script.message(failure("keyboard-interactive"))
                     .step(Step::answer_interactive)
                     .message(info_request(1))
                     .step(Step::answer_password)
                     .message(failure("publickey"))
                     .step(Step::answer_yes);
             })),
        seed("prompts_unasked",
             after([](Script& script) { script.message(failure("x")).message(info_request(1)); })),
        seed("timeout", after([](Script& script) {
                 script.on(Step::pass_time, 255).on(Step::pass_time, 255);
             })),
        seed("pings",
             Script{}.message(Message{MessageNumber::ping}.text("x")).message(spec::ignore("x"))),
    };
    Script with_password = begin;
    with_password.message(failure("password")).step(Step::answer_password);
    Script with_prompts = begin;
    with_prompts.message(failure("keyboard-interactive")).step(Step::answer_interactive);
    add_shortened(seeds, "service_accept", Script{}, service_accept());
    add_shortened(seeds, "ext_info", Script{}, ext_info("x"));
    add_shortened(seeds, "failure", begin, failure("publickey"));
    add_shortened(seeds, "banner", begin, banner());
    add_shortened(seeds, "pk_ok", with_key, pk_ok());
    add_shortened(seeds, "info_request", with_prompts, info_request(1));
    add_shortened(seeds,
                  "password_change_request",
                  with_password,
                  Message{MessageNumber::userauth_passwd_changereq}.text("new?").text(""));
    seeds.push_back(
        {"pk_ok_for_another_key",
         Script{with_key}
             .message(Message{MessageNumber::userauth_pk_ok}.text("ssh-ed25519").text("x"))
             .bytes()});
    seeds.push_back(
        {"failure_unasked", Script{begin}.message(failure("x")).message(failure("x")).bytes()});
    seeds.push_back(
        {"long_success",
         Script{begin}.message(Message{MessageNumber::userauth_success}.byte(0)).bytes()});
    seeds.push_back({"request_to_a_client", Script{begin}.message(user_request("none")).bytes()});
    return seeds;
}

std::vector<Seed> server_authentication_seeds() {
    std::vector<Seed> seeds;
    Script recorded;
    for (const Bytes& message : recorded_authentication(true)) {
        recorded.message(message).step(Step::answer_yes);
    }
    recorded.message(direct_tcpip(9, 9)).step(Step::answer_yes);
    seeds.push_back({"as_recorded", recorded.bytes()});
    const Message none =
        Message{MessageNumber::userauth_request}.text("user").text("ssh-connection").text("none");
    const auto begin = [] { return Script{}.message(service_request()); };
    const auto add = [&](std::string name, const Script& script) {
        seeds.push_back({std::move(name), script.bytes()});
    };
    add("none", begin().message(none).step(Step::answer_no).message(none).step(Step::answer_yes));
    add("query", begin().message(public_key_request("ssh-ed25519", false)).step(Step::answer_yes));
    add("query_refused",
        begin().message(public_key_request("ssh-ed25519", false)).step(Step::answer_no));
    add("unknown_algorithm", begin().message(public_key_request("ssh-dss", false)).again(7));
    add("wrong_signature",
        begin().message(
            public_key_request("ssh-ed25519", true).string(Message{std::uint8_t{0}}.payload())));
    add("empty_signature", begin().message(public_key_request("ssh-ed25519", true).text("")));
    add("host_bound",
        begin()
            .message(Message{MessageNumber::userauth_request}
                         .text("user")
                         .text("ssh-connection")
                         .text("publickey-hostbound-v00@openssh.com")
                         .boolean(false)
                         .text("ssh-ed25519")
                         .string(sim::Pair::user_key().public_key())
                         .string(sim::Pair::host_key().public_key()))
            .step(Step::answer_yes));
    const Message password = user_request("password").boolean(false).text("secret");
    add("password", begin().message(password).step(Step::answer_yes));
    add("passwords",
        begin().message(password).step(Step::answer_no).message(password).step(Step::answer_no));
    add("password_change",
        begin().message(user_request("password").boolean(true).text("old").text("new")));
    add("password_partly",
        begin()
            .message(password)
            .step(Step::answer_partly)
            .message(public_key_request("ssh-ed25519", false))
            .step(Step::answer_yes)
            .message(Message{MessageNumber::userauth_request}
                         .text("other")
                         .text("ssh-connection")
                         .text("none"))
            .step(Step::answer_yes));
    const Message interactive = user_request("keyboard-interactive").text("").text("pam");
    add("interactive",
        begin()
            .message(interactive)
            .on(Step::ask_prompts, 2)
            .message(Message{MessageNumber::userauth_info_response}.uint32(2).text("a").text("b"))
            .on(Step::ask_prompts, 0)
            .message(Message{MessageNumber::userauth_info_response}.uint32(0))
            .step(Step::answer_yes));
    add("interactive_wrong_count",
        begin()
            .message(interactive)
            .on(Step::ask_prompts, 1)
            .message(Message{MessageNumber::userauth_info_response}.uint32(2).text("a").text("b"))
            .message(interactive)
            .step(Step::answer_no));
    add("interactive_abandoned",
        begin()
            .message(interactive)
            .on(Step::ask_prompts, 1)
            .message(password)
            .step(Step::answer_no));
    add("answers_unasked",
        begin().message(Message{MessageNumber::userauth_info_response}.uint32(1).text("a")));
    add_shortened(seeds, "password", begin(), password);
    add_shortened(seeds, "interactive", begin(), interactive);
    add_shortened(seeds, "query", begin(), public_key_request("ssh-ed25519", false));
    add_shortened(seeds,
                  "answers",
                  begin().message(interactive).on(Step::ask_prompts, 1),
                  Message{MessageNumber::userauth_info_response}.uint32(1).text("answer"));
    add_shortened(seeds, "service_request", Script{}, service_request());
    add("success_to_a_server", begin().message(Message{MessageNumber::userauth_success}));
    add("unknown_method", begin().message(user_request("hostbased")).again(7));
    add("wrong_service", Script{}.message(Message{MessageNumber::service_request}.text("x")));
    add("other_service",
        begin().message(
            Message{MessageNumber::userauth_request}.text("user").text("x").text("none")));
    add("no_service", Script{}.message(none));
    add("too_early", begin().message(direct_tcpip(9, 9)));
    add("timeout", begin().on(Step::pass_time, 255).on(Step::pass_time, 255));
    add("pipelined",
        Script{}
            .step(Step::gather)
            .message(service_request())
            .message(none)
            .message(none)
            .step(Step::deliver)
            .step(Step::answer_no)
            .step(Step::answer_yes));
    return seeds;
}

}  // namespace caponier::fuzz
