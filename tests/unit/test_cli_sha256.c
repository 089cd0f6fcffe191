/* SPDX-License-Identifier: MIT */
/*
 * cli/sha256: the digests of FIPS 180-4's examples, however the bytes are cut, and of states side by side.
 */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/sha256.h"

static void to_hex(const uint8_t *digest, char hex[65])
{
    for (unsigned i = 0; i < sha256_hash.digest_bytes; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

/* In pieces of that size. */
static void digest_in_pieces(const uint8_t *bytes, size_t length, size_t piece, char hex[65])
{
    uint8_t digest[HTTP1_HASH_DIGEST_MAX];
    void *state = aligned_alloc(16, HTTP1_HASH_STATE_MAX);
    sha256_hash.begin(state);
    for (size_t at = 0; at < length; at += piece)
        sha256_hash.add(state, bytes + at, length - at < piece ? length - at : piece);
    sha256_hash.end(state, digest);
    free(state);
    to_hex(digest, hex);
}

static void test_the_standards_examples(void **state)
{
    (void)state;
    static const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    char hex[65];

    assert_int_equal(sha256_hash.digest_bytes, 32);
    digest_in_pieces((const uint8_t *)"", 0, 1, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    digest_in_pieces((const uint8_t *)"abc", 3, 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    for (size_t piece = 1; piece < sizeof two_blocks; piece++) {
        digest_in_pieces((const uint8_t *)two_blocks, sizeof two_blocks - 1, piece, hex);
        assert_string_equal(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    }
}

static void test_a_million_times_a(void **state)
{
    (void)state;
    uint8_t *bytes = malloc(1000000);
    char hex[65];
    assert_non_null(bytes);
    memset(bytes, 'a', 1000000);
    digest_in_pieces(bytes, 1000000, 1448, hex);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_standards_examples),
        cmocka_unit_test(test_a_million_times_a),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
