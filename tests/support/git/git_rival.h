/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: another writer, which pushes without pause, and at the worst moments, to the repositories of a git server. Its
 * time is counted in steps of the others (a step is a fetch of the branch or a push), so that a slow machine changes nothing:
 * it pushes
 *
 *   - right before a push of others that comes first: that one is refused;
 *   - from then on right before every GIT_RIVAL_PERIOD-th step, until a push of others comes at another step.
 *
 * Such a period is just long enough for the fetch that sees the rival's push and for a push on top of that. After a refused
 * push, a fetch and a push come one step too late, so a writer that always retries at once never succeeds.
 */
#ifndef TESTS_SUPPORT_GIT_GIT_RIVAL_H
#define TESTS_SUPPORT_GIT_GIT_RIVAL_H

#include "tests/support/git/git_server.h"

enum { GIT_RIVAL_PERIOD = 2 };

struct git_rival;

/* Pushes to every bare repository in `folder`, the server's folder, that others push to through the server. */
struct git_rival *git_rival_start(struct git_server *server, const char *folder);
void git_rival_stop(struct git_rival *rival); /* also while others continue to use the server */
void git_rival_free(struct git_rival *rival);

struct git_rival_counts {
    int of_rival;    /* pushes of the rival */
    int let_through; /* pushes of others before which it made none */
};

/* At the repository `name` (registry.git). For a rival that was stopped. */
struct git_rival_counts git_rival_counts(const struct git_rival *rival, const char *name);

#endif
