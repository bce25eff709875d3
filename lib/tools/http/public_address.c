/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/tools/http/public_address.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct network {
    unsigned char prefix[16];
    int bits;
};

/* IPv4: all addresses are public except these. */
static const struct network reserved_v4[] = {
    {{0}, 8},             /* this network */
    {{10}, 8},            /* private */
    {{100, 64}, 10},      /* shared address space of carriers */
    {{127}, 8},           /* loopback */
    {{169, 254}, 16},     /* link-local */
    {{172, 16}, 12},      /* private */
    {{192, 0, 0}, 24},    /* protocol assignments */
    {{192, 0, 2}, 24},    /* documentation */
    {{192, 88, 99}, 24},  /* 6to4 relays */
    {{192, 168}, 16},     /* private */
    {{198, 18}, 15},      /* benchmarks */
    {{198, 51, 100}, 24}, /* documentation */
    {{203, 0, 113}, 24},  /* documentation */
    {{224}, 4},           /* multicast */
    {{240}, 4},           /* reserved, broadcast */
};

/* IPv6: only global unicast is public (thus not ::1, fe80::, fc00::, ff00::, ::ffff:a.b.c.d, 64:ff9b::), except these. */
static const struct network global_v6 = {{0x20}, 3};
static const struct network reserved_v6[] = {
    {{0x20, 0x01, 0x00}, 23},       /* protocol assignments, Teredo */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
    {{0x20, 0x02}, 16},             /* 6to4: carries an IPv4 address */
    {{0x3f, 0xff, 0x00}, 20},       /* documentation */
};

static bool network_holds(const struct network *network, const unsigned char *address) {
    size_t whole = (size_t)network->bits / 8;
    int rest = network->bits % 8;
    if (memcmp(network->prefix, address, whole) != 0) return false;
    return rest == 0 || (network->prefix[whole] ^ address[whole]) >> (8 - rest) == 0;
}

static bool any_holds(const struct network *networks, size_t count, const unsigned char *address) {
    for (size_t i = 0; i < count; i++)
        if (network_holds(&networks[i], address)) return true;
    return false;
}

bool address_is_public(const struct sockaddr *address) {
    if (address->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, address, sizeof v4);
        return !any_holds(reserved_v4, sizeof reserved_v4 / sizeof *reserved_v4, (const unsigned char *)&v4.sin_addr);
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, address, sizeof v6);
        return network_holds(&global_v6, v6.sin6_addr.s6_addr) &&
               !any_holds(reserved_v6, sizeof reserved_v6 / sizeof *reserved_v6, v6.sin6_addr.s6_addr);
    }
    return false;
}
