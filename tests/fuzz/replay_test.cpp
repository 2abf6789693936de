// A fuzz target as an ordinary test: it takes every seed and every file of its corpus, in the
// compiler and with the options of the other tests.
// usage: fuzz-TARGET-replay [GoogleTest's options] TARGET CORPUS-FOLDER

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <unistd.h>

#include <gtest/gtest.h>

#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/seeds.h"

namespace caponier::fuzz {
namespace {

std::string target;
std::string corpus;
/// What runs now, for whoever has to find the input that ended the process.
std::array<char, 512> running{};

void say_what_ran(int signal) {
    static_cast<void>(!write(STDERR_FILENO, running.data(), std::strlen(running.data())));
    std::signal(signal, SIG_DFL);
    std::raise(signal);
}

void try_named(const std::string& name, std::span<const std::byte> input) {
    std::snprintf(running.data(), running.size(), "the input was %s\n", name.c_str());
    // A copy of the exact size, so that a read behind its end is a read of nobody's memory.
    const std::vector<std::byte> own(input.begin(), input.end());
    try_input(own);
}

std::vector<std::byte> contents(const std::filesystem::path& path) {
    std::ifstream file{path, std::ios::binary};
    const std::string text{std::istreambuf_iterator<char>{file}, {}};
    const auto bytes = ssh::bytes_of(text);
    return {bytes.begin(), bytes.end()};
}

TEST(Seeds, DoNoHarm) {
    const std::vector<Seed> seeds = seeds_of(target);
    ASSERT_FALSE(seeds.empty()) << "no seeds for " << target;

    for (const Seed& seed : seeds) {
        try_named("the seed " + seed.name, seed.input);
    }
}

TEST(Corpus, DoesNoHarm) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator{corpus}) {
        files.push_back(entry.path());
    }
    ASSERT_FALSE(files.empty()) << "nothing in " << corpus;
    std::ranges::sort(files);

    for (const std::filesystem::path& file : files) {
        try_named(file.string(), contents(file));
    }
}

}  // namespace
}  // namespace caponier::fuzz

int main(int argc, char** argv) {
    ::testing::InitGoogleTest(&argc, argv);
    if (argc != 3) {
        std::fputs("usage: fuzz-TARGET-replay TARGET CORPUS-FOLDER\n", stderr);
        return 64;
    }
    caponier::fuzz::target = argv[1];
    caponier::fuzz::corpus = argv[2];
    std::signal(SIGABRT, caponier::fuzz::say_what_ran);
    return RUN_ALL_TESTS();
}
