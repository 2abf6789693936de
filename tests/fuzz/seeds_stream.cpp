// Seeds of a session behind authentication: whole conversations, each of them about one thing.

#include <string>
#include <utility>

#include "tests/fuzz/script.h"
#include "tests/fuzz/seeds.h"
#include "tests/fuzz/session_steps.h"
#include "tests/spec/message.h"

namespace caponier::fuzz {

namespace {

using spec::Bytes;
using spec::Message;
using ssh::MessageNumber;

Message refusal(std::uint32_t channel) {
    return Message{MessageNumber::channel_open_failure}.uint32(channel).uint32(2).text("no").text(
        "");
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
    add("data_for_a_closed_number",
        Script{}
            .on(Step::close, 0)
            .message(spec::channel_close(0))
            .message(spec::channel_data(0, "x"))
            .message(spec::channel_eof(0))
            .message(spec::channel_close(0)));
    add("messages_of_the_login",
        Script{}
            .message(Message{MessageNumber::userauth_banner}.text("late").text(""))
            .message(Message{MessageNumber::userauth_success})
            .message(Message{MessageNumber::ext_info}.uint32(0)));
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

}  // namespace

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

}  // namespace caponier::fuzz
