/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads the input's first line as the setting TRUSTED_PROXIES, the second as X-Forwarded-For, the third as the peer's address.
 * An untrusted peer's address is its own, regardless of the header.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "services/gateway/http/client_address.h"
#include "tests/fuzz/fuzz.h"

union peer {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static void find(const char *proxies_list, const char *forwarded_for, const union peer *peer) {
    struct trusted_proxies *proxies = NULL, *nobody = NULL;
    char address[CLIENT_ADDRESS_MAX], untrusted[CLIENT_ADDRESS_MAX], itself[CLIENT_ADDRESS_MAX];
    enum status status = trusted_proxies_parse(&nobody, NULL, NULL);
    assert(status == STATUS_OK);
    client_address_find(nobody, &peer->any, NULL, itself);
    client_address_find(nobody, &peer->any, forwarded_for, untrusted);
    assert(text_equal(untrusted, itself));
    if (!trusted_proxies_parse(&proxies, proxies_list, NULL)) {
        client_address_find(proxies, &peer->any, forwarded_for, address);
        assert(address[0] && text_is_utf8(address, strlen(address)));
        assert(strspn(address, "0123456789abcdef.:/") == strlen(address));
    }
    trusted_proxies_free(proxies);
    trusted_proxies_free(nobody);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    char *proxies = fuzz_take_line(&bytes, &length), *forwarded_for = fuzz_take_line(&bytes, &length);
    char *address = fuzz_take_line(&bytes, &length);
    union peer peer = {.v6 = {.sin6_family = AF_INET6}};
    if (inet_pton(AF_INET6, address, &peer.v6.sin6_addr) != 1) {
        peer.v4 = (struct sockaddr_in){.sin_family = AF_INET};
        if (inet_pton(AF_INET, address, &peer.v4.sin_addr) != 1) peer.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    }
    find(proxies, forwarded_for, &peer);
    free(proxies);
    free(forwarded_for);
    free(address);
    return 0;
}
