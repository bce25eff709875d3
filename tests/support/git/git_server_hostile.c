/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Answers without end, each of which begins as git's would.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "tests/support/git/git_server_parts.h"

enum {
    BLOB_BYTES = 60000,
    BLOB_TYPE = 3, /* in a pack */
    OBJECTS_PROMISED = 4000000,
    TRICKLE_MS = 20, /* a byte */
    REF_LINE_BYTES = 512,
    REF_NAME_BYTES = REF_LINE_BYTES - 4 - 40 - 12 - 1, /* less length, id, ` refs/heads/`, newline */
};

static bool begin_refs(struct git_client *client, const struct git_request *request) {
    const char *service = request->query ? request->query : "service=git-upload-pack";
    char head[300];
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Type: application/x-%s-advertisement\r\n\r\n",
             service + strlen("service="));
    return git_client_send_text(client, head) && git_client_send_text(client, "001e# service=git-upload-pack\n0000");
}

/* Long names: libgit2 moves the rest of its buffer by each line, byte by byte with a sanitizer. */
static void print_ref(char line[REF_LINE_BYTES + 1], unsigned number) {
    snprintf(line, REF_LINE_BYTES + 1, "%04x%040u refs/heads/%0*u\n", REF_LINE_BYTES, number, REF_NAME_BYTES, number);
}

void git_client_flood(struct git_client *client, const struct git_request *request) {
    bool is_open = begin_refs(client, request);
    struct text lines = {0};
    for (unsigned number = 0; is_open;) {
        text_clear(&lines);
        for (int i = 0; i < 1000; i++) {
            char line[REF_LINE_BYTES + 1];
            print_ref(line, number++);
            text_append(&lines, line);
        }
        is_open = git_client_send(client, lines.bytes, lines.length);
    }
    text_release(&lines);
}

void git_client_trickle(struct git_client *client, const struct git_request *request) {
    bool is_open = begin_refs(client, request);
    for (unsigned number = 0; is_open; number++) {
        char line[REF_LINE_BYTES + 1];
        print_ref(line, number);
        for (const char *at = line; *at && is_open; at++) {
            struct pollfd stop = {.fd = client->stop, .events = POLLIN};
            is_open = poll(&stop, 1, TRICKLE_MS) == 0 && git_client_send(client, at, 1);
        }
    }
}

void git_client_send_endless_head(struct git_client *client) {
    bool is_open = git_client_send_text(client, "HTTP/1.1 200 OK\r\n");
    for (unsigned number = 0; is_open; number++) {
        char line[100];
        snprintf(line, sizeof line, "X-Header-%u: on and on and on and on and on and on\r\n", number);
        is_open = git_client_send_text(client, line);
    }
}

/* A blob of noise as in a pack, in a packet of the first side band; the content differs for each number, from 1. */
static void append_blob(struct text *out, unsigned number) {
    unsigned char noise[BLOB_BYTES], packed[BLOB_BYTES + 1000];
    uLongf length = sizeof packed;
    srandom(number);
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (unsigned char)random();
    if (compress2(packed, &length, noise, sizeof noise, Z_NO_COMPRESSION) != Z_OK) abort();
    unsigned char head[8];
    size_t head_length = 0, size = BLOB_BYTES >> 4;
    head[head_length++] = (unsigned char)(0x80 | BLOB_TYPE << 4 | (BLOB_BYTES & 15));
    for (; size > 127; size >>= 7)
        head[head_length++] = (unsigned char)(0x80 | (size & 127));
    head[head_length++] = (unsigned char)size;
    text_append_format(out, "%04zx\x01", 4 + 1 + head_length + length);
    text_append_bytes(out, head, head_length);
    text_append_bytes(out, packed, length);
}

void git_client_send_endless_pack(struct git_client *client) {
    static const unsigned char count[] = {OBJECTS_PROMISED >> 24, OBJECTS_PROMISED >> 16 & 255, OBJECTS_PROMISED >> 8 & 255,
                                          OBJECTS_PROMISED & 255};
    struct text blob = {0}, start = {0};
    text_append(&start, "HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-result\r\n\r\n0008NAK\n0011\x01PACK");
    text_append_bytes(&start, "\0\0\0\2", 4); /* the version */
    text_append_bytes(&start, count, sizeof count);
    bool is_open = git_client_send(client, start.bytes, start.length);
    for (unsigned number = 1; is_open; number++) {
        text_clear(&blob);
        append_blob(&blob, number);
        is_open = git_client_send(client, blob.bytes, blob.length);
    }
    text_release(&start);
    text_release(&blob);
}
