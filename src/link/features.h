/* SPDX-License-Identifier: MIT */
/*
 * Features of a network device by the names that `ethtool -k` shows.
 */
#ifndef WEIR_LINK_FEATURES_H
#define WEIR_LINK_FEATURES_H

#include "base/compiler.h"

#define FEATURE_USO "tx-udp-segmentation"

/* fd: any socket of the device's network namespace. False also where the kernel does not say, or knows no such feature. */
bool feature_is_on(int fd, const char *interface, const char *feature);

#endif
