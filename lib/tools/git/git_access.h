/* SPDX-License-Identifier: BSD-3-Clause
 *
 * How a remote may be accessed.
 */
#ifndef LIB_TOOLS_GIT_GIT_ACCESS_H
#define LIB_TOOLS_GIT_GIT_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

struct deadline;

/* Borrowed by the connection until it is freed. */
struct git_access {
    /* Sent as basic authentication to the URL's own scheme, host and port only, not to redirects elsewhere; over https, or
     * within this machine. In memory only: never in a URL, an argument list or a log. NULL: anonymous. */
    const char *user;
    const char *token;
    const char *authorities;   /* PEM file of the certificate authorities; NULL: those of this machine */
    bool allow_private;        /* permits http://, git://, file:// and paths, ports, and addresses that are not public */
    int64_t limit_bytes;       /* most bytes received over the connection; 0: no limit */
    int64_t silence_ms;        /* how long an HTTP host may send nothing; 0: as long as the deadline allows */
    struct deadline *deadline; /* checked while waiting and between packets */
};

#endif
