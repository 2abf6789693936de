// Numbers become libcrypto keys, or nothing.

#include "ssh/crypto/key_parameters.h"

#include <gtest/gtest.h>
#include <openssl/core_names.h>

#include "tests/unit/ssh/hex.h"

namespace caponier::ssh::openssl {
namespace {

TEST(KeyParameters, MakeAKeyOfANumberOfAnySize) {
    KeyParameters parameters;
    parameters.add_number(OSSL_PKEY_PARAM_RSA_N, from_hex("00c5 01 03 05 07 09 0b 0d"));
    parameters.add_number(OSSL_PKEY_PARAM_RSA_E, from_hex("010001"));

    const Key key = parameters.make_key("RSA", EVP_PKEY_PUBLIC_KEY);

    ASSERT_NE(key, nullptr);
    EXPECT_EQ(EVP_PKEY_get_bits(key.get()), 64);
}

// Checklist 41.
TEST(KeyParameters, MakeNoKeyOfAPointOffItsCurve) {
    KeyParameters parameters;
    parameters.add_group(KeyType::ecdsa_nistp256);
    parameters.add_octets(
        OSSL_PKEY_PARAM_PUB_KEY,
        from_hex("04 60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"
                 "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462298"));

    EXPECT_EQ(parameters.make_key("EC", EVP_PKEY_PUBLIC_KEY), nullptr);
    ERR_clear_error();
}

}  // namespace
}  // namespace caponier::ssh::openssl
