#pragma once
// Why a login failed, as a person reads it: what happened first, then what to do.

#include <string>

namespace caponier::client {

/// Whole sentences, without control characters.
struct Reason {
    std::string cause;   ///< "The server refused the key /home/me/.ssh/id_ed25519."
    std::string remedy;  ///< what to do; empty where nothing can be said
};

}  // namespace caponier::client
