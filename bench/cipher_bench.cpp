// What the packet ciphers cost: sealing in place, sealing data that lies elsewhere, and opening,
// for each provider and cipher. A packet is framed as channel data is; the bytes counted are the
// data's. The numbers are in README.md.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "ssh/crypto/aead.h"

namespace caponier::ssh {

namespace {

/// uint32 packet_length, byte padding_length; byte message, uint32 channel, uint32 length.
constexpr std::size_t data_offset = 4 + 1 + 9;
constexpr std::array<std::byte, 64> key_material{};

struct Choice {
    AeadProvider provider;
    CipherAlgorithm algorithm;
};

std::unique_ptr<Aead> make(const Choice& choice) {
    const CipherShape& shape = shape_of(choice.algorithm);
    const std::span<const std::byte> material{key_material};
    return make_aead(choice.algorithm,
                     {.key = material.first(shape.key_bytes), .iv = material.first(shape.iv_bytes)},
                     choice.provider);
}

std::vector<std::byte> framed(const CipherShape& shape, std::size_t data_bytes) {
    constexpr std::size_t padding_bytes_min = 4;
    const std::size_t text_bytes = data_offset - packet_length_bytes + data_bytes;
    const std::size_t blocks =
        (text_bytes + padding_bytes_min + shape.block_bytes - 1) / shape.block_bytes;
    return std::vector<std::byte>(packet_length_bytes + blocks * shape.block_bytes +
                                  shape.tag_bytes);
}

void count_bytes(benchmark::State& state) {
    state.SetBytesProcessed(state.iterations() * state.range(0));
}

void seal(benchmark::State& state, const Choice& choice) {
    const std::unique_ptr<Aead> aead = make(choice);
    std::vector<std::byte> packet =
        framed(shape_of(choice.algorithm), static_cast<std::size_t>(state.range(0)));
    std::uint32_t sequence = 0;
    for (auto _ : state) {
        aead->seal(sequence++, packet);
        benchmark::ClobberMemory();
    }
    count_bytes(state);
}

void seal_from(benchmark::State& state, const Choice& choice) {
    const std::unique_ptr<Aead> aead = make(choice);
    const std::vector<std::byte> data(static_cast<std::size_t>(state.range(0)));
    std::vector<std::byte> packet = framed(shape_of(choice.algorithm), data.size());
    std::uint32_t sequence = 0;
    for (auto _ : state) {
        aead->seal_from(sequence++, packet, data_offset, data);
        benchmark::ClobberMemory();
    }
    count_bytes(state);
}

/// The alternative to seal_from: bring the data into the packet first.
void copy_and_seal(benchmark::State& state, const Choice& choice) {
    const std::unique_ptr<Aead> aead = make(choice);
    const std::vector<std::byte> data(static_cast<std::size_t>(state.range(0)));
    std::vector<std::byte> packet = framed(shape_of(choice.algorithm), data.size());
    std::uint32_t sequence = 0;
    for (auto _ : state) {
        std::copy(data.begin(), data.end(), std::span{packet}.subspan(data_offset).begin());
        aead->seal(sequence++, packet);
        benchmark::ClobberMemory();
    }
    count_bytes(state);
}

/// Every packet is valid: a batch is sealed by the other end while the clock stands still, and
/// opened in order. A batch is many packets, because stopping the clock has a price too.
void open(benchmark::State& state, const Choice& choice) {
    const std::size_t data_bytes = static_cast<std::size_t>(state.range(0));
    const std::unique_ptr<Aead> sealer = make(choice);
    const std::unique_ptr<Aead> opener = make(choice);
    const std::vector<std::byte> frame = framed(shape_of(choice.algorithm), data_bytes);
    const std::size_t batch = std::max<std::size_t>(16, 256 * 1'024 / frame.size());
    std::vector<std::vector<std::byte>> packets(batch, frame);
    std::uint32_t sequence = 0;
    std::uint32_t opened = 0;
    std::size_t at = batch;
    for (auto _ : state) {
        if (at == batch) {
            state.PauseTiming();
            for (std::vector<std::byte>& packet : packets) {
                packet = frame;
                sealer->seal(sequence++, packet);
            }
            at = 0;
            state.ResumeTiming();
        }
        const std::span<std::byte> packet{packets[at++]};
        benchmark::DoNotOptimize(
            opener->packet_length(opened, packet.first<packet_length_bytes>()));
        if (!opener->open(opened++, packet)) {
            std::fputs("cipher_bench: a packet did not open\n", stderr);
            std::exit(1);
        }
    }
    count_bytes(state);
}

void add(const std::string& provider_name, const Choice& choice) {
    if (!make(choice)) {
        return;
    }
    const std::string name = provider_name + "/" + std::string{shape_of(choice.algorithm).name};
    for (const auto& [verb, function] : {std::pair{"seal", &seal},
                                         std::pair{"seal_from", &seal_from},
                                         std::pair{"copy_and_seal", &copy_and_seal},
                                         std::pair{"open", &open}}) {
        benchmark::RegisterBenchmark((name + "/" + verb).c_str(), function, choice)
            ->Arg(64)
            ->Arg(256)
            ->Arg(1'024)
            ->Arg(8 * 1'024)
            ->Arg(32 * 1'024);
    }
}

}  // namespace

}  // namespace caponier::ssh

int main(int argc, char** argv) {
    using caponier::ssh::AeadProvider;
    using caponier::ssh::CipherAlgorithm;
    for (const CipherAlgorithm algorithm : {CipherAlgorithm::aes128_gcm,
                                            CipherAlgorithm::aes256_gcm,
                                            CipherAlgorithm::chacha20_poly1305}) {
        caponier::ssh::add("ipsec_mb", {AeadProvider::ipsec_mb, algorithm});
        caponier::ssh::add("openssl", {AeadProvider::openssl, algorithm});
    }
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
        return 1;
    }
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}
