// Seeds of a session up to its login: handshakes and authentications, each of them about one thing.

#include <string>
#include <utility>

#include "ssh/auth/public_key_method.h"
#include "ssh/transport/packet_opener.h"
#include "tests/fuzz/script.h"
#include "tests/fuzz/seeds.h"
#include "tests/fuzz/session_steps.h"
#include "tests/spec/message.h"

namespace caponier::fuzz {

namespace {

using spec::Bytes;
using spec::Message;
using ssh::MessageNumber;

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

}  // namespace

std::vector<Seed> client_handshake_seeds() {
    return handshake_seeds(true);
}

std::vector<Seed> server_handshake_seeds() {
    return handshake_seeds(false);
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
