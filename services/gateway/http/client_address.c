/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/http/client_address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/base/number.h"

/* An IPv6 address; IPv4 addresses are stored as IPv4-mapped IPv6 addresses. */
struct address {
    unsigned char bytes[16];
};

struct trusted_proxies {
    size_t count;
    struct {
        struct address address;
        unsigned bits;
    } networks[];
};

static const unsigned char v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

static bool is_v4(const struct address *address) {
    return memcmp(address->bytes, v4_prefix, sizeof v4_prefix) == 0;
}

static bool parse_address(const char *text, struct address *out) {
    if (inet_pton(AF_INET6, text, out->bytes) == 1) return true;
    memcpy(out->bytes, v4_prefix, sizeof v4_prefix);
    return inet_pton(AF_INET, text, out->bytes + sizeof v4_prefix) == 1;
}

/* Parses an entry of X-Forwarded-For: an address, to which some proxies add a port ("1.2.3.4:5", "[::1]:5"). */
static bool parse_forwarded(char *text, struct address *out) {
    char *end = NULL;
    if (*text == '[' && (end = strchr(text, ']')) != NULL) {
        *end = '\0';
        return parse_address(text + 1, out);
    }
    end = strchr(text, ':');
    if (end && strchr(text, '.') && !strchr(end + 1, ':')) *end = '\0';
    return parse_address(text, out);
}

static bool from_socket(const struct sockaddr *peer, struct address *out) {
    if (peer->sa_family == AF_INET6) {
        memcpy(out->bytes, &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr, sizeof out->bytes);
        return true;
    }
    if (peer->sa_family != AF_INET) return false;
    memcpy(out->bytes, v4_prefix, sizeof v4_prefix);
    memcpy(out->bytes + sizeof v4_prefix, &((const struct sockaddr_in *)(const void *)peer)->sin_addr, 4);
    return true;
}

static bool is_in_network(const struct address *address, const struct address *network, unsigned bits) {
    unsigned whole = bits / 8, rest = bits % 8;
    if (memcmp(address->bytes, network->bytes, whole) != 0) return false;
    return rest == 0 || (address->bytes[whole] ^ network->bytes[whole]) >> (8 - rest) == 0;
}

static bool is_trusted(const struct trusted_proxies *proxies, const struct address *address) {
    for (size_t i = 0; i < proxies->count; i++)
        if (is_in_network(address, &proxies->networks[i].address, proxies->networks[i].bits)) return true;
    return false;
}

static char *trim(char *text) {
    while (isspace((unsigned char)*text))
        text++;
    size_t length = strlen(text);
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        text[--length] = '\0';
    return text;
}

static bool parse_network(char *text, struct address *address, unsigned *bits) {
    char *slash = strchr(text, '/');
    if (slash) *slash = '\0';
    if (!parse_address(text, address)) return false;
    unsigned most = is_v4(address) ? 32 : 128;
    int64_t given = most;
    if (slash && !number_parse_within(&given, slash + 1, 0, most)) return false;
    *bits = (unsigned)given + (128 - most);
    return true;
}

enum status trusted_proxies_parse(struct trusted_proxies **out, const char *list, struct error *err) {
    enum status status = STATUS_OK;
    size_t capacity = 1;
    for (const char *at = list ? list : ""; *at; at++)
        if (*at == ',') capacity++;
    struct trusted_proxies *proxies = memory_alloc(sizeof *proxies + capacity * sizeof proxies->networks[0]);
    char *copy = memory_copy_text(list ? list : ""), *rest = NULL;
    for (char *entry = strtok_r(copy, ",", &rest); entry && !status; entry = strtok_r(NULL, ",", &rest)) {
        entry = trim(entry);
        char original[CLIENT_ADDRESS_MAX];
        snprintf(original, sizeof original, "%s", entry);
        if (!*entry) continue;
        if (parse_network(entry, &proxies->networks[proxies->count].address, &proxies->networks[proxies->count].bits))
            proxies->count++;
        else
            status = error_set_at(err, STATUS_INVALID, "TRUSTED_PROXIES",
                                  "TRUSTED_PROXIES must be addresses like 10.0.0.7 or 10.0.0.0/8, separated by commas, but one "
                                  "is \"%s\".",
                                  original);
    }
    free(copy);
    *out = proxies;
    if (!status) return STATUS_OK;
    free(proxies);
    *out = NULL;
    return status;
}

void trusted_proxies_free(struct trusted_proxies *proxies) {
    free(proxies);
}

bool client_address_is_proxy(const struct trusted_proxies *proxies, const struct sockaddr *peer) {
    struct address address;
    return from_socket(peer, &address) && is_trusted(proxies, &address);
}

static void print_address(const struct address *address, char out[CLIENT_ADDRESS_MAX]) {
    if (is_v4(address)) {
        inet_ntop(AF_INET, address->bytes + sizeof v4_prefix, out, CLIENT_ADDRESS_MAX);
        return;
    }
    struct address network = *address;
    memset(network.bytes + 8, 0, 8);
    inet_ntop(AF_INET6, network.bytes, out, CLIENT_ADDRESS_MAX - 4);
    strcat(out, "/64");
}

void client_address_find(const struct trusted_proxies *proxies, const struct sockaddr *peer, const char *forwarded_for,
                         char out[CLIENT_ADDRESS_MAX]) {
    struct address client;
    snprintf(out, CLIENT_ADDRESS_MAX, "unknown");
    if (!from_socket(peer, &client)) return;
    if (!forwarded_for || !is_trusted(proxies, &client)) {
        print_address(&client, out);
        return;
    }
    char *copy = memory_copy_text(forwarded_for), *comma = NULL;
    do { /* from the right: entries left of the first untrusted address may be forged */
        comma = strrchr(copy, ',');
        struct address hop;
        if (!parse_forwarded(trim(comma ? comma + 1 : copy), &hop)) break;
        client = hop;
        if (comma) *comma = '\0';
    } while (comma && is_trusted(proxies, &client));
    free(copy);
    print_address(&client, out);
}
