/* SPDX-License-Identifier: MIT */
/*
 * SHA-256 by OpenSSL's libcrypto, as a hash for the HTTP server: there is no cryptography of our own.
 */
#ifndef WEIR_CLI_SHA256_H
#define WEIR_CLI_SHA256_H

#include "l7/http1.h"

extern const struct http1_hash sha256_hash;

#endif
