// Writes the seeds of a target as files, for clang's fuzzer to start from.
// usage: write_seeds TARGET FOLDER

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "ssh/wire/bytes.h"
#include "tests/fuzz/seeds.h"

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fputs("usage: write_seeds TARGET FOLDER\n", stderr);
        return 64;
    }
    const auto seeds = caponier::fuzz::seeds_of(argv[1]);
    if (seeds.empty()) {
        std::fprintf(stderr, "%s has no seeds\n", argv[1]);
        return 1;
    }
    const std::filesystem::path folder{argv[2]};
    std::filesystem::create_directories(folder);
    for (const caponier::fuzz::Seed& seed : seeds) {
        std::ofstream file{folder / ("seed-" + seed.name), std::ios::binary};
        file << caponier::ssh::text_of(seed.input);
        if (!file) {
            std::fprintf(stderr, "cannot write below %s\n", argv[2]);
            return 1;
        }
    }
    return 0;
}
