#pragma once
// Why a forward cannot listen, in the words that a person reads: each error has its own remedy.

#include <string>

#include "engine/io/address.h"
#include "engine/io/loop.h"

namespace caponier::client {

/// "Address already in use; choose another port or stop what uses it".
[[nodiscard]] std::string listen_message(const io::Address& address, io::IoError error);

}  // namespace caponier::client
